package kube

import (
	"context"

	"github.com/hedgesync/hedgesync/internal/fabric"
	"github.com/hedgesync/hedgesync/internal/plan"
)

// Undo is how to take one write back.
type Undo struct {
	Key  fabric.Key
	Left fabric.Resource  // the object as we left it; zero if we deleted it
	To   *fabric.Resource // the pre-image; nil if there was none
}

// Restore takes writes back, each only if the object is still as we left it, and
// returns one outcome per undo, by index. A restored object has the content of
// its pre-image; we own all of it then.
func (c *Client) Restore(ctx context.Context, undo []Undo, o ApplyOptions) []plan.Outcome {
	changes := make([]plan.Change, len(undo))
	for i, u := range undo {
		changes[i] = u.change()
	}
	return c.Apply(ctx, changes, o)
}

func (u Undo) change() plan.Change {
	left := u.Left
	if left.Version == "" && u.To != nil {
		left.Version = u.To.Version
	}
	left.Key = u.Key
	switch {
	case u.To == nil && left.UID == "":
		return plan.Change{Key: u.Key, Action: plan.None}
	case u.To == nil:
		return plan.Change{Key: u.Key, Action: plan.Delete, Have: &left}
	case left.UID == "":
		return plan.Change{Key: u.Key, Action: plan.Create, Want: u.To}
	}
	return plan.Change{Key: u.Key, Action: plan.Update, Want: u.To, Have: &left}
}
