package syncer_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/hedgesync/hedgesync/internal/fabric"
	"github.com/hedgesync/hedgesync/internal/fault"
	"github.com/hedgesync/hedgesync/internal/plan"
	"github.com/hedgesync/hedgesync/internal/saga"
	"github.com/hedgesync/hedgesync/internal/syncer"
)

// killAfter lets a worker die with the given call of the journal: when it was made.
func (w *world) killAfter(run saga.Run, method string) {
	w.Helper()
	p := &process{}
	s := &hooked{Store: mortalStore{w.store, p}, after: map[string]func(){method: func() { p.dead = true }}}
	c := w.coordinate(s, mortalCluster{w.cluster, p})
	w.holder = "dies-after-" + method
	_, _ = w.runner(s).Drive(w.Context(), run.ID, c.Definition)
	if !p.dead || !w.stored(run.ID).Status.Live() {
		w.Fatalf("the worker did not die of %s: %s", method, w.stored(run.ID).Status)
	}
	w.holder = "w2"
	w.pass(2 * leaseTTL)
}

// hooked is a store with something that happens before or after its calls, or an
// answer of its own.
type hooked struct {
	syncer.Store
	before, after map[string]func()
	fail          map[string]func() error
}

func (s *hooked) call(method string, f func() error) error {
	if do := s.before[method]; do != nil {
		do()
	}
	if do := s.fail[method]; do != nil {
		if err := do(); err != nil {
			return err
		}
	}
	err := f()
	if do := s.after[method]; do != nil {
		do()
	}
	return err
}

func (s *hooked) SavePlan(ctx context.Context, f saga.Fence, commit string, changes []plan.Planned) error {
	return s.call("SavePlan", func() error { return s.Store.SavePlan(ctx, f, commit, changes) })
}

func (s *hooked) Intend(ctx context.Context, f saga.Fence, seqs []int, now time.Time) error {
	return s.call("Intend", func() error { return s.Store.Intend(ctx, f, seqs, now) })
}

func (s *hooked) Finish(ctx context.Context, f saga.Fence, done []plan.Done, p saga.Progress, now time.Time) error {
	return s.call("Finish", func() error { return s.Store.Finish(ctx, f, done, p, now) })
}

func (s *hooked) Reverse(ctx context.Context, f saga.Fence, r []plan.Reversed, now time.Time) error {
	return s.call("Reverse", func() error { return s.Store.Reverse(ctx, f, r, now) })
}

func (s *hooked) PutStep(ctx context.Context, f saga.Fence, r saga.StepRecord) error {
	return s.call(r.Name+" "+string(r.Status), func() error { return s.Store.PutStep(ctx, f, r) })
}

func TestPlanThatWasStoredStands(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ first, then []object }{
		"with changes": {upheaval(), small()},
		"empty":        {base(), base()},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := synced(t)
			commit := w.commit(c.first...)
			run := w.start(syncer.Params{})
			w.killAfter(run, "SavePlan")
			w.commit(c.then...) // the branch moves on; the run does not
			if run = w.drive(run); run.Status != saga.Completed || run.Commit != commit {
				t.Fatalf("%s at %s: %+v", run.Status, run.Commit, run.Failure)
			}
			w.holds(c.first...)
			for _, e := range w.inventory() {
				if e.Run == string(run.ID) && e.Commit != commit {
					t.Fatalf("%s is recorded with commit %s", e.Key, e.Commit)
				}
			}
		})
	}
}

func TestReadBackByAnotherWorkerIsOfTheSameCommit(t *testing.T) {
	t.Parallel()
	w := synced(t)
	w.commit(upheaval()...)
	run := w.start(syncer.Params{Rev: "main"})
	w.killAfter(run, "verify running")
	w.commit(small()...)
	if run = w.drive(run); run.Status != saga.Completed {
		t.Fatalf("%s: %+v", run.Status, run.Failure)
	}
	w.holds(upheaval()...)
}

func TestOutcomesSurviveAJournalThatIsBusy(t *testing.T) {
	t.Parallel()
	for name, committed := range map[string]bool{"before": false, "after": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := synced(t)
			w.commit(upheaval()...)
			busy, n := fault.New(fault.Unavailable, "store.busy", "the database is locked"), 0
			s := &hooked{Store: w.store}
			hiccup := func() error {
				if n++; n%2 == 0 {
					return busy
				}
				return nil
			}
			s.fail = map[string]func() error{"Intend": hiccup, "Finish": hiccup}
			w.coordinator.Store = s
			if committed {
				w.coordinator.Store = deafStore{w.store, hiccup}
			}
			w.sync(saga.Completed)
			w.holds(upheaval()...)
			w.agrees()
		})
	}
}

// deafStore commits outcomes and sometimes says that it is busy all the same.
type deafStore struct {
	syncer.Store
	hiccup func() error
}

func (s deafStore) Finish(ctx context.Context, f saga.Fence, done []plan.Done, p saga.Progress, now time.Time) error {
	if err := s.Store.Finish(ctx, f, done, p, now); err != nil {
		return err
	}
	return s.hiccup()
}

// A change whose failure is stored is sent again by the next worker; its outcome
// must not be taken for stored already.
func TestSecondWorkerRecordsWhatTheFirstFailedToDo(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.commit(base()...)
	run := w.start(syncer.Params{})
	w.cluster.disturb = func(c plan.Change) trouble {
		if c.Key.Name == "spare-1" && w.holder != "w2" {
			return busy
		}
		return fine
	}
	p := &process{}
	s := &hooked{Store: mortalStore{w.store, p}}
	finished := 0
	s.after = map[string]func(){"Finish": func() {
		if finished++; finished == 2 { // the first is the plan's
			p.dead = true
		}
	}}
	c := w.coordinate(s, mortalCluster{w.cluster, p})
	_, _ = w.runner(s).Drive(t.Context(), run.ID, c.Definition)
	w.holder = "w2"
	w.pass(2 * leaseTTL)
	if run = w.drive(run); run.Status != saga.Completed {
		t.Fatalf("%s: %+v", run.Status, run.Failure)
	}
	w.agrees()
}

func TestWorkerThatLostItsRunWritesNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.commit(base()...)
	run := w.start(syncer.Params{})
	var log []string
	s := &hooked{Store: w.store}
	s.before = map[string]func(){"Intend": func() {
		w.pass(2 * leaseTTL)
		_, err := w.store.Claim(t.Context(), run.ID, "other", nil, w.now(), leaseTTL)
		w.check(err)
		log = w.cluster.log
		s.before = nil
	}}
	c := w.coordinate(s, w.cluster)
	_, err := w.runner(s).Drive(t.Context(), run.ID, c.Definition)
	if fault.KindOf(err) != fault.Conflict || len(w.cluster.log) != len(log) {
		t.Fatalf("%v, and wrote %q", err, w.cluster.log[len(log):])
	}
}

func TestCancelledRunKnowsWhatTheDeadWorkerDid(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(s *fabric.Settings) { s.OnFailure = fabric.Keep })
	w.commit(base()...)
	run := w.start(syncer.Params{})
	p := &process{}
	w.cluster.onWrite = func(m *model, _ string, _ plan.Change) {
		m.onWrite = nil
		p.left = 1 // dies when the write has had its effect
	}
	s := mortalStore{w.store, p}
	_, _ = w.runner(s).Drive(t.Context(), run.ID, w.coordinate(s, mortalCluster{w.cluster, p}).Definition)
	_, err := w.store.Cancel(t.Context(), run.ID, w.now())
	w.check(err)
	w.holder = "w2"
	w.pass(2 * leaseTTL)
	if run = w.drive(run); run.Status != saga.Cancelled {
		t.Fatalf("%s: %+v", run.Status, run.Failure)
	}
	if len(w.cluster.log) != 1 {
		t.Fatalf("written %q", w.cluster.log)
	}
	w.agrees()
}

func TestRunWithAnUnknownSavedPlanFails(t *testing.T) {
	t.Parallel()
	w := synced(t)
	if run := w.sync(saga.Failed, syncer.Params{Plan: "none"}); !strings.Contains(run.Failure.Message, "none") || run.Failure.Kind != fault.Missing {
		t.Fatalf("got %+v", run.Failure)
	}
}
