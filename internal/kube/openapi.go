package kube

import (
	"context"
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"

	"k8s.io/kube-openapi/pkg/spec3"
	"k8s.io/kube-openapi/pkg/validation/spec"

	"github.com/hedgesync/hedgesync/internal/fabric"
	"github.com/hedgesync/hedgesync/internal/fault"
)

const gvkExtension = "x-kubernetes-group-version-kind"

// description is what the server publishes about one group and version.
type description struct {
	hash   string // of the document, as the server names it
	models map[string]*spec.Schema
	kinds  map[string]kindDescription // by kind name
}

type kindDescription struct {
	model  string // its name in models
	status bool   // has a status subresource
}

// library keeps the descriptions and the schemas built from them until the server
// publishes others.
type library struct {
	mu      sync.Mutex
	pages   map[string]*description // by "group/version"
	schemas *Schemas
}

// describe returns the published description of every version of the groups of
// kinds: one request for the index, and one per document that changed.
func (c *Client) describe(ctx context.Context, kinds []fabric.Kind) (map[string]*description, error) {
	a, err := c.exchange(ctx, request{method: http.MethodGet, path: "/openapi/v3"})
	if err != nil {
		return nil, wrap("read the schema index", classify(err, false))
	}
	var index struct {
		Paths map[string]struct {
			URL string `json:"serverRelativeURL"`
		} `json:"paths"`
	}
	if err := json.Unmarshal(a.body, &index); err != nil || index.Paths == nil {
		return nil, wrap("read the schema index", broken("the answer is not an OpenAPI v3 index"))
	}
	groups := map[string]bool{}
	for _, k := range kinds {
		groups[k.Group] = true
	}
	found := map[string]*description{}
	for _, path := range slices.Sorted(maps.Keys(index.Paths)) {
		gv, ok := strings.CutPrefix(path, "apis/")
		group, _, both := strings.Cut(gv, "/")
		if !ok || !both || !groups[group] {
			continue
		}
		if found[gv], err = c.document(ctx, gv, index.Paths[path].URL); err != nil {
			return nil, wrap("read the schema of "+gv, err)
		}
	}
	return found, nil
}

// document returns one description, from memory while the server's hash stays.
func (c *Client) document(ctx context.Context, gv, address string) (*description, error) {
	u, err := url.Parse(address)
	if err != nil {
		return nil, broken("the schema index holds a broken address")
	}
	hash := u.Query().Get("hash")
	if known := c.library.page(gv); known != nil && hash != "" && known.hash == hash {
		return known, nil
	}
	a, err := c.exchange(ctx, request{method: http.MethodGet, path: u.Path, query: u.Query()})
	if err != nil {
		return nil, classify(err, false)
	}
	d, err := parseDescription(a.body)
	if err != nil {
		return nil, err
	}
	d.hash = hash
	c.library.keep(gv, d)
	return d, nil
}

func (l *library) page(gv string) *description {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.pages[gv]
}

func (l *library) keep(gv string, d *description) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.pages == nil {
		l.pages = map[string]*description{}
	}
	l.pages[gv] = d
}

func parseDescription(body []byte) (*description, error) {
	var doc spec3.OpenAPI
	if err := json.Unmarshal(body, &doc); err != nil || doc.Components == nil {
		return nil, broken("the answer is not an OpenAPI v3 document")
	}
	d := &description{models: doc.Components.Schemas, kinds: map[string]kindDescription{}}
	for _, name := range slices.Sorted(maps.Keys(d.models)) {
		if kind := kindOfModel(d.models[name]); kind != "" {
			d.kinds[kind] = kindDescription{model: name}
		}
	}
	if doc.Paths != nil {
		d.markStatus(doc.Paths)
	}
	return d, nil
}

// kindOfModel returns the one kind that a model describes, or "".
func kindOfModel(m *spec.Schema) string {
	var kinds []struct{ Kind string }
	if m == nil || m.Extensions.GetObject(gvkExtension, &kinds) != nil || len(kinds) != 1 {
		return ""
	}
	return kinds[0].Kind
}

// markStatus finds the kinds whose status is written on a path of its own.
func (d *description) markStatus(paths *spec3.Paths) {
	for path, p := range paths.Paths {
		if !strings.HasSuffix(path, "/{name}/status") || p == nil || p.Get == nil {
			continue
		}
		var gvk struct{ Kind string }
		if p.Get.Extensions.GetObject(gvkExtension, &gvk) != nil {
			continue
		}
		if k, ok := d.kinds[gvk.Kind]; ok {
			k.status = true
			d.kinds[gvk.Kind] = k
		}
	}
}

// Schemas returns what is needed to predict server-side applies of these kinds,
// from the descriptions that every user may read. It is built anew only when the
// server describes them differently. Kinds that the server does not describe are
// left out, and Predict refuses them.
func (c *Client) Schemas(ctx context.Context, kinds []fabric.Kind) (*Schemas, error) {
	pages, err := c.describe(ctx, kinds)
	if err != nil {
		return nil, err
	}
	kinds = slices.Compact(slices.SortedFunc(slices.Values(kinds), fabric.Kind.Compare))
	c.library.mu.Lock()
	defer c.library.mu.Unlock()
	if last := c.library.schemas; last != nil && maps.Equal(last.pages, pages) && slices.Equal(last.kinds, kinds) {
		return last, nil
	}
	s, err := newSchemas(kinds, pages)
	if err != nil {
		return nil, fault.New(fault.Unavailable, "kube.schema", "the server's schemas are not usable: %w", err)
	}
	c.library.schemas = s
	return s, nil
}
