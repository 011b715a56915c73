package kube_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/hedgesync/hedgesync/internal/fabric"
	"github.com/hedgesync/hedgesync/internal/fault"
	"github.com/hedgesync/hedgesync/internal/kube"
	"github.com/hedgesync/hedgesync/internal/kubetest"
)

const canary = "canary-5ecret-value"

func configText(cluster, user string) string {
	return fmt.Sprintf(`{apiVersion: v1, kind: Config, current-context: x,
contexts: [{name: x, context: {cluster: c, user: u}}],
clusters: [{name: c, cluster: {%s}}], users: [{name: u, user: {%s}}]}`, cluster, user)
}

const secure, token = "server: 'https://127.0.0.1:1'", "token: " + canary

func TestAKubeconfigThatSurprisesIsRefused(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		text, context string
		kind          fault.Kind
		code          string
	}{
		"empty":                 {"", "", fault.Invalid, "kube.kubeconfig"},
		"not YAML":              {"users: [{user: {token: " + canary + "}", "", fault.Invalid, "kube.kubeconfig"},
		"not a kubeconfig":      {"token: [" + canary + "]", "", fault.Invalid, "kube.context"},
		"wrong types":           {"apiVersion: v1\nkind: Config\nusers: " + canary, "", fault.Invalid, "kube.kubeconfig"},
		"no current context":    {strings.Replace(configText(secure, token), "current-context: x", "current-context: ''", 1), "", fault.Invalid, "kube.context"},
		"unknown context":       {configText(secure, token), "other", fault.Missing, "kube.context"},
		"unknown cluster":       {strings.Replace(configText(secure, token), "cluster: c,", "cluster: d,", 1), "", fault.Missing, "kube.context"},
		"unknown user":          {strings.Replace(configText(secure, token), "user: u}", "user: v}", 1), "", fault.Missing, "kube.context"},
		"CA in a file":          {configText(secure+", certificate-authority: /ca", token), "", fault.Invalid, "kube.file-reference"},
		"certificate in a file": {configText(secure, "client-certificate: /c"), "", fault.Invalid, "kube.file-reference"},
		"key in a file":         {configText(secure, "client-key: /k"), "", fault.Invalid, "kube.file-reference"},
		"token in a file":       {configText(secure, "tokenFile: /t"), "", fault.Invalid, "kube.file-reference"},
		"runs a program":        {configText(secure, "exec: {apiVersion: client.authentication.k8s.io/v1, command: /bin/true, interactiveMode: Never}"), "", fault.Denied, "kube.exec"},
		"auth provider":         {configText(secure, "auth-provider: {name: oidc, config: {secret: "+canary+"}}"), "", fault.Invalid, "kube.auth-provider"},
		"no verification":       {configText(secure+", insecure-skip-tls-verify: true", token), "", fault.Denied, "kube.insecure"},
		"plain http":            {configText("server: 'http://192.0.2.1:80'", token), "", fault.Invalid, "kube.server"},
		"no scheme":             {configText("server: '192.0.2.1:80'", token), "", fault.Invalid, "kube.server"},
		"password in address":   {configText("server: 'https://u:"+canary+"@192.0.2.1'", token), "", fault.Invalid, "kube.server"},
		"no server":             {configText("", token), "", fault.Invalid, "kube.server"},
		"broken CA":             {configText(secure+", certificate-authority-data: "+"bm90IHBlbQ==", token), "", fault.Invalid, "kube.credentials"},
		"broken certificate":    {configText(secure, "client-certificate-data: bm90IHBlbQ==, client-key-data: bm90IHBlbQ=="), "", fault.Invalid, "kube.credentials"},
		"two credentials":       {configText(secure, token+", exec: {apiVersion: client.authentication.k8s.io/v1, command: /bin/"+canary+"}"), "", fault.Denied, "kube.exec"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			client, err := kube.New(fabric.Cluster{Kubeconfig: fabric.NewSecret(c.text), Context: c.context}, kube.Options{})
			if client != nil || fault.KindOf(err) != c.kind || fault.CodeOf(err) != c.code {
				t.Fatalf("%s %s: %v, want %s %s", fault.KindOf(err), fault.CodeOf(err), err, c.kind, c.code)
			}
			if text := fmt.Sprintf("%v %+v %s", err, err, fault.HintOf(err)); strings.Contains(text, canary) {
				t.Errorf("the error holds the credential: %s", text)
			}
		})
	}
}

func TestWhatIsExplicitlyAllowedIsAccepted(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		text    string
		exec    bool
		options kube.Options
	}{
		"loopback http":   {configText("server: 'http://127.0.0.1:1'", token), false, kube.Options{}},
		"loopback name":   {configText("server: 'http://localhost:1'", token), false, kube.Options{}},
		"no verification": {configText(secure+", insecure-skip-tls-verify: true", token), false, kube.Options{AllowInsecure: true}},
		"exec":            {configText(secure, "exec: {apiVersion: client.authentication.k8s.io/v1, command: /bin/true, interactiveMode: Never}"), true, kube.Options{}},
		"anonymous":       {configText(secure, ""), false, kube.Options{}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			client, err := kube.New(fabric.Cluster{Kubeconfig: fabric.NewSecret(c.text), AllowExec: c.exec}, c.options)
			if err != nil {
				t.Fatal(err)
			}
			client.Close()
		})
	}
}

func TestAClientCertificateAuthenticates(t *testing.T) {
	t.Parallel()
	s := kubetest.Shared(t)
	snapshot, err := connect(t, s.CertificateKubeconfig(t)).Observe(t.Context(), []fabric.Kind{hubs}, kube.ObserveOptions{})
	if err != nil || !snapshot.Covers(hubs) {
		t.Fatal(err)
	}
}
