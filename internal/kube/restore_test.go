package kube_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hedgesync/hedgesync/internal/fault"
	"github.com/hedgesync/hedgesync/internal/kube"
	"github.com/hedgesync/hedgesync/internal/plan"
)

func TestARestoreBringsBackTheContentOfThePreImage(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.created("changed", "{text: one, ports: {p1: {vlan: 1}}}")
	w.edit("changed", `{"spec":{"remark":"theirs"},"metadata":{"labels":{"x":"y"}}}`)
	before, _ := w.live("changed")
	changed := w.apply(plan.Change{Action: plan.Update, Want: w.gadget("changed", "{text: two, code: new, ports: {p2: {vlan: 2}}}"), Have: &before, Remove: []string{"/spec/remark"}}, kube.ApplyOptions{})
	deleted := w.created("deleted", "{text: one}")
	w.apply(plan.Change{Action: plan.Delete, Have: deleted}, kube.ApplyOptions{})
	added := w.created("added", "{text: one}")
	moved := w.created("moved", "{text: one}")
	w.edit("moved", `{"spec":{"text":"theirs"}}`)

	out := w.client.Restore(t.Context(), []kube.Undo{
		{Key: before.Key, Left: *changed.Live, To: &before},
		{Key: deleted.Key, To: deleted},
		{Key: added.Key, Left: *added},
		{Key: moved.Key, Left: *moved},
	}, kube.ApplyOptions{})
	for _, o := range out[:3] {
		w.wantEnding(o, ending{Result: plan.Applied, Writes: 1})
	}
	w.wantEnding(out[3], ending{plan.FailedTry, fault.Conflict, kube.CodeConflict, 0})

	after, _ := w.live("changed")
	if d := cmp.Diff(before.Object["spec"], after.Object["spec"]); d != "" {
		t.Errorf("changed (-before +after):\n%s", d)
	}
	if d := cmp.Diff(deleted.Object["spec"], w.spec("deleted")); d != "" {
		t.Errorf("deleted (-before +after):\n%s", d)
	}
	if _, there := w.live("added"); there {
		t.Error("what was added is still there")
	}
	if _, there := w.live("moved"); !there {
		t.Error("what somebody changed since was deleted")
	}
}
