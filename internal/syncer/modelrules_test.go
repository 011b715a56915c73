package syncer_test

import (
	"slices"
	"testing"

	"github.com/hedgesync/hedgesync/internal/fabric"
	"github.com/hedgesync/hedgesync/internal/fault"
	"github.com/hedgesync/hedgesync/internal/hedgehog"
	"github.com/hedgesync/hedgesync/internal/plan"
	"github.com/hedgesync/hedgesync/internal/syncer"
)

// applied makes a change of one object in the model.
func applied(m *model, action plan.Action, want object, have *fabric.Resource, remove ...string) plan.Outcome {
	r := fabric.Resource{Key: keyOf(want), Version: "v1beta1", Object: hedgehog.Canonical(want)}
	c := plan.Change{Key: r.Key, Action: action, Want: &r, Have: have, Remove: remove}
	return m.write(c, func() bool { return false })
}

func TestModelStoresWhatAdmissionMakesOfAnObject(t *testing.T) {
	t.Parallel()
	m := newModel()
	for _, o := range base() {
		if out := applied(m, plan.Create, o, nil); out.Result != plan.Applied || out.Writes != 1 {
			t.Fatalf("%s: %s %v", keyOf(o), out.Result, out.Err)
		}
	}
	for _, o := range base() {
		want := hedgehog.Expected(hedgehog.Canonical(o))
		if left := hedgehog.Difference(want, m.objects[keyOf(o)].Object); len(left) > 0 {
			t.Fatalf("%s differs: %v", keyOf(o), left)
		}
	}
}

func TestModelRefusesWhatLeavesTheFabricBroken(t *testing.T) {
	t.Parallel()
	m := newModel()
	attachment, vpc := find(base(), "VPCAttachment", 0), find(base(), "VPC", 0)
	if out := applied(m, plan.Create, attachment, nil); out.Result != plan.FailedTry || fault.CodeOf(out.Err) != "kube.not-ready" {
		t.Fatalf("a reference to nothing: %s %v", out.Result, out.Err)
	}
	for _, o := range base() {
		m.edit(o)
	}
	have := m.objects[keyOf(vpc)].Resource
	out := m.write(plan.Change{Key: have.Key, Action: plan.Delete, Have: &have}, func() bool { return false })
	if out.Result != plan.Refused || out.Writes != 0 {
		t.Fatalf("the delete of what is used: %s %v", out.Result, out.Err)
	}
	twin := clone(vpc)
	twin["metadata"].(object)["name"] = "twin"
	if out := applied(m, plan.Create, twin, nil); out.Result != plan.Refused {
		t.Fatalf("claims held twice: %s %v", out.Result, out.Err)
	}
	empty := edited(vpc, func(spec object) { spec["subnets"] = object{} })
	if out := applied(m, plan.Update, empty, &have); out.Result != plan.Refused && out.Result != plan.Unchanged {
		t.Fatalf("the loss of a used subnet: %s %v", out.Result, out.Err)
	}
}

func TestModelApplyLeavesWhatOthersSet(t *testing.T) {
	t.Parallel()
	m := newModel()
	for _, o := range base() {
		applied(m, plan.Create, o, nil)
	}
	vpc := find(base(), "VPC", 0)
	m.change(keyOf(vpc), func(spec object) {
		spec["subnets"].(object)["rogue"] = object{"subnet": "10.9.9.0/24", "vlan": int64(1999)}
	})
	extra := edited(vpc, func(spec object) {
		spec["subnets"].(object)["extra"] = object{"subnet": "10.9.8.0/24", "vlan": int64(1998)}
	})
	have := m.objects[keyOf(vpc)].Resource
	have = *applied(m, plan.Update, extra, &have).Live
	have = *applied(m, plan.Update, vpc, &have).Live
	subnets := have.Object["spec"].(object)["subnets"].(object)
	if subnets["rogue"] == nil {
		t.Fatal("an apply took away what somebody else set")
	}
	// Ours is gone but for the default that admission computed.
	if left, _ := subnets["extra"].(object); left["subnet"] != nil || left["gateway"] == nil {
		t.Fatalf("of our subnet is left %v", left)
	}
	out := applied(m, plan.Update, vpc, &have, "/spec/subnets/rogue", "/spec/subnets/extra")
	if out.Result != plan.Applied || len(hedgehog.Difference(hedgehog.Expected(hedgehog.Canonical(vpc)), out.Live.Object)) > 0 {
		t.Fatalf("removal leaves %v", out.Live.Object["spec"])
	}
}

func TestModelWritesOnlyWhatWasRead(t *testing.T) {
	t.Parallel()
	m := newModel()
	one := server("one", "x")
	have := m.edit(one)
	if out := applied(m, plan.Update, one, &have); out.Result != plan.Unchanged || m.writes != 0 {
		t.Fatalf("the same again: %s with %d writes", out.Result, m.writes)
	}
	m.touch(keyOf(one))
	for _, action := range []plan.Action{plan.Update, plan.Delete} {
		if out := applied(m, action, described(one, "y"), &have); fault.KindOf(out.Err) != fault.Conflict || out.Writes != 0 {
			t.Fatalf("%s of an older version: %s %v", action, out.Result, out.Err)
		}
	}
	if out := applied(m, plan.Create, described(one, "y"), nil); fault.KindOf(out.Err) != fault.Conflict {
		t.Fatalf("a create over another object: %s %v", out.Result, out.Err)
	}
	m.remove(keyOf(one))
	if out := applied(m, plan.Delete, one, &have); out.Result != plan.Unchanged {
		t.Fatalf("the delete of what is gone: %s %v", out.Result, out.Err)
	}
}

func TestModelGoesWrongAsTold(t *testing.T) {
	t.Parallel()
	for how, want := range map[trouble]struct {
		result plan.Result
		there  bool
	}{
		fine: {plan.Applied, true}, busy: {plan.FailedTry, false}, refused: {plan.Refused, false},
		lost: {plan.Unseen, false}, deaf: {plan.Unseen, true},
	} {
		m := newModel()
		m.disturb = func(plan.Change) trouble { return how }
		out := applied(m, plan.Create, server("one", "x"), nil)
		if _, there := m.objects[keyOf(server("one", ""))]; out.Result != want.result || there != want.there {
			t.Errorf("trouble %d: %s, there: %v", how, out.Result, there)
		}
	}
}

func TestModelReadsMetadataWhileNothingMoved(t *testing.T) {
	t.Parallel()
	m := newModel()
	one, two := m.edit(server("one", "x")), m.edit(server("two", "x"))
	kinds := []fabric.Kind{hedgehog.Server}
	for name, c := range map[string]struct {
		known []fabric.Resource
		light bool
	}{
		"all known":        {[]fabric.Resource{one, two}, true},
		"one new":          {[]fabric.Resource{one}, false},
		"one gone":         {[]fabric.Resource{one, two, {Key: keyOf(server("gone", ""))}}, false},
		"one moved":        {[]fabric.Resource{one, {Key: two.Key, UID: two.UID, ResourceVersion: "0"}}, false},
		"nothing is known": {nil, false},
	} {
		known := map[fabric.Key]plan.Seen{}
		for _, r := range c.known {
			known[r.Key] = plan.Seen{UID: r.UID, ResourceVersion: r.ResourceVersion}
		}
		s, err := m.Observe(t.Context(), syncer.Reading{Kinds: kinds, Light: map[fabric.Kind]bool{hedgehog.Server: true}, Known: known})
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range slices.Collect(s.All()) {
			if (r.Object == nil) != c.light {
				t.Errorf("%s: %s was read in full: %v", name, r.Key, r.Object != nil)
			}
		}
	}
}
