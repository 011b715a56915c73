package syncer

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/hedgesync/hedgesync/internal/fabric"
	"github.com/hedgesync/hedgesync/internal/fault"
	"github.com/hedgesync/hedgesync/internal/hedgehog"
	"github.com/hedgesync/hedgesync/internal/plan"
)

// number gives the changes worth remembering their place and their batch: first
// what sends something, in the order in which it is sent, then the rest. A Replace
// is two changes, because other writes may come between its delete and its create.
// What is equal on all sides and recorded as such is left out.
func number(p plan.Plan, size int) []plan.Planned {
	var planned []plan.Planned
	add := func(batch int, c plan.Change) {
		planned = append(planned, plan.Planned{Seq: len(planned), Batch: batch, Change: c})
	}
	sent := map[int]bool{}
	for n, b := range plan.Batches(p, size) {
		for _, i := range b.Changes {
			add(n+1, p.Step(b.Phase, i))
			sent[i] = true
		}
	}
	for i, c := range p.Changes {
		if !sent[i] && c.Action != plan.None {
			add(0, c)
		}
	}
	return planned
}

// apply makes one batch so. What an earlier try or worker began and did not see
// the end of is read before it is sent again.
func (e *execution) apply(ctx context.Context, batch int, last bool) (any, error) {
	if err := e.permitted(ctx); err != nil {
		return nil, err
	}
	if err := e.resume(ctx, batch); err != nil {
		return nil, err
	}
	if err := e.refuse(ctx, batch); err != nil {
		return nil, err
	}
	if err := e.clarify(ctx, batch); err != nil {
		return nil, err
	}
	if todo := e.ready(batch); len(todo) > 0 {
		if err := e.send(ctx, batch, todo); err != nil {
			return nil, err
		}
		if err := e.clarify(ctx, batch); err != nil {
			return nil, err
		}
	}
	return e.judge(batch, last)
}

// permitted reads again whether the fabric may be written: who puts it into
// observe mode stops the run before its next batch.
func (e *execution) permitted(ctx context.Context) error {
	s, err := e.Store.Settings(ctx, e.settings.ID)
	if err != nil {
		return err
	}
	e.settings.Mode = s.Mode
	if s.Mode != fabric.Enforce {
		return observed(s.ID)
	}
	return nil
}

// resume brings the journal and this worker's memory of a batch together.
func (e *execution) resume(ctx context.Context, batch int) error {
	if err := e.recall(ctx); err != nil {
		return err
	}
	if done := e.results(batch); len(done) > 0 {
		// Outcomes that were seen when the journal could not be written.
		return e.finish(ctx, done)
	}
	return nil
}

// recall reads the plan from the journal if this worker did not make it.
func (e *execution) recall(ctx context.Context) (err error) {
	if e.planned == nil {
		e.planned, err = e.Store.Plan(ctx, e.run.ID)
	}
	return err
}

// refuse gives their outcome to the changes of a batch that need one of an earlier
// batch which did not succeed. They are not sent. The intent is journalled all the
// same: a change with an outcome has one.
func (e *execution) refuse(ctx context.Context, batch int) error {
	failed := e.failed(batch)
	var seqs []int
	var done []plan.Done
	for _, p := range e.planned {
		if p.Batch != batch || ended(p) {
			continue
		}
		if need, lacks := needs(p.Change, failed); lacks {
			seqs = append(seqs, p.Seq)
			done = append(done, plan.Done{Seq: p.Seq, Outcome: plan.Outcome{Key: p.Change.Key, Result: plan.Refused,
				Err: fault.New(fault.Missing, "sync.dependency", "not sent: %s had to come first, and did not succeed", need)}})
		}
	}
	if len(done) == 0 {
		return nil
	}
	if err := e.Store.Intend(ctx, e.run.Fence(), seqs, e.Now()); err != nil {
		return fault.Wrap("journal what is not sent", err)
	}
	return e.finish(ctx, done)
}

// failed returns the objects of which a change in a batch before this one did not
// succeed. Earlier batches are over: nothing is tried in them any more.
func (e *execution) failed(batch int) map[fabric.Key]bool {
	keys := map[fabric.Key]bool{}
	for _, p := range e.planned {
		if p.Batch > 0 && p.Batch < batch && !succeeded(p) {
			keys[p.Change.Key] = true
		}
	}
	return keys
}

// needs returns a failed object that a change needs: one that must come before it,
// or the other half of a replacement.
func needs(c plan.Change, failed map[fabric.Key]bool) (fabric.Key, bool) {
	if failed[c.Key] {
		return c.Key, true
	}
	i := slices.IndexFunc(c.After, func(k fabric.Key) bool { return failed[k] })
	if i < 0 {
		return fabric.Key{}, false
	}
	return c.After[i], true
}

// ready returns the places of a batch's changes that are still to be sent: not
// those of which it is not known yet what became of them.
func (e *execution) ready(batch int) []int {
	var todo []int
	for i, p := range e.planned {
		_, known := e.resend[i]
		if p.Batch == batch && !ended(p) && (known || !unclear(p)) {
			todo = append(todo, i)
		}
	}
	return todo
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
		seqs[i], changes[i] = e.planned[place].Seq, e.sendable(place)
	}
	now := e.Now()
	if err := e.Store.Intend(ctx, e.run.Fence(), seqs, now); err != nil {
		return fault.Wrap("journal intents", err)
	}
	outcomes := e.cluster.Apply(ctx, changes, nil)
	e.measure(len(changes), e.Now().Sub(now))
	for i, place := range todo {
		p := &e.planned[place]
		p.Intended, p.Done, p.Outcome = now, noTime, carried(p.Outcome, believed(changes[i], outcomes[i]))
		delete(e.resend, place)
	}
	// What was sent was sent: its outcome is journalled even if this try is over.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), journalBudget)
	defer cancel()
	return e.finish(ctx, e.results(batch))
}

// codeNotStored is the code of a write that the server accepted without keeping
// what was sent.
const codeNotStored = "sync.not-stored"

// believed looks at what the server stored: an answer of success is none if a value
// that was sent is not there. Admission empties some invalid input without a word.
func believed(c plan.Change, o plan.Outcome) plan.Outcome {
	if !succeeded(plan.Planned{Outcome: o}) || o.Live == nil || o.Live.Object == nil || c.Want == nil {
		return o
	}
	for _, d := range hedgehog.Difference(hedgehog.Canonical(c.Want.Object), o.Live.Object) {
		if d.New == nil {
			continue // there besides what was sent
		}
		o.Result = plan.Refused
		o.Err = fault.New(fault.Invalid, codeNotStored, "the server accepted it and stored something else at %s: %v instead of %v", d.Pointer, d.Old, d.New).
			WithHint("the fabric's controller cannot use the value: correct it in Git")
		return o
	}
	return o
}

// sendable returns a change as it has to be sent now. The batches hold the order;
// within one nothing waits for anything.
func (e *execution) sendable(place int) plan.Change {
	c := e.planned[place].Change
	c.After = nil
	if from, begun := e.resend[place]; begun && c.Have != nil {
		c.Have = &from
	}
	return c
}

// carried adds to an outcome what earlier tries of the same change left behind.
func carried(before, now plan.Outcome) plan.Outcome {
	now.Writes += before.Writes
	if now.Live == nil && before.Writes > 0 && now.Result != plan.Applied {
		now.Live = before.Live
	}
	if now.Result == plan.Unchanged && before.Writes > 0 {
		now.Result = plan.Applied
	}
	return now
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
			errs = append(errs, fault.Wrap(p.Change.Key.String(), cause(p.Outcome)))
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
	return nil, summed(fault.KindOf(errs[0]), errs)
}

// summed joins the errors of several objects; code and hint are those of the first.
func summed(kind fault.Kind, errs []error) error {
	listed := errs[:min(len(errs), mostListed)]
	if more := len(errs) - len(listed); more > 0 {
		listed = append(slices.Clone(listed), fmt.Errorf("and %d more", more))
	}
	return &fault.Error{Kind: kind, Code: fault.CodeOf(errs[0]), Hint: fault.HintOf(errs[0]), Err: errors.Join(listed...)}
}

func cause(o plan.Outcome) error {
	if o.Err != nil {
		return o.Err
	}
	return fault.New(fault.Unknown, "sync.unseen", "no outcome was seen")
}
