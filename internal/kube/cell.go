package kube

import (
	"context"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/tools/cache"

	"github.com/hedgesync/hedgesync/internal/fabric"
	"github.com/hedgesync/hedgesync/internal/fault"
)

// cell holds the objects of one kind in one namespace. The reflector writes it.
type cell struct {
	kind      fabric.Kind
	namespace string
	version   string
	wake      func()
	now       func() time.Time

	mu      sync.Mutex
	objects map[fabric.Key]fabric.Resource
	listed  bool      // the first list is complete
	broken  time.Time // since when there is no watch; zero while there is one
	reason  error
}

// state returns the objects, since when they are surely known, and whether they
// are to be relied on.
func (x *cell) state(now time.Time, staleAfter time.Duration) ([]fabric.Resource, time.Time, fabric.Coverage) {
	x.mu.Lock()
	defer x.mu.Unlock()
	since := now
	if !x.broken.IsZero() {
		since = x.broken
	}
	switch {
	case !x.listed && x.reason == nil:
		return nil, since, fabric.Coverage{State: fabric.Failed, Reason: "not read yet"}
	case !x.listed:
		return nil, since, x.failure("")
	case now.Sub(since) > staleAfter:
		return nil, since, x.failure("the watch is broken since " + since.UTC().Format(time.RFC3339))
	}
	return slices.Collect(maps.Values(x.objects)), since, fabric.Coverage{State: fabric.Full}
}

func (x *cell) failure(what string) fabric.Coverage {
	c := fabric.Coverage{State: fabric.Failed, Reason: what}
	switch {
	case apierrors.IsForbidden(x.reason):
		c.State = fabric.Forbidden
	case apierrors.IsNotFound(x.reason):
		c.State = fabric.KindMissing
	}
	if x.reason != nil {
		c.Reason = strings.TrimPrefix(what+": "+x.reason.Error(), ": ")
	}
	return c
}

// source is where the reflector lists and watches, noting how it goes.
func (x *cell) source(r dynamic.ResourceInterface) cache.ListerWatcher {
	return &cache.ListWatch{
		ListWithContextFunc: func(ctx context.Context, o metav1.ListOptions) (runtime.Object, error) {
			l, err := r.List(ctx, o)
			x.note(err)
			if err != nil {
				return nil, err
			}
			return l, nil
		},
		WatchFuncWithContext: func(ctx context.Context, o metav1.ListOptions) (watch.Interface, error) {
			o.AllowWatchBookmarks = true
			events, err := r.Watch(ctx, o)
			x.note(err)
			if err != nil {
				return nil, err
			}
			x.connected()
			return &stream{Interface: events, ended: x.disconnected}, nil
		},
	}
}

func (x *cell) note(err error) {
	if err == nil {
		return
	}
	x.mu.Lock()
	x.reason = err
	x.mu.Unlock()
	x.wake()
}

func (x *cell) connected() {
	x.mu.Lock()
	x.broken, x.reason = time.Time{}, nil
	x.mu.Unlock()
	x.wake()
}

func (x *cell) disconnected() {
	x.mu.Lock()
	if x.broken.IsZero() {
		x.broken = x.now()
	}
	x.mu.Unlock()
	x.wake()
}

// Add, Update, Delete and Replace take over what the reflector saw.

// Add stores an object.
func (x *cell) Add(o any) error { return x.change(o, false) }

// Update stores an object.
func (x *cell) Update(o any) error { return x.change(o, false) }

// Delete forgets an object.
func (x *cell) Delete(o any) error { return x.change(o, true) }

func (x *cell) change(o any, gone bool) error {
	r, err := x.resource(o)
	if err != nil {
		return err
	}
	x.mu.Lock()
	if gone {
		delete(x.objects, r.Key)
	} else {
		x.objects[r.Key] = r
	}
	x.mu.Unlock()
	x.wake()
	return nil
}

// Replace takes a complete list: what is not in it no longer exists.
func (x *cell) Replace(list []any, _ string) error {
	next := make(map[fabric.Key]fabric.Resource, len(list))
	for _, o := range list {
		r, err := x.resource(o)
		if err != nil {
			return err
		}
		next[r.Key] = r
	}
	x.mu.Lock()
	x.objects, x.listed = next, true
	x.mu.Unlock()
	x.wake()
	return nil
}

// Resync does nothing: there is nobody behind the cell to tell again.
func (x *cell) Resync() error { return nil }

func (x *cell) resource(o any) (fabric.Resource, error) {
	u, ok := o.(*unstructured.Unstructured)
	if !ok {
		return fabric.Resource{}, fault.New(fault.Bug, "kube.watch", "the watch delivered a %T", o)
	}
	return resourceOf(x.kind, x.version, u.Object)
}

// stream tells when a watch ends: its reader always stops it.
type stream struct {
	watch.Interface
	ended func()
}

// Stop ends the watch.
func (s *stream) Stop() {
	s.ended()
	s.Interface.Stop()
}
