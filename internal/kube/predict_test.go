package kube_test

import (
	"testing"

	rbac "k8s.io/api/rbac/v1"

	"github.com/hedgesync/hedgesync/internal/fabric"
	"github.com/hedgesync/hedgesync/internal/fault"
	"github.com/hedgesync/hedgesync/internal/kube"
)

func TestSchemasNeedNoRightsAndAreKeptWhileTheyStay(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := connect(t, w.server.User(t, rbac.PolicyRule{APIGroups: []string{"test.hedgesync.dev"}, Resources: []string{"gadgets"}, Verbs: []string{"list"}}))
	first, err := c.Schemas(t.Context(), []fabric.Kind{gadgets, vpcs})
	if err != nil {
		t.Fatal(err)
	}
	again, err := c.Schemas(t.Context(), []fabric.Kind{vpcs, gadgets, vpcs})
	if err != nil || again != first {
		t.Errorf("the same schemas were built again: %v", err)
	}
	other, err := c.Schemas(t.Context(), []fabric.Kind{gadgets})
	if err != nil || other == first {
		t.Errorf("schemas of other kinds were given: %v", err)
	}
}

func TestWhatCannotBePredictedIsAnError(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s, err := w.client.Schemas(t.Context(), []fabric.Kind{gadgets, absent})
	if err != nil {
		t.Fatal(err)
	}
	want := w.gadget("a", "{text: x}")
	light := &fabric.Resource{Key: want.Key, Version: "v1", UID: "u", ResourceVersion: "1"}
	if _, err := s.Predict(light, *want, kube.Manager, true); fault.KindOf(err) != fault.Bug {
		t.Errorf("an object without content: %v", err)
	}
	want.Version = "v9"
	if _, err := s.Predict(nil, *want, kube.Manager, true); fault.KindOf(err) != fault.Missing {
		t.Errorf("an unknown version: %v", err)
	}
}

func TestAPredictionIsRememberedOnlyForTheSameQuestion(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s, err := w.client.Schemas(t.Context(), []fabric.Kind{gadgets})
	if err != nil {
		t.Fatal(err)
	}
	have := w.created("a", "{text: one}")
	ask := func(have *fabric.Resource, want *fabric.Resource, force bool) kube.Verdict {
		t.Helper()
		p, err := s.Predict(have, *want, kube.Manager, force)
		if err != nil {
			t.Fatal(err)
		}
		return p.Verdict
	}
	one, two := w.gadget("a", "{text: one}"), w.gadget("a", "{text: two}")
	w.edit("a", `{"spec":{"text":"theirs"}}`)
	moved, _ := w.live("a")
	for range 2 {
		for _, c := range []struct {
			have, want *fabric.Resource
			force      bool
			verdict    kube.Verdict
		}{
			{have, one, true, kube.Unchanged},
			{have, two, true, kube.Changed},
			{&moved, two, true, kube.Changed},
			{&moved, two, false, kube.Conflict},
			{&moved, one, true, kube.Changed},
			{nil, one, true, kube.Created},
		} {
			if got := ask(c.have, c.want, c.force); got != c.verdict {
				t.Errorf("%v, force %v: %s, want %s", c.want.Object["spec"], c.force, got, c.verdict)
			}
		}
	}
}

func TestAStatusOrFloatInWhatIsWantedIsNoChange(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s, err := w.client.Schemas(t.Context(), []fabric.Kind{gadgets})
	if err != nil {
		t.Fatal(err)
	}
	have := w.created("a", "{text: one, high: 3}")
	want := w.gadget("a", "{text: one}")
	want.Object["spec"].(map[string]any)["high"] = float64(3)
	want.Object["status"] = map[string]any{"phase": "Wrong"}
	want.Object["metadata"].(map[string]any)["creationTimestamp"] = nil
	p, err := s.Predict(have, *want, kube.Manager, true)
	if err != nil || p.Verdict != kube.Unchanged {
		t.Errorf("%s: %v", p.Verdict, err)
	}
}
