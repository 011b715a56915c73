package store

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hedgesync/hedgesync/internal/fabric"
	"github.com/hedgesync/hedgesync/internal/fault"
	"github.com/hedgesync/hedgesync/internal/saga"
)

func TestRunComesBackAsItWasWritten(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		addFabric(t, s, "a")
		in := pendingRun("r1", "a")
		in.Commit, in.PlanID, in.Progress = "c0ffee", "p1", saga.Progress{Batch: 1, Batches: 4, Done: 7, Total: 90}
		in.Failure = &saga.Failure{Kind: fault.Denied, Code: "kube.forbidden", Message: "no <rights>", Hint: "ask", Step: "observe"}
		same(t, "created", got(s.Create(t.Context(), in))(t), in)
		same(t, "read", got(s.Run(t.Context(), "r1"))(t), in)
		same(t, "live", got(s.Live(t.Context()))(t), []saga.Run{in})
	})
}

func TestFabricHasOneLiveRun(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		addFabric(t, s, "a")
		addFabric(t, s, "b")
		var wg sync.WaitGroup
		errs, winners := make([]error, 8), make([]saga.Run, 8)
		for i := range errs {
			wg.Go(func() {
				winners[i], errs[i] = s.Create(t.Context(), pendingRun(saga.RunID(fmt.Sprintf("r%d", i)), "a"))
			})
		}
		wg.Wait()
		alive := got(s.Live(t.Context()))(t)
		if len(alive) != 1 {
			t.Fatalf("%d live runs, want 1", len(alive))
		}
		for i, err := range errs {
			if winners[i].ID != alive[0].ID {
				t.Errorf("trigger %d was told of run %q (%v), want %s", i, winners[i].ID, err, alive[0].ID)
			}
			if own := saga.RunID(fmt.Sprintf("r%d", i)) == alive[0].ID; own != (err == nil) {
				t.Errorf("trigger %d: %v", i, err)
			}
			if err != nil && (fault.KindOf(err) != fault.Conflict || !strings.Contains(err.Error(), string(alive[0].ID))) {
				t.Errorf("trigger %d: got %v, want a conflict that names the live run", i, err)
			}
		}
		got(s.Create(t.Context(), pendingRun("other", "b")))(t)
	})
}

func TestRunIDIsUsedOnce(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		addFabric(t, s, "a")
		addFabric(t, s, "b")
		got(s.Create(t.Context(), pendingRun("r1", "a")))(t)
		_, err := s.Create(t.Context(), pendingRun("r1", "b"))
		wantFault(t, err, fault.Conflict, "store.duplicate")
	})
}

func TestLeaseIsHeldUntilItExpires(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		addFabric(t, s, "a")
		got(s.Create(t.Context(), pendingRun("r1", "a")))(t)
		first := got(s.Claim(t.Context(), "r1", "one", nil, later(1), 10*time.Second))(t)
		want := pendingRun("r1", "a")
		want.Status, want.Started, want.Holder, want.LeaseUntil, want.Attempt = saga.Running, later(1), "one", later(11), 1
		same(t, "claimed", first, want)

		_, err := s.Claim(t.Context(), "r1", "two", []string{"three"}, later(11), time.Second)
		wantFault(t, err, fault.Conflict, "run.held")
		renewed := got(s.Renew(t.Context(), first.Fence(), later(20)))(t)
		same(t, "renewed until", renewed.LeaseUntil, later(20))
		_, err = s.Claim(t.Context(), "r1", "two", nil, later(20), time.Second)
		wantFault(t, err, fault.Conflict, "run.held")

		second := got(s.Claim(t.Context(), "r1", "two", nil, later(21), 10*time.Second))(t)
		if second.Attempt != 2 || second.Holder != "two" || !second.Started.Equal(later(1)) {
			t.Errorf("taken over as %+v", second)
		}
		must(t, s.Release(t.Context(), second.Fence()))
		got(s.Claim(t.Context(), "r1", "three", nil, later(22), 10*time.Second))(t)
		own := got(s.Claim(t.Context(), "r1", "three", nil, later(23), 10*time.Second))(t)
		dead := got(s.Claim(t.Context(), "r1", "four", []string{"three"}, later(24), 10*time.Second))(t)
		if own.Attempt != 4 || dead.Attempt != 5 {
			t.Errorf("attempts %d and %d, want 4 and 5", own.Attempt, dead.Attempt)
		}
	})
}

func TestOneOfManyClaimsAnExpiredRun(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		addFabric(t, s, "a")
		startRun(t, s, "r1", "a")
		var wg sync.WaitGroup
		errs := make([]error, 8)
		for i := range errs {
			wg.Go(func() {
				_, errs[i] = s.Claim(t.Context(), "r1", fmt.Sprint("w", i), nil, later(100), time.Minute)
			})
		}
		wg.Wait()
		winners := 0
		for _, err := range errs {
			if err == nil {
				winners++
			} else {
				wantFault(t, err, fault.Conflict, "run.held")
			}
		}
		if winners != 1 {
			t.Errorf("%d workers hold the run, want 1", winners)
		}
	})
}

func TestWriterThatLostItsRunChangesNothing(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		addFabric(t, s, "a")
		old := startRun(t, s, "r1", "a")
		must(t, s.SavePlan(t.Context(), old, "c0ffee", planOf(2)))
		must(t, s.Intend(t.Context(), old, []int{0, 1}, later(1)))
		taken := got(s.Claim(t.Context(), "r1", "worker-2", nil, later(100), time.Minute))(t)
		before := snapshotOf(t, s, "r1", "a")

		done := applied(planOf(1)[0], "r1")
		writes := map[string]func() error{
			"Renew":   func() error { _, err := s.Renew(t.Context(), old, later(500)); return err },
			"Release": func() error { return s.Release(t.Context(), old) },
			"PutStep": func() error {
				return s.PutStep(t.Context(), old, saga.StepRecord{Name: "apply", Dir: saga.Do, Status: saga.StepRunning})
			},
			"Move":     func() error { return s.Move(t.Context(), old, saga.Failed, nil, later(101)) },
			"SavePlan": func() error { return s.SavePlan(t.Context(), old, "dead", planOf(1)) },
			"Intend":   func() error { return s.Intend(t.Context(), old, []int{0}, later(101)) },
			"Finish": func() error {
				return s.Finish(t.Context(), old, []plannedDone{done}, saga.Progress{Done: 1}, later(101))
			},
			"Reverse": func() error {
				return s.Reverse(t.Context(), old, []plannedReversed{{Seq: 0, State: "undone", Forget: true}}, later(101))
			},
		}
		for name, write := range writes {
			if err := write(); fault.KindOf(err) != fault.Conflict || fault.CodeOf(err) != "run.lost" {
				t.Errorf("%s: got %v, want a conflict", name, err)
			}
		}
		same(t, "state after refused writes", snapshotOf(t, s, "r1", "a"), before)

		must(t, s.Move(t.Context(), taken.Fence(), saga.Failed, nil, later(102)))
		if err := s.Release(t.Context(), taken.Fence()); fault.CodeOf(err) != "run.lost" {
			t.Errorf("an ended run still has an owner: %v", err)
		}
	})
}

func TestRunMovesOnlyAsTheWordsAllow(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		n := 0
		for _, from := range []saga.Status{saga.Running, saga.Compensating} {
			for _, to := range saga.Statuses {
				n++
				id := saga.RunID(fmt.Sprintf("r%02d", n))
				f := settings(fabric.ID(id))
				got(s.CreateFabric(t.Context(), f, "ada", t0))(t)
				fence := startRun(t, s, id, f.ID)
				if from == saga.Compensating {
					must(t, s.Move(t.Context(), fence, saga.Compensating, nil, later(1)))
				}
				failure := &saga.Failure{Kind: fault.Unavailable, Message: "gone", Step: "apply"}
				err := s.Move(t.Context(), fence, to, failure, later(2))
				r := got(s.Run(t.Context(), id))(t)
				if !from.MayBecome(to) {
					wantFault(t, err, fault.Bug, "run.move")
					same(t, "refused", r.Status, from)
					continue
				}
				must(t, err)
				same(t, "moved", []any{r.Status, *r.Failure, r.Ended.IsZero(), r.LeaseUntil.IsZero()}, []any{to, *failure, to.Live(), !to.Live()})
			}
		}
	})
}

func TestCancelIsSeenByTheWorker(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		addFabric(t, s, "a")
		got(s.Create(t.Context(), pendingRun("r1", "a")))(t)
		r := got(s.Cancel(t.Context(), "r1", later(1)))(t)
		same(t, "pending run", []any{r.Status, r.Ended}, []any{saga.Cancelled, later(1)})
		_, err := s.Cancel(t.Context(), "r1", later(2))
		wantFault(t, err, fault.Conflict, "run.ended")
		_, err = s.Claim(t.Context(), "r1", "one", nil, later(2), time.Minute)
		wantFault(t, err, fault.Conflict, "run.ended")

		fence := startRun(t, s, "r2", "a")
		got(s.Cancel(t.Context(), "r2", later(3)))(t)
		got(s.Cancel(t.Context(), "r2", later(4)))(t)
		r = got(s.Renew(t.Context(), fence, later(90)))(t)
		same(t, "running run", []any{r.Status, r.CancelRequested}, []any{saga.Running, later(3)})
	})
}

func TestListOfRunsIsPagedWithoutGapOrRepeat(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		addFabric(t, s, "a")
		addFabric(t, s, "b")
		var want []saga.RunID
		for i := range 11 {
			id := saga.RunID(fmt.Sprintf("r%02d", i))
			endRun(t, s, startRun(t, s, id, "a"))
			want = append([]saga.RunID{id}, want...)
		}
		startRun(t, s, "r99", "b")
		var ids []saga.RunID
		filter := RunFilter{Fabric: "a", Statuses: []saga.Status{saga.Completed, saga.Failed}, Limit: 4}
		for {
			page := got(s.Runs(t.Context(), filter))(t)
			for _, r := range page {
				ids = append(ids, r.ID)
			}
			if len(page) < filter.Limit {
				break
			}
			filter.Before = page[len(page)-1].ID
		}
		same(t, "runs of a", ids, want)
		if n := len(got(s.Runs(t.Context(), RunFilter{}))(t)); n != 12 {
			t.Errorf("%d runs in all, want 12", n)
		}
	})
}

func TestLogHasOneLinePerStepAndDirection(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		addFabric(t, s, "a")
		fence := startRun(t, s, "r1", "a")
		fetch := saga.StepRecord{Run: "r1", Seq: 1, Name: "fetch", Dir: saga.Do, Try: 1, Status: saga.StepRunning, Started: t0}
		must(t, s.PutStep(t.Context(), fence, fetch))
		fetch.Try, fetch.Status, fetch.Failure = 2, saga.StepFailed, &saga.Failure{Kind: fault.Unavailable, Message: "no route\x00\xff"}
		must(t, s.PutStep(t.Context(), fence, fetch))
		fetch.Status, fetch.Failure, fetch.Output, fetch.Done = saga.StepCompleted, nil, []byte(`{"commit":"c0ffee"}`), later(2)
		must(t, s.PutStep(t.Context(), fence, fetch))
		must(t, s.PutStep(t.Context(), fence, fetch))
		undo := saga.StepRecord{Run: "r1", Seq: 2, Name: "fetch", Dir: saga.Undo, Try: 1, Status: saga.StepCompensated, Started: later(3), Done: later(4)}
		must(t, s.PutStep(t.Context(), fence, undo))

		again := fetch
		again.Status = saga.StepRunning
		wantFault(t, s.PutStep(t.Context(), fence, again), fault.Bug, "run.step")
		same(t, "log", got(s.Steps(t.Context(), "r1"))(t), []saga.StepRecord{fetch, undo})
	})
}

func TestCancelledContextChangesNothing(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		addFabric(t, s, "a")
		ctx, cancel := contextOf(t)
		cancel()
		_, err := s.Create(ctx, pendingRun("r1", "a"))
		if err == nil || fault.KindOf(err) == fault.Bug || errors.Is(err, nil) {
			t.Errorf("got %v", err)
		}
		same(t, "live runs", got(s.Live(t.Context()))(t), nil)
	})
}
