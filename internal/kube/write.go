package kube

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"time"

	utiljson "k8s.io/apimachinery/pkg/util/json"

	"github.com/hedgesync/hedgesync/internal/fabric"
	"github.com/hedgesync/hedgesync/internal/fault"
)

// writer sends single writes. Every method is one request.
type writer struct {
	client *Client
	offer  catalogue
	dry    bool
}

// query are the parameters of every write: who writes, no unknown fields, and
// whether it counts.
func (w writer) query(force bool) url.Values {
	q := url.Values{"fieldManager": {Manager}, "fieldValidation": {"Strict"}}
	if force {
		q.Set("force", "true")
	}
	if w.dry {
		q.Set("dryRun", "All")
	}
	return q
}

// apply sends want by server-side apply. With have it takes over fields of other
// managers, on condition that the object is still have; without, on condition that
// there is no object of the name. Otherwise the server answers with a conflict and
// has changed nothing. stored is what it answered, or would have stored.
func (w writer) apply(ctx context.Context, want fabric.Resource, have *fabric.Resource) (stored fabric.Resource, err error) {
	tree := first(sendable(want))
	if have != nil {
		tree = pinned(tree, *have)
	}
	body, err := json.Marshal(tree)
	if err != nil {
		return fabric.Resource{}, fault.New(fault.Bug, "kube.encode", "%w", err)
	}
	return w.patch(ctx, want.Key, want.Version, applyType, body, w.query(have != nil))
}

// remove takes values away from live, on condition that it is still live.
func (w writer) remove(ctx context.Context, live fabric.Resource, pointers []string) (fabric.Resource, error) {
	body, err := removalBody(live, pointers)
	if err != nil {
		return fabric.Resource{}, fault.New(fault.Bug, "kube.encode", "%w", err)
	}
	return w.patch(ctx, live.Key, live.Version, jsonPatchType, body, w.query(false))
}

func (w writer) patch(ctx context.Context, k fabric.Key, version, kind string, body []byte, q url.Values) (fabric.Resource, error) {
	s, err := w.place(k.Kind, version)
	if err != nil {
		return fabric.Resource{}, err
	}
	a, err := w.client.exchange(ctx, request{method: http.MethodPatch, path: s.object(k), query: q, kind: kind, body: body})
	if err != nil {
		return fabric.Resource{}, classify(err, !w.dry)
	}
	stored, err := decodeObject(k.Kind, version, a.body)
	if w.dry && stored.Key == k {
		return stored, nil // what would be created has no resource version
	}
	if err != nil && !w.dry {
		return stored, fault.New(fault.Unknown, CodeUnseen, "the answer to the write is not readable: %w", err).WithHint(unseenHint)
	}
	return stored, err
}

// delete removes exactly the object that was read.
func (w writer) delete(ctx context.Context, have fabric.Resource) error {
	s, err := w.place(have.Key.Kind, have.Version)
	if err != nil {
		return err
	}
	body, err := deleteBody(have, w.dry)
	if err != nil {
		return fault.New(fault.Bug, "kube.encode", "%w", err)
	}
	_, err = w.client.exchange(ctx, request{method: http.MethodDelete, path: s.object(have.Key), kind: jsonType, body: body})
	return classify(err, !w.dry)
}

// place finds where to send objects of a kind. A version that is not served is
// refused here: at another version the object would be another one.
func (w writer) place(k fabric.Kind, version string) (served, error) {
	s, ok := w.offer.pick(k, version)
	if !ok || s.version != version {
		return served{}, fault.New(fault.Missing, CodeKindMissing, "the server does not serve %s in version %q", k, version).
			WithHint("check the apiVersion, and that the fabric's controllers have installed their definitions")
	}
	return s, nil
}

func decodeObject(k fabric.Kind, version string, body []byte) (fabric.Resource, error) {
	var tree map[string]any
	if err := utiljson.Unmarshal(body, &tree); err != nil {
		return fabric.Resource{}, broken("the answer is not valid JSON: %w", err)
	}
	return resourceOf(k, version, tree)
}

// DryRun returns the object that the server would store if want were applied,
// after admission, taking over fields of other managers. Nothing is stored.
func (c *Client) DryRun(ctx context.Context, want fabric.Resource) (fabric.Resource, error) {
	return c.dryRun(ctx, want, true)
}

func (c *Client) dryRun(ctx context.Context, want fabric.Resource, force bool) (fabric.Resource, error) {
	offer, err := c.known(ctx, []fabric.Kind{want.Key.Kind})
	if err != nil {
		return fabric.Resource{}, err
	}
	w := writer{client: c, offer: offer, dry: true}
	body, err := json.Marshal(sendable(want))
	if err != nil {
		return fabric.Resource{}, fault.New(fault.Bug, "kube.encode", "%w", err)
	}
	r, err := w.patch(ctx, want.Key, want.Version, applyType, body, w.query(force))
	return r, wrap("try "+want.Key.String(), err)
}

// askedPause is how long the server asked to wait, in the answer behind err.
func askedPause(err error) time.Duration {
	f, ok := errors.AsType[*failure](err)
	if !ok || f.answer == nil {
		return 0
	}
	return f.answer.after
}
