package status_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hedgesync/hedgesync/internal/fabric"
	"github.com/hedgesync/hedgesync/internal/plan"
	"github.com/hedgesync/hedgesync/internal/saga"
	"github.com/hedgesync/hedgesync/internal/status"
)

var now = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

func checked(s plan.Summary) plan.Check {
	return plan.Check{At: now.Add(-time.Minute), Commit: "0123456789abcdef", Summary: s}
}

func run(s saga.Status, done int) *saga.Run {
	return &saga.Run{Status: s, Progress: saga.Progress{Done: done, Total: done}, Ended: now.Add(-30 * time.Second)}
}

// Every row of the table, and each precondition of Synced taken away alone (STA-04, STA-07).
func TestSyncIsDerivedByTheTable(t *testing.T) {
	t.Parallel()
	unread := checked(plan.Summary{Nothing: 5})
	unread.Unread = map[fabric.Kind]fabric.Coverage{{Name: "VPC"}: {State: fabric.Forbidden}}
	unserved := checked(plan.Summary{Nothing: 5})
	unserved.Unread = map[fabric.Kind]fabric.Coverage{{Name: "Gateway"}: {State: fabric.KindMissing}}
	future, old, edge := checked(plan.Summary{}), checked(plan.Summary{}), checked(plan.Summary{Nothing: 1})
	future.At, old.At, edge.At = now.Add(time.Second), now.Add(-status.Lifetime-time.Second), now.Add(-status.Lifetime)
	for name, c := range map[string]struct {
		e    status.Evidence
		want status.Sync
	}{
		"never checked is unknown, not good":  {status.Evidence{}, status.Unknown},
		"old":                                 {status.Evidence{Check: old}, status.Unknown},
		"exactly as old as allowed":           {status.Evidence{Check: edge}, status.Synced},
		"the clock was set back":              {status.Evidence{Check: future}, status.Unknown},
		"a kind is unread":                    {status.Evidence{Check: unread}, status.Unknown},
		"a kind is not served":                {status.Evidence{Check: unserved}, status.Synced},
		"something to add":                    {status.Evidence{Check: checked(plan.Summary{Add: 1})}, status.OutOfSync},
		"something to change":                 {status.Evidence{Check: checked(plan.Summary{Change: 1})}, status.OutOfSync},
		"something to destroy":                {status.Evidence{Check: checked(plan.Summary{Destroy: 1})}, status.OutOfSync},
		"something held":                      {status.Evidence{Check: checked(plan.Summary{Held: 1})}, status.OutOfSync},
		"extra objects are not ours to judge": {status.Evidence{Check: checked(plan.Summary{Nothing: 3, Extra: 2})}, status.Synced},
		"all as wanted":                       {status.Evidence{Check: checked(plan.Summary{Nothing: 3})}, status.Synced},
		"a run is writing":                    {status.Evidence{Check: checked(plan.Summary{Nothing: 3}), Live: run(saga.Running, 1)}, status.Unknown},
		"a failed run wrote after the check":  {status.Evidence{Check: checked(plan.Summary{Nothing: 3}), Last: run(saga.Failed, 1)}, status.Unknown},
		"a failed run that wrote nothing":     {status.Evidence{Check: checked(plan.Summary{Nothing: 3}), Last: run(saga.Failed, 0)}, status.Synced},
		"a completed run read back itself":    {status.Evidence{Check: checked(plan.Summary{Nothing: 3}), Last: run(saga.Completed, 1)}, status.Synced},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := status.Summarize(c.e, now); got.Sync != c.want || got.Reason == "" {
				t.Errorf("got %+v, want %s with a reason", got, c.want)
			}
		})
	}
}

// STA-10: a dead worker never leaves Running beyond its lease.
func TestPhaseIsRunningOnlyWhileALeaseLives(t *testing.T) {
	t.Parallel()
	held := saga.Run{Status: saga.Running, Holder: "a", LeaseUntil: now}
	lost := held
	lost.LeaseUntil = now.Add(-time.Nanosecond)
	got := map[string]status.Phase{
		"nothing":            status.Summarize(status.Evidence{}, now).Phase,
		"pending":            status.Summarize(status.Evidence{Live: &saga.Run{Status: saga.Pending}}, now).Phase,
		"lease alive":        status.Summarize(status.Evidence{Live: &held}, now).Phase,
		"lease run out":      status.Summarize(status.Evidence{Live: &lost}, now).Phase,
		"last failed":        status.Summarize(status.Evidence{Last: run(saga.Compensated, 0)}, now).Phase,
		"a person must look": status.Summarize(status.Evidence{Check: checked(plan.Summary{Held: 1})}, now).Phase,
	}
	want := map[string]status.Phase{
		"nothing": status.Idle, "pending": status.Queued, "lease alive": status.Running,
		"lease run out": status.Stalled, "last failed": status.Stalled, "a person must look": status.Held,
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}
