package hedgehog

import (
	"slices"
	"strings"

	"github.com/hedgesync/hedgesync/internal/fabric"
)

// What only one object of a fabric may have. The webhooks check most of it too, but
// against a cache that lags behind: of two writers at once both pass.
var uniqueRules = []Rule{
	unique("unique.switch-port", "A switch port is in one link only; the first lane of a port is that port", "port", ScopePort),
	unique("unique.server-port", "A server port is in one link only", "port", ScopeServerPort),
	unique("unique.gateway-port", "A gateway port is in one link only", "port", ScopeGatewayPort),
	unique("unique.asn", "A leaf's ASN is its own", "ASN", ScopeASN),
	unique("unique.management-ip", "A switch's management address is its own", "address", ScopeManagementIP),
	unique("unique.protocol-ip", "A protocol address belongs to one switch or gateway", "protocol address", ScopeProtocolIP),
	unique("unique.vtep-ip", "A VTEP address belongs to one switch or gateway", "VTEP address", ScopeVTEPIP),
	unique("unique.vtep-mac", "A VTEP MAC belongs to one gateway", "VTEP MAC", ScopeVTEPMAC),
	unique("unique.boot-mac", "A boot MAC belongs to one switch; the fabric does not check it", "boot MAC", ScopeBootMAC),
	unique("unique.boot-serial", "A boot serial number belongs to one switch; the fabric does not check it", "boot serial", ScopeBootSerial),
	unique("unique.link-ip", "An address of a fabric, mesh or gateway link is used once", "address", ScopeFabricIP),
	unique("unique.vlan", "A VLAN is used by one subnet in a VLANNamespace", "VLAN", ScopeVLAN),
	unique("unique.external-vlan", "A VLAN is used by one attachment on an external connection; untagged counts as VLAN 0", "connection and VLAN", ScopeExternalVLAN),
	unique("unique.native-vlan", "One subnet is untagged on a connection", "native VLAN of connection", ScopeNativeVLAN),
	attachedTwice(),
}

// attachedTwice is weaker than the others: the second attachment changes nothing
// until one of them is deleted.
func attachedTwice() Rule {
	r := unique("unique.attachment", "A subnet is attached to a connection once", "connection and subnet", ScopeAttachment)
	r.Severity = fabric.Warning
	return r
}

// scopeKinds says whose objects make claims of a scope.
func scopeKinds(scope string) []fabric.Kind {
	switch scope {
	case ScopePort, ScopeServerPort, ScopeGatewayPort, ScopeFabricIP:
		return []fabric.Kind{Connection}
	case ScopeProtocolIP, ScopeVTEPIP:
		return []fabric.Kind{Switch, Gateway}
	case ScopeVTEPMAC:
		return []fabric.Kind{Gateway}
	case ScopeVLAN:
		return []fabric.Kind{VPC}
	case ScopeExternalVLAN:
		return []fabric.Kind{ExternalAttachment}
	case ScopeNativeVLAN, ScopeAttachment:
		return []fabric.Kind{VPCAttachment}
	}
	return []fabric.Kind{Switch}
}

func unique(name, what, noun, scope string) Rule {
	return Rule{
		Name: name, Kinds: scopeKinds(scope), Severity: fabric.Error, What: what,
		Check: func(c *check) { c.unique(noun, scope) },
	}
}

// A slot is what a claim is for.
type slot struct{ scope, value string }

// claims returns who claims what, wanted holders first. Prefixes are left to the
// rule on overlaps.
func (w *world) claims() map[slot][]holder {
	taken := map[slot][]holder{}
	for kind := range claims {
		for r, wanted := range w.each(kind) {
			for _, claim := range Claims(r) {
				if !strings.HasPrefix(claim.Scope, ScopeSubnet) {
					s := slot{claim.Scope, claim.Value}
					taken[s] = append(taken[s], holder{claim.Resource, claim.Pointer, wanted})
				}
			}
		}
	}
	for s, holders := range taken {
		if len(holders) == 1 {
			delete(taken, s)
			continue
		}
		slices.SortFunc(holders, holder.compare)
	}
	return taken
}

func (h holder) compare(o holder) int {
	if h.wanted != o.wanted {
		if h.wanted {
			return -1
		}
		return 1
	}
	if byKey := h.key.Compare(o.key); byKey != 0 {
		return byKey
	}
	return strings.Compare(h.pointer, o.pointer)
}

// unique complains about each claim that somebody made before: in the order of
// keys and pointers the first holder is right, and a holder that is only in the
// cluster is no more than a Warning.
func (c *check) unique(noun, scope string) {
	for _, claim := range c.claimed {
		if claim.Scope != scope && !(strings.HasSuffix(scope, "/") && strings.HasPrefix(claim.Scope, scope)) {
			continue
		}
		holders := c.taken[slot{claim.Scope, claim.Value}]
		if len(holders) < 2 {
			continue
		}
		at := node{claim.Value, claim.Pointer}
		me := holder{c.object.Key, claim.Pointer, true}
		switch other := holders[0]; {
		case other != me:
			c.say(at, "%s %s is taken by %s", noun, claim.Value, other.seenFrom(c.object.Key))
		case !holders[1].wanted:
			c.warn(at, "%s %s is taken by %s", noun, claim.Value, holders[1])
		}
	}
}

// seenFrom names the holder, or its place when it is the object itself.
func (h holder) seenFrom(key fabric.Key) string {
	if h.key == key {
		return h.pointer + " of the same object"
	}
	return h.String()
}
