package kube

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/go-logr/logr"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	backoff "k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/tools/cache"
	"k8s.io/klog/v2"

	"github.com/hedgesync/hedgesync/internal/fabric"
	"github.com/hedgesync/hedgesync/internal/fault"
)

// defaultStaleAfter is longer than the pause before a watch is tried again, and
// short enough that nobody plans on an old picture.
const defaultStaleAfter = 45 * time.Second

// WatchOptions say what to watch. The zero value watches all namespaces.
type WatchOptions struct {
	Namespaces []string
	Versions   map[fabric.Kind]string // as for Observe
	// StaleAfter is how long a watch may be broken before its kind counts as not
	// read; 0 is 45 s.
	StaleAfter time.Duration
}

// Watcher is a picture of a fabric that follows it: each kind is listed once, then
// watched, with resume and a new list when the server forgot the place.
type Watcher struct {
	source     string
	staleAfter time.Duration
	now        func() time.Time
	cells      []*cell
	fixed      map[fabric.Kind]fabric.Coverage // of kinds that cannot be watched
	changed    chan struct{}                   // size 1: wake-ups coalesce
	stop       context.CancelFunc
	done       sync.WaitGroup
}

// Watch begins to follow the kinds and returns at once; Close ends it. Kinds that
// the server does not serve stay missing until the next Watch.
func (c *Client) Watch(ctx context.Context, kinds []fabric.Kind, o WatchOptions) (*Watcher, error) {
	offer, err := c.discover(ctx, kinds)
	if err != nil {
		return nil, err
	}
	library, err := dynamic.NewForConfigAndClient(dynamic.ConfigFor(c.config), c.http)
	if err != nil {
		return nil, fault.New(fault.Bug, "kube.watch", "%w", err)
	}
	w := &Watcher{
		source: c.Address(), staleAfter: o.StaleAfter, now: c.options.Now,
		fixed: map[fabric.Kind]fabric.Coverage{}, changed: make(chan struct{}, 1),
	}
	if w.staleAfter == 0 {
		w.staleAfter = defaultStaleAfter
	}
	ctx, w.stop = context.WithCancel(ctx)
	for _, k := range kinds {
		s, ok := offer.pick(k, o.Versions[k])
		if !ok {
			w.fixed[k] = fabric.Coverage{State: fabric.KindMissing, Reason: "the server does not serve " + k.String()}
			continue
		}
		w.follow(ctx, library, k, s, o.Namespaces)
	}
	return w, nil
}

// follow starts one reflector per namespace of a kind.
func (w *Watcher) follow(ctx context.Context, library dynamic.Interface, k fabric.Kind, s served, namespaces []string) {
	if len(namespaces) == 0 || !s.namespaced {
		namespaces = []string{""}
	}
	resource := library.Resource(schema.GroupVersionResource{Group: k.Group, Version: s.version, Resource: s.plural})
	for _, ns := range slices.Compact(slices.Sorted(slices.Values(namespaces))) {
		x := &cell{kind: k, namespace: ns, version: s.version, wake: w.wake, now: w.now, broken: w.now(), objects: map[fabric.Key]fabric.Resource{}}
		w.cells = append(w.cells, x)
		quiet := logr.Discard() // what breaks is in the coverage
		r := cache.NewReflectorWithOptions(x.source(resource.Namespace(ns)), &unstructured.Unstructured{}, x, cache.ReflectorOptions{
			Name: k.String(), Logger: &quiet, Backoff: &backoff.Backoff{Duration: 500 * time.Millisecond, Factor: 2, Jitter: 0.5, Steps: 10, Cap: longPause},
		})
		w.done.Go(func() { r.RunWithContext(klog.NewContext(ctx, quiet)) })
	}
}

// Close ends the watches and waits for them. The last snapshot stays readable.
func (w *Watcher) Close() {
	w.stop()
	w.done.Wait()
}

// Changed is sent to, at most once at a time, after anything changed: objects or
// how much of them is known. Whoever receives takes a new Snapshot.
func (w *Watcher) Changed() <-chan struct{} { return w.changed }

func (w *Watcher) wake() {
	select {
	case w.changed <- struct{}{}:
	default: // somebody will look anyway
	}
}

// Snapshot returns what is known now. A kind whose first list is not done, or
// whose watch has been broken for longer than StaleAfter, is Failed and without
// objects. AsOf is the oldest moment at which any of the kinds was surely known.
func (w *Watcher) Snapshot() (*fabric.Snapshot, error) {
	now := w.now()
	asOf := now
	var all []fabric.Resource
	coverage := maps.Clone(w.fixed)
	unread := map[fabric.Kind]bool{}
	for _, x := range w.cells {
		resources, since, known := x.state(now, w.staleAfter)
		if known.State != fabric.Full {
			unread[x.kind] = true
			coverage[x.kind] = known
			continue
		}
		if !unread[x.kind] {
			coverage[x.kind] = known
		}
		all = append(all, resources...)
		if since.Before(asOf) {
			asOf = since
		}
	}
	all = slices.DeleteFunc(all, func(r fabric.Resource) bool { return unread[r.Key.Kind] })
	return fabric.NewSnapshot(w.source, asOf, all, coverage)
}
