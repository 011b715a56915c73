package plan_test

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/hedgesync/hedgesync/internal/fabric"
	"github.com/hedgesync/hedgesync/internal/hedgehog"
	"github.com/hedgesync/hedgesync/internal/plan"
)

// universe draws one set of objects from a small world, in which names, ports,
// VLANs, prefixes and references collide all the time.
func universe(t *rapid.T, label string) []object {
	pick := func(n int) int { return rapid.IntRange(0, n-1).Draw(t, label) }
	some := func() bool { return pick(3) > 0 }
	var out []object
	add := func(o object) {
		if some() {
			out = append(out, o)
		}
	}
	out = append(out, vlanNS("default", 1000+pick(2)*2, 1005+pick(2)*10), ipNS("default", "10.0.0.0/16"))
	add(vlanNS("more", 2000, 2001+pick(3)))
	add(made(wiringAPI, "SwitchGroup", "g", object{}))
	for i := range 2 {
		add(leaf(i+1, func(s object) {
			s["vlanNamespaces"] = [][]any{{"default"}, {"default", "more"}, {"more"}}[pick(3)]
			s["description"] = fmt.Sprint(pick(2))
			s["ip"] = fmt.Sprintf("172.30.0.%d/21", 5+pick(3))
			if some() {
				s["groups"] = []any{"g"}
			}
		}))
	}
	for i := range 3 {
		add(server(fmt.Sprintf("s%d", i)))
		ports := []string{fmt.Sprintf("s%d/e%d", pick(3), pick(2)), fmt.Sprintf("leaf-0%d/E1/%d", 1+pick(2), 1+pick(2))}
		if pick(3) == 0 {
			add(bundle(fmt.Sprintf("c%d", i), ports[0], ports[1]))
		} else {
			add(cable(fmt.Sprintf("c%d", i), ports[0], ports[1]))
		}
		add(universeVPC(pick, i))
	}
	for i := range 3 {
		subnets := []string{"default", "b"}
		add(attach(fmt.Sprintf("a%d", i), fmt.Sprintf("v%d/%s", pick(3), subnets[pick(2)]), fmt.Sprintf("c%d", pick(3))))
	}
	add(peer("p", fmt.Sprintf("v%d", pick(2)), "v2"))
	return out
}

func universeVPC(pick func(int) int, i int) object {
	subnets := object{"default": object{"subnet": fmt.Sprintf("10.0.%d.0/%d", pick(4), 23+pick(2)), "vlan": int64(1000 + pick(6))}}
	if pick(2) == 0 {
		subnets["b"] = object{"subnet": fmt.Sprintf("10.0.1%d.0/24", pick(3)), "vlan": int64(1010 + pick(3))}
	}
	if pick(4) == 0 {
		subnets["default"].(object)["dhcp"] = object{"relayVPC": fmt.Sprintf("v%d", pick(3)), "relay": "10.0.200.1/32"}
	}
	spec := object{"subnets": subnets}
	if pick(4) == 0 {
		spec["vlanNamespace"] = "more"
		for _, s := range subnets {
			s.(object)["vlan"] = int64(2000 + pick(3))
		}
		if len(subnets) > 1 {
			delete(subnets, "b")
		}
	}
	return made(vpcAPI, "VPC", fmt.Sprintf("v%d", i), spec)
}

// enact applies what the model admits of a set, in tier order.
func (c *cluster) enact(objects []object, kept func(want, live fabric.Resource)) {
	slices.SortStableFunc(objects, func(a, b object) int { return hedgehog.Tier(keyOf(a).Kind) - hedgehog.Tier(keyOf(b).Kind) })
	for _, o := range objects {
		want := resourceOf(o)
		r := fabric.Resource{Key: want.Key, Version: want.Version, Object: hedgehog.Expected(hedgehog.Canonical(o))}
		if c.admit(r) == nil {
			live := c.stamp(r, c.objects[r.Key].UID)
			if kept != nil {
				kept(want, live)
			}
		}
	}
}

// meddle changes, deletes and makes anew a few objects behind our back.
func (c *cluster) meddle(t *rapid.T) {
	for _, o := range universe(t, "meddle") {
		if rapid.IntRange(0, 5).Draw(t, "meddle?") == 0 {
			c.enact([]object{o}, nil)
		}
	}
	for _, k := range slices.SortedFunc(maps.Keys(c.objects), fabric.Key.Compare) {
		switch r := c.objects[k]; rapid.IntRange(0, 11).Draw(t, "remove?") {
		case 0:
			if _, err := c.apply(plan.Change{Key: k, Action: plan.Delete}); err == nil && rapid.Bool().Draw(t, "anew?") {
				c.stamp(r, "")
			}
		case 1:
			c.stamp(r, r.UID) // touched: a new version of the same content
		}
	}
}

type scene struct {
	cluster *cluster
	record  record
	in      plan.Input
}

func drawScene(t *rapid.T) scene {
	c, r := newCluster(), record{}
	c.enact(universe(t, "old"), r.keep)
	c.meddle(t)
	s := fabric.Settings{
		ID: "lab", Mode: fabric.Enforce, Prune: rapid.IntRange(0, 3).Draw(t, "prune") > 0, Adopt: rapid.Bool().Draw(t, "adopt"),
		MaxDeletes: rapid.SampledFrom([]int{1, 5, 100}).Draw(t, "most"), MaxDeletePercent: 100,
	}
	if rapid.Bool().Draw(t, "git wins") {
		s.Strategy = fabric.GitWins
	}
	cover := map[fabric.Kind]fabric.Coverage{}
	if rapid.IntRange(0, 3).Draw(t, "gaps") == 0 {
		k := rapid.SampledFrom(hedgehog.UserKinds()).Draw(t, "gap")
		cover[k] = fabric.Coverage{State: rapid.SampledFrom([]fabric.CoverState{fabric.Partial, fabric.Failed, fabric.Forbidden}).Draw(t, "state")}
	}
	in := plan.Input{Fabric: "lab", Settings: s, Want: wanted(universe(t, "new")...), Base: r.entries(), Have: c.snapshot(cover)}
	if rapid.IntRange(0, 3).Draw(t, "light") == 0 {
		in.Have = light(in.Have, r, cover)
	}
	return scene{c, r, in}
}

// light drops the bodies of what our record proves unmoved, and of strangers.
func light(s *fabric.Snapshot, r record, cover map[fabric.Kind]fabric.Coverage) *fabric.Snapshot {
	var out []fabric.Resource
	for h := range s.All() {
		if e, ours := r[h.Key]; !ours || e.UID == h.UID && e.ResourceVersion == h.ResourceVersion {
			h.Object = nil
		}
		out = append(out, h)
	}
	return snapshot(s.Source(), out, cover)
}

// settle reads in full, as the syncer does when a plan needs more than metadata.
func (s *scene) settle() plan.Plan {
	p := plan.Make(s.in)
	if len(p.Needs) == 0 {
		return p
	}
	cover := map[fabric.Kind]fabric.Coverage{}
	for _, k := range s.in.Have.Kinds() {
		cover[k] = s.in.Have.Coverage(k)
	}
	s.in.Have = s.cluster.snapshot(cover)
	return plan.Make(s.in)
}

func TestEveryPrefixOfAnOrderIsAdmissible(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s := drawScene(t)
		p := s.settle()
		if err := s.cluster.run(p, s.record, rapid.IntRange(1, 5).Draw(t, "size")); err != nil {
			t.Fatalf("%v\n%s", err, textOf(p))
		}
	})
}

func TestSecondPlanWritesNothing(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s := drawScene(t)
		first := s.settle()
		s.run(t, first)
		second := plan.Make(s.in)
		// What a guard or an exchange held may be possible once the rest is done; what
		// was done is never done again.
		held := map[fabric.Key]bool{}
		for _, c := range first.Changes {
			held[c.Key] = c.Action == plan.Hold
		}
		for _, c := range second.Changes {
			if quiet := c.Action == plan.None || c.Action == plan.Hold || c.Action == plan.Extra; !quiet && !held[c.Key] {
				t.Fatalf("%s again\nfirst\n%s\nsecond\n%s", c.Key, textOf(first), textOf(second))
			}
		}
		s.run(t, second)
		if sum := plan.Make(s.in).Summary; sum.Add+sum.Change+sum.Destroy+sum.Adopt+sum.Forget > 0 {
			t.Fatalf("still not done\nfirst\n%s\nsecond\n%s\nthird\n%s", textOf(first), textOf(second), textOf(plan.Make(s.in)))
		}
	})
}

// run applies a plan and reads the cluster again.
func (s *scene) run(t *rapid.T, p plan.Plan) {
	if err := s.cluster.run(p, s.record, 50); err != nil {
		t.Fatalf("%v\n%s", err, textOf(p))
	}
	cover := map[fabric.Kind]fabric.Coverage{}
	for _, k := range s.in.Have.Kinds() {
		cover[k] = s.in.Have.Coverage(k)
	}
	s.in.Have, s.in.Base = s.cluster.snapshot(cover), s.record.entries()
}

func TestDeletesComeFromTheRecordAlone(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s := drawScene(t)
		p := plan.Make(s.in)
		seen := map[fabric.Key]bool{}
		destroyed := 0
		for _, c := range p.Changes {
			if seen[c.Key] {
				t.Fatalf("%s appears twice", c.Key)
			}
			seen[c.Key] = true
			if c.Action != plan.Delete && c.Action != plan.Replace {
				continue
			}
			destroyed++
			e, ours := s.record[c.Key]
			live := s.cluster.objects[c.Key]
			switch {
			case !ours || e.UID != live.UID:
				t.Fatalf("%s is not ours", c.Key)
			case len(hedgehog.Difference(hedgehog.Expected(e.Applied), live.Object)) > 0:
				t.Fatalf("%s was changed", c.Key)
			case !s.in.Have.Covers(c.Key.Kind) || !s.in.Settings.Prune:
				t.Fatalf("%s may not be deleted", c.Key)
			}
			if _, wanted := s.in.Want.Get(c.Key); wanted != (c.Action == plan.Replace) {
				t.Fatalf("%s: %s, wanted: %v", c.Key, c.Action, wanted)
			}
		}
		if destroyed > s.in.Settings.MaxDeletes {
			t.Fatalf("%d deletes", destroyed)
		}
	})
}

func TestOrderOfInputDoesNotMatter(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s := drawScene(t)
		first := encoded(s.in)
		s.in.Base = rapid.Permutation(s.in.Base).Draw(t, "base")
		for _, side := range []**fabric.Snapshot{&s.in.Want, &s.in.Have} {
			cover := map[fabric.Kind]fabric.Coverage{}
			for _, k := range (*side).Kinds() {
				cover[k] = (*side).Coverage(k)
			}
			all := slices.Collect((*side).All())
			*side = snapshot((*side).Source(), rapid.Permutation(all).Draw(t, "side"), cover)
		}
		if second := encoded(s.in); !bytes.Equal(first, second) {
			t.Fatalf("first\n%s\nsecond\n%s", first, second)
		}
	})
}

func encoded(in plan.Input) []byte {
	var b bytes.Buffer
	p := plan.Make(in)
	if err := p.Document(in).Encode(&b); err != nil {
		panic(err)
	}
	b.WriteString(textOf(p))
	return b.Bytes()
}

func textOf(p plan.Plan) string {
	var b bytes.Buffer
	if err := p.Text(&b, plan.TextOptions{All: true}); err != nil {
		panic(err)
	}
	return b.String()
}
