package plan

import (
	"iter"
	"slices"

	"github.com/hedgesync/hedgesync/internal/fabric"
	"github.com/hedgesync/hedgesync/internal/hedgehog"
)

// An attachment needs its VPC's VLAN namespace on the switches of its connection.
// No single object says so and the server does not check it: a switch that leaves
// the namespace is accepted, and from then on gets no configuration at all.

// left and gained return the VLAN namespaces that a switch leaves and joins.

func left(old, new *node) []fabric.Key {
	return slices.DeleteFunc(targets(old, hedgehog.VLANNamespace), func(k fabric.Key) bool { return new.refersTo(k) })
}

func gained(old, new *node) []fabric.Key { return left(new, old) }

// targets returns what of one kind an object refers to, in key order.
func targets(n *node, kind fabric.Kind) []fabric.Key {
	if n == nil {
		return nil
	}
	var keys []fabric.Key
	for _, r := range n.refs {
		if r.To.Kind == kind {
			keys = append(keys, r.To)
		}
	}
	return unique(keys)
}

// chain is an attachment with what leads from it to a VLAN namespace on a switch.
type chain struct{ attachment, connection, vpc fabric.Key }

// chains yields the attachments that need one of the namespaces on a switch, in
// the state that at gives.
func (s *settler) chains(at func(fabric.Key) *node, device fabric.Key, namespaces []fabric.Key) iter.Seq2[chain, fabric.Key] {
	return func(yield func(chain, fabric.Key) bool) {
		if len(namespaces) == 0 {
			return
		}
		for _, conn := range s.world.referrers[device] {
			if conn.Kind != hedgehog.Connection || !at(conn).refersTo(device) {
				continue
			}
			for _, a := range s.world.referrers[conn] {
				if c, ns, ok := chainOf(at, a, conn, namespaces); ok && !yield(c, ns) {
					return
				}
			}
		}
	}
}

func chainOf(at func(fabric.Key) *node, a, conn fabric.Key, namespaces []fabric.Key) (chain, fabric.Key, bool) {
	if a.Kind != hedgehog.VPCAttachment || !at(a).refersTo(conn) {
		return chain{}, fabric.Key{}, false
	}
	for _, vpc := range targets(at(a), hedgehog.VPC) {
		for _, ns := range targets(at(vpc), hedgehog.VLANNamespace) {
			if slices.Contains(namespaces, ns) {
				return chain{a, conn, vpc}, ns, true
			}
		}
	}
	return chain{}, fabric.Key{}, false
}

// strandedAttachment returns an attachment that would need a VLAN namespace on a
// switch that leaves it.
func (s *settler) strandedAttachment(c *Change, old, new *node) (attachment fabric.Key, namespace string, ok bool) {
	if c.Key.Kind != hedgehog.Switch {
		return fabric.Key{}, "", false
	}
	for link, ns := range s.chains(s.next, c.Key, left(old, new)) {
		return link.attachment, ns.Name, true
	}
	return fabric.Key{}, "", false
}
