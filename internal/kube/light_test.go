package kube_test

import (
	"testing"

	"github.com/hedgesync/hedgesync/internal/fabric"
	"github.com/hedgesync/hedgesync/internal/kube"
	"github.com/hedgesync/hedgesync/internal/kubetest"
	"github.com/hedgesync/hedgesync/internal/plan"
)

func TestAServerOfCustomResourcesAloneIsUnderstood(t *testing.T) {
	t.Parallel()
	c := connect(t, kubetest.Light(t, "--admission=false", "--controller=false"))
	kinds := []fabric.Kind{vpcs, absent}
	h := c.Health(t.Context(), kinds, []string{"default"})
	if h.Err != nil || h.Reachable != kube.Yes || h.Authenticated == kube.No || !h.Access[vpcs].Served || h.Access[vpcs].Read == kube.No {
		t.Errorf("health: %+v", h)
	}
	want := wanted(t, vpcs, "default", "vpc-1", benchSpec)
	out := c.Apply(t.Context(), []plan.Change{{Action: plan.Create, Key: want.Key, Want: want}}, kube.ApplyOptions{})
	if out[0].Result != plan.Applied {
		t.Fatal(out[0].Err)
	}
	s, err := c.Observe(t.Context(), kinds, kube.ObserveOptions{})
	if err != nil || !s.Covers(vpcs) || s.Len() != 1 || s.Coverage(absent).State != fabric.KindMissing {
		t.Fatal(states(s), err)
	}
	schemas, err := c.Schemas(t.Context(), kinds)
	if err != nil {
		t.Fatal(err)
	}
	have, _ := s.Get(want.Key)
	if p, err := schemas.Predict(&have, *want, kube.Manager, true); err != nil || p.Verdict != kube.Unchanged {
		t.Errorf("%s: %v", p.Verdict, err)
	}
	gone := c.Apply(t.Context(), []plan.Change{{Action: plan.Delete, Key: have.Key, Have: &have}}, kube.ApplyOptions{})
	if gone[0].Result != plan.Applied {
		t.Error(gone[0].Err)
	}
}
