package hedgehog

import (
	"cmp"
	"net"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/hedgesync/hedgesync/internal/fabric"
)

// spellings rewrite a spec, in place, to the spelling the kind's webhook stores.
var spellings = map[fabric.Kind]func(spec tree){
	Switch:             spellSwitch,
	VLANNamespace:      spellVLANNamespace,
	IPv4Namespace:      func(spec tree) { sortTexts(spec, "subnets") },
	VPC:                spellVPC,
	VPCAttachment:      spellVPCAttachment,
	ExternalAttachment: spellExternalAttachment,
	ExternalPeering:    spellExternalPeering,
	Gateway:            spellGateway,
	GatewayPeering:     spellGatewayPeering,
}

func spellSwitch(spec tree) {
	for _, field := range []string{"portGroupSpeeds", "portSpeeds"} {
		speeds := child(spec, field)
		for port := range speeds {
			if speed, ok := speeds[port].(string); ok {
				speeds[port] = bareSpeed(speed)
			}
		}
	}
	joinRedundancyGroup(spec)
	sortTexts(spec, "groups")
	sortTexts(spec, "vlanNamespaces")
	dropEmpty(spec, "boot", "ecmp", "redundancy")
}

// bareSpeed strips every prefix, not one as the webhook does, so that a second
// pass finds nothing to do; no profile knows a speed that still has one.
func bareSpeed(speed string) string {
	for strings.HasPrefix(speed, "SPEED_") {
		speed = strings.TrimPrefix(speed, "SPEED_")
	}
	return speed
}

func joinRedundancyGroup(spec tree) {
	group := textAt(child(spec, "redundancy"), "group")
	groups, isList := spec["groups"].([]any)
	if group == "" || spec["groups"] != nil && !isList || slices.Contains(groups, any(group)) {
		return
	}
	spec["groups"] = append(groups, group)
}

func spellVLANNamespace(spec tree) {
	ranges := listAt(spec, "ranges")
	for _, r := range ranges {
		if from, to := vlanRange(r); from < 1 || to > 4094 || from > to {
			return // the rules refuse it; the webhook would lose all ranges
		}
	}
	slices.SortStableFunc(ranges, func(a, b any) int {
		fromA, toA := vlanRange(a)
		fromB, toB := vlanRange(b)
		return cmp.Or(cmp.Compare(fromA, fromB), cmp.Compare(toA, toB))
	})
}

// vlanRange returns the first and last VLAN of a range; a missing end is the
// beginning. What is no range is 0, 0.
func vlanRange(v any) (from, to int64) {
	r, _ := v.(tree)
	from, _ = integerAt(r, "from")
	to, _ = integerAt(r, "to")
	return from, cmp.Or(to, from)
}

func spellVPC(spec tree) {
	for _, v := range child(spec, "subnets") {
		if subnet, ok := v.(tree); ok {
			spellDHCP(subnet)
			dropEmpty(subnet, "dhcp")
		}
	}
}

// spellDHCP touches only what the webhook looks at: the DHCP settings of a subnet
// that has room for a pool.
func spellDHCP(subnet tree) {
	dhcp := child(subnet, "dhcp")
	if _, pool := poolOf(subnet); !pool || dhcp == nil {
		return
	}
	switch enable := dhcp["enable"]; enable {
	case true:
		spellDHCPOptions(dhcp)
		spellMACs(child(dhcp, "static"))
	case false, nil:
		delete(dhcp, "range")
		delete(dhcp, "options")
	}
}

// poolOf returns a subnet's prefix, masked, if it is one with room for a DHCP pool.
func poolOf(subnet tree) (netip.Prefix, bool) {
	p, err := netip.ParsePrefix(textAt(subnet, "subnet"))
	return p.Masked(), err == nil && p.Bits() <= 30
}

func spellDHCPOptions(dhcp tree) {
	options := child(dhcp, "options")
	if options == nil {
		return
	}
	if saysNothing(options) {
		delete(dhcp, "options")
		return
	}
	sortTexts(options, "dnsServers")
	sortTexts(options, "timeServers")
	sortTrees(options, "advertisedRoutes", "destination", "gateway")
}

// saysNothing reports whether the webhook drops these DHCP options: nothing is
// set. A list counts as set even when it is empty.
func saysNothing(options tree) bool {
	for _, v := range options {
		if _, isList := v.([]any); isList || !isZero(v) {
			return false
		}
	}
	return true
}

// spellMACs rewrites keys to lower case with colons. Where two keys are the same
// address the one already so spelled stays and the other is left for the rules:
// the webhook would keep either by chance.
func spellMACs(static tree) {
	for _, key := range keysOf(static) {
		mac, err := net.ParseMAC(key)
		if err != nil || mac.String() == key {
			continue
		}
		if _, taken := static[mac.String()]; !taken {
			static[mac.String()] = static[key]
			delete(static, key)
		}
	}
}

func spellVPCAttachment(spec tree) {
	if subnet := textAt(spec, "subnet"); subnet != "" && !strings.Contains(subnet, "/") {
		spec["subnet"] = subnet + "/" + defaultSubnet
	}
}

// spellExternalAttachment keeps the two stubs the schema requires: the webhook adds
// them when it computes labels, but not when a later write takes them away.
func spellExternalAttachment(spec tree) {
	for _, stub := range []string{"switch", "neighbor"} {
		if spec[stub] == nil {
			spec[stub] = tree{}
		}
	}
}

func spellExternalPeering(spec tree) {
	permit := child(spec, "permit")
	sortTexts(child(permit, "vpc"), "subnets")
	sortTrees(child(permit, "external"), "prefixes", "prefix")
}

func spellGateway(spec tree) {
	sortTrees(spec, "groups", "name")
	dropEmpty(spec, "profiling", "logs")
}

func spellGatewayPeering(spec tree) {
	for _, side := range child(spec, "peering") {
		side, _ := side.(tree)
		for _, nat := range natsOf(side) {
			spellDuration(child(nat, "masquerade"))
			spellDuration(child(nat, "portForward"))
		}
	}
	for _, rule := range listAt(child(spec, "acl"), "rules") {
		if rule, ok := rule.(tree); ok {
			dropEmpty(rule, "match")
		}
	}
}

// natsOf returns the nat settings of one side of a gateway peering.
func natsOf(side tree) []tree {
	var nats []tree
	for _, expose := range listAt(side, "expose") {
		expose, _ := expose.(tree)
		if nat := child(expose, "nat"); nat != nil {
			nats = append(nats, nat)
		}
	}
	return nats
}

func spellDuration(nat tree) {
	if d, err := time.ParseDuration(textAt(nat, "idleTimeout")); err == nil {
		nat["idleTimeout"] = d.String()
	}
}

// dropEmpty removes the named members that are empty objects.
func dropEmpty(m tree, keys ...string) {
	for _, key := range keys {
		if c, ok := m[key].(tree); ok && len(c) == 0 {
			delete(m, key)
		}
	}
}

// sortTexts sorts the list at key, if all of it is strings.
func sortTexts(m tree, key string) {
	l := listAt(m, key)
	if allOf[string](l) {
		slices.SortFunc(l, func(a, b any) int { return strings.Compare(a.(string), b.(string)) })
	}
}

// sortTrees sorts the list of objects at key by the named string members.
func sortTrees(m tree, key string, by ...string) {
	l := listAt(m, key)
	if !allOf[tree](l) {
		return
	}
	slices.SortStableFunc(l, func(a, b any) int {
		for _, member := range by {
			if c := strings.Compare(textAt(a.(tree), member), textAt(b.(tree), member)); c != 0 {
				return c
			}
		}
		return 0
	})
}

func allOf[T any](l []any) bool {
	return !slices.ContainsFunc(l, func(v any) bool { _, ok := v.(T); return !ok })
}
