package kube

import (
	"context"
	"net/http"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/hedgesync/hedgesync/internal/fabric"
	"github.com/hedgesync/hedgesync/internal/fault"
)

// fewKeys is up to how many objects of one kind and namespace are fetched one by
// one; more are listed.
const fewKeys = 8

// Read fetches these objects anew. A key that is not in the result does not
// exist; if that cannot be told of one, Read is an error.
func (c *Client) Read(ctx context.Context, keys []fabric.Key) (map[fabric.Key]fabric.Resource, error) {
	offer, err := c.known(ctx, kindsOf(keys))
	if err != nil {
		return nil, err
	}
	groups := byPlace(keys)
	found := make([][]fabric.Resource, len(groups))
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(readers)
	for i, group := range groups {
		g.Go(func() (err error) {
			found[i], err = c.readGroup(ctx, offer, group)
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return nil, wrap("read back", err)
	}
	out := make(map[fabric.Key]fabric.Resource, len(keys))
	for _, r := range slices.Concat(found...) {
		out[r.Key] = r
	}
	return out, nil
}

func kindsOf(keys []fabric.Key) []fabric.Kind {
	kinds := make([]fabric.Kind, len(keys))
	for i, k := range keys {
		kinds[i] = k.Kind
	}
	slices.SortFunc(kinds, fabric.Kind.Compare)
	return slices.Compact(kinds)
}

// byPlace splits keys into groups of one kind and namespace each.
func byPlace(keys []fabric.Key) [][]fabric.Key {
	keys = slices.Compact(slices.SortedFunc(slices.Values(keys), fabric.Key.Compare))
	var groups [][]fabric.Key
	for i, k := range keys {
		if i == 0 || k.Kind != keys[i-1].Kind || k.Namespace != keys[i-1].Namespace {
			groups = append(groups, nil)
		}
		groups[len(groups)-1] = append(groups[len(groups)-1], k)
	}
	return groups
}

func (c *Client) readGroup(ctx context.Context, offer catalogue, keys []fabric.Key) ([]fabric.Resource, error) {
	kind := keys[0].Kind
	s, ok := offer.pick(kind, "")
	if !ok {
		return nil, fault.New(fault.Missing, CodeKindMissing, "the server does not serve %s", kind)
	}
	if len(keys) <= fewKeys {
		return c.getEach(ctx, s, keys)
	}
	all, err := c.listAll(ctx, kind, s, keys[0].Namespace)
	return slices.DeleteFunc(all, func(r fabric.Resource) bool {
		_, wanted := slices.BinarySearchFunc(keys, r.Key, fabric.Key.Compare)
		return !wanted
	}), err
}

func (c *Client) getEach(ctx context.Context, s served, keys []fabric.Key) ([]fabric.Resource, error) {
	var found []fabric.Resource
	for _, k := range keys {
		a, err := c.exchange(ctx, request{method: http.MethodGet, path: s.object(k)})
		if err = classify(err, false); fault.CodeOf(err) == CodeMissing {
			continue
		}
		if err != nil {
			return nil, wrap(k.String(), err)
		}
		r, err := decodeObject(k.Kind, s.version, a.body)
		if err != nil {
			return nil, wrap(k.String(), err)
		}
		found = append(found, r)
	}
	return found, nil
}
