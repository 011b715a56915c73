package kube_test

import (
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/hedgesync/hedgesync/internal/fabric"
	"github.com/hedgesync/hedgesync/internal/kube"
)

func TestNoErrorShowsACredentialThatTheServerQuotes(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		user    string
		secrets []string
	}{
		"token":    {"token: canary-token", []string{"canary-token"}},
		"password": {"username: ada, password: canary-password", []string{"canary-password", base64.StdEncoding.EncodeToString([]byte("ada:canary-password"))}},
	}
	for name, c := range cases {
		for _, code := range []int{301, 400, 401, 403, 404, 409, 500, 503} {
			t.Run(fmt.Sprint(name, " ", code), func(t *testing.T) {
				t.Parallel()
				server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					_, password, _ := r.BasicAuth()
					w.WriteHeader(code)
					fmt.Fprintf(w, `{"kind":"Status","apiVersion":"v1","status":"Failure","message":"got %q and %q","code":%d}`, r.Header.Get("Authorization"), password, code)
				}))
				t.Cleanup(server.Close)
				ca := base64.StdEncoding.EncodeToString(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}))
				client, err := kube.New(fabric.Cluster{Kubeconfig: fabric.NewSecret(fmt.Sprintf(`
clusters: [{name: c, cluster: {server: %q, certificate-authority-data: %s}}]
users: [{name: u, user: {%s}}]
contexts: [{name: x, context: {cluster: c, user: u}}]
current-context: x
`, server.URL, ca, c.user))}, kube.Options{})
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(client.Close)
				_, err = client.Read(t.Context(), []fabric.Key{{Kind: vpcs, Namespace: "default", Name: "a"}})
				if err == nil || code != 301 && !strings.Contains(err.Error(), "[credential]") {
					t.Errorf("error %v", err)
				}
				for _, s := range c.secrets {
					if err != nil && strings.Contains(err.Error(), s) {
						t.Errorf("the error shows the credential: %v", err)
					}
				}
			})
		}
	}
}
