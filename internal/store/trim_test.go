package store

import (
	"fmt"
	"testing"
	"time"

	"github.com/hedgesync/hedgesync/internal/fabric"
	"github.com/hedgesync/hedgesync/internal/plan"
	"github.com/hedgesync/hedgesync/internal/saga"
)

func TestTrimKeepsTheNewestRunsAndAllThatMatters(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		for _, id := range []fabric.ID{"a", "b"} {
			addFabric(t, s, id)
			for i := range 4 {
				f := startRun(t, s, saga.RunID(fmt.Sprintf("%s%d", id, i)), id)
				changes := planOf(1)
				must(t, s.SavePlan(t.Context(), f, "c", changes))
				must(t, s.Intend(t.Context(), f, []int{0}, t0))
				must(t, s.Finish(t.Context(), f, []plan.Done{applied(changes[0], f.Run)}, saga.Progress{}, t0))
				must(t, s.Move(t.Context(), f, saga.Completed, nil, later(i*3600)))
			}
		}
		live := pendingRun("b9", "b")
		live.PlanID = "kept"
		got(s.Create(t.Context(), live))(t)
		for _, id := range []string{"kept", "old"} {
			must(t, s.PutSavedPlan(t.Context(), plan.Saved{ID: id, Fabric: "b", Created: t0, Expires: later(60)}))
		}
		must(t, s.PutSavedPlan(t.Context(), plan.Saved{ID: "forever", Fabric: "b", Created: t0}))
		deeds := len(got(s.Audit(t.Context(), "", 0, 100))(t))

		now := t0.Add(2*time.Hour + time.Minute) // runs 0, 1 and 2 have ended, 0 and 1 over an hour ago
		n := got(s.Trim(t.Context(), Policy{RunAge: time.Hour, KeepRuns: 3}, now))(t)
		same(t, "removed", n, Trimmed{Runs: 3, SavedPlans: 1})
		var left []saga.RunID
		for _, r := range got(s.Runs(t.Context(), RunFilter{}))(t) {
			left = append(left, r.ID)
		}
		same(t, "runs left", left, []saga.RunID{"b9", "b3", "b2", "a3", "a2", "a1"})
		same(t, "inventory", len(got(s.Inventory(t.Context(), "a"))(t)), 1)
		same(t, "audit", len(got(s.Audit(t.Context(), "", 0, 100))(t)), deeds)
		got(s.SavedPlan(t.Context(), "kept"))(t)
		same(t, "second trim", got(s.Trim(t.Context(), Policy{RunAge: time.Hour, KeepRuns: 3}, now))(t), Trimmed{})
		same(t, "zero policy", got(s.Trim(t.Context(), Policy{}, now.AddDate(9, 0, 0)))(t), Trimmed{})
	})
}
