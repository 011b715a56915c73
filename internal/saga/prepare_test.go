package saga_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hedgesync/hedgesync/internal/fault"
	"github.com/hedgesync/hedgesync/internal/saga"
)

func failing(err error) saga.Prepare {
	return func(context.Context, saga.Run) (saga.Definition, error) { return nil, err }
}

// A run that no worker can prepare ends if nothing was begun, else it stays for a
// worker that can.
func TestARunThatCannotBePreparedEndsOnlyIfNothingWasBegun(t *testing.T) {
	cases := map[string]struct {
		cause     fault.Kind
		begun     bool
		cancelled bool
		want      saga.Status
		kind      fault.Kind // of the error of Drive
	}{
		"for good":                         {fault.Invalid, false, false, saga.Failed, fault.Invalid},
		"for good, cancelled":              {fault.Invalid, false, true, saga.Cancelled, fault.Invalid},
		"for a while":                      {fault.Unavailable, false, false, saga.Running, fault.Unavailable},
		"for a while, cancelled":           {fault.Unavailable, false, true, saga.Cancelled, fault.Unavailable},
		"for good, begun":                  {fault.Missing, true, false, saga.Running, fault.Unavailable},
		"for good, begun and cancelled":    {fault.Invalid, true, true, saga.Running, fault.Unavailable},
		"by another version, begun":        {fault.Conflict, true, false, saga.Running, fault.Unavailable},
		"for a while, begun and cancelled": {fault.Unavailable, true, true, saga.Running, fault.Unavailable},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				run := pending()
				if c.cancelled {
					run.CancelRequested = time.Now()
				}
				j := newJournal(run)
				if c.begun {
					j.steps[id] = []saga.StepRecord{{Run: id, Seq: 1, Name: "s0", Dir: saga.Do, Try: 1, Status: saga.StepRunning}}
				}
				_, err := runner(j, "a").Drive(t.Context(), id, failing(fault.New(c.cause, "x", "no connection").WithHint("mend it")))
				if fault.KindOf(err) != c.kind || fault.CodeOf(err) != "x" || fault.HintOf(err) != "mend it" {
					t.Errorf("error %s %q: %v", fault.KindOf(err), fault.HintOf(err), err)
				}
				got := j.runs[id]
				if got.Status != c.want || got.Holder != "" {
					t.Errorf("status %s, held by %q", got.Status, got.Holder)
				}
				if c.want == saga.Cancelled && got.Failure.Code != saga.ErrCancelled.Code {
					t.Errorf("failure %+v", got.Failure)
				}
			})
		})
	}
}

// Preparing may read back what a dead worker began, which takes longer than a
// lease: nobody else may get the run meanwhile.
func TestTheLeaseIsKeptWhilePreparing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j, w := newJournal(pending()), newWork(1)
		slow := func(ctx context.Context, r saga.Run) (saga.Definition, error) {
			time.Sleep(time.Minute)
			_, err := j.Claim(ctx, id, "b", nil, time.Now(), time.Second)
			if fault.KindOf(err) != fault.Conflict {
				t.Errorf("another worker got the run: %v", err)
			}
			return w, nil
		}
		run, err := runner(j, "a").Drive(t.Context(), id, slow)
		if err != nil || run.Status != saga.Completed {
			t.Errorf("status %s, error %v", run.Status, err)
		}
	})
}

func TestAStoppingProcessGivesBackARunItPrepares(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := newJournal(pending())
		ctx, stop := context.WithCancel(t.Context())
		_, err := runner(j, "a").Drive(ctx, id, func(ctx context.Context, _ saga.Run) (saga.Definition, error) {
			stop()
			return nil, ctx.Err()
		})
		if err == nil {
			t.Error("no error from an interrupted run")
		}
		got := j.runs[id]
		if d := cmp.Diff([2]string{string(saga.Running), ""}, [2]string{string(got.Status), got.Holder}); d != "" {
			t.Error(d)
		}
	})
}
