package kube

import (
	"net/http"
	"net/url"
	"testing"

	"k8s.io/client-go/rest"
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
