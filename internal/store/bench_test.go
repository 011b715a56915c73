package store

import (
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/hedgesync/hedgesync/internal/fabric"
	"github.com/hedgesync/hedgesync/internal/plan"
	"github.com/hedgesync/hedgesync/internal/saga"
)

// many is the number of objects of a large fabric.
const many = 5000

func onEach(b *testing.B, bench func(*testing.B, *Store)) {
	for _, name := range []string{"sqlite", "postgres"} {
		b.Run(name, func(b *testing.B) {
			location, o := databases[name](b)
			s := reopen(b, location, o)
			addFabric(b, s, "a")
			bench(b, s)
		})
	}
}

func BenchmarkSavePlan(b *testing.B) {
	changes := planOf(many)
	onEach(b, func(b *testing.B, s *Store) {
		for n := 0; b.Loop(); n++ {
			b.StopTimer()
			f := startRun(b, s, saga.RunID(fmt.Sprintf("r%05d", n)), "a")
			b.StartTimer()
			must(b, s.SavePlan(b.Context(), f, "c0ffee", changes))
			b.StopTimer()
			endRun(b, s, f)
			b.StartTimer()
		}
	})
}

func record(b *testing.B, s *Store) {
	f := startRun(b, s, "r1", "a")
	changes := planOf(many)
	must(b, s.SavePlan(b.Context(), f, "c0ffee", changes))
	var seqs []int
	var done []plan.Done
	for _, c := range changes {
		seqs, done = append(seqs, c.Seq), append(done, applied(c, "r1"))
	}
	must(b, s.Intend(b.Context(), f, seqs, t0))
	must(b, s.Finish(b.Context(), f, done, saga.Progress{Done: many, Total: many}, t0))
}

func BenchmarkInventory(b *testing.B) {
	onEach(b, func(b *testing.B, s *Store) {
		record(b, s)
		for b.Loop() {
			got(s.Inventory(b.Context(), "a"))(b)
		}
	})
}

func BenchmarkInventoryIndex(b *testing.B) {
	onEach(b, func(b *testing.B, s *Store) {
		record(b, s)
		for b.Loop() {
			got(s.InventoryIndex(b.Context(), "a"))(b)
		}
	})
}

func BenchmarkFinishBatch(b *testing.B) {
	onEach(b, func(b *testing.B, s *Store) {
		f := startRun(b, s, "r1", "a")
		changes := planOf(50)
		must(b, s.SavePlan(b.Context(), f, "c0ffee", changes))
		var seqs []int
		var done []plan.Done
		for _, c := range changes {
			seqs, done = append(seqs, c.Seq), append(done, applied(c, "r1"))
		}
		for b.Loop() {
			must(b, s.Intend(b.Context(), f, seqs, t0))
			must(b, s.Finish(b.Context(), f, done, saga.Progress{Done: 50, Total: 50}, t0))
		}
	})
}

func reading(b *testing.B, at time.Time) *fabric.Snapshot {
	all := make([]fabric.Resource, many)
	for i := range all {
		all[i] = live(fmt.Sprintf("v%05d", i), 1001, "41")
	}
	return snapshot(b, "https://cluster", at, full, all...)
}

func BenchmarkPutActualFirst(b *testing.B) {
	snap := reading(b, t0)
	onEach(b, func(b *testing.B, s *Store) {
		for n := 0; b.Loop(); n++ {
			id := fabric.ID(fmt.Sprint("f", n))
			addFabric(b, s, id)
			must(b, s.PutActual(b.Context(), id, snap))
		}
	})
}

func BenchmarkPutActualUnchanged(b *testing.B) {
	snap := reading(b, t0)
	onEach(b, func(b *testing.B, s *Store) {
		must(b, s.PutActual(b.Context(), "a", snap))
		for b.Loop() {
			must(b, s.PutActual(b.Context(), "a", snap))
		}
	})
}

func BenchmarkPutDesiredUnchanged(b *testing.B) {
	all := make([]fabric.Resource, many)
	for i := range all {
		all[i] = resource(fmt.Sprintf("v%05d", i), 1001)
	}
	snap := snapshot(b, "c0ffee", t0, full, all...)
	onEach(b, func(b *testing.B, s *Store) {
		must(b, s.PutDesired(b.Context(), "a", snap))
		for b.Loop() {
			must(b, s.PutDesired(b.Context(), "a", snap))
		}
	})
}

// BenchmarkOpen opens a database of 50,000 objects, some 100 MB: the price of
// walking the whole file.
func BenchmarkOpen(b *testing.B) {
	dir := filepath.Join(b.TempDir(), "data")
	s := got(Open(b.Context(), dir, Options{}))(b)
	snap := reading(b, t0)
	for i := range 10 {
		id := fabric.ID(fmt.Sprint("f", i))
		addFabric(b, s, id)
		must(b, s.PutActual(b.Context(), id, snap))
	}
	must(b, s.Close())
	for b.Loop() {
		must(b, got(Open(b.Context(), dir, Options{}))(b).Close())
	}
}
