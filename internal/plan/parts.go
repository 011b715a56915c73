package plan

import (
	"fmt"
	"maps"
	"net/netip"
	"reflect"
	"slices"
	"strings"

	"github.com/hedgesync/hedgesync/internal/fabric"
	"github.com/hedgesync/hedgesync/internal/hedgehog"
)

// lost says what user needs of an object that it has in old and not in new, or "".
func lost(user, old, new *node) string {
	if old == nil || new == nil {
		return ""
	}
	for _, r := range user.refs {
		if r.To == old.key && r.Part != "" && (has(old, r.Part) && !has(new, r.Part) || rebuilt(old, new, r.Part)) {
			return partName(old, r.Part)
		}
	}
	for _, c := range user.claims {
		if contains(old, c) && !contains(new, c) {
			return idOf(c).String()
		}
	}
	return ""
}

// shrinks reports whether a change of body takes anything away that others may use.
func shrinks(old, new *node) bool {
	before, after := object(old.body, "spec"), object(new.body, "spec")
	switch old.key.Kind {
	case hedgehog.VPC, hedgehog.Gateway:
		member := members[old.key.Kind]
		return slices.ContainsFunc(names(object(before, member)), func(part string) bool { return !has(new, part) })
	case hedgehog.Switch:
		ports := append(names(object(before, "portBreakouts")), names(object(after, "portBreakouts"))...)
		return slices.ContainsFunc(ports, func(port string) bool { return rebuilt(old, new, port) }) || len(left(old, new)) > 0
	case hedgehog.VLANNamespace, hedgehog.IPv4Namespace:
		return !reflect.DeepEqual(before, after)
	}
	return false
}

// missing says what user needs of target that it does not have, or "". Ports are
// not certain from the target alone.
func missing(user, target *node) string {
	if target.body == nil {
		return ""
	}
	for _, r := range user.refs {
		if r.To == target.key && r.To.Kind == hedgehog.VPC && r.Part != "" && !has(target, r.Part) {
			return partName(target, r.Part)
		}
	}
	for _, c := range user.claims {
		if !contains(target, c) {
			return idOf(c).String()
		}
	}
	return ""
}

// members says which kinds list their parts by name, and where in spec.
var members = map[fabric.Kind]string{hedgehog.VPC: "subnets", hedgehog.Gateway: "interfaces"}

func partName(target *node, part string) string {
	word := "port"
	if target.key.Kind == hedgehog.VPC {
		word = "subnet"
	}
	return fmt.Sprintf("%s %q", word, part)
}

// has reports whether a target has a part: a VPC its subnets, a Gateway its
// interfaces. A Switch has every port: see rebuilt.
func has(target *node, part string) bool {
	member, named := members[target.key.Kind]
	if !named {
		return true
	}
	_, found := object(object(target.body, "spec"), member)[part]
	return found
}

// rebuilt reports whether a switch port gets another breakout mode: what it was
// called before may not exist after, and the other way round.
func rebuilt(old, new *node, port string) bool {
	if old.key.Kind != hedgehog.Switch {
		return false
	}
	return breakout(old, port) != breakout(new, port)
}

func breakout(n *node, port string) string {
	base := port
	if parts := strings.Split(port, "/"); len(parts) == 3 {
		base = parts[0] + "/" + parts[1]
	}
	mode, _ := object(object(n.body, "spec"), "portBreakouts")[base].(string)
	return mode
}

// contains reports whether a namespace has room for a claim made in it; true for
// anything that is not a namespace, or not this claim's.
func contains(namespace *node, c hedgehog.Claim) bool {
	spec := object(namespace.body, "spec")
	switch {
	case namespace.key.Kind == hedgehog.VLANNamespace && c.Scope == hedgehog.ScopeVLAN+namespace.key.Name:
		return inRanges(list(spec, "ranges"), c.Value)
	case namespace.key.Kind == hedgehog.IPv4Namespace && c.Scope == hedgehog.ScopeSubnet+namespace.key.Name:
		return inPrefixes(list(spec, "subnets"), c.Value)
	}
	return true
}

func inRanges(ranges []any, vlan string) bool {
	var n int64
	if _, err := fmt.Sscan(vlan, &n); err != nil {
		return false
	}
	for _, v := range ranges {
		r, _ := v.(map[string]any)
		from, okFrom := whole(r["from"])
		to, okTo := whole(r["to"])
		if okFrom && (from == n || okTo && from <= n && n <= to) {
			return true
		}
	}
	return false
}

func inPrefixes(prefixes []any, cidr string) bool {
	inner, err := netip.ParsePrefix(cidr)
	if err != nil {
		return false
	}
	for _, v := range prefixes {
		text, _ := v.(string)
		if outer, err := netip.ParsePrefix(text); err == nil && outer.Bits() <= inner.Bits() && outer.Contains(inner.Addr()) {
			return true
		}
	}
	return false
}

// object, list, names and whole read a decoded JSON tree; anything else is empty.

func object(tree map[string]any, member string) map[string]any {
	m, _ := tree[member].(map[string]any)
	return m
}

func list(tree map[string]any, member string) []any {
	l, _ := tree[member].([]any)
	return l
}

func names(m map[string]any) []string { return slices.Sorted(maps.Keys(m)) }

func whole(v any) (int64, bool) {
	switch n := v.(type) {
	case int64:
		return n, true
	case int:
		return int64(n), true
	case float64:
		return int64(n), n == float64(int64(n))
	}
	return 0, false
}
