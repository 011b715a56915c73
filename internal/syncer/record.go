package syncer

import (
	"context"
	"time"

	"github.com/hedgesync/hedgesync/internal/fault"
	"github.com/hedgesync/hedgesync/internal/hedgehog"
	"github.com/hedgesync/hedgesync/internal/plan"
	"github.com/hedgesync/hedgesync/internal/saga"
)

// journalBudget bounds a journal write that must not be lost to a cancelled step.
const journalBudget = 10 * time.Second

var noTime time.Time

// results returns what the changes of a batch leave behind that is not stored yet.
func (e *execution) results(batch int) []plan.Done {
	var done []plan.Done
	for _, p := range e.planned {
		if p.Batch == batch && p.Done.IsZero() && p.Outcome.Result != "" {
			done = append(done, e.result(p))
		}
	}
	return done
}

func (e *execution) result(p plan.Planned) plan.Done {
	d := plan.Done{Seq: p.Seq, Outcome: p.Outcome}
	switch {
	case fault.CodeOf(p.Outcome.Err) == codeNotStored:
		// The object is ours and not as wanted: the record says what is there, so
		// that every plan from now on finds the difference.
		entry := e.entry(p)
		entry.WantHash, entry.Applied = "", hedgehog.Canonical(p.Outcome.Live.Object)
		d.Entry = &entry
	case !succeeded(p):
	case p.Change.Action == plan.Delete, p.Change.Action == plan.Forget:
		d.Forget = true
	default:
		entry := e.entry(p)
		d.Entry = &entry
	}
	return d
}

// entry is our record of an object as a change leaves it.
func (e *execution) entry(p plan.Planned) plan.Entry {
	c := p.Change
	entry := plan.Entry{Key: c.Key, Commit: e.commitID(), Run: string(e.run.ID), At: e.Now()}
	if c.Want != nil {
		entry.Version, entry.WantHash, entry.Origin = c.Want.Version, c.Want.Hash, c.Want.Origin
		entry.Applied = hedgehog.Canonical(c.Want.Object)
	}
	live := p.Outcome.Live
	if live == nil {
		live = c.Have
	}
	if live != nil {
		entry.UID, entry.ResourceVersion = live.UID, live.ResourceVersion
	}
	return entry
}

// commitID is the commit that the run brings: the one its plan was stored with,
// whatever the branch's head is by now.
func (e *execution) commitID() string {
	if e.run.Commit != "" {
		return e.run.Commit
	}
	return e.look.Commit.ID
}

// finish stores outcomes with our record and how far the run is. Only what is
// stored counts as done: if the store fails, the next try brings it again.
func (e *execution) finish(ctx context.Context, done []plan.Done) error {
	now := e.Now()
	for _, d := range done {
		e.planned[d.Seq].Outcome = d.Outcome
	}
	progress := e.progress()
	if err := e.Store.Finish(ctx, e.run.Fence(), done, progress, now); err != nil {
		return fault.Wrap("journal outcomes", err)
	}
	e.run.Progress = progress
	for _, d := range done {
		if p := &e.planned[d.Seq]; ended(*p) {
			p.Done = now
		}
	}
	return nil
}

// progress counts the changes that send something, and those that had an outcome.
// One that is tried again had one, so the count does not go back.
func (e *execution) progress() saga.Progress {
	was := e.run.Progress
	p := saga.Progress{Batch: was.Batch}
	for _, c := range e.planned {
		if c.Batch == 0 {
			continue
		}
		p.Total++
		p.Batches = max(p.Batches, c.Batch)
		if c.Outcome.Result != "" {
			p.Done++
			p.Batch = max(p.Batch, c.Batch)
		}
	}
	p.Done = max(p.Done, was.Done)
	return p
}
