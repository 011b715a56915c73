package syncer

import (
	"context"
	"slices"

	"github.com/hedgesync/hedgesync/internal/fabric"
	"github.com/hedgesync/hedgesync/internal/fault"
	"github.com/hedgesync/hedgesync/internal/hedgehog"
	"github.com/hedgesync/hedgesync/internal/plan"
)

// takeBack restores what one batch changed, each object only if it is still as the
// batch left it. It reads before it writes: an earlier try, or a worker that died,
// may have restored some already. What remains is named: a person must look at it.
func (e *execution) takeBack(ctx context.Context, batch int) error {
	if err := e.permitted(ctx); err != nil {
		return err
	}
	if err := e.resume(ctx, batch); err != nil {
		return err
	}
	if err := e.clarify(ctx, batch); err != nil {
		return err
	}
	places := e.effects(batch)
	if len(places) == 0 {
		return nil
	}
	keys := make([]fabric.Key, len(places))
	for i, place := range places {
		keys[i] = e.planned[place].Change.Key
	}
	live, err := e.cluster.Read(ctx, keys)
	if err != nil {
		return fault.Wrap("read what is to be taken back", err)
	}
	outcomes := e.restore(ctx, places, live)
	return e.reversed(ctx, places, outcomes)
}

// effects returns the places of a batch's changes that left something in the
// cluster or in our record and were not taken back yet, the last one first.
func (e *execution) effects(batch int) []int {
	var places []int
	for i, p := range slices.Backward(e.planned) {
		if p.Batch == batch && p.Undone != plan.Undone && (effective(p) || succeeded(p)) {
			places = append(places, i)
		}
	}
	return places
}

// effective reports whether the cluster may not be as it was before the change: it
// was applied, or a part of it was.
func effective(p plan.Planned) bool {
	return p.Outcome.Result == plan.Applied || p.Outcome.Writes > 0 && p.Outcome.Result != plan.Unchanged
}

// restore sends what takes the changes back and returns one outcome for each.
func (e *execution) restore(ctx context.Context, places []int, live map[fabric.Key]fabric.Resource) []plan.Outcome {
	outcomes := make([]plan.Outcome, len(places))
	var undo []plan.Change
	var sent []int
	for i, place := range places {
		p := e.planned[place]
		c, o := opposite(p, at(live, p.Change.Key))
		if outcomes[i] = o; o.Result == "" {
			undo, sent = append(undo, c), append(sent, i)
		}
	}
	if len(undo) > 0 {
		for n, o := range e.cluster.Apply(ctx, undo, nil) {
			outcomes[sent[n]] = o
		}
	}
	return outcomes
}

// opposite decides how a change is taken back, by the object as it is now. It
// returns the change to send, with an empty outcome; or the outcome, if nothing is
// to be sent.
//
//	now             before: was not there     before: was there
//	as before       nothing                   nothing
//	as we left it   delete                    update, or create if we deleted it
//	otherwise       refused                   refused
func opposite(p plan.Planned, live *fabric.Resource) (plan.Change, plan.Outcome) {
	key, before, left := p.Change.Key, p.Change.Have, p.Outcome.Live
	nothing := plan.Outcome{Key: key, Result: plan.Unchanged, Live: live}
	back := plan.Change{Key: key, Cause: plan.Source, Tier: p.Change.Tier, Have: live}
	switch {
	case !effective(p):
		return back, nothing
	case live != nil && terminating(*live):
		return back, plan.Outcome{Key: key, Result: plan.FailedTry, Err: going(*live)}
	case before == nil && live == nil, before != nil && live != nil && sameContent(*before, *live):
		return back, nothing
	case !asLeft(p, left, live) && !halfBack(before, left, live):
		return back, plan.Outcome{Key: key, Result: plan.Refused, Err: fault.New(fault.Conflict, "sync.residue", "it is not as this run left it")}
	case before == nil:
		back.Action = plan.Delete
		return back, plan.Outcome{}
	}
	want := preImage(*before)
	back.Want, back.Action = &want, plan.Create
	if live != nil {
		back.Action, back.Remove = plan.Update, additions(want, *live)
	}
	return back, plan.Outcome{}
}

// asLeft reports whether an object still is what a change left.
func asLeft(p plan.Planned, left, live *fabric.Resource) bool {
	if p.Change.Action == plan.Delete {
		return live == nil
	}
	return left != nil && live != nil && left.UID == live.UID && sameContent(*left, *live)
}

// halfBack reports whether an object is on its way back: the apply of the pre-image
// arrived, and the removal of what it does not have did not.
func halfBack(before, left, live *fabric.Resource) bool {
	if before == nil || left == nil || live == nil || left.UID != live.UID {
		return false
	}
	want := preImage(*before)
	return only(hedgehog.Difference(hedgehog.Expected(want.Object), live.Object), additions(want, *left))
}

// preImage returns a live object as it is sent to restore it.
func preImage(before fabric.Resource) fabric.Resource {
	before.Object = hedgehog.Canonical(before.Object)
	return before
}

// additions returns the pointers of the values that live has and want does not:
// an apply alone leaves those that are not ours.
func additions(want, live fabric.Resource) []string {
	var pointers []string
	for _, d := range hedgehog.Difference(hedgehog.Expected(want.Object), live.Object) {
		if d.New == nil && !present(want.Object, d.Pointer) {
			pointers = append(pointers, d.Pointer)
		}
	}
	return pointers
}

// reversed journals what became of taking changes back, and says what remains.
// What may still go is worth another try.
func (e *execution) reversed(ctx context.Context, places []int, outcomes []plan.Outcome) error {
	reversed := make([]plan.Reversed, len(places))
	kind := fault.Conflict
	var errs []error
	for i, o := range outcomes {
		p := &e.planned[places[i]]
		reversed[i] = reverse(*p, o)
		if reversed[i].State == plan.Undone {
			continue
		}
		errs = append(errs, fault.Wrap(o.Key.String(), cause(o)))
		if o.Result != plan.Refused {
			kind = fault.Unavailable
		}
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), journalBudget)
	defer cancel()
	if err := e.Store.Reverse(ctx, e.run.Fence(), reversed, e.Now()); err != nil {
		return fault.Wrap("journal what was taken back", err)
	}
	for i, r := range reversed {
		e.planned[places[i]].Undone, e.planned[places[i]].Residue = r.State, r.Residue
	}
	if len(errs) == 0 {
		return nil
	}
	return summed(kind, errs)
}

// reverse says what to remember of one change that was taken back: the record as
// it was before, of the object as it is now.
func reverse(p plan.Planned, o plan.Outcome) plan.Reversed {
	r := plan.Reversed{Seq: p.Seq, State: plan.Undone}
	if o.Result != plan.Applied && o.Result != plan.Unchanged {
		r.State, r.Residue = plan.UndoLeft, cause(o).Error()
		return r
	}
	base := p.Change.Base
	if base == nil {
		r.Forget = true
		return r
	}
	entry := *base
	before := p.Change.Have
	if o.Live != nil && before != nil && base.UID == before.UID {
		entry.UID = o.Live.UID // it was ours, and what we made anew is ours
		// Only a record that was up to date before may be up to date now: drift that
		// the run had corrected is drift again.
		if base.ResourceVersion == before.ResourceVersion {
			entry.ResourceVersion = o.Live.ResourceVersion
		}
	}
	r.Entry = &entry
	return r
}

// unrecord takes back what the run did to our record without touching the cluster.
func (e *execution) unrecord(ctx context.Context) error {
	if err := e.recall(ctx); err != nil {
		return err
	}
	var back []plan.Reversed
	for _, p := range e.planned {
		if p.Batch == 0 && succeeded(p) && p.Undone != plan.Undone {
			back = append(back, reverse(p, plan.Outcome{Key: p.Change.Key, Result: plan.Unchanged}))
		}
	}
	if len(back) == 0 {
		return nil
	}
	return fault.Wrap("journal the record taken back", e.Store.Reverse(ctx, e.run.Fence(), back, e.Now()))
}
