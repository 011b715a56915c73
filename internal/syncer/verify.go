package syncer

import (
	"context"
	"fmt"
	"strings"

	"github.com/hedgesync/hedgesync/internal/fault"
	"github.com/hedgesync/hedgesync/internal/plan"
)

// verify reads the cluster again, in full, and plans once more from our new
// record: the run has succeeded if nothing that it could do is left to do.
func (e *execution) verify(ctx context.Context, _ int, _ bool) (any, error) {
	l := e.look
	l.Settings = e.settings
	if err := e.recall(ctx); err != nil {
		return nil, err
	}
	var err error
	if l.Want == nil {
		// Another worker read the commit; this one reads it again from the cache.
		if l.Commit, err = e.Repo.Resolve(ctx, e.settings.Repository, e.run.Commit); err != nil {
			return nil, err
		}
		if l.Want, err = e.load(ctx, e.settings, l.Commit); err != nil {
			return nil, err
		}
	}
	if l.Base, err = e.Store.Inventory(ctx, e.settings.ID); err != nil {
		return nil, err
	}
	if err := e.compare(ctx, e.cluster, &l); err != nil {
		return nil, err
	}
	if err := e.remember(ctx, l); err != nil {
		return nil, err
	}
	left := e.unsettled(l.Plan)
	if len(left) > 0 {
		return nil, fault.New(fault.Conflict, "sync.left", "read back: %d of the changes are not so: %s", len(left), strings.Join(left, ", ")).
			WithHint("somebody else changed these objects meanwhile; hedgesync plan %s shows how they stand", e.settings.ID)
	}
	return map[string]any{"as_of": l.At, "objects": l.Have.Len()}, nil
}

// unsettled names the changes of this run that succeeded and that the new plan
// would make again. What came up since, or failed and was reported, is not this
// run's claim.
func (e *execution) unsettled(again plan.Plan) []string {
	claimed := map[string]bool{}
	for _, p := range e.planned {
		if p.Batch > 0 && succeeded(p) {
			claimed[p.Change.Key.String()] = true
		}
	}
	var left []string
	for _, c := range again.Changes {
		if c.Action.Writes() && claimed[c.Key.String()] {
			left = append(left, fmt.Sprintf("%s (%s)", c.Key, c.Action))
		}
	}
	return left
}
