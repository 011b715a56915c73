package syncer_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/hedgesync/hedgesync/internal/fabric"
	"github.com/hedgesync/hedgesync/internal/plan"
	"github.com/hedgesync/hedgesync/internal/saga"
)

// BAT-07: a server that took a second per object is given ten at a time next time,
// and as many as allowed again once it is quick.
func TestBatchesFitThePaceOfTheLastRun(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(s *fabric.Settings) { s.BatchSize = 40 })
	servers := func(from, to int) (all []object) {
		for i := from; i < to; i++ {
			all = append(all, server(fmt.Sprintf("s-%03d", i), "one"))
		}
		return all
	}
	batches := func() int {
		t.Helper()
		return w.sync(saga.Completed).Progress.Batches
	}
	w.commit(servers(0, 80)...)
	w.cluster.onWrite = func(*model, string, plan.Change) { w.pass(time.Second) }
	if n := batches(); n != 2 {
		t.Fatalf("%d batches before anything was measured, want 2 of 40", n)
	}
	w.cluster.onWrite = nil
	w.commit(servers(0, 120)...)
	if n := batches(); n != 4 {
		t.Fatalf("%d batches after a slow run, want 4 of 10", n)
	}
	w.commit(servers(0, 200)...)
	if n := batches(); n != 2 {
		t.Fatalf("%d batches after a quick run, want 2 of 40", n)
	}
}
