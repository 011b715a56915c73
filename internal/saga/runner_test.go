package saga_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/hedgesync/hedgesync/internal/fault"
	"github.com/hedgesync/hedgesync/internal/saga"
)

// journal is a small honest Journal in memory. die, when positive, counts down
// with every write: the write that reaches zero and all later ones fail, as they
// do for a process that was killed.
type journal struct {
	mu    sync.Mutex
	runs  map[saga.RunID]saga.Run
	steps map[saga.RunID][]saga.StepRecord
	die   int
}

var errKilled = errors.New("killed")

func newJournal(runs ...saga.Run) *journal {
	j := &journal{runs: map[saga.RunID]saga.Run{}, steps: map[saga.RunID][]saga.StepRecord{}}
	for _, r := range runs {
		j.runs[r.ID] = r
	}
	return j
}

func (j *journal) write(f saga.Fence) (saga.Run, error) {
	if j.die > 0 {
		if j.die--; j.die == 0 {
			j.die = -1
		}
	}
	if j.die < 0 {
		return saga.Run{}, errKilled
	}
	r := j.runs[f.Run]
	if r.Fence() != f {
		return r, fault.New(fault.Conflict, "", "fence")
	}
	return r, nil
}

func (j *journal) Create(_ context.Context, r saga.Run) (saga.Run, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.runs[r.ID] = r
	return r, nil
}

func (j *journal) Claim(_ context.Context, id saga.RunID, holder string, dead []string, now time.Time, ttl time.Duration) (saga.Run, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	r := j.runs[id]
	free := r.Holder == "" || r.Holder == holder || slices.Contains(dead, r.Holder) || now.After(r.LeaseUntil)
	if !r.Status.Live() || !free {
		return r, fault.New(fault.Conflict, "", "held by %s", r.Holder)
	}
	if r.Status == saga.Pending {
		r.Status = saga.Running
	}
	r.Holder, r.LeaseUntil, r.Attempt = holder, now.Add(ttl), r.Attempt+1
	j.runs[id] = r
	return r, nil
}

func (j *journal) Renew(_ context.Context, f saga.Fence, until time.Time) (saga.Run, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	r := j.runs[f.Run]
	if r.Fence() != f {
		return r, fault.New(fault.Conflict, "", "fence")
	}
	r.LeaseUntil = until
	j.runs[f.Run] = r
	return r, nil
}

func (j *journal) Release(_ context.Context, f saga.Fence) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	r := j.runs[f.Run]
	r.Holder = ""
	j.runs[f.Run] = r
	return nil
}

func (j *journal) Steps(_ context.Context, id saga.RunID) ([]saga.StepRecord, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return slices.Clone(j.steps[id]), nil
}

func (j *journal) PutStep(_ context.Context, f saga.Fence, s saga.StepRecord) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if _, err := j.write(f); err != nil {
		return err
	}
	i := slices.IndexFunc(j.steps[f.Run], func(x saga.StepRecord) bool { return x.Name == s.Name && x.Dir == s.Dir })
	if i >= 0 {
		j.steps[f.Run][i] = s
	} else {
		j.steps[f.Run] = append(j.steps[f.Run], s)
	}
	return nil
}

func (j *journal) Move(_ context.Context, f saga.Fence, to saga.Status, failure *saga.Failure, now time.Time) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	r, err := j.write(f)
	if err != nil {
		return err
	}
	if !r.Status.MayBecome(to) {
		return fault.New(fault.Bug, "", "%s to %s", r.Status, to)
	}
	r.Status, r.Failure = to, failure
	if !to.Live() {
		r.Ended, r.Holder = now, ""
	}
	j.runs[f.Run] = r
	return nil
}

func (j *journal) Cancel(_ context.Context, id saga.RunID, now time.Time) (saga.Run, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	r := j.runs[id]
	r.CancelRequested = now
	j.runs[id] = r
	return r, nil
}

func (j *journal) Live(context.Context) ([]saga.Run, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return slices.DeleteFunc(slices.Collect(maps.Values(j.runs)), func(r saga.Run) bool { return !r.Status.Live() }), nil
}

// work is a definition of n steps over a set of effects that outlives workers.
type work struct {
	n        int
	effects  map[string]bool
	fail     map[string]error // by step
	stuck    map[string]error // undo of a step
	tries    map[string]int
	takeBack bool
	during   func(ctx context.Context, name string)
}

func newWork(n int) *work {
	return &work{n: n, effects: map[string]bool{}, fail: map[string]error{}, stuck: map[string]error{}, tries: map[string]int{}, takeBack: true}
}

func (w *work) prepare(context.Context, saga.Run) (saga.Definition, error) { return w, nil }

func (w *work) Next(log saga.Log) (saga.Step, bool) {
	for i := range w.n {
		name := fmt.Sprint("s", i)
		if _, done := log.Completed(name); !done {
			return w.step(name), true
		}
	}
	return saga.Step{}, false
}

func (w *work) step(name string) saga.Step {
	return saga.Step{
		Name: name, Budget: 30 * time.Second,
		Do: func(ctx context.Context, try int, last bool) (any, error) {
			w.tries[name]++
			w.effects[name] = true
			if w.during != nil {
				w.during(ctx, name)
			}
			if ctx.Err() != nil {
				return nil, ctx.Err()
			}
			return map[string]int{"try": try}, w.fail[name]
		},
		Undo: func(context.Context) error {
			if err := w.stuck[name]; err != nil {
				return err
			}
			delete(w.effects, name)
			return nil
		},
	}
}

func (w *work) Step(name string) (saga.Step, bool)        { return w.step(name), true }
func (w *work) TakeBack(saga.Log, *saga.Failure) bool     { return w.takeBack }
func (w *work) End(saga.Log) (saga.Status, *saga.Failure) { return saga.Completed, nil }
func (w *work) left() []string                            { return slices.Sorted(maps.Keys(w.effects)) }

func runner(j saga.Journal, holder string) *saga.Runner {
	return &saga.Runner{
		Journal: j, Holder: holder, Now: time.Now, Tries: 3, TTL: 9 * time.Second, Grace: 5 * time.Second,
		Backoff: func(try int) time.Duration { return time.Duration(try) * time.Second },
		Wait: func(ctx context.Context, d time.Duration) error {
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-time.After(d):
				return nil
			}
		},
	}
}

const id saga.RunID = "r1"

func pending() saga.Run { return saga.Run{ID: id, Fabric: "lab", Status: saga.Pending} }

func TestStepsRunInOrderToCompletion(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j, w := newJournal(pending()), newWork(3)
		run, err := runner(j, "a").Drive(t.Context(), id, w.prepare)
		if err != nil || run.Status != saga.Completed {
			t.Fatalf("status %s, error %v", run.Status, err)
		}
		var got []string
		for _, s := range j.steps[id] {
			got = append(got, fmt.Sprintf("%d %s %s %s", s.Seq, s.Name, s.Dir, s.Status))
		}
		want := []string{"1 s0 do completed", "2 s1 do completed", "3 s2 do completed"}
		if d := cmp.Diff(want, got); d != "" {
			t.Error(d)
		}
	})
}

func TestFailureTakesBackEverythingInReverse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j, w := newJournal(pending()), newWork(4)
		w.fail["s2"] = fault.New(fault.Invalid, "x", "refused").WithHint("mend it")
		run, err := runner(j, "a").Drive(t.Context(), id, w.prepare)
		if err != nil || run.Status != saga.Compensated {
			t.Fatalf("status %s, error %v", run.Status, err)
		}
		if len(w.effects) != 0 {
			t.Errorf("left behind: %v", w.left())
		}
		want := &saga.Failure{Kind: fault.Invalid, Code: "x", Message: "refused", Hint: "mend it", Step: "s2"}
		if d := cmp.Diff(want, run.Failure); d != "" {
			t.Error(d)
		}
		if w.tries["s2"] != 1 {
			t.Errorf("an invalid step was tried %d times", w.tries["s2"])
		}
	})
}

func TestUnavailableIsTriedThreeTimes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j, w := newJournal(pending()), newWork(1)
		w.fail["s0"] = fault.New(fault.Unavailable, "", "down")
		began := time.Now()
		run, err := runner(j, "a").Drive(t.Context(), id, w.prepare)
		if err != nil || run.Status != saga.Compensated || w.tries["s0"] != 3 {
			t.Errorf("status %s, %d tries, error %v", run.Status, w.tries["s0"], err)
		}
		if waited := time.Since(began); waited != 3*time.Second {
			t.Errorf("waited %s between tries, want 1 s + 2 s", waited)
		}
	})
}

func TestWhatCannotBeTakenBackIsNeverSuccess(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j, w := newJournal(pending()), newWork(3)
		w.fail["s2"] = fault.New(fault.Invalid, "", "refused")
		w.stuck["s1"] = fault.New(fault.Conflict, "", "changed by somebody else")
		run, err := runner(j, "a").Drive(t.Context(), id, w.prepare)
		if err != nil || run.Status != saga.CompensationFailed {
			t.Fatalf("status %s, error %v", run.Status, err)
		}
		if d := cmp.Diff([]string{"s1"}, w.left()); d != "" {
			t.Error("one stuck step kept others from being taken back: " + d)
		}
	})
}

func TestKeepEndsFailedAndTouchesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j, w := newJournal(pending()), newWork(2)
		w.takeBack = false
		w.fail["s1"] = fault.New(fault.Denied, "", "no")
		run, err := runner(j, "a").Drive(t.Context(), id, w.prepare)
		if err != nil || run.Status != saga.Failed || len(w.effects) != 2 {
			t.Errorf("status %s, left %v, error %v", run.Status, w.left(), err)
		}
	})
}

func TestAPanicFailsTheStepNotTheProcess(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j, w := newJournal(pending()), newWork(1)
		w.during = func(context.Context, string) { panic("boom") }
		run, err := runner(j, "a").Drive(t.Context(), id, w.prepare)
		if err != nil || run.Status != saga.Compensated || run.Failure.Kind != fault.Bug {
			t.Errorf("run %+v, error %v", run, err)
		}
	})
}

func TestAStepPastItsBudgetIsCutAndTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j, w := newJournal(pending()), newWork(1)
		w.during = func(ctx context.Context, _ string) {
			if w.tries["s0"] == 1 {
				<-ctx.Done()
			}
		}
		run, err := runner(j, "a").Drive(t.Context(), id, w.prepare)
		if err != nil || run.Status != saga.Completed || w.tries["s0"] != 2 {
			t.Errorf("status %s, %d tries, error %v", run.Status, w.tries["s0"], err)
		}
	})
}

// SAG-09: a cancelled run stops within ten seconds even if its step does not.
func TestCancelStopsWithinTenSeconds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j, w := newJournal(pending()), newWork(3)
		var asked time.Time
		w.during = func(ctx context.Context, name string) {
			if name != "s1" {
				return
			}
			asked = time.Now()
			if _, err := j.Cancel(ctx, id, asked); err != nil {
				t.Error(err)
			}
			<-ctx.Done()
		}
		run, err := runner(j, "a").Drive(t.Context(), id, w.prepare)
		if err != nil || run.Status != saga.Compensated || run.Failure.Code != "run.cancelled" {
			t.Fatalf("run %+v, error %v", run, err)
		}
		if took := time.Since(asked); took > 10*time.Second {
			t.Errorf("took %s", took)
		}
		if len(w.effects) != 0 {
			t.Errorf("left behind: %v", w.left())
		}
	})
}

func TestALostLeaseStopsTheWorker(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j, w := newJournal(pending()), newWork(2)
		w.during = func(ctx context.Context, name string) {
			if w.tries[name] > 1 {
				return
			}
			j.mu.Lock()
			r := j.runs[id]
			r.Holder, r.Attempt = "b", r.Attempt+1
			j.runs[id] = r
			j.mu.Unlock()
			<-ctx.Done()
		}
		_, err := runner(j, "a").Drive(t.Context(), id, w.prepare)
		if fault.CodeOf(err) != "run.lost" {
			t.Errorf("error %v", err)
		}
		if got := j.steps[id][0].Status; got != saga.StepRunning {
			t.Errorf("the loser wrote %s after it lost the run", got)
		}
	})
}

func TestAStoppingProcessGivesTheRunBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j, w := newJournal(pending()), newWork(2)
		ctx, stop := context.WithCancel(t.Context())
		w.during = func(context.Context, string) { stop() }
		if _, err := runner(j, "a").Drive(ctx, id, w.prepare); err == nil {
			t.Fatal("no error from an interrupted run")
		}
		w.during = nil
		run, err := runner(j, "b").Drive(t.Context(), id, w.prepare)
		if err != nil || run.Status != saga.Completed {
			t.Errorf("status %s, error %v", run.Status, err)
		}
	})
}

func TestOneRunHasOneWorker(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		held := pending()
		held.Status, held.Holder, held.LeaseUntil = saga.Running, "b", time.Now().Add(time.Second)
		j, w := newJournal(held), newWork(1)
		if _, err := runner(j, "a").Drive(t.Context(), id, w.prepare); fault.KindOf(err) != fault.Conflict {
			t.Errorf("error %v", err)
		}
		r := runner(j, "a")
		r.Dead = func() []string { return []string{"b"} }
		if run, err := r.Drive(t.Context(), id, w.prepare); err != nil || run.Status != saga.Completed {
			t.Errorf("a dead holder's run: status %s, error %v", run.Status, err)
		}
	})
}

// Law 4 and SAG-05: whatever writes the process dies at, the next workers end
// the run, and either every effect stands or none does.
func TestAnyCrashHistoryEndsWholeOrTakenBack(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		j, w := newJournal(pending()), newWork(rapid.IntRange(1, 4).Draw(rt, "steps"))
		if rapid.Bool().Draw(rt, "fails") {
			at := rapid.IntRange(0, w.n-1).Draw(rt, "at")
			w.fail[fmt.Sprint("s", at)] = fault.New(fault.Invalid, "", "refused")
		}
		clock := time.Unix(0, 0)
		var run saga.Run
		for worker := 0; ; worker++ {
			j.die = 0
			if worker < 5 {
				j.die = rapid.IntRange(1, 12).Draw(rt, "dies at")
			}
			r := runner(j, fmt.Sprint("w", worker))
			r.Now = func() time.Time { return clock }
			var err error
			if run, err = r.Drive(t.Context(), id, w.prepare); err == nil {
				break
			}
			if worker > 5 {
				rt.Fatalf("a healthy worker could not end the run: %v", err)
			}
			clock = clock.Add(10 * time.Second) // the dead worker's lease runs out
		}
		switch {
		case len(w.fail) == 0 && (run.Status != saga.Completed || len(w.effects) != w.n):
			rt.Fatalf("status %s with effects %v of %d", run.Status, w.left(), w.n)
		case len(w.fail) > 0 && (run.Status != saga.Compensated || len(w.effects) != 0):
			rt.Fatalf("status %s with effects %v", run.Status, w.left())
		}
	})
}

func TestOnlyLegalMovesAreLegal(t *testing.T) {
	t.Parallel()
	for _, s := range saga.Statuses {
		for _, next := range saga.Statuses {
			if s.MayBecome(next) && !s.Live() {
				t.Errorf("%s has ended and may become %s", s, next)
			}
		}
		if s.MayBecome(saga.Pending) {
			t.Errorf("%s may become pending again", s)
		}
	}
}
