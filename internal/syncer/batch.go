package syncer

import (
	"context"
	"errors"
	"time"

	"github.com/hedgesync/hedgesync/internal/fabric"
	"github.com/hedgesync/hedgesync/internal/fault"
	"github.com/hedgesync/hedgesync/internal/hedgehog"
	"github.com/hedgesync/hedgesync/internal/plan"
	"github.com/hedgesync/hedgesync/internal/saga"
)

// number gives the changes worth remembering their place and their batch. What
// is equal on all sides and recorded as such is left out.
func number(p plan.Plan, size int) []plan.Planned {
	batch := map[int]int{}
	for i, b := range plan.Batches(p, size) {
		for _, c := range b.Changes {
			batch[c] = i + 1
		}
	}
	var planned []plan.Planned
	for i, c := range p.Changes {
		if c.Action == plan.None && !stale(c) {
			continue
		}
		planned = append(planned, plan.Planned{Seq: len(planned), Batch: batch[i], Change: c})
	}
	return planned
}

// stale reports whether our record of an equal object names an older version of
// it, so that the next look could not tell by metadata that nothing moved.
func stale(c plan.Change) bool {
	if c.Base == nil || c.Have == nil || c.Want == nil {
		return false
	}
	return c.Base.ResourceVersion != c.Have.ResourceVersion || c.Base.UID != c.Have.UID || c.Base.WantHash != c.Want.Hash
}

// apply makes one batch so. What an earlier try or worker began and did not see
// the end of is read before it is sent again.
func (e *execution) apply(ctx context.Context, batch int, last bool) (any, error) {
	if err := e.recall(ctx); err != nil {
		return nil, err
	}
	if err := e.clarify(ctx, batch); err != nil {
		return nil, err
	}
	todo := e.ready(batch)
	if len(todo) > 0 {
		if err := e.send(ctx, batch, todo); err != nil {
			return nil, err
		}
		if err := e.clarify(ctx, batch); err != nil {
			return nil, err
		}
	}
	return e.judge(batch, last)
}

// recall reads the plan from the journal if this worker did not make it.
func (e *execution) recall(ctx context.Context) (err error) {
	if e.planned == nil {
		e.planned, err = e.Store.Plan(ctx, e.run.ID)
	}
	return err
}

// ready returns the places of a batch's changes that are still to be sent. A
// change that needs one that failed gets its outcome here and is not sent.
func (e *execution) ready(batch int) []int {
	failed := map[fabric.Key]bool{}
	for _, p := range e.planned {
		if ended(p) && !succeeded(p) {
			failed[p.Change.Key] = true
		}
	}
	var todo []int
	for i, p := range e.planned {
		if p.Batch != batch || ended(p) {
			continue
		}
		if need, ok := needs(p.Change, failed); ok {
			e.planned[i].Outcome = plan.Outcome{Key: p.Change.Key, Result: plan.Refused,
				Err: fault.New(fault.Missing, "sync.dependency", "not sent: it needs %s, which failed", need)}
			continue
		}
		todo = append(todo, i)
	}
	return todo
}

// needs returns a failed object that a change refers to. A delete needs none.
func needs(c plan.Change, failed map[fabric.Key]bool) (fabric.Key, bool) {
	if c.Want == nil || len(failed) == 0 {
		return fabric.Key{}, false
	}
	for _, ref := range hedgehog.References(*c.Want) {
		if failed[ref.To] {
			return ref.To, true
		}
	}
	return fabric.Key{}, false
}

// ended reports whether a change needs nothing more: it succeeded, or failed in a
// way that another try cannot mend.
func ended(p plan.Planned) bool {
	switch p.Outcome.Result {
	case plan.Applied, plan.Unchanged, plan.Refused:
		return true
	}
	return false
}

func succeeded(p plan.Planned) bool {
	return p.Outcome.Result == plan.Applied || p.Outcome.Result == plan.Unchanged
}

// send journals the intent, makes the changes, and journals what came of it.
func (e *execution) send(ctx context.Context, batch int, todo []int) error {
	seqs := make([]int, len(todo))
	changes := make([]plan.Change, len(todo))
	for i, place := range todo {
		seqs[i], changes[i] = e.planned[place].Seq, e.planned[place].Change
		if rest, begun := e.resend[place]; begun {
			changes[i] = rest
		}
	}
	now := e.Now()
	if err := e.Store.Intend(ctx, e.run.Fence(), seqs, now); err != nil {
		return fault.Wrap("journal intents", err)
	}
	for _, place := range todo {
		e.planned[place].Intended = now
	}
	outcomes := e.cluster.Apply(ctx, changes, nil)
	for i, place := range todo {
		e.planned[place].Outcome = taken(changes[i], outcomes[i])
	}
	// What was sent was sent: its outcome is journalled even if this try is over.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), journalBudget)
	defer cancel()
	return e.finish(ctx, e.results(batch))
}

// taken looks at what the server stored: an answer of success is none if a value
// that was sent is not there. Admission of a fabric empties some invalid input
// without a word.
func taken(c plan.Change, o plan.Outcome) plan.Outcome {
	if o.Result != plan.Applied && o.Result != plan.Unchanged || o.Live == nil || o.Live.Object == nil || c.Want == nil {
		return o
	}
	for _, d := range hedgehog.Difference(hedgehog.Canonical(c.Want.Object), o.Live.Object) {
		if d.New != nil {
			o.Result = plan.Refused
			o.Err = fault.New(fault.Invalid, "sync.not-stored", "the server accepted it and stored something else at %s: %v instead of %v", d.Pointer, d.Old, d.New).
				WithHint("the value is not one the fabric's controller can use: correct it in Git")
			return o
		}
	}
	return o
}

// journalBudget bounds a journal write that must not be lost to a cancelled step.
const journalBudget = 10 * time.Second

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
	case !succeeded(p):
	case p.Change.Action == plan.Delete:
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

func (e *execution) commitID() string {
	if e.look.Commit.ID != "" {
		return e.look.Commit.ID
	}
	return e.run.Commit
}

// finish stores outcomes with our record and how far the run is.
func (e *execution) finish(ctx context.Context, done []plan.Done) error {
	now := e.Now()
	for _, d := range done {
		// A result that another try may change is stored, and stays open.
		p := &e.planned[d.Seq]
		p.Outcome = d.Outcome
		if ended(*p) {
			p.Done = now
		}
	}
	return fault.Wrap("journal outcomes", e.Store.Finish(ctx, e.run.Fence(), done, e.progress(), now))
}

func (e *execution) progress() saga.Progress {
	var p saga.Progress
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
	return p
}

// judge turns a batch's outcomes into the step's result.
func (e *execution) judge(batch int, last bool) (any, error) {
	var b Batching
	var errs []error
	again := false
	for _, p := range e.planned {
		switch {
		case p.Batch != batch:
		case p.Outcome.Result == plan.Applied:
			b.Applied++
		case p.Outcome.Result == plan.Unchanged:
			b.Unchanged++
		default:
			b.Failed++
			again = again || !ended(p)
			errs = append(errs, fault.Wrap(p.Change.Key.String(), cause(p)))
		}
	}
	switch {
	case b.Failed == 0:
		return b, nil
	case again && !last:
		return nil, &fault.Error{Kind: fault.Unavailable, Code: "sync.again", Err: errors.Join(errs...)}
	case e.settings.OnFailure == fabric.Keep:
		return b, nil
	}
	return nil, &fault.Error{Kind: fault.KindOf(errs[0]), Code: fault.CodeOf(errs[0]), Hint: fault.HintOf(errs[0]), Err: errors.Join(errs...)}
}

func cause(p plan.Planned) error {
	if p.Outcome.Err != nil {
		return p.Outcome.Err
	}
	return fault.New(fault.Unknown, "sync.unseen", "no outcome was seen")
}
