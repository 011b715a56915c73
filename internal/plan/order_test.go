package plan_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hedgesync/hedgesync/internal/fabric"
	"github.com/hedgesync/hedgesync/internal/hedgehog"
	"github.com/hedgesync/hedgesync/internal/plan"
)

// steps lists what a plan sends, batch by batch.
func steps(p plan.Plan) []string {
	var out []string
	for _, b := range plan.Batches(p, 50) {
		var names []string
		for _, i := range b.Changes {
			s := p.Step(b.Phase, i)
			names = append(names, string(s.Action)+" "+s.Key.Kind.Name+"/"+s.Key.Name)
		}
		out = append(out, strings.Join(names, ", "))
	}
	return out
}

// change plans the way from one set of objects, which we applied, to another.
func change(old, new []object, s fabric.Settings) (*cluster, record, plan.Plan, plan.Input) {
	c, r := applied(old...)
	in := plan.Input{Fabric: "lab", Want: wanted(new...), Have: c.snapshot(nil), Base: r.entries(), Settings: s}
	return c, r, plan.Make(in), in
}

// journey is a change that must be solved: its steps, and the model takes them.
type journey struct {
	old, new []object
	steps    []string
}

func TestOrderSolves(t *testing.T) {
	t.Parallel()
	a1 := attach("a1", "v1/default", "c1")
	for name, j := range map[string]journey{
		"a new fabric, by tier": {
			new: small(),
			steps: []string{
				"create IPv4Namespace/default, create Server/server-01, create Server/server-02, create VLANNamespace/default",
				"create VPC/v1, create VPC/v2, create Switch/leaf-01, create Switch/leaf-02",
				"create Connection/c1, create Connection/c2",
				"create VPCAttachment/a1, create VPCAttachment/a2, create VPCPeering/v1--v2",
			},
		},
		"the end of a fabric, in reverse": {
			old: small(),
			steps: []string{
				"delete VPCAttachment/a1, delete VPCAttachment/a2, delete VPCPeering/v1--v2",
				"delete Connection/c1, delete Connection/c2",
				"delete VPC/v1, delete VPC/v2, delete Switch/leaf-01, delete Switch/leaf-02",
				"delete IPv4Namespace/default, delete Server/server-01, delete Server/server-02, delete VLANNamespace/default",
			},
		},
		"a rename creates first and deletes last": {
			old: small(), new: append(without(small(), peer("v1--v2", "v1", "v2")), peer("other", "v1", "v2")),
			steps: []string{"create VPCPeering/other", "delete VPCPeering/v1--v2"},
		},
		"a rename that needs the port deletes first": {
			old:   without(small(), attach("a2", "", "")),
			new:   append(without(small(), attach("a2", "", ""), cable("c2", "", "")), cable("other", "server-02/e1", "leaf-02/E1/1")),
			steps: []string{"delete Connection/c2", "create Connection/other"},
		},
		"a VLAN that one gives up goes to the other": {
			old:   small(),
			new:   with(small(), vpc("v2", subnet{"default", "10.0.2.0/24", 1001}), vpc("v1", subnet{"default", "10.0.1.0/24", 1500})),
			steps: []string{"update VPC/v1", "update VPC/v2"},
		},
		"a prefix inside another waits for it": {
			old:   small(),
			new:   with(small(), vpc("v1", subnet{"default", "10.0.9.0/24", 1001}), vpc("v2", subnet{"default", "10.0.1.128/25", 1002})),
			steps: []string{"update VPC/v1", "update VPC/v2"},
		},
		"a VPC that needs the VLAN of a deleted one": {
			old:   small(),
			new:   append(without(small(), vpc("v2"), attach("a2", "", ""), peer("v1--v2", "", "")), vpc("v3", subnet{"default", "10.0.3.0/24", 1002})),
			steps: []string{"delete VPCAttachment/a2, delete VPCPeering/v1--v2", "delete VPC/v2", "create VPC/v3"},
		},
		"namespaces grow before": {
			old: small(), new: with(small(), vlanNS("default", 1000, 2999), vpc("v1", subnet{"default", "10.0.1.0/24", 2500})),
			steps: []string{"update VLANNamespace/default", "update VPC/v1"},
		},
		"namespaces shrink after": {
			old:   with(small(), vpc("v1", subnet{"default", "10.0.1.0/24", 1900})),
			new:   with(small(), vlanNS("default", 1000, 1800), vpc("v1", subnet{"default", "10.0.1.0/24", 1500})),
			steps: []string{"update VPC/v1", "update VLANNamespace/default"},
		},
		"a new subnet before what is attached to it": {
			old:   small(),
			new:   with(small(), vpc("v1", subnet{"default", "10.0.1.0/24", 1001}, subnet{"b", "10.0.3.0/24", 1003}), attach("a1", "v1/b", "c1")),
			steps: []string{"update VPC/v1", "update VPCAttachment/a1"},
		},
		"a subnet goes after what was attached to it": {
			old:   with(small(), vpc("v1", subnet{"default", "10.0.1.0/24", 1001}, subnet{"b", "10.0.3.0/24", 1003}), attach("a1", "v1/b", "c1")),
			new:   small(),
			steps: []string{"update VPCAttachment/a1", "update VPC/v1"},
		},
		"a connection's type takes its attachments along": {
			old: small(), new: with(small(), bundle("c1", "server-01/e1", "leaf-01/E1/1")),
			steps: []string{"delete VPCAttachment/a1", "delete Connection/c1", "create Connection/c1", "create VPCAttachment/a1"},
		},
		"a switch joins a VLAN namespace before the VPC moves to it": {
			old: append(small(), vlanNS("more", 2000, 2100)),
			new: with(append(small(), vlanNS("more", 2000, 2100)),
				leaf(1, func(s object) { s["vlanNamespaces"] = []any{"default", "more"} }),
				made(vpcAPI, "VPC", "v1", object{"vlanNamespace": "more", "subnets": object{"default": object{"subnet": "10.0.1.0/24", "vlan": int64(2001)}}})),
			steps: []string{"update Switch/leaf-01", "update VPC/v1"},
		},
		"ports that are exchanged, with nothing on them": {
			old: without(small(), a1, attach("a2", "", "")),
			new: with(without(small(), a1, attach("a2", "", "")),
				cable("c1", "server-01/e1", "leaf-02/E1/1"), cable("c2", "server-02/e1", "leaf-01/E1/1")),
			steps: []string{"delete Connection/c1", "update Connection/c2", "create Connection/c1"},
		},
		"three ports in a ring": {
			old: ring(1, 2, 3), new: ring(2, 3, 1),
			steps: []string{"delete Connection/c1", "update Connection/c3", "update Connection/c2", "create Connection/c1"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, r, p, in := change(j.old, j.new, enforced())
			if diff := cmp.Diff(j.steps, steps(p)); diff != "" {
				t.Errorf("steps (-want +got)\n%s\n%s", diff, rendered(t, p))
			}
			if err := c.run(p, r, 50); err != nil {
				t.Fatalf("the model refuses: %v", err)
			}
			in.Have, in.Base = c.snapshot(nil), r.entries()
			if again := plan.Make(in); again.Summary.Nothing != len(j.new) || len(again.Changes) != len(j.new) {
				t.Errorf("a second plan is not empty: %+v\n%s", again.Summary, rendered(t, again))
			}
		})
	}
}

// ring cables server i to the given port of one leaf.
func ring(ports ...int) []object {
	out := []object{vlanNS("default", 1000, 1999), leaf(1)}
	for i, port := range ports {
		n := string(rune('1' + i))
		out = append(out, server("server-0"+n), cable("c"+n, "server-0"+n+"/e1", "leaf-01/E1/"+string(rune('0'+port))))
	}
	return out
}

func rendered(t *testing.T, p plan.Plan) string {
	t.Helper()
	var b strings.Builder
	if err := p.Text(&b, plan.TextOptions{All: true}); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// hold is a change that must not be made, and words of the reason.
type hold struct {
	key    string
	cause  plan.Cause
	reason string
}

func TestOrderHoldsWhatItCannotDoSafely(t *testing.T) {
	t.Parallel()
	noPrune := enforced()
	noPrune.Prune = false
	guarded := enforced()
	guarded.MaxDeletes = 1
	for name, h := range map[string]struct {
		old, new []object
		settings fabric.Settings
		stray    []object // in the cluster, never ours
		problems []fabric.Problem
		holds    []hold
	}{
		"VLANs of two VPCs exchanged": {
			old: small(), settings: enforced(),
			new: with(small(), vpc("v1", subnet{"default", "10.0.1.0/24", 1002}), vpc("v2", subnet{"default", "10.0.2.0/24", 1001})),
			holds: []hold{
				{"VPC/v1", plan.Unsolvable, "VPC/default/v2 takes vlan/default 1001 from VPC/default/v1; VPC/default/v1 takes vlan/default 1002 from VPC/default/v2"},
				{"VPC/v2", plan.Unsolvable, "no order of single writes gets there safely"},
			},
		},
		"ports exchanged, with attachments on them": {
			old: small(), settings: enforced(),
			new:   with(small(), cable("c1", "server-01/e1", "leaf-02/E1/1"), cable("c2", "server-02/e1", "leaf-01/E1/1")),
			holds: []hold{{"Connection/c1", plan.Unsolvable, "takes port"}, {"Connection/c2", plan.Unsolvable, "takes port"}},
		},
		"ports exchanged, with pruning off": {
			old: ring(1, 2), new: ring(2, 1), settings: noPrune,
			holds: []hold{{"Connection/c1", plan.Unsolvable, "takes port"}, {"Connection/c2", plan.Unsolvable, "takes port"}},
		},
		"a replacement beyond the guard": {
			old: small(), new: with(small(), bundle("c1", "server-01/e1", "leaf-01/E1/1")), settings: guarded,
			holds: []hold{{"Connection/c1", plan.Guard, "2 of 13 recorded objects would be deleted, and the guard allows 1 and 100 %"}},
		},
		"a replacement with pruning off": {
			old: small(), new: with(small(), bundle("c1", "server-01/e1", "leaf-01/E1/1")), settings: noPrune,
			holds: []hold{{"Connection/c1", plan.Guard, "pruning is off"}},
		},
		"a replacement of what a stranger refers to": {
			old: small(), new: with(small(), bundle("c1", "server-01/e1", "leaf-01/E1/1")), settings: enforced(),
			stray: []object{attach("stray", "v2/default", "c1")},
			holds: []hold{{"Connection/c1", plan.Dependency, "VPCAttachment/default/stray refers to it and must go first, but it is not both wanted and ours"}},
		},
		"a delete of what a stranger refers to, protected or not": {
			old: append(small(), made(wiringAPI, "SwitchGroup", "g", object{})), new: small(), settings: enforced(),
			stray: []object{leaf(9, func(s object) { s["groups"] = []any{"g"} })},
			holds: []hold{{"SwitchGroup/g", plan.Dependency, "Switch/default/leaf-09 still refers to it"}},
		},
		"a subnet that is still attached": {
			old: with(small(), vpc("v1", subnet{"default", "10.0.1.0/24", 1001}, subnet{"b", "10.0.3.0/24", 1003})), new: small(), settings: enforced(),
			stray: []object{attach("stray", "v1/b", "c2")},
			holds: []hold{{"VPC/v1", plan.Dependency, `VPCAttachment/default/stray still uses its subnet "b"`}},
		},
		"a breakout under a connection": {
			old: with(small(), leaf(1, func(s object) { s["portBreakouts"] = object{"E1/1": "4x25G"} }), cable("c1", "server-01/e1", "leaf-01/E1/1/2")),
			new: with(small(), leaf(1, func(s object) { s["portBreakouts"] = object{"E1/1": "1x100G"} }), cable("c1", "server-01/e1", "leaf-01/E1/1/2")), settings: enforced(),
			holds: []hold{{"Switch/leaf-01", plan.Dependency, `Connection/default/c1 still uses its port "E1/1/2"`}},
		},
		"a switch that leaves a VLAN namespace in use": {
			old: append(small(), vlanNS("more", 2000, 2100)), settings: enforced(),
			new:   with(append(small(), vlanNS("more", 2000, 2100)), leaf(1, func(s object) { s["vlanNamespaces"] = []any{"more"} })),
			holds: []hold{{"Switch/leaf-01", plan.Dependency, `VPCAttachment/default/a1 still needs VLAN namespace "default" on it`}},
		},
		"a namespace that shrinks below a stranger": {
			old: small(), new: with(small(), vlanNS("default", 1000, 1700)), settings: enforced(),
			stray: []object{vpc("stray", subnet{"default", "10.0.8.0/24", 1800})},
			holds: []hold{{"VLANNamespace/default", plan.Dependency, "VPC/default/stray still uses its vlan/default 1800"}},
		},
		"what needs the missing, and what needs that": {
			new: append(without(small(), leaf(1)), peer("x", "v1", "nowhere")), settings: enforced(),
			holds: []hold{
				{"Connection/c1", plan.Dependency, "it needs Switch/default/leaf-01 (/spec/unbundled/link/switch/port), which is neither in Git nor in the cluster"},
				{"VPCAttachment/a1", plan.Dependency, "it needs Connection/default/c1, which is held: it needs Switch/default/leaf-01"},
				{"VPCPeering/x", plan.Dependency, "it needs VPC/default/nowhere"},
			},
		},
		"what needs the refused, with the root named": {
			new: small(), settings: enforced(),
			problems: []fabric.Problem{{Severity: fabric.Error, Key: keyOf(vlanNS("default", 0, 0)), Message: "range 5000 is too high"}},
			holds: []hold{
				{"VLANNamespace/default", plan.Invalid, "range 5000 is too high"},
				{"Switch/leaf-01", plan.Dependency, "it needs VLANNamespace/default/default, which is held: range 5000 is too high"},
				{"VPCAttachment/a1", plan.Dependency, "which is held because of VLANNamespace/default/default: range 5000 is too high"},
			},
		},
		"one VLAN claimed twice": {
			old: small(), settings: enforced(),
			new:   append(small(), vpc("v3", subnet{"default", "10.0.3.0/24", 1003}), vpc("v4", subnet{"default", "10.0.4.0/24", 1003})),
			holds: []hold{{"VPC/v3", plan.Dependency, "vlan/default 1003 is claimed by VPC/default/v4 as well"}, {"VPC/v4", plan.Dependency, "claimed by VPC/default/v3 as well"}},
		},
		"a VLAN that somebody keeps": {
			old: small(), new: append(small(), vpc("v3", subnet{"default", "10.0.3.0/24", 1001})), settings: enforced(),
			holds: []hold{{"VPC/v3", plan.Dependency, "vlan/default 1001 belongs to VPC/default/v1"}},
		},
		"breakouts under RoCE, which take two writes and no delete": {
			old: with(small(), leaf(1, func(s object) { s["roce"], s["portBreakouts"] = true, object{"E1/9": "4x25G"} })), settings: enforced(),
			new:   with(small(), leaf(1, func(s object) { s["roce"], s["portBreakouts"] = true, object{"E1/9": "1x100G"} })),
			holds: []hold{{"Switch/leaf-01", plan.Unsolvable, "breakouts cannot change while RoCE is on"}},
		},
		"a VPC that relays to itself": {
			new:      with(small(), made(vpcAPI, "VPC", "v1", object{"subnets": object{"default": object{"subnet": "10.0.1.0/24", "vlan": int64(1001), "dhcp": object{"relayVPC": "v1", "relay": "10.0.1.9/32"}}}})),
			settings: enforced(),
			holds:    []hold{{"VPC/v1", plan.Unsolvable, "it refers to itself"}},
		},
		"two VPCs that relay to each other": {
			new: with(small(), relay("v1", "v2", "10.0.1.0/24", 1001), relay("v2", "v1", "10.0.2.0/24", 1002)), settings: enforced(),
			holds: []hold{{"VPC/v1", plan.Unsolvable, "must come before"}, {"VPC/v2", plan.Unsolvable, "must come before"}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, r := applied(h.old...)
			for _, o := range h.stray {
				c.put(o)
			}
			in := plan.Input{Want: wanted(h.new...), Have: c.snapshot(nil), Base: r.entries(), Settings: h.settings, Problems: h.problems}
			p := plan.Make(in)
			for _, want := range h.holds {
				kind, name, _ := strings.Cut(want.key, "/")
				got := plan.Change{}
				for _, ch := range p.Changes {
					if ch.Key.Kind.Name == kind && ch.Key.Name == name {
						got = ch
					}
				}
				if got.Action != plan.Hold || got.Cause != want.cause || !strings.Contains(got.Reason, want.reason) {
					t.Errorf("%s: got %s %s %q, want it held (%s): %q", want.key, got.Action, got.Cause, got.Reason, want.cause, want.reason)
				}
			}
			if err := c.run(p, r, 50); err != nil {
				t.Errorf("the model refuses the rest: %v", err)
			}
		})
	}
}

func relay(name, to, cidr string, vlan int) object {
	return made(vpcAPI, "VPC", name, object{"subnets": object{"default": object{
		"subnet": cidr, "vlan": int64(vlan), "dhcp": object{"relayVPC": to, "relay": "10.0.200.1/32"}}}})
}

func TestUnreadKindsHoldDeletesOfWhatTheyMayReferTo(t *testing.T) {
	t.Parallel()
	for state, held := range map[fabric.CoverState]bool{
		fabric.Full: false, fabric.KindMissing: false, fabric.Forbidden: true, fabric.Failed: true, fabric.Partial: true, fabric.NotRead: true,
	} {
		c, r := applied(without(small(), attach("a2", "", ""), peer("v1--v2", "", ""))...)
		in := plan.Input{
			Want: wanted(without(small(), attach("a2", "", ""), peer("v1--v2", "", ""), vpc("v2"))...), Base: r.entries(), Settings: enforced(),
			Have: c.snapshot(map[fabric.Kind]fabric.Coverage{hedgehog.GatewayPeering: {State: state}}),
		}
		got := find(t, plan.Make(in), hedgehog.VPC, "v2")
		if (got.Action == plan.Hold && got.Cause == plan.Unread) != held {
			t.Errorf("gateway peerings %q: got %s %s %q", state, got.Action, got.Cause, got.Reason)
		}
	}
}

func TestStrangersOfUnknownContentHoldDeletesAndAreAskedFor(t *testing.T) {
	t.Parallel()
	c, r := applied(small()...)
	stray := c.put(attach("stray", "v2/default", "c1"))
	stray.Object = nil
	c.objects[stray.Key] = stray
	in := plan.Input{Want: wanted(without(small(), attach("a2", "", ""), cable("c2", "", ""))...), Have: c.snapshot(nil), Base: r.entries(), Settings: enforced()}
	p := plan.Make(in)
	got := find(t, p, hedgehog.Connection, "c2")
	if got.Action != plan.Hold || got.Cause != plan.Unread {
		t.Errorf("got %s %s %q", got.Action, got.Cause, got.Reason)
	}
	if diff := cmp.Diff([]fabric.Kind{hedgehog.VPCAttachment}, p.Needs); diff != "" {
		t.Errorf("asked for (-want +got)\n%s", diff)
	}
}

func TestGuardHoldsAllDeletes(t *testing.T) {
	t.Parallel()
	s := enforced()
	s.MaxDeletePercent = 20
	_, _, p, _ := change(small(), without(small(), attach("a1", "", ""), attach("a2", "", ""), peer("v1--v2", "", "")), s)
	if p.Summary.Held != 3 || p.Summary.Destroy != 0 || len(p.Order) != 0 {
		t.Errorf("got %+v\n%s", p.Summary, rendered(t, p))
	}
	if want := "3 of 13 recorded objects would be deleted, and the guard allows 1000 and 20 %"; p.Changes[0].Reason != want {
		t.Errorf("got %q", p.Changes[0].Reason)
	}
}

func TestBatchesAreBoundedAndMixNothing(t *testing.T) {
	t.Parallel()
	_, _, p, _ := change(nil, small(), enforced())
	for _, size := range []int{1, 2, 3, 50} {
		n := 0
		for _, b := range plan.Batches(p, size) {
			if len(b.Changes) > size || len(b.Changes) == 0 {
				t.Errorf("size %d: a batch of %d", size, len(b.Changes))
			}
			for _, i := range b.Changes {
				n++
				if p.Changes[i].Tier != b.Tier {
					t.Errorf("%s is of tier %d, in a batch of tier %d", p.Changes[i].Key, p.Changes[i].Tier, b.Tier)
				}
			}
		}
		if n != len(small()) {
			t.Errorf("size %d: %d of %d changes", size, n, len(small()))
		}
	}
}

func TestChangesNameWhatMustSucceedBefore(t *testing.T) {
	t.Parallel()
	_, _, p, _ := change(nil, small(), enforced())
	want := []fabric.Key{keyOf(cable("c1", "", "")), keyOf(vpc("v1"))}
	got := find(t, p, hedgehog.VPCAttachment, "a1").After
	if diff := cmp.Diff([]fabric.Key{want[1], want[0]}, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestKindsThatAreNotManagedAreLeftOut(t *testing.T) {
	t.Parallel()
	s := enforced()
	s.Kinds = []fabric.Kind{hedgehog.Server}
	_, _, p, _ := change(nil, small(), s)
	if p.Summary.Add != 2 || len(p.Changes) != 2 {
		t.Errorf("got %+v", p.Summary)
	}
}
