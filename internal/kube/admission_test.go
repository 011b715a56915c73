package kube_test

import (
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	admission "k8s.io/api/admission/v1"

	"github.com/hedgesync/hedgesync/internal/fabric"
	"github.com/hedgesync/hedgesync/internal/fault"
	"github.com/hedgesync/hedgesync/internal/kube"
	"github.com/hedgesync/hedgesync/internal/kubetest"
	"github.com/hedgesync/hedgesync/internal/plan"
)

func (w world) admit(mutate bool, review kubetest.Review) (stop func()) {
	w.Helper()
	return w.server.Admit(w, w.namespace, gadgets.Group, "v1", "gadgets", gadgets.Name, mutate, review)
}

func specOf(object map[string]any) map[string]any {
	spec, _ := object["spec"].(map[string]any)
	return spec
}

func TestARefusalThatEndsByItselfIsAskedAgainAfterTheOthers(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var base atomic.Bool
	w.admit(false, func(op admission.Operation, object map[string]any) (map[string]any, error) {
		switch text, _ := specOf(object)["text"].(string); {
		case text == "base":
			base.Store(true)
		case text == "needs base" && !base.Load():
			return nil, errors.New("base not found")
		case text == "never":
			return nil, errors.New("text never is not allowed")
		case text == "always missing":
			return nil, errors.New("thing x does not exist")
		}
		return nil, nil
	})
	var changes []plan.Change
	for i, text := range []string{"needs base", "never", "always missing", "base"} {
		want := w.gadget(fmt.Sprintf("g%d", i), "{text: "+text+"}")
		changes = append(changes, plan.Change{Action: plan.Create, Key: want.Key, Want: want})
	}
	var got []ending
	for _, o := range w.client.Apply(t.Context(), changes, kube.ApplyOptions{Patience: time.Second}) {
		got = append(got, endingOf(o))
	}
	want := []ending{
		{Result: plan.Applied, Writes: 1},
		{plan.Refused, fault.Invalid, "kube.admission", 0},
		{plan.FailedTry, fault.Unavailable, kube.CodeNotReady, 0},
		{Result: plan.Applied, Writes: 1},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("outcomes (-want +got):\n%s", d)
	}
}

func TestAControllerThatIsDownHasItsOwnName(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	have := w.created("old", "{text: x}")
	w.admit(false, func(admission.Operation, map[string]any) (map[string]any, error) { return nil, nil })()
	changes := []plan.Change{
		{Action: plan.Create, Key: w.key("a"), Want: w.gadget("a", "{text: x}")},
		{Action: plan.Delete, Key: have.Key, Have: have},
	}
	for _, o := range w.client.Apply(t.Context(), changes, kube.ApplyOptions{}) {
		w.wantEnding(o, ending{plan.FailedTry, fault.Unavailable, kube.CodeController, 0})
	}
	if _, err := w.client.DryRun(t.Context(), *w.gadget("a", "{text: x}")); fault.CodeOf(err) != kube.CodeController {
		t.Errorf("dry run: %v", err)
	}
}

func TestADryRunShowsWhatAdmissionMakesOfIt(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.admit(true, func(_ admission.Operation, object map[string]any) (map[string]any, error) {
		if spec := specOf(object); spec != nil && spec["code"] == nil {
			return with(object, "spec", with(spec, "code", "filled")), nil
		}
		return nil, nil
	})
	r, err := w.client.DryRun(t.Context(), *w.gadget("a", "{text: x}"))
	if err != nil {
		t.Fatal(err)
	}
	want := treeOf(t, "{text: x, code: filled, size: medium, deep: {seconds: 30}}")
	if d := cmp.Diff(any(want), r.Object["spec"]); d != "" {
		t.Errorf("spec (-want +got):\n%s", d)
	}
	// What a webhook fills has no owner: applying the same again changes nothing.
	have := w.created("a", "{text: x}")
	schemas, err := w.client.Schemas(t.Context(), []fabric.Kind{gadgets})
	if err != nil {
		t.Fatal(err)
	}
	p, err := schemas.Predict(have, *w.gadget("a", "{text: x}"), kube.Manager, true)
	if err != nil || p.Verdict != kube.Unchanged {
		t.Errorf("%s: %v", p.Verdict, err)
	}
}

func TestADeletedHalfOfAReplaceIsNotDeletedAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	have := w.created("a", "{serial: one}")
	var refusals atomic.Int32
	w.admit(false, func(op admission.Operation, object map[string]any) (map[string]any, error) {
		if op == admission.Create && specOf(object)["serial"] == "two" && refusals.Add(1) < 3 {
			return nil, errors.New("vpcinfo a not ready: retry later")
		}
		return nil, nil
	})
	o := w.apply(plan.Change{Action: plan.Replace, Want: w.gadget("a", "{serial: two}"), Have: have}, kube.ApplyOptions{Patience: 10 * time.Second})
	w.wantEnding(o, ending{Result: plan.Applied, Writes: 2})
}
