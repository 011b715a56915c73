package kube

import (
	"bytes"
	"context"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	utiljson "k8s.io/apimachinery/pkg/util/json"

	"github.com/hedgesync/hedgesync/internal/fabric"
	"github.com/hedgesync/hedgesync/internal/fault"
)

// defaultPageSize bounds the memory of one answer. It is large because every page
// but the first costs the server a read of its database; a fabric fits in one.
const defaultPageSize = 10_000

// list is one page, decoded as far as both forms of it share.
type list struct {
	Kind     string           `json:"kind"`
	Metadata metav1.ListMeta  `json:"metadata"`
	Items    []map[string]any `json:"items"`
}

// listAll reads every object of a kind in a namespace ("" is all).
func (c *Client) listAll(ctx context.Context, k fabric.Kind, s served, namespace string) ([]fabric.Resource, error) {
	var all []fabric.Resource
	err := c.pages(ctx, k, s, namespace, jsonType, func(a *answer) (metav1.ListMeta, error) {
		page, err := decodeList(a.body, k)
		if err != nil {
			return page.Metadata, err
		}
		for _, tree := range page.Items {
			r, err := resourceOf(k, s.version, tree)
			if err != nil {
				return page.Metadata, err
			}
			all = append(all, r)
		}
		return page.Metadata, nil
	})
	return all, err
}

// listMetadata reads the keys and versions of every object of a kind. The
// resources have no Object.
func (c *Client) listMetadata(ctx context.Context, k fabric.Kind, s served, namespace string) ([]fabric.Resource, error) {
	var all []fabric.Resource
	err := c.pages(ctx, k, s, namespace, metadataType+","+metadataAsJSON, func(a *answer) (metav1.ListMeta, error) {
		page, err := decodeMetadata(a)
		for _, m := range page.Items {
			all = append(all, fabric.Resource{
				Key:     fabric.Key{Kind: k, Namespace: m.Namespace, Name: m.Name},
				Version: s.version, UID: string(m.UID), ResourceVersion: m.ResourceVersion,
			})
		}
		return page.ListMeta, err
	})
	return all, err
}

// pages fetches a list page by page, all of the same state of the server. If that
// state expires on the way the list fails: half of it is not an answer.
func (c *Client) pages(ctx context.Context, k fabric.Kind, s served, namespace, accept string, page func(*answer) (metav1.ListMeta, error)) error {
	query := url.Values{"limit": {strconv.Itoa(c.options.PageSize)}}
	for {
		a, err := c.exchange(ctx, request{method: http.MethodGet, path: s.path(k.Group, namespace), query: query, accept: accept})
		if err != nil {
			return classify(err, false)
		}
		m, err := page(a)
		if err != nil {
			return err
		}
		if m.Continue == "" {
			return nil
		}
		query.Set("continue", m.Continue)
	}
}

func decodeList(body []byte, k fabric.Kind) (list, error) {
	var page list
	if err := utiljson.Unmarshal(body, &page); err != nil {
		return page, broken("the list is not valid JSON: %w", err)
	}
	if page.Kind != k.Name+"List" {
		return page, broken("the answer is a %q, not a %sList", page.Kind, k.Name)
	}
	if page.Items == nil {
		return page, broken("the list has no items field")
	}
	return page, nil
}

var protobufPrefix = []byte("k8s\x00")

// decodeMetadata decodes a list of object metadata: protobuf, which costs the
// server a fifth of JSON, or JSON from servers that do not speak it.
func decodeMetadata(a *answer) (metav1.PartialObjectMetadataList, error) {
	var page metav1.PartialObjectMetadataList
	if !strings.Contains(a.kind, "protobuf") {
		if err := utiljson.Unmarshal(a.body, &page); err != nil || page.Kind != "PartialObjectMetadataList" {
			return page, broken("the answer is not a list of object metadata")
		}
		return page, nil
	}
	rest, ok := bytes.CutPrefix(a.body, protobufPrefix)
	var envelope runtime.Unknown
	if !ok || envelope.Unmarshal(rest) != nil || envelope.Kind != "PartialObjectMetadataList" || page.Unmarshal(envelope.Raw) != nil {
		return page, broken("the answer is not a list of object metadata")
	}
	return page, nil
}

// resourceOf takes a decoded object as a resource of kind k.
func resourceOf(k fabric.Kind, version string, tree map[string]any) (fabric.Resource, error) {
	m, _ := tree["metadata"].(map[string]any)
	text := func(field string) string {
		s, _ := m[field].(string)
		return s
	}
	r := fabric.Resource{
		Key:     fabric.Key{Kind: k, Namespace: text("namespace"), Name: text("name")},
		Version: version, Object: tree, UID: text("uid"), ResourceVersion: text("resourceVersion"),
	}
	if r.Key.Name == "" || r.UID == "" || r.ResourceVersion == "" {
		return r, broken("an object of kind %s has no name, uid or resource version", k.Name)
	}
	// Lists of built-in kinds leave these two out of their items.
	if tree["kind"] == nil {
		tree["kind"], tree["apiVersion"] = k.Name, apiVersion(k.Group, version)
	}
	return r, nil
}

func apiVersion(group, version string) string {
	if group == "" {
		return version
	}
	return group + "/" + version
}

func broken(format string, args ...any) error {
	return fault.New(fault.Unavailable, "kube.answer", format, args...).
		WithHint("something between here and the API server may be answering in its place")
}
