package store

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/hedgesync/hedgesync/internal/fabric"
	"github.com/hedgesync/hedgesync/internal/fault"
	"github.com/hedgesync/hedgesync/internal/plan"
	"github.com/hedgesync/hedgesync/internal/saga"
)

type (
	plannedDone     = plan.Done
	plannedReversed = plan.Reversed
)

func contextOf(t *testing.T) (context.Context, context.CancelFunc) {
	return context.WithCancel(t.Context())
}

// everything is what a run and its fabric hold, to be compared before and after.
type everything struct {
	Run       saga.Run
	Steps     []saga.StepRecord
	Plan      []plan.Planned
	Inventory []plan.Entry
}

func snapshotOf(t *testing.T, s *Store, run saga.RunID, id fabric.ID) everything {
	t.Helper()
	return everything{got(s.Run(t.Context(), run))(t), got(s.Steps(t.Context(), run))(t), got(s.Plan(t.Context(), run))(t), got(s.Inventory(t.Context(), id))(t)}
}

func TestPlanOfARunComesBackAsItWasWritten(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		addFabric(t, s, "a")
		fence := startRun(t, s, "r1", "a")
		same(t, "no plan yet", got(s.Plan(t.Context(), "r1"))(t), nil)
		changes := planOf(120)
		changes[3].Change.Action, changes[3].Change.Want = plan.Delete, nil
		changes[4].Change.Action, changes[4].Change.Would, changes[4].Change.Base = plan.Hold, plan.Update, nil
		must(t, s.SavePlan(t.Context(), fence, "c0ffee", changes))
		same(t, "plan", got(s.Plan(t.Context(), "r1"))(t), changes)
		same(t, "commit", got(s.Run(t.Context(), "r1"))(t).Commit, "c0ffee")
		wantFault(t, s.SavePlan(t.Context(), fence, "other", planOf(1)), fault.Conflict, "run.planned")
		same(t, "plan after a second one", got(s.Plan(t.Context(), "r1"))(t), changes)
	})
}

func TestEmptyPlanIsAPlan(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		addFabric(t, s, "a")
		fence := startRun(t, s, "r1", "a")
		must(t, s.SavePlan(t.Context(), fence, "c0ffee", nil))
		wantFault(t, s.SavePlan(t.Context(), fence, "c0ffee", nil), fault.Conflict, "run.planned")
	})
}

func TestIntentWithoutOutcomeIsUnfinished(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		addFabric(t, s, "a")
		fence := startRun(t, s, "r1", "a")
		changes := planOf(4)
		must(t, s.SavePlan(t.Context(), fence, "c0ffee", changes))
		must(t, s.Intend(t.Context(), fence, []int{0, 1, 2}, later(1)))
		must(t, s.Finish(t.Context(), fence, []plan.Done{applied(changes[0], "r1"), {Seq: 1, Outcome: plan.Outcome{Key: changes[1].Change.Key,
			Result: plan.FailedTry, Err: fault.New(fault.Unavailable, "kube.timeout", "no answer").WithHint("wait")}}}, saga.Progress{Batch: 1, Batches: 2, Done: 2, Total: 4}, later(2)))
		same(t, "unfinished", seqs(unfinished(t, s, "r1")), []int{2})

		stored := got(s.Plan(t.Context(), "r1"))(t)
		failed := stored[1].Outcome.Err
		same(t, "error as stored", []any{fault.KindOf(failed), fault.CodeOf(failed), fault.HintOf(failed), failed.Error()},
			[]any{fault.Unavailable, "kube.timeout", "wait", "no answer"})
		stored[1].Outcome.Err = nil
		changes[0].Intended, changes[0].Done, changes[0].Outcome = later(1), later(2), applied(changes[0], "r1").Outcome
		changes[1].Intended, changes[1].Done, changes[1].Outcome = later(1), later(2), plan.Outcome{Key: changes[1].Change.Key, Result: plan.FailedTry}
		changes[2].Intended = later(1)
		same(t, "journal", stored, changes)
		same(t, "progress", got(s.Run(t.Context(), "r1"))(t).Progress, saga.Progress{Batch: 1, Batches: 2, Done: 2, Total: 4})

		// A second try is unfinished again until its own outcome is stored.
		must(t, s.Intend(t.Context(), fence, []int{1}, later(3)))
		same(t, "unfinished in the second try", seqs(unfinished(t, s, "r1")), []int{1, 2})
	})
}

func seqs(changes []plan.Planned) []int {
	var all []int
	for _, c := range changes {
		all = append(all, c.Seq)
	}
	return all
}

func TestOutcomeWithoutIntentIsRefused(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		addFabric(t, s, "a")
		fence := startRun(t, s, "r1", "a")
		changes := planOf(2)
		changes[1].Change.Action = plan.Adopt // writes nothing, needs no intent
		must(t, s.SavePlan(t.Context(), fence, "c0ffee", changes))
		before := snapshotOf(t, s, "r1", "a")
		// The adoption comes first: it must be undone with the refused outcome.
		err := s.Finish(t.Context(), fence, []plan.Done{applied(changes[1], "r1"), applied(changes[0], "r1")}, saga.Progress{Done: 2}, later(2))
		wantFault(t, err, fault.Bug, "run.change")
		same(t, "state after the refusal", snapshotOf(t, s, "r1", "a"), before)
		must(t, s.Finish(t.Context(), fence, []plan.Done{applied(changes[1], "r1")}, saga.Progress{Done: 1}, later(2)))
		wantFault(t, s.Intend(t.Context(), fence, []int{0, 7}, later(3)), fault.Bug, "run.change")
		wantFault(t, s.Finish(t.Context(), fence, []plan.Done{{Seq: 9}}, saga.Progress{}, later(3)), fault.Missing, "run.change")
	})
}

func TestOutcomeAndInventoryAreOneFact(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		addFabric(t, s, "a")
		fence := startRun(t, s, "r1", "a")
		changes := planOf(3)
		must(t, s.SavePlan(t.Context(), fence, "c0ffee", changes))
		must(t, s.Intend(t.Context(), fence, []int{0, 1, 2}, later(1)))
		var done []plan.Done
		var want []plan.Entry
		for _, c := range changes {
			done = append(done, applied(c, "r1"))
			want = append(want, *applied(c, "r1").Entry)
		}
		must(t, s.Finish(t.Context(), fence, done, saga.Progress{Done: 3, Total: 3}, later(2)))
		same(t, "inventory", got(s.Inventory(t.Context(), "a"))(t), want)
		index := got(s.InventoryIndex(t.Context(), "a"))(t)
		for i := range want {
			want[i].Applied = nil
		}
		same(t, "index", index, want)

		both := []plan.Done{{Seq: 0, Entry: done[0].Entry, Forget: true}}
		wantFault(t, s.Finish(t.Context(), fence, both, saga.Progress{}, later(3)), fault.Bug, "inventory.entry")
		strange := []plan.Done{{Seq: 0, Entry: done[1].Entry}}
		wantFault(t, s.Finish(t.Context(), fence, strange, saga.Progress{}, later(3)), fault.Bug, "inventory.entry")

		base := entry("vpc-00000", 1001, "43", "before")
		must(t, s.Reverse(t.Context(), fence, []plan.Reversed{
			{Seq: 0, State: plan.Undone, Entry: &base}, {Seq: 1, State: plan.Undone, Forget: true}, {Seq: 2, State: plan.UndoLeft, Residue: "changed by kubectl"},
		}, later(4)))
		same(t, "inventory after compensation", got(s.Inventory(t.Context(), "a"))(t), []plan.Entry{base, *done[2].Entry})
		stored := got(s.Plan(t.Context(), "r1"))(t)
		same(t, "marks", []any{stored[0].Undone, stored[1].Undone, stored[2].Undone, stored[2].Residue},
			[]any{plan.Undone, plan.Undone, plan.UndoLeft, "changed by kubectl"})
	})
}

func TestInventoryIsInKeyOrderWhateverTheLocale(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		addFabric(t, s, "a")
		fence := startRun(t, s, "r1", "a")
		var changes []plan.Planned
		var seq []int
		var done []plan.Done
		for i, name := range []string{"b", "a-1", "a", "Z", "a.b", "a1"} {
			changes = append(changes, update(i, name))
			seq = append(seq, i)
			done = append(done, applied(changes[i], "r1"))
		}
		must(t, s.SavePlan(t.Context(), fence, "c0ffee", changes))
		must(t, s.Intend(t.Context(), fence, seq, later(1)))
		must(t, s.Finish(t.Context(), fence, done, saga.Progress{}, later(2)))
		var names []string
		for _, e := range got(s.Inventory(t.Context(), "a"))(t) {
			names = append(names, e.Key.Name)
		}
		same(t, "order", names, []string{"Z", "a", "a-1", "a.b", "a1", "b"})
	})
}

func TestInterruptedFinishLeavesNothing(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		addFabric(t, s, "a")
		fence := startRun(t, s, "r1", "a")
		changes := planOf(200)
		must(t, s.SavePlan(t.Context(), fence, "c0ffee", changes))
		var seq []int
		var done []plan.Done
		for _, c := range changes {
			seq = append(seq, c.Seq)
			done = append(done, applied(c, "r1"))
		}
		must(t, s.Intend(t.Context(), fence, seq, later(1)))
		for limit := time.Microsecond; ; limit *= 2 {
			ctx, cancel := context.WithTimeout(t.Context(), limit)
			err := s.Finish(ctx, fence, done, saga.Progress{Done: 200, Total: 200}, later(2))
			cancel()
			outcomes, records := 200-len(unfinished(t, s, "r1")), len(got(s.InventoryIndex(t.Context(), "a"))(t))
			if outcomes != records || outcomes != 0 && outcomes != 200 {
				t.Fatalf("limit %v: %d outcomes and %d records", limit, outcomes, records)
			}
			if err == nil {
				break
			}
			if !errors.Is(err, context.DeadlineExceeded) && fault.KindOf(err) != fault.Unknown && fault.KindOf(err) != fault.Unavailable {
				t.Fatalf("limit %v: %v", limit, err)
			}
			if outcomes == 200 {
				break // committed, though the answer came too late
			}
		}
	})
}

// unfinished returns the changes that were begun and have no outcome.
func unfinished(t *testing.T, s *Store, id saga.RunID) []plan.Planned {
	t.Helper()
	return slices.DeleteFunc(got(s.Plan(t.Context(), id))(t), func(p plan.Planned) bool { return p.Intended.IsZero() || !p.Done.IsZero() })
}
