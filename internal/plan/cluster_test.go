package plan_test

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hedgesync/hedgesync/internal/fabric"
	"github.com/hedgesync/hedgesync/internal/hedgehog"
	"github.com/hedgesync/hedgesync/internal/plan"
)

type object = map[string]any

// cluster is a small honest model of the API: it stores what the webhooks make of
// an object, and refuses what leaves a reference dangling or a claim held twice.
// Its delete is stricter than the server's: nothing may refer to what is deleted.
type cluster struct {
	objects map[fabric.Key]fabric.Resource
	version int
}

func newCluster() *cluster { return &cluster{objects: map[fabric.Key]fabric.Resource{}} }

func keyOf(obj object) fabric.Key {
	group, _, _ := strings.Cut(obj["apiVersion"].(string), "/")
	meta := obj["metadata"].(object)
	return fabric.Key{Kind: fabric.Kind{Group: group, Name: obj["kind"].(string)}, Namespace: "default", Name: meta["name"].(string)}
}

func resourceOf(obj object) fabric.Resource {
	_, version, _ := strings.Cut(obj["apiVersion"].(string), "/")
	return fabric.Resource{Key: keyOf(obj), Version: version, Object: obj, Hash: fabric.HashOf(obj)}
}

func (c *cluster) stamp(r fabric.Resource, uid string) fabric.Resource {
	c.version++
	r.ResourceVersion = fmt.Sprint(c.version)
	if r.UID = uid; uid == "" {
		r.UID = fmt.Sprintf("uid-%d", c.version)
	}
	c.objects[r.Key] = r
	return r
}

// put stores an object as somebody else would, without asking anybody.
func (c *cluster) put(obj object) fabric.Resource {
	r := resourceOf(obj)
	r.Object = hedgehog.Expected(hedgehog.Canonical(obj))
	return c.stamp(fabric.Resource{Key: r.Key, Version: r.Version, Object: r.Object}, c.objects[r.Key].UID)
}

// admit refuses what real admission refuses.
func (c *cluster) admit(r fabric.Resource) error {
	old, exists := c.objects[r.Key]
	for _, ref := range hedgehog.References(r) {
		target, found := c.objects[ref.To]
		switch {
		case ref.To.Kind == hedgehog.SwitchProfile:
		case !found:
			return fmt.Errorf("%s refers to %s, which does not exist", r.Key, ref.To)
		case ref.To.Kind == hedgehog.VPC && ref.Part != "":
			if _, has := target.Object["spec"].(object)["subnets"].(object)[ref.Part]; !has {
				return fmt.Errorf("%s refers to subnet %s of %s, which does not exist", r.Key, ref.Part, ref.To)
			}
		}
	}
	for _, claim := range hedgehog.Claims(r) {
		for _, other := range c.objects {
			if other.Key != r.Key && slices.ContainsFunc(hedgehog.Claims(other), func(o hedgehog.Claim) bool { return collide(claim, o) }) {
				return fmt.Errorf("%s claims %s %s, which %s holds", r.Key, claim.Scope, claim.Value, other.Key)
			}
		}
		if !c.room(claim) {
			return fmt.Errorf("%s claims %s %s, which its namespace does not have", r.Key, claim.Scope, claim.Value)
		}
	}
	if exists {
		if fixed := hedgehog.Immutable(old.Object, r.Object); len(fixed) > 0 {
			return fmt.Errorf("%s: %v cannot be changed", r.Key, fixed)
		}
		return c.admitLoss(r)
	}
	return nil
}

func collide(a, b hedgehog.Claim) bool {
	if a.Scope != b.Scope {
		return false
	}
	if p, err := netip.ParsePrefix(a.Value); err == nil && strings.HasPrefix(a.Scope, hedgehog.ScopeSubnet) {
		q := netip.MustParsePrefix(b.Value)
		return p.Overlaps(q)
	}
	return a.Value == b.Value
}

// room reports whether the VLAN namespace of a VLAN claim holds it.
func (c *cluster) room(claim hedgehog.Claim) bool {
	name, ok := strings.CutPrefix(claim.Scope, hedgehog.ScopeVLAN)
	if !ok {
		return true
	}
	ns := c.objects[fabric.Key{Kind: hedgehog.VLANNamespace, Namespace: "default", Name: name}]
	for _, v := range ns.Object["spec"].(object)["ranges"].([]any) {
		r := v.(object)
		var n int64
		fmt.Sscan(claim.Value, &n)
		if r["from"].(int64) <= n && n <= r["to"].(int64) {
			return true
		}
	}
	return false
}

// admitLoss refuses the removal of a VPC subnet, or of a namespace's room, that is in use.
func (c *cluster) admitLoss(r fabric.Resource) error {
	before := c.objects[r.Key]
	c.objects[r.Key] = r
	defer func() { c.objects[r.Key] = before }()
	for _, other := range c.objects {
		for _, ref := range hedgehog.References(other) {
			if ref.To == r.Key && ref.To.Kind == hedgehog.VPC && ref.Part != "" {
				if _, has := r.Object["spec"].(object)["subnets"].(object)[ref.Part]; !has {
					return fmt.Errorf("%s loses subnet %s, which %s uses", r.Key, ref.Part, other.Key)
				}
			}
		}
		for _, claim := range hedgehog.Claims(other) {
			if r.Key.Kind == hedgehog.VLANNamespace && !c.room(claim) {
				return fmt.Errorf("%s loses %s, which %s uses", r.Key, claim.Value, other.Key)
			}
		}
	}
	return nil
}

// apply does one step of a plan and returns the object it left.
func (c *cluster) apply(step plan.Change) (fabric.Resource, error) {
	if step.Action == plan.Delete {
		if _, there := c.objects[step.Key]; !there {
			return fabric.Resource{}, fmt.Errorf("%s is not there to be deleted", step.Key)
		}
		for _, other := range c.objects {
			for _, ref := range hedgehog.References(other) {
				if ref.To == step.Key && other.Key != step.Key {
					return fabric.Resource{}, fmt.Errorf("%s is deleted while %s refers to it", step.Key, other.Key)
				}
			}
		}
		delete(c.objects, step.Key)
		return fabric.Resource{}, nil
	}
	old, exists := c.objects[step.Key]
	if exists != (step.Action == plan.Update) {
		return fabric.Resource{}, fmt.Errorf("%s: %s, and it is there: %v", step.Key, step.Action, exists)
	}
	r := fabric.Resource{Key: step.Key, Version: step.Want.Version, Object: hedgehog.Expected(step.Want.Object)}
	if err := c.admit(r); err != nil {
		return fabric.Resource{}, err
	}
	return c.stamp(r, old.UID), nil
}

// snapshot reads the cluster in full, but for the kinds in cover.
func (c *cluster) snapshot(cover map[fabric.Kind]fabric.Coverage) *fabric.Snapshot {
	return snapshot("cluster", slices.Collect(maps.Values(c.objects)), cover)
}

func snapshot(source string, resources []fabric.Resource, cover map[fabric.Kind]fabric.Coverage) *fabric.Snapshot {
	coverage := map[fabric.Kind]fabric.Coverage{}
	for _, k := range hedgehog.UserKinds() {
		coverage[k] = fabric.Coverage{State: fabric.Full}
	}
	maps.Copy(coverage, cover)
	s, err := fabric.NewSnapshot(source, time.Unix(0, 0).UTC(), resources, coverage)
	if err != nil {
		panic(err)
	}
	return s
}

func wanted(objects ...object) *fabric.Snapshot {
	var resources []fabric.Resource
	for _, o := range objects {
		resources = append(resources, resourceOf(o))
	}
	return snapshot("commit-1", resources, nil)
}

// record is our record as the syncer keeps it.
type record map[fabric.Key]plan.Entry

func (r record) entries() []plan.Entry {
	return slices.SortedFunc(maps.Values(r), func(a, b plan.Entry) int { return a.Key.Compare(b.Key) })
}

func (r record) keep(want, live fabric.Resource) {
	r[want.Key] = plan.Entry{
		Key: want.Key, Version: want.Version, UID: live.UID, ResourceVersion: live.ResourceVersion,
		WantHash: want.Hash, Applied: hedgehog.Canonical(want.Object), Commit: "commit-0", Run: "run-0",
	}
}

// run applies a whole plan one write at a time, in every batch the last first, so
// that nothing inside a batch can lean on its order.
func (c *cluster) run(p plan.Plan, r record, size int) error {
	for _, b := range plan.Batches(p, size) {
		for _, i := range slices.Backward(b.Changes) {
			step := p.Step(b.Phase, i)
			live, err := c.apply(step)
			if err != nil {
				return fmt.Errorf("%s %s: %w", b.Phase, step.Key, err)
			}
			if step.Action == plan.Delete {
				delete(r, step.Key)
				continue
			}
			r.keep(*step.Want, live)
		}
	}
	for _, ch := range p.Changes {
		switch ch.Action {
		case plan.Adopt:
			r.keep(*ch.Want, *ch.Have)
		case plan.Forget:
			delete(r, ch.Key)
		}
	}
	return nil
}

// enforced are settings under which everything may be done.
func enforced() fabric.Settings {
	return fabric.Settings{ID: "lab", Mode: fabric.Enforce, Prune: true, MaxDeletes: 1000, MaxDeletePercent: 100}
}

// applied puts objects into a new cluster as if we had applied them.
func applied(objects ...object) (*cluster, record) {
	c, r := newCluster(), record{}
	for _, o := range objects {
		r.keep(resourceOf(o), c.put(o))
	}
	return c, r
}

func find(t *testing.T, p plan.Plan, kind fabric.Kind, name string) plan.Change {
	t.Helper()
	for _, c := range p.Changes {
		if c.Key.Kind == kind && c.Key.Name == name {
			return c
		}
	}
	t.Fatalf("the plan has no change of %s %s", kind.Name, name)
	return plan.Change{}
}
