package kube

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/hedgesync/hedgesync/internal/fabric"
	"github.com/hedgesync/hedgesync/internal/fault"
	"github.com/hedgesync/hedgesync/internal/plan"
)

// readers is how many kinds are listed at once: the server has few cores.
const readers = 4

// ObserveOptions narrow a read. The zero value reads all namespaces in full.
type ObserveOptions struct {
	Namespaces []string // nil is all
	// MetadataOnly lists kinds whose objects need not be read if all of them, and
	// no others, are at the version that Known says.
	MetadataOnly map[fabric.Kind]bool
	Known        map[fabric.Key]plan.Seen
	// Versions is the API version to read a kind at, if it is served; without one
	// it is the server's preferred version.
	Versions map[fabric.Kind]string
}

// Observe lists the kinds: one request for discovery and one per kind and
// namespace; one more per kind of MetadataOnly that did change. What was not read
// is said in the snapshot's coverage. An error means that nothing could be read:
// the server is unreachable (Unavailable) or refuses the credential (Denied).
func (c *Client) Observe(ctx context.Context, kinds []fabric.Kind, o ObserveOptions) (*fabric.Snapshot, error) {
	began := c.options.Now()
	offer, err := c.discover(ctx, kinds)
	if err != nil {
		return nil, err
	}
	reads := make([]kindRead, len(kinds))
	var g errgroup.Group
	g.SetLimit(readers)
	for i, k := range kinds {
		g.Go(func() error {
			reads[i] = c.readKind(ctx, k, offer, o)
			return nil
		})
	}
	_ = g.Wait() // what went wrong is in reads
	if err := nothingRead(reads); err != nil {
		return nil, err
	}
	var resources []fabric.Resource
	coverage := make(map[fabric.Kind]fabric.Coverage, len(kinds))
	for i, k := range kinds {
		resources = append(resources, reads[i].resources...)
		coverage[k] = reads[i].coverage
	}
	return fabric.NewSnapshot(c.Address(), began, resources, coverage)
}

// kindRead is what one kind's read found out.
type kindRead struct {
	resources []fabric.Resource
	coverage  fabric.Coverage
	err       error // the first failure, if coverage is Failed
}

// nothingRead returns the error to give when not one kind was answered for.
func nothingRead(reads []kindRead) error {
	var first error
	for _, r := range reads {
		if r.coverage.State != fabric.Failed {
			return nil
		}
		first = cmp.Or(first, r.err)
	}
	return first
}

func (c *Client) readKind(ctx context.Context, k fabric.Kind, offer catalogue, o ObserveOptions) kindRead {
	s, ok := offer.pick(k, o.Versions[k])
	switch {
	case !ok:
		return kindRead{coverage: fabric.Coverage{State: fabric.KindMissing, Reason: "the server does not serve " + k.String()}}
	case s.stale:
		return unread(fault.New(fault.Unavailable, "kube.discovery", "the server does not know whether it serves %s", k))
	}
	if o.MetadataOnly[k] {
		light := c.readAll(ctx, k, s, o.Namespaces, c.listMetadata)
		if light.coverage.State != fabric.Full || unmoved(light.resources, k, o.Known) {
			return light
		}
	}
	return c.readAll(ctx, k, s, o.Namespaces, c.listAll)
}

// unmoved reports whether resources are exactly the known ones of their kind.
func unmoved(resources []fabric.Resource, k fabric.Kind, known map[fabric.Key]plan.Seen) bool {
	for _, r := range resources {
		if known[r.Key] != (plan.Seen{UID: r.UID, ResourceVersion: r.ResourceVersion}) {
			return false
		}
	}
	n := 0
	for key := range known {
		if key.Kind == k {
			n++
		}
	}
	return n == len(resources)
}

type lister func(ctx context.Context, k fabric.Kind, s served, namespace string) ([]fabric.Resource, error)

// readAll reads a kind in the given namespaces. One unreadable namespace leaves
// what the others hold as Partial.
func (c *Client) readAll(ctx context.Context, k fabric.Kind, s served, namespaces []string, list lister) kindRead {
	if len(namespaces) == 0 || !s.namespaced {
		namespaces = []string{""}
	}
	namespaces = slices.Compact(slices.Sorted(slices.Values(namespaces)))
	var all []fabric.Resource
	var failures []string
	var last kindRead
	for _, ns := range namespaces {
		found, err := list(ctx, k, s, ns)
		if err != nil {
			last = unread(err)
			failures = append(failures, strings.TrimPrefix(fmt.Sprintf("%s: %s", ns, last.coverage.Reason), ": "))
			continue
		}
		all = append(all, found...)
	}
	switch {
	case len(failures) == 0:
		return kindRead{resources: all, coverage: fabric.Coverage{State: fabric.Full}}
	case len(failures) == len(namespaces):
		return last
	}
	return kindRead{resources: all, coverage: fabric.Coverage{State: fabric.Partial, Reason: strings.Join(failures, "; ")}}
}

// unread turns a failed list into coverage. A refused credential stays an error,
// so that it is not taken for a right that one kind lacks.
func unread(err error) kindRead {
	state := fabric.Failed
	switch fault.CodeOf(err) {
	case CodeForbidden:
		state = fabric.Forbidden
	case CodeKindMissing:
		state = fabric.KindMissing
	}
	return kindRead{coverage: fabric.Coverage{State: state, Reason: err.Error()}, err: err}
}
