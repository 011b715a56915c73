package hedgehog

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
)

// Range is an inclusive range of whole numbers: VLAN ids or ASNs.
type Range struct{ From, To int64 }

// Contains reports whether n lies in the range.
func (r Range) Contains(n int64) bool { return r.From <= n && n <= r.To }

// String returns "1000-2999", or "1000" for a single number.
func (r Range) String() string {
	if r.From == r.To {
		return fmt.Sprint(r.From)
	}
	return fmt.Sprintf("%d-%d", r.From, r.To)
}

func (r Range) overlaps(o Range) bool { return r.From <= o.To && o.From <= r.To }

// Site is what a fabric keeps for itself: addresses, AS numbers and VLANs that the
// installer configured. A zero field means the installer's default.
type Site struct {
	// Known says that the values were read from the fabric. Otherwise they are
	// assumed, and breaking them is a Warning instead of an Error.
	Known bool

	Management netip.Prefix // switches' own addresses
	DHCPStart  netip.Addr   // first management address given out by DHCP: switches lie below
	ControlVIP netip.Addr   // management address of the control plane; not checked when zero
	Protocol   netip.Prefix // BGP router ids
	VTEP       netip.Prefix // tunnel end points
	Fabric     netip.Prefix // link addresses

	SpineASN int64
	LeafASNs Range

	IRBVLANs Range // VLANs of the VPCs' routing interfaces
	TH5VLANs Range // VLANs used on Tomahawk 5 switches
	MTU      int64 // largest packet on fabric links, bytes
}

// asns are the AS numbers there are.
var asns = Range{1, 1<<32 - 1}

// encapsulation is what VXLAN adds to a packet, as the fabric reckons it, in bytes.
const encapsulation = 64

// DefaultSite returns what the installer configures unless told otherwise; it is
// the same in all fabrics.
func DefaultSite() Site {
	return Site{
		Management: netip.MustParsePrefix("172.30.0.0/21"),
		DHCPStart:  netip.MustParseAddr("172.30.4.0"),
		Protocol:   netip.MustParsePrefix("172.30.8.0/22"),
		VTEP:       netip.MustParsePrefix("172.30.12.0/22"),
		Fabric:     netip.MustParsePrefix("172.30.128.0/17"),
		SpineASN:   65100,
		LeafASNs:   Range{65101, 65533},
		IRBVLANs:   Range{3000, 3899},
		TH5VLANs:   Range{3900, 3999},
		MTU:        9100,
	}
}

func (s Site) withDefaults() Site {
	d := DefaultSite()
	s.Management = cmp.Or(s.Management, d.Management)
	s.DHCPStart = cmp.Or(s.DHCPStart, d.DHCPStart)
	s.Protocol = cmp.Or(s.Protocol, d.Protocol)
	s.VTEP = cmp.Or(s.VTEP, d.VTEP)
	s.Fabric = cmp.Or(s.Fabric, d.Fabric)
	s.SpineASN = cmp.Or(s.SpineASN, d.SpineASN)
	s.LeafASNs = cmp.Or(s.LeafASNs, d.LeafASNs)
	s.IRBVLANs = cmp.Or(s.IRBVLANs, d.IRBVLANs)
	s.TH5VLANs = cmp.Or(s.TH5VLANs, d.TH5VLANs)
	s.MTU = cmp.Or(s.MTU, d.MTU)
	return s
}

// reserved returns the subnets no pool of VPC addresses may touch, by what they are for.
func (s Site) reserved() map[string]netip.Prefix {
	return map[string]netip.Prefix{
		"management": s.Management, "protocol": s.Protocol, "VTEP": s.VTEP, "fabric": s.Fabric,
	}
}

// first returns the lowest address of an IPv4 prefix.
func first(p netip.Prefix) netip.Addr { return p.Masked().Addr() }

// within reports whether inner lies wholly in outer.
func within(outer, inner netip.Prefix) bool {
	return outer.Bits() <= inner.Bits() && outer.Contains(inner.Addr())
}

// A placed value is one that stands somewhere in some object.
type placed[T any] struct {
	value  T
	holder holder
}

// overlapping returns pairs of overlapping prefixes, each prefix at most once as
// the first of a pair. Prefixes nest or are disjoint, so one pass over them in
// address order with a stack of open ones finds all: O(n log n).
func overlapping(all []placed[netip.Prefix]) [][2]holder {
	slices.SortStableFunc(all, func(a, b placed[netip.Prefix]) int {
		return cmp.Or(first(a.value).Compare(first(b.value)), cmp.Compare(a.value.Bits(), b.value.Bits()))
	})
	var open []placed[netip.Prefix]
	var pairs [][2]holder
	for _, p := range all {
		for len(open) > 0 && lastAddress(open[len(open)-1].value.Masked()).Less(first(p.value)) {
			open = open[:len(open)-1]
		}
		if len(open) > 0 {
			pairs = append(pairs, [2]holder{p.holder, open[len(open)-1].holder})
		}
		open = append(open, p)
	}
	return pairs
}
