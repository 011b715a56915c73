package hedgehog_test

import (
	"encoding/json"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/hedgesync/hedgesync/internal/fabric"
	"github.com/hedgesync/hedgesync/internal/hedgehog"
)

// testing.TB and *rapid.T alike.
type reporter interface{ Errorf(string, ...any) }

// keepsLaws calls every function on a pair of trees of one kind and holds what
// must be true of any input.
func keepsLaws(t reporter, kind fabric.Kind, a, b map[string]any) {
	before, _ := json.Marshal([]any{a, b})
	c, d := hedgehog.Canonical(a), hedgehog.Canonical(b)
	if diff := cmp.Diff(c, hedgehog.Canonical(c)); diff != "" {
		t.Errorf("canonical twice is not canonical (-once +twice):\n%s", diff)
	}
	e := hedgehog.Expected(c)
	if diffs := hedgehog.Difference(e, e); len(diffs) > 0 {
		t.Errorf("differs from itself: %v", diffs)
	}
	if diffs := hedgehog.Difference(hedgehog.Expected(hedgehog.Canonical(e)), e); len(diffs) > 0 {
		t.Errorf("what is stored, exported and wanted again differs: %v", diffs)
	}
	hedgehog.Difference(e, b)
	hedgehog.Difference(a, d)
	hedgehog.Immutable(a, b)
	key := fabric.Key{Kind: kind, Namespace: "default", Name: "x"}
	r := fabric.Resource{Key: key, Object: a}
	hedgehog.References(r)
	hedgehog.Claims(r)
	world := []fabric.Resource{r, {Key: key, Object: b}}
	for _, k := range hedgehog.UserKinds() {
		world = append(world, fabric.Resource{Key: fabric.Key{Kind: k, Namespace: "default", Name: "v"}, Object: b})
	}
	for _, pair := range [][2]map[string]any{{a, nil}, {a, b}, {nil, b}, {a, a}} {
		once := hedgehog.Blast(pair[0], pair[1], key, slices.Values(world))
		slices.Reverse(world)
		if diff := cmp.Diff(once, hedgehog.Blast(pair[0], pair[1], key, slices.Values(world))); diff != "" {
			t.Errorf("blast depends on the order of the world:\n%s", diff)
		}
	}
	if after, _ := json.Marshal([]any{a, b}); string(after) != string(before) {
		t.Errorf("an argument was changed:\n%s\n%s", before, after)
	}
}

// ofKind gives a tree the kind and API version of the kinds table's entry n.
func ofKind(n int, tree map[string]any) fabric.Kind {
	info := hedgehog.Kinds()[n%len(hedgehog.Kinds())]
	if tree != nil {
		tree["kind"], tree["apiVersion"] = info.Kind.Name, info.Kind.Group+"/"+info.Version
	}
	return info.Kind
}

func FuzzAnyTree(f *testing.F) {
	for _, c := range stored {
		git, _ := json.Marshal(object(f, c.git))
		live, _ := json.Marshal(object(f, c.live))
		f.Add(git, live, -1)
	}
	f.Add([]byte(`{"spec":null,"metadata":"x"}`), []byte(`{"spec":[1],"metadata":{"labels":7}}`), 3)
	f.Fuzz(func(t *testing.T, rawA, rawB []byte, n int) {
		var a, b map[string]any
		if json.Unmarshal(rawA, &a) != nil || json.Unmarshal(rawB, &b) != nil {
			return
		}
		kind := fabric.Kind{Name: "None"}
		for i, info := range hedgehog.Kinds() {
			if n < 0 && a["kind"] == info.Kind.Name {
				n = i
			}
		}
		if n >= 0 {
			kind = ofKind(n, a)
			ofKind(n, b)
		}
		keepsLaws(t, kind, a, b)
	})
}

// members are the names that the code looks for, so that random trees reach it.
var members = []string{
	"labels", "annotations", "namespace", "spec", "metadata", "status", "port", "ip", "name", "links", "link", "server", "switch", "leaf", "spine",
	"gateway", "groups", "group", "redundancy", "vlanNamespaces", "profile", "boot", "ecmp", "portSpeeds", "portBreakouts", "asn", "role", "roce",
	"ranges", "from", "to", "subnets", "subnet", "vlan", "dhcp", "enable", "range", "options", "static", "dnsServers", "advertisedRoutes", "destination",
	"relayVPC", "permit", "vpc", "external", "prefixes", "prefix", "connection", "neighbor", "interfaces", "logs", "tags", "rateLimit", "peering",
	"expose", "nat", "masquerade", "idleTimeout", "portForward", "ips", "vpcSubnet", "acl", "rules", "match", "src", "dst", "unbundled", "bundled", "eslag",
	"fabric", "mesh", "vpcLoopback", "staticExternal", "withinVPC", "mclag", "mclagDomain", "peerLinks", "ipv4Namespace", "linkFlapErrDisable",
	"nativeVLAN", "isolated", "0C-20-12-FF-00-00", "0c:20:12:ff:00:00", "a.fabric.githedgehog.com/b", "ext.e", "v", "x",
}

var values = []any{
	nil, "", "default", "v", "v/default", "x/E1/1", "x/E1/1/1", "10.0.1.0/24", "10.0.0.7/30", "255.255.255.255/32", "::/0", "SPEED_SPEED_1G", "120s", "0s", "spine",
	true, false, int64(0), int64(1), int64(4095), 1.5, 1000.0, -1.0,
}

func anyTree(depth int) *rapid.Generator[any] {
	if depth == 0 {
		return rapid.SampledFrom(values)
	}
	below := rapid.Deferred(func() *rapid.Generator[any] { return anyTree(depth - 1) })
	return rapid.OneOf(
		rapid.SampledFrom(values),
		rapid.Map(rapid.MapOfN(rapid.SampledFrom(members), below, 0, 5), func(m map[string]any) any { return m }),
		rapid.Map(rapid.SliceOfN(below, 0, 3), func(l []any) any { return l }),
	)
}

func TestLawsHoldOnAnyTree(t *testing.T) {
	t.Parallel()
	tree := rapid.Custom(func(t *rapid.T) map[string]any {
		return map[string]any{
			"metadata": anyTree(3).Draw(t, "metadata"),
			"spec":     anyTree(6).Draw(t, "spec"),
		}
	})
	rapid.Check(t, func(t *rapid.T) {
		a, b := tree.Draw(t, "a"), tree.Draw(t, "b")
		n := rapid.IntRange(0, len(hedgehog.Kinds())-1).Draw(t, "kind")
		kind := ofKind(n, a)
		ofKind(n, b)
		keepsLaws(t, kind, a, b)
	})
}

// Valid objects with one subtree exchanged reach deeper than random ones.
func TestLawsHoldOnDamagedObjects(t *testing.T) {
	t.Parallel()
	names := make([]string, 0, len(stored))
	for name := range stored {
		names = append(names, name)
	}
	slices.Sort(names)
	rapid.Check(t, func(rt *rapid.T) {
		name := rapid.SampledFrom(names).Draw(rt, "object")
		a, b := object(t, stored[name].git), object(t, stored[name].live)
		a["spec"] = damaged(rt, a["spec"])
		b["spec"] = damaged(rt, b["spec"])
		for n, info := range hedgehog.Kinds() {
			if info.Kind.Name == a["kind"] {
				keepsLaws(rt, ofKind(n, a), a, b)
			}
		}
	})
}

// damaged returns v with a value somewhere in it exchanged.
func damaged(t *rapid.T, v any) any {
	switch v := v.(type) {
	case map[string]any:
		keys := make([]string, 0, len(v))
		for k := range v {
			keys = append(keys, k)
		}
		if len(keys) > 0 && rapid.IntRange(0, 4).Draw(t, "deeper") > 0 {
			slices.Sort(keys)
			key := rapid.SampledFrom(keys).Draw(t, "key")
			v[key] = damaged(t, v[key])
			return v
		}
	case []any:
		if len(v) > 0 {
			i := rapid.IntRange(0, len(v)-1).Draw(t, "index")
			v[i] = damaged(t, v[i])
			return v
		}
	}
	return anyTree(2).Draw(t, "damage")
}
