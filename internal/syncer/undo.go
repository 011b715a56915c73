package syncer

import (
	"context"
	"errors"
	"slices"

	"github.com/hedgesync/hedgesync/internal/fabric"
	"github.com/hedgesync/hedgesync/internal/fault"
	"github.com/hedgesync/hedgesync/internal/hedgehog"
	"github.com/hedgesync/hedgesync/internal/plan"
)

// takeBack restores what one batch changed, each object only if it is still as the
// batch left it. What remains is named: a person must look at it.
func (e *execution) takeBack(ctx context.Context, batch int) error {
	if err := e.recall(ctx); err != nil {
		return err
	}
	if err := e.clarify(ctx, batch); err != nil {
		return err
	}
	places, undo := e.effects(batch)
	if len(undo) == 0 {
		return nil
	}
	outcomes := e.cluster.Apply(ctx, undo, nil)
	reversed := make([]plan.Reversed, len(outcomes))
	var errs []error
	for i, o := range outcomes {
		p := &e.planned[places[i]]
		reversed[i] = reverse(*p, o)
		p.Undone, p.Residue = reversed[i].State, reversed[i].Residue
		if p.Undone != plan.Undone {
			errs = append(errs, fault.Wrap(o.Key.String(), cause(plan.Planned{Outcome: o})))
		}
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), journalBudget)
	defer cancel()
	if err := e.Store.Reverse(ctx, e.run.Fence(), reversed, e.Now()); err != nil {
		return fault.Wrap("journal what was taken back", err)
	}
	return errors.Join(errs...)
}

// effects returns the changes of a batch that had an effect and were not taken
// back yet, and the change that takes each back. They go in reverse: what had to
// come first goes last.
func (e *execution) effects(batch int) ([]int, []plan.Change) {
	var places []int
	var undo []plan.Change
	after := map[fabric.Key][]fabric.Key{}
	for i, p := range slices.Backward(e.planned) {
		if p.Batch != batch || p.Undone == plan.Undone || !effective(p) {
			continue
		}
		back := opposite(p)
		back.After = after[back.Key]
		for _, k := range p.Change.After {
			after[k] = append(after[k], back.Key)
		}
		places, undo = append(places, i), append(undo, back)
	}
	return places, undo
}

// effective reports whether the cluster is not as it was before the change: it was
// applied, or a part of it was.
func effective(p plan.Planned) bool {
	return p.Outcome.Result == plan.Applied || p.Outcome.Writes > 0 && p.Outcome.Result != plan.Unchanged
}

// opposite is the change that takes one back: to the pre-image, on condition that
// the object is as it was left.
func opposite(p plan.Planned) plan.Change {
	back := plan.Change{Key: p.Change.Key, Cause: plan.Source, Tier: p.Change.Tier}
	if before := p.Change.Have; before != nil {
		want := *before
		want.Object = hedgehog.Canonical(before.Object)
		back.Want = &want
	}
	back.Have = p.Outcome.Live
	switch {
	case back.Want == nil:
		back.Action = plan.Delete
	case back.Have == nil:
		back.Action = plan.Create
	default:
		back.Action = plan.Update
	}
	return back
}

// reverse says what to remember of one change that was taken back: the record as
// it was before, of the object as it is now.
func reverse(p plan.Planned, o plan.Outcome) plan.Reversed {
	r := plan.Reversed{Seq: p.Seq, State: plan.Undone}
	if o.Result != plan.Applied && o.Result != plan.Unchanged {
		r.State, r.Residue = plan.UndoLeft, cause(plan.Planned{Outcome: o}).Error()
		return r
	}
	base := p.Change.Base
	if base == nil {
		r.Forget = true
		return r
	}
	entry := *base
	// Only a record that was up to date before may be up to date now: drift that
	// the run had corrected is drift again.
	before := p.Change.Have
	if o.Live != nil && before != nil && base.UID == before.UID && base.ResourceVersion == before.ResourceVersion {
		entry.UID, entry.ResourceVersion = o.Live.UID, o.Live.ResourceVersion
	}
	r.Entry = &entry
	return r
}
