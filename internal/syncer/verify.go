package syncer

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/hedgesync/hedgesync/internal/fabric"
	"github.com/hedgesync/hedgesync/internal/fault"
)

// verify reads the cluster again, in full, and plans once more from our new
// record: the run has succeeded if nothing that it did is left to do.
func (e *execution) verify(ctx context.Context, _ int, _ bool) (any, error) {
	if err := e.recall(ctx); err != nil {
		return nil, err
	}
	if err := e.want(ctx); err != nil {
		return nil, err
	}
	l, err := e.compared(ctx, true)
	if err != nil {
		return nil, err
	}
	if err := e.remember(ctx, l, e.run.ID); err != nil {
		return nil, err
	}
	left, unread := e.unsettled(l)
	switch {
	case len(left) > 0:
		return nil, fault.New(fault.Conflict, "sync.left", "read back: %d of the changes are not so: %s", len(left), listed(left)).
			WithHint("somebody else changed these objects meanwhile; hedgesync plan %s shows how they stand", e.settings.ID)
	case len(unread) > 0:
		return nil, fault.New(fault.Unavailable, "sync.unverified", "could not be read back: %s", listed(unread)).
			WithHint("hedgesync plan %s shows which kinds cannot be read, and why", e.settings.ID)
	}
	return map[string]any{"as_of": l.At, "objects": l.Have.Len()}, nil
}

// unsettled names the objects that this run claims and that the new plan would
// write again, and those of which it cannot tell.
func (e *execution) unsettled(l Look) (left, unread []string) {
	claimed := e.claimed()
	for _, k := range slices.SortedFunc(maps.Keys(claimed), fabric.Key.Compare) {
		if !l.Have.Covers(k.Kind) {
			unread = append(unread, k.String())
		}
	}
	for _, c := range l.Plan.Changes {
		action := cmp.Or(c.Would, c.Action)
		if action.Writes() && claimed[c.Key] && l.Have.Covers(c.Key.Kind) {
			left = append(left, fmt.Sprintf("%s (%s)", c.Key, action))
		}
	}
	return left, unread
}

// claimed returns the objects of which every change of this run succeeded. What
// failed was reported, and what came up since is not this run's claim.
func (e *execution) claimed() map[fabric.Key]bool {
	claimed := map[fabric.Key]bool{}
	for _, p := range e.planned {
		if p.Batch > 0 {
			before, other := claimed[p.Change.Key]
			claimed[p.Change.Key] = succeeded(p) && (before || !other)
		}
	}
	maps.DeleteFunc(claimed, func(_ fabric.Key, all bool) bool { return !all })
	return claimed
}
