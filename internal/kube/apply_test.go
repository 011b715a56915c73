package kube_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/hedgesync/hedgesync/internal/fabric"
	"github.com/hedgesync/hedgesync/internal/fault"
	"github.com/hedgesync/hedgesync/internal/kube"
	"github.com/hedgesync/hedgesync/internal/plan"
)

type ending struct {
	Result plan.Result
	Kind   fault.Kind
	Code   string
	Writes int
}

func endingOf(o plan.Outcome) ending {
	e := ending{Result: o.Result, Writes: o.Writes}
	if o.Err != nil {
		e.Kind, e.Code = fault.KindOf(o.Err), fault.CodeOf(o.Err)
	}
	return e
}

func (w world) wantEnding(o plan.Outcome, want ending) {
	w.Helper()
	if d := cmp.Diff(want, endingOf(o)); d != "" {
		w.Errorf("outcome (-want +got):\n%s%v", d, o.Err)
	}
}

// A create that merged into what appeared meanwhile, or answered that it is there
// as wanted, would be taken back later by deleting what somebody else made.
func TestACreateLeavesWhatAppearedMeanwhileAlone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	cases := map[string]string{
		"with another value": "{text: theirs}",
		"as wanted":          "{text: ours}",
		"with other fields":  "{remark: theirs}",
	}
	for name, spec := range cases {
		t.Run(name, func(t *testing.T) {
			w.T = t
			object := strings.ReplaceAll(name, " ", "-")
			if _, err := w.raw().Create(t.Context(), unstructuredOf(w.gadget(object, spec)), metav1.CreateOptions{FieldManager: "kubectl"}); err != nil {
				t.Fatal(err)
			}
			theirs, _ := w.live(object)
			for _, dry := range []bool{true, false} {
				o := w.apply(plan.Change{Action: plan.Create, Want: w.gadget(object, "{text: ours}")}, kube.ApplyOptions{DryRun: dry})
				w.wantEnding(o, ending{plan.FailedTry, fault.Conflict, kube.CodeConflict, 0})
			}
			now, _ := w.live(object)
			if d := cmp.Diff(theirs, now); d != "" {
				t.Errorf("the object was changed (-theirs +now):\n%s", d)
			}
		})
	}
}

func TestAnUpdateIsRefusedOnceTheObjectHasMoved(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	have := w.created("a", "{text: one}")
	w.edit("a", `{"spec":{"remark":"theirs"}}`)
	o := w.apply(plan.Change{Action: plan.Update, Want: w.gadget("a", "{text: two}"), Have: have}, kube.ApplyOptions{})
	w.wantEnding(o, ending{plan.FailedTry, fault.Conflict, kube.CodeConflict, 0})
	if got := w.spec("a").(map[string]any)["text"]; got != "one" {
		t.Errorf("text is %v", got)
	}
}

func TestAnUpdateThatChangesNothingIsAlsoRefusedOnceTheObjectHasMoved(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	have := w.created("a", "{text: one}")
	w.edit("a", `{"spec":{"remark":"theirs"}}`)
	o := w.apply(plan.Change{Action: plan.Update, Want: w.gadget("a", "{text: one}"), Have: have}, kube.ApplyOptions{})
	w.wantEnding(o, ending{plan.FailedTry, fault.Conflict, kube.CodeConflict, 0})
}

func TestAnUpdateDoesNotCreateWhatWasDeleted(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	have := w.created("a", "{text: one}")
	if err := w.raw().Delete(t.Context(), "a", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	o := w.apply(plan.Change{Action: plan.Update, Want: w.gadget("a", "{text: two}"), Have: have}, kube.ApplyOptions{})
	w.wantEnding(o, ending{plan.FailedTry, fault.Conflict, kube.CodeConflict, 0})
	if _, there := w.live("a"); there {
		t.Error("the object was created again")
	}
}

func TestAnUpdateDoesNotTouchAnotherObjectOfTheSameName(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	have := w.created("a", "{text: one}")
	if err := w.raw().Delete(t.Context(), "a", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	again := w.created("a", "{text: another}")
	stale := *again
	stale.UID = have.UID
	o := w.apply(plan.Change{Action: plan.Update, Want: w.gadget("a", "{text: two}"), Have: &stale}, kube.ApplyOptions{})
	w.wantEnding(o, ending{plan.FailedTry, fault.Conflict, kube.CodeConflict, 0})
}

func TestAnUpdateTakesOverFieldsOfOthersAndReturnsTheObject(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.created("a", "{text: one}")
	w.edit("a", `{"spec":{"text":"theirs"}}`)
	have, _ := w.live("a")
	o := w.apply(plan.Change{Action: plan.Update, Want: w.gadget("a", "{text: one}"), Have: &have}, kube.ApplyOptions{})
	w.wantEnding(o, ending{Result: plan.Applied, Writes: 1})
	now, _ := w.live("a")
	if d := cmp.Diff(now, *o.Live); d != "" {
		t.Errorf("Live is not the object as stored (-stored +live):\n%s", d)
	}
}

func TestAnUpdateThatChangesNothingIsUnchanged(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	have := w.created("a", "{text: one}")
	o := w.apply(plan.Change{Action: plan.Update, Want: w.gadget("a", "{text: one}"), Have: have}, kube.ApplyOptions{})
	w.wantEnding(o, ending{Result: plan.Unchanged, Writes: 1})
}

func TestValuesNobodyWantsAreRemovedAfterTheUpdate(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.created("a", "{text: one, ports: {p1: {vlan: 1}}}")
	w.edit("a", `{"spec":{"ports":{"rogue":{"vlan":666}},"rows":[{"a":"x"},{"a":"keep"},{"a":"z"}],"remark":"theirs"}}`)
	have, _ := w.live("a")
	o := w.apply(plan.Change{
		Action: plan.Update, Want: w.gadget("a", "{text: two, ports: {p1: {vlan: 1}}}"), Have: &have,
		Remove: []string{"/spec/ports/rogue", "/spec/rows/0", "/spec/rows/2", "/spec/gone"},
	}, kube.ApplyOptions{})
	w.wantEnding(o, ending{Result: plan.Applied, Writes: 2})
	want := treeOf(t, "{text: two, size: medium, deep: {seconds: 30}, remark: theirs, rows: [{a: keep, b: 7}], ports: {p1: {vlan: 1}}}")
	if d := cmp.Diff(any(want), w.spec("a")); d != "" {
		t.Errorf("spec (-want +got):\n%s", d)
	}
	if d := cmp.Diff(w.spec("a"), o.Live.Object["spec"]); d != "" {
		t.Errorf("Live is not the object as stored:\n%s", d)
	}
}

func TestADeleteTakesOnlyTheObjectThatWasRead(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	have := w.created("a", "{text: one}")
	w.edit("a", `{"metadata":{"labels":{"touched":"yes"}}}`)
	o := w.apply(plan.Change{Action: plan.Delete, Have: have}, kube.ApplyOptions{})
	w.wantEnding(o, ending{plan.FailedTry, fault.Conflict, kube.CodeConflict, 0})
	now, there := w.live("a")
	if !there {
		t.Fatal("a moved object was deleted")
	}
	w.wantEnding(w.apply(plan.Change{Action: plan.Delete, Have: &now}, kube.ApplyOptions{}), ending{Result: plan.Applied, Writes: 1})
	if _, there := w.live("a"); there {
		t.Fatal("still there")
	}
	w.wantEnding(w.apply(plan.Change{Action: plan.Delete, Have: &now}, kube.ApplyOptions{}), ending{Result: plan.Unchanged})
}

func TestADeleteHeldByAFinalizerIsNotASuccess(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.created("a", "{text: one}")
	w.edit("a", `{"metadata":{"finalizers":["test.hedgesync.dev/hold"]}}`)
	have, _ := w.live("a")
	o := w.apply(plan.Change{Action: plan.Delete, Have: &have}, kube.ApplyOptions{})
	w.wantEnding(o, ending{plan.FailedTry, fault.Unavailable, kube.CodeFinalizer, 1})
	w.edit("a", `{"metadata":{"finalizers":null}}`)
}

func TestAReplaceMakesANewObject(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	have := w.created("a", "{serial: one}")
	o := w.apply(plan.Change{Action: plan.Replace, Want: w.gadget("a", "{serial: two}"), Have: have}, kube.ApplyOptions{})
	w.wantEnding(o, ending{Result: plan.Applied, Writes: 2})
	if now, _ := w.live("a"); now.UID == have.UID || o.Live == nil || o.Live.UID != now.UID {
		t.Errorf("was %s, is %s, reported %+v", have.UID, now.UID, o.Live)
	}
}

func TestWhatTheServerNeverAcceptsIsRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	in := func(namespace string) *fabric.Resource { return wanted(t, gadgets, namespace, "a", "{text: x}") }
	other := w.gadget("a", "{text: x}")
	other.Version = "v9"
	cases := map[string]struct {
		want *fabric.Resource
		ends ending
	}{
		"unknown field":     {w.gadget("a", "{nonsense: 1}"), ending{plan.Refused, fault.Invalid, "kube.unknown-field", 0}},
		"wrong type":        {w.gadget("a", "{low: [1]}"), ending{plan.Refused, fault.Invalid, "kube.unknown-field", 0}},
		"schema":            {w.gadget("a", "{size: huge}"), ending{plan.Refused, fault.Invalid, "kube.invalid", 0}},
		"rule":              {w.gadget("a", "{low: 3, high: 1}"), ending{plan.Refused, fault.Invalid, "kube.invalid", 0}},
		"missing namespace": {in("nowhere"), ending{plan.Refused, fault.Missing, "kube.namespace-missing", 0}},
		"unserved version":  {other, ending{plan.Refused, fault.Missing, kube.CodeKindMissing, 0}},
		"unserved kind":     {&fabric.Resource{Key: fabric.Key{Kind: absent, Namespace: "default", Name: "a"}, Version: "v1", Object: map[string]any{}}, ending{plan.Refused, fault.Missing, kube.CodeKindMissing, 0}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			w.T = t
			w.wantEnding(w.apply(plan.Change{Action: plan.Create, Want: c.want}, kube.ApplyOptions{}), c.ends)
		})
	}
}

func TestADryRunStoresNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	have, c, d := w.created("a", "{text: one}"), w.created("c", "{text: one}"), w.created("d", "{text: one}")
	changes := []plan.Change{
		{Action: plan.Update, Key: w.key("a"), Want: w.gadget("a", "{text: two}"), Have: have, Remove: []string{"/spec/size"}},
		{Action: plan.Create, Key: w.key("b"), Want: w.gadget("b", "{text: new}")},
		{Action: plan.Delete, Key: c.Key, Have: c},
		{Action: plan.Replace, Key: d.Key, Want: w.gadget("d", "{text: three}"), Have: d},
	}
	for i, o := range w.client.Apply(t.Context(), changes, kube.ApplyOptions{DryRun: true}) {
		if o.Result != plan.Applied {
			t.Errorf("change %d: %s: %v", i, o.Result, o.Err)
		}
	}
	for _, was := range []*fabric.Resource{have, c, d} {
		now, _ := w.live(was.Key.Name)
		if d := cmp.Diff(*was, now); d != "" {
			t.Errorf("the dry run changed the object:\n%s", d)
		}
	}
	if _, there := w.live("b"); there {
		t.Error("the dry run created an object")
	}
}

func TestThereIsOneOutcomePerChangeWhateverHappens(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var changes []plan.Change
	for i := range 60 {
		want := w.gadget(fmt.Sprintf("g%02d", i), "{text: x}")
		switch i % 3 {
		case 1:
			want.Object["spec"] = map[string]any{"nonsense": "x"}
		case 2:
			want.Object["spec"] = map[string]any{"text": func() {}} // cannot be encoded
		}
		changes = append(changes, plan.Change{Action: plan.Create, Key: want.Key, Want: want})
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	seen := map[int]int{}
	out := w.client.Apply(ctx, changes, kube.ApplyOptions{Progress: func(i int, o plan.Outcome) {
		if seen[i]++; len(seen) == 30 {
			cancel()
		}
		if o.Result == "" || o.Key != changes[i].Key {
			t.Errorf("change %d ended as %+v", i, o)
		}
	}})
	for i := range changes {
		if seen[i] != 1 {
			t.Errorf("change %d was reported %d times", i, seen[i])
		}
		if o := out[i]; (o.Result == plan.Applied) != (o.Err == nil) || o.Result == plan.Unchanged {
			t.Errorf("change %d ended as %s: %v", i, o.Result, o.Err)
		}
	}
}

func TestAfterIsHonouredWithinOneCall(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	change := func(name, spec string, after ...string) plan.Change {
		c := plan.Change{Action: plan.Create, Want: w.gadget(name, spec), Key: w.key(name)}
		for _, a := range after {
			c.After = append(c.After, w.key(a))
		}
		return c
	}
	changes := []plan.Change{
		change("c", "{text: x}", "b"), change("b", "{text: x}", "a"), change("a", "{text: x}"),
		change("e", "{text: x}", "bad"), change("f", "{text: x}", "e"), change("bad", "{nonsense: 1}"),
		change("y", "{text: x}", "z"), change("z", "{text: x}", "y"),
	}
	var order []string
	out := w.client.Apply(t.Context(), changes, kube.ApplyOptions{Progress: func(_ int, o plan.Outcome) {
		if o.Result == plan.Applied {
			order = append(order, o.Key.Name)
		}
	}})
	if d := cmp.Diff([]string{"a", "b", "c"}, order); d != "" {
		t.Errorf("order (-want +got):\n%s", d)
	}
	for i, code := range map[int]string{3: "kube.dependency", 4: "kube.dependency", 6: "kube.cycle", 7: "kube.cycle"} {
		w.wantEnding(out[i], ending{plan.FailedTry, fault.KindOf(out[i].Err), code, 0})
	}
}

func TestAWriteWithoutAnAnswerIsUnseenAndNotRepeated(t *testing.T) {
	t.Parallel()
	w := newWorldOfItsOwn(t)
	have := w.created("a", "{text: one}")
	w.server.Pause(t)
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	out := w.client.Apply(ctx, []plan.Change{
		{Action: plan.Update, Key: w.key("a"), Want: w.gadget("a", "{text: two}"), Have: have},
		{Action: plan.Create, Key: w.key("b"), Want: w.gadget("b", "{text: two}")},
	}, kube.ApplyOptions{Patience: time.Minute})
	w.server.Resume(t)
	for _, o := range out {
		w.wantEnding(o, ending{plan.Unseen, fault.Unknown, kube.CodeUnseen, 1})
	}
}

func TestAServerThatIsDownGotNothing(t *testing.T) {
	t.Parallel()
	w := newWorldOfItsOwn(t)
	have := w.created("a", "{text: one}")
	w.server.Kill(t)
	w.client.Close()
	o := w.apply(plan.Change{Action: plan.Update, Want: w.gadget("a", "{text: two}"), Have: have}, kube.ApplyOptions{})
	w.wantEnding(o, ending{plan.FailedTry, fault.Unavailable, "kube.tcp", 0})
}

func TestAServerThatRestartsIsWaitedFor(t *testing.T) {
	t.Parallel()
	w := newWorldOfItsOwn(t)
	w.created("a", "{text: one}")
	w.server.Kill(t)
	w.client.Close() // a request on the old connection would be Unseen
	done := make(chan []plan.Outcome)
	want := w.gadget("b", "{text: one}")
	go func() {
		done <- w.client.Apply(t.Context(), []plan.Change{{Action: plan.Create, Key: want.Key, Want: want}}, kube.ApplyOptions{Patience: time.Minute})
	}()
	w.server.Restart(t)
	w.wantEnding((<-done)[0], ending{Result: plan.Applied, Writes: 1})
}
