package kube

import (
	"context"
	"maps"
	"time"

	"github.com/hedgesync/hedgesync/internal/fabric"
	"github.com/hedgesync/hedgesync/internal/fault"
	"github.com/hedgesync/hedgesync/internal/plan"
)

// perform makes one attempt at a change and leaves its outcome in the task.
func (w writer) perform(ctx context.Context, t *task) {
	if err := complete(t.change); err != nil {
		t.fail(err)
		return
	}
	switch t.change.Action {
	case plan.Create:
		w.create(ctx, t)
	case plan.Update:
		w.update(ctx, t)
	case plan.Delete:
		w.drop(ctx, t)
	case plan.Replace:
		w.replace(ctx, t)
	}
}

// complete refuses a change that lacks what its action needs.
func complete(c plan.Change) error {
	needsWant, needsHave := c.Action != plan.Delete, c.Action != plan.Create
	switch {
	case needsWant && (c.Want == nil || c.Want.Object == nil):
		return fault.New(fault.Bug, "kube.change", "%s of %s without an object to send", c.Action, c.Key)
	case needsHave && (c.Have == nil || c.Have.UID == "" || c.Have.ResourceVersion == ""):
		return fault.New(fault.Bug, "kube.change", "%s of %s without the object it was decided on", c.Action, c.Key)
	}
	return nil
}

func (w writer) create(ctx context.Context, t *task) {
	stored, err := w.apply(ctx, *t.change.Want, nil)
	t.count(err)
	if err != nil {
		t.fail(wrap("create "+t.change.Key.String(), err))
		return
	}
	t.stored(stored, w.dry)
	w.tidy(ctx, t)
}

func (w writer) update(ctx context.Context, t *task) {
	stored, err := w.apply(ctx, *t.change.Want, t.change.Have)
	t.count(err)
	if err != nil {
		t.fail(wrap("update "+t.change.Key.String(), err))
		return
	}
	t.stored(stored, w.dry)
	w.tidy(ctx, t)
}

// tidy removes the values nobody wants that the answer still has, as they were
// when that was decided.
func (w writer) tidy(ctx context.Context, t *task) {
	live := *t.outcome.Live
	var left []string
	for _, p := range t.change.Remove {
		now, there := at(live.Object, p)
		var then any
		if t.change.Have != nil {
			then, _ = at(t.change.Have.Object, p)
		}
		if there && same(now, then) {
			left = append(left, p)
		}
	}
	// A dry run stored nothing that a second request could take from.
	if len(left) == 0 || w.dry {
		return
	}
	stored, err := w.remove(ctx, live, left)
	t.count(err)
	if err != nil {
		t.fail(wrap("remove what nobody wants from "+t.change.Key.String(), err))
		return
	}
	t.stored(stored, w.dry)
}

func (w writer) drop(ctx context.Context, t *task) {
	err := w.delete(ctx, *t.change.Have)
	t.count(err)
	if fault.CodeOf(err) == CodeMissing {
		t.outcome.Result = plan.Unchanged
		return
	}
	if err != nil {
		t.fail(wrap("delete "+t.change.Key.String(), err))
		return
	}
	t.outcome.Result = plan.Applied
}

// replace deletes, waits until the object is gone, and creates it anew. An attempt
// after a refused creation does not delete again.
func (w writer) replace(ctx context.Context, t *task) {
	if !t.deleted {
		err := w.delete(ctx, *t.change.Have)
		t.count(err)
		if err != nil && fault.CodeOf(err) != CodeMissing {
			t.fail(wrap("replace "+t.change.Key.String(), err))
			return
		}
		if w.dry {
			t.outcome.Result = plan.Applied
			return
		}
		if err := w.client.untilGone(ctx, *t.change.Have); err != nil {
			t.fail(wrap("replace "+t.change.Key.String(), err))
			return
		}
		t.deleted = true
	}
	stored, err := w.apply(ctx, *t.change.Want, nil)
	t.count(err)
	if err != nil {
		t.fail(wrap("create "+t.change.Key.String()+" again after deleting it", err))
		return
	}
	t.stored(stored, w.dry)
}

// untilGone waits until this very object no longer exists.
func (c *Client) untilGone(ctx context.Context, have fabric.Resource) error {
	deadline := time.Now().Add(goneLimit)
	for pause := firstPause / 8; ; pause = min(2*pause, time.Second) {
		left, err := c.Read(ctx, []fabric.Key{have.Key})
		if err != nil {
			return err
		}
		r, there := left[have.Key]
		if !there || r.UID != have.UID {
			return nil
		}
		if ctx.Err() != nil || time.Now().Add(pause).After(deadline) {
			return heldBack(r)
		}
		wait(ctx, nil, pause)
	}
}

// count adds a request that may have had an effect.
func (t *task) count(err error) {
	switch {
	case err == nil, fault.CodeOf(err) == CodeUnseen:
		t.outcome.Writes++
	}
}

// stored takes over the server's answer to a write.
func (t *task) stored(live fabric.Resource, dry bool) {
	t.outcome.Live = &live
	t.outcome.Err = nil
	t.outcome.Result = plan.Applied
	have := t.change.Have
	if have == nil || have.UID != live.UID || have.ResourceVersion != live.ResourceVersion {
		return
	}
	// A dry run answers with the version it started from, whatever it changed.
	if !dry || contentEqual(have.Object, live.Object) {
		t.outcome.Result = plan.Unchanged
	}
}

// contentEqual compares two objects but for who owns which field.
func contentEqual(a, b map[string]any) bool {
	return same(unowned(a), unowned(b))
}

func unowned(tree map[string]any) map[string]any {
	m, ok := tree["metadata"].(map[string]any)
	if !ok {
		return tree
	}
	m = maps.Clone(m)
	delete(m, "managedFields")
	tree = maps.Clone(tree)
	tree["metadata"] = m
	return tree
}

// fail records why an attempt did not succeed.
func (t *task) fail(err error) {
	t.outcome.Err = err
	switch {
	case fault.CodeOf(err) == CodeUnseen:
		t.outcome.Result = plan.Unseen
	case fault.KindOf(err) == fault.Invalid, fault.KindOf(err) == fault.Denied, fault.KindOf(err) == fault.Missing:
		t.outcome.Result = plan.Refused
	default:
		t.outcome.Result = plan.FailedTry
	}
}
