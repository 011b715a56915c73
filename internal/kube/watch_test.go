package kube_test

import (
	"context"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	rbac "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/hedgesync/hedgesync/internal/fabric"
	"github.com/hedgesync/hedgesync/internal/kube"
)

// until takes snapshots, each after a wake-up, until one is as the test wants it.
func until(t *testing.T, w *kube.Watcher, what string, ok func(*fabric.Snapshot) bool) *fabric.Snapshot {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	tick := time.NewTicker(200 * time.Millisecond) // staleness comes without a wake-up
	defer tick.Stop()
	for {
		s, err := w.Snapshot()
		if err != nil {
			t.Fatal(err)
		}
		if ok(s) {
			return s
		}
		select {
		case <-w.Changed():
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("never saw %s: %v, %v", what, names(s), states(s))
		}
	}
}

func TestAWatchFollowsTheObjects(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.created("a", "{text: one}")
	watch, err := w.client.Watch(t.Context(), []fabric.Kind{gadgets, hubs, absent}, kube.WatchOptions{Namespaces: []string{w.namespace}})
	if err != nil {
		t.Fatal(err)
	}
	defer watch.Close()
	covered := func(s *fabric.Snapshot) bool { return s.Covers(gadgets) && s.Covers(hubs) }
	first := until(t, watch, "the first list", covered)
	want := map[string]fabric.CoverState{"Gadget": fabric.Full, "Hub": fabric.Full, "Absent": fabric.KindMissing}
	if d := cmp.Diff(want, states(first)); d != "" {
		t.Errorf("coverage (-want +got):\n%s", d)
	}
	w.created("b", "{text: two}")
	until(t, watch, "the new object", func(s *fabric.Snapshot) bool { _, ok := s.Get(w.key("b")); return ok })
	w.edit("a", `{"spec":{"text":"changed"}}`)
	live, _ := w.live("a")
	until(t, watch, "the change", func(s *fabric.Snapshot) bool {
		r, _ := s.Get(w.key("a"))
		return cmp.Equal(r, live)
	})
	if err := w.raw().Delete(t.Context(), "a", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	until(t, watch, "the deletion", func(s *fabric.Snapshot) bool { return s.Len() == 1 && s.Covers(gadgets) })
	if d := cmp.Diff([]string{w.key("a").String()}, names(first)); d != "" {
		t.Errorf("the first snapshot changed afterwards:\n%s", d)
	}
}

func TestABrokenWatchStopsCountingAsReadAndRecovers(t *testing.T) {
	t.Parallel()
	w := newWorldOfItsOwn(t)
	w.created("a", "{text: one}")
	watch, err := w.client.Watch(t.Context(), []fabric.Kind{gadgets}, kube.WatchOptions{StaleAfter: 300 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	defer watch.Close()
	covered := func(s *fabric.Snapshot) bool { return s.Covers(gadgets) && s.Len() == 1 }
	until(t, watch, "the first list", covered)
	w.server.Kill(t)
	until(t, watch, "that the watch is broken", func(s *fabric.Snapshot) bool {
		return s.Coverage(gadgets).State == fabric.Failed && s.Coverage(gadgets).Reason != "" && s.Len() == 0
	})
	w.server.Restart(t)
	until(t, watch, "the recovery", covered)
	w.client.Close()
	w.created("b", "{text: two}")
	until(t, watch, "news after the recovery", func(s *fabric.Snapshot) bool { return s.Covers(gadgets) && s.Len() == 2 })
}

func TestAWatchThatIsForbiddenSaysSo(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := connect(t, w.server.User(t, rbac.PolicyRule{APIGroups: []string{"test.hedgesync.dev"}, Resources: []string{"hubs"}, Verbs: []string{"list", "watch"}}))
	watch, err := c.Watch(t.Context(), []fabric.Kind{gadgets, hubs}, kube.WatchOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer watch.Close()
	until(t, watch, "both answers", func(s *fabric.Snapshot) bool {
		return s.Covers(hubs) && s.Coverage(gadgets).State == fabric.Forbidden
	})
}
