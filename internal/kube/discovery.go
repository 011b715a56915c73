package kube

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strings"

	discovery "k8s.io/api/apidiscovery/v2"

	"github.com/hedgesync/hedgesync/internal/fabric"
	"github.com/hedgesync/hedgesync/internal/fault"
)

// served is how the server offers one kind at one version.
type served struct {
	version    string
	plural     string
	namespaced bool
	stale      bool // the answer is an old one: its backend does not respond
}

// catalogue is what the server says it serves: per kind its versions, the
// server's preferred one first.
type catalogue map[fabric.Kind][]served

// pick returns how to read a kind: at the wanted version if it is served, else at
// the server's preferred one.
func (c catalogue) pick(k fabric.Kind, version string) (served, bool) {
	all := c[k]
	if i := slices.IndexFunc(all, func(s served) bool { return s.version == version }); i >= 0 {
		return all[i], true
	}
	if len(all) == 0 {
		return served{}, false
	}
	return all[0], true
}

// discover reads what the server offers: one request, and one more if a kind of
// the core group is asked for.
func (c *Client) discover(ctx context.Context, kinds []fabric.Kind) (catalogue, error) {
	roots := []string{"/apis"}
	if slices.ContainsFunc(kinds, func(k fabric.Kind) bool { return k.Group == "" }) {
		roots = append(roots, "/api")
	}
	found := catalogue{}
	for _, root := range roots {
		a, err := c.exchange(ctx, request{method: http.MethodGet, path: root, accept: discoveryType})
		if err != nil {
			return nil, wrap("read what the server offers", classify(err, false))
		}
		if err := found.add(a); err != nil {
			return nil, wrap("read what the server offers", err)
		}
	}
	c.offer.Store(&found)
	return found, nil
}

// known returns what the server offers as last read, reading it anew only if a
// kind is not in it: where a kind is found does not change while it is served.
func (c *Client) known(ctx context.Context, kinds []fabric.Kind) (catalogue, error) {
	if last := c.offer.Load(); last != nil {
		if !slices.ContainsFunc(kinds, func(k fabric.Kind) bool { return len((*last)[k]) == 0 }) {
			return *last, nil
		}
	}
	return c.discover(ctx, kinds)
}

func (c catalogue) add(a *answer) error {
	var groups discovery.APIGroupDiscoveryList
	if err := json.Unmarshal(a.body, &groups); err != nil || groups.Kind != "APIGroupDiscoveryList" {
		return fault.New(fault.Unavailable, "kube.discovery", "the answer is not Kubernetes aggregated discovery").
			WithHint("check that the address is that of a Kubernetes API of version 1.30 or later")
	}
	for _, group := range groups.Items {
		for _, version := range group.Versions {
			stale := version.Freshness == discovery.DiscoveryFreshnessStale
			for _, r := range version.Resources {
				if r.ResponseKind == nil || r.ResponseKind.Kind == "" {
					continue
				}
				k := fabric.Kind{Group: group.Name, Name: r.ResponseKind.Kind}
				c[k] = append(c[k], served{version.Version, r.Resource, r.Scope == discovery.ScopeNamespace, stale})
			}
		}
	}
	return nil
}

// path is where the objects of a kind are: of one namespace, or all with "".
func (s served) path(group, namespace string) string {
	parts := []string{"/apis", group, s.version}
	if group == "" {
		parts = []string{"/api", s.version}
	}
	if s.namespaced && namespace != "" {
		parts = append(parts, "namespaces", namespace)
	}
	return strings.Join(append(parts, s.plural), "/")
}

// object is where one object is.
func (s served) object(k fabric.Key) string {
	return s.path(k.Kind.Group, k.Namespace) + "/" + k.Name
}
