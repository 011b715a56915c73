// Package status turns evidence and a clock into what is said of a fabric.
//
// Nothing here is stored and nothing else says these words: the same evidence and
// the same instant give the same verdict on every screen.
package status

import (
	"fmt"
	"time"

	"github.com/hedgesync/hedgesync/internal/fabric"
	"github.com/hedgesync/hedgesync/internal/plan"
	"github.com/hedgesync/hedgesync/internal/saga"
)

// Sync says how what is applied compares with what is wanted.
type Sync string

// The sync verdicts.
const (
	Synced    Sync = "Synced"
	OutOfSync Sync = "OutOfSync"
	Unknown   Sync = "Unknown"
)

// Phase says what is being done about it.
type Phase string

// The phases.
const (
	Idle    Phase = "Idle"    // nothing runs
	Queued  Phase = "Queued"  // a run waits for a worker
	Running Phase = "Running" // a worker holds the lease of a run
	Held    Phase = "Held"    // something waits for a person's decision
	Stalled Phase = "Stalled" // a run has no living worker, or the last one failed
)

// Lifetime is how long a comparison supports a verdict.
const Lifetime = 10 * time.Minute

// Evidence is all that a verdict stands on.
type Evidence struct {
	Settings fabric.Settings
	Check    plan.Check // the last completed comparison; its zero value: none
	Live     *saga.Run  // the run that is not ended, if any
	Last     *saga.Run  // the last run that ended, if any
}

// Verdict is what is said of a fabric, with what it stands on.
type Verdict struct {
	Sync    Sync
	Phase   Phase
	Reason  string    // one sentence: why Sync is so
	AsOf    time.Time // when the evidence for Sync was read; zero: never
	Expires time.Time // after this Sync is Unknown, whatever it was
}

// Summarize derives the verdict at an instant. For Sync, the first row that
// holds decides:
//
//	never compared                      Unknown
//	compared longer ago than Lifetime   Unknown
//	compared in the future              Unknown    the clock was set back
//	a run may have written since        Unknown
//	a kind could not be read            Unknown
//	something differs or is held        OutOfSync
//	otherwise                           Synced
func Summarize(e Evidence, now time.Time) Verdict {
	v := Verdict{Phase: phase(e, now), AsOf: e.Check.At}
	if !v.AsOf.IsZero() {
		v.Expires = v.AsOf.Add(Lifetime)
	}
	v.Sync, v.Reason = sync(e, v, now)
	return v
}

func sync(e Evidence, v Verdict, now time.Time) (Sync, string) {
	s := e.Check.Summary
	differs := s.Add + s.Change + s.Destroy
	switch {
	case v.AsOf.IsZero():
		return Unknown, "never checked"
	case now.After(v.Expires):
		return Unknown, "checked too long ago to say"
	case v.AsOf.After(now):
		return Unknown, "checked in the future: the clock was set back"
	case writtenSince(e):
		return Unknown, "a run wrote after the last check"
	case unread(e.Check) > 0:
		return Unknown, fmt.Sprintf("%d kinds could not be read", unread(e.Check))
	case differs > 0 || s.Held > 0:
		return OutOfSync, fmt.Sprintf("%d to add, %d to change, %d to destroy, %d held", s.Add, s.Change, s.Destroy, s.Held)
	}
	return Synced, fmt.Sprintf("%d objects are as commit %s wants them", s.Nothing+s.Adopt, short(e.Check.Commit))
}

// unread counts the kinds of which nobody knows what they hold. One that the
// cluster does not serve, as older fabrics do not serve gateways, holds nothing.
func unread(c plan.Check) int {
	n := 0
	for _, cover := range c.Unread {
		if cover.State != fabric.KindMissing {
			n++
		}
	}
	return n
}

// writtenSince reports whether a run that began to write ended, or goes on, with
// no comparison after it.
func writtenSince(e Evidence) bool {
	if e.Live != nil && e.Live.Progress.Total > 0 {
		return true
	}
	return e.Last != nil && e.Last.Progress.Done > 0 && e.Last.Ended.After(e.Check.At) &&
		e.Last.Status != saga.Completed && e.Last.Status != saga.Partial
}

func phase(e Evidence, now time.Time) Phase {
	switch {
	case e.Live != nil && e.Live.Status == saga.Pending:
		return Queued
	case e.Live != nil && e.Live.Holder != "" && !now.After(e.Live.LeaseUntil):
		return Running
	case e.Live != nil:
		return Stalled
	case e.Last != nil && (e.Last.Status == saga.Failed || e.Last.Status == saga.Compensated || e.Last.Status == saga.CompensationFailed):
		return Stalled
	case e.Check.Summary.Held > 0:
		return Held
	}
	return Idle
}

func short(commit string) string { return commit[:min(len(commit), 8)] }
