package kube

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientapi "k8s.io/client-go/tools/clientcmd/api"

	"github.com/hedgesync/hedgesync/internal/fabric"
	"github.com/hedgesync/hedgesync/internal/fault"
	"github.com/hedgesync/hedgesync/internal/kubetest"
)

func TestOnlyTheKubeconfigNamesAProxy(t *testing.T) {
	t.Parallel()
	plain, err := transportOf(&rest.Config{Host: "https://192.0.2.1"})
	if err != nil || plain.Proxy != nil {
		t.Errorf("without proxy-url: %v, %v", plain, err)
	}
	proxied, err := transportOf(&rest.Config{Host: "https://192.0.2.1", Proxy: func(*http.Request) (*url.URL, error) { return nil, nil }})
	if err != nil || proxied.Proxy == nil {
		t.Errorf("with proxy-url: %v, %v", proxied, err)
	}
}

// counting counts the requests of a client.
type counting struct {
	http.RoundTripper
	n atomic.Int32
}

func (c *counting) RoundTrip(r *http.Request) (*http.Response, error) {
	c.n.Add(1)
	return c.RoundTripper.RoundTrip(r)
}

func TestALookThatFindsNothingNewCostsTwoRequestsAndOnePerKind(t *testing.T) {
	t.Parallel()
	s := kubetest.Shared(t)
	c, err := New(fabric.Cluster{Kubeconfig: fabric.NewSecret(string(s.Kubeconfig))}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	requests := &counting{RoundTripper: c.http.Transport}
	c.http.Transport = requests
	kinds := make([]fabric.Kind, len(samples))
	for i, sample := range samples {
		kinds[i] = sample.kind
	}
	ns := s.Namespace(t)
	for round := range 2 {
		requests.n.Store(0)
		if _, err := c.Observe(t.Context(), kinds, ObserveOptions{Namespaces: []string{ns}}); err != nil {
			t.Fatal(err)
		}
		if _, err := c.Schemas(t.Context(), kinds); err != nil {
			t.Fatal(err)
		}
		if got, most := int(requests.n.Load()), len(kinds)+2; round > 0 && got > most {
			t.Errorf("%d requests, at most %d", got, most)
		}
	}
}

func TestACredentialProgramRunsOnlyWhenAllowed(t *testing.T) {
	t.Parallel()
	s := kubetest.Shared(t)
	with := func(t *testing.T, script string) *Client {
		t.Helper()
		file, err := clientcmd.Load(s.Kubeconfig)
		if err != nil {
			t.Fatal(err)
		}
		user := file.AuthInfos[kubetest.Admin]
		user.Exec = &clientapi.ExecConfig{
			APIVersion: "client.authentication.k8s.io/v1", Command: "/bin/sh", Args: []string{"-c", fmt.Sprintf(script, user.Token)}, InteractiveMode: clientapi.NeverExecInteractiveMode,
		}
		user.Token = ""
		b, err := clientcmd.Write(*file)
		if err != nil {
			t.Fatal(err)
		}
		c, err := New(fabric.Cluster{Kubeconfig: fabric.NewSecret(string(b)), AllowExec: true}, Options{})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(c.Close)
		return c
	}
	hubs := []fabric.Kind{{Group: "test.hedgesync.dev", Name: "Hub"}}
	good := with(t, `echo '{"kind":"ExecCredential","apiVersion":"client.authentication.k8s.io/v1","status":{"token":"%s"}}'`)
	if snapshot, err := good.Observe(t.Context(), hubs, ObserveOptions{}); err != nil || !snapshot.Covers(hubs[0]) {
		t.Errorf("allowed: %v", err)
	}
	bad := with(t, `echo %s >&2; exit 1`)
	_, err := bad.Observe(t.Context(), hubs, ObserveOptions{})
	if fault.CodeOf(err) != "kube.auth" || strings.Contains(err.Error(), kubetest.TokenPrefix) {
		t.Errorf("a program that fails: %v", err)
	}
}
