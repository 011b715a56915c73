package syncer

import (
	"cmp"
	"context"
	"fmt"

	"github.com/hedgesync/hedgesync/internal/fabric"
	"github.com/hedgesync/hedgesync/internal/fault"
)

// verify reads the cluster again and plans once more from our new record: the run
// has succeeded if nothing that it did is left to do.
func (e *execution) verify(ctx context.Context, _ int, _ bool) (any, error) {
	if err := e.recall(ctx); err != nil {
		return nil, err
	}
	l, err := e.again(ctx)
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

// again compares the run's commit with the cluster as it is now. Another worker
// may have read the commit: then this one reads it too.
func (e *execution) again(ctx context.Context) (Look, error) {
	l := Look{Settings: e.settings, Commit: e.look.Commit, Want: e.look.Want}
	var err error
	if l.Want == nil {
		if l.Commit, err = e.commit(ctx, e.settings, e.run.Commit); err != nil {
			return l, err
		}
		if l.Want, err = e.load(ctx, e.settings, l.Commit); err != nil {
			return l, err
		}
	}
	if l.Base, err = e.Store.Inventory(ctx, e.settings.ID); err != nil {
		return l, err
	}
	return l, e.compare(ctx, e.cluster, &l)
}

// unsettled names the changes of this run that succeeded and that the new plan
// would make again, and those of which it cannot tell. What came up since, or
// failed and was reported, is not this run's claim.
func (e *execution) unsettled(l Look) (left, unread []string) {
	claimed := map[fabric.Key]bool{}
	for _, p := range e.planned {
		if p.Batch == 0 || !succeeded(p) || claimed[p.Change.Key] {
			continue
		}
		claimed[p.Change.Key] = true
		if !l.Have.Covers(p.Change.Key.Kind) {
			unread = append(unread, p.Change.Key.String())
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
