package admission

import (
	"errors"
	"fmt"
	"net/netip"
)

// Where a fabric with default settings takes its own addresses from.
var (
	reservedSubnet   = netip.MustParsePrefix("172.30.0.0/16")
	managementSubnet = netip.MustParsePrefix("172.30.0.0/21")
	managementDHCP   = netip.MustParseAddr("172.30.4.0") // first address for switches not yet known
	controlVIP       = netip.MustParseAddr("172.30.0.1")
	protocolSubnet   = netip.MustParsePrefix("172.30.8.0/22")
	vtepSubnet       = netip.MustParsePrefix("172.30.12.0/22")
	fabricSubnet     = netip.MustParsePrefix("172.30.128.0/17")
)

// Numbers a fabric with default settings keeps to.
const (
	spineASN    = 65100
	firstASN    = 65101
	lastASN     = 65533
	maxHostMTU  = 9100 - 64
	shortName   = 11
	maxNetworks = 10
)

// reservedVLANs are used between the subnets of a VPC and on some chips.
var reservedVLANs = [][2]int64{{3000, 3899}, {3900, 3999}}

func prefixIn(what, value string, within netip.Prefix) (netip.Prefix, error) {
	p, err := netip.ParsePrefix(value)
	if err != nil {
		return p, fmt.Errorf("%s %q is not an address with prefix length", what, value)
	}
	if !within.Contains(p.Addr()) {
		return p, fmt.Errorf("%s %s is not in %s", what, p, within)
	}
	return p, nil
}

func hostIn(what, value string, within netip.Prefix) error {
	p, err := prefixIn(what, value, within)
	if err == nil && p.Bits() != 32 {
		err = fmt.Errorf("%s %s must be a /32", what, p)
	}
	return err
}

// disjoint parses prefixes that may overlap neither each other nor the fabric's own.
func disjoint(what string, values []string) error {
	var seen []netip.Prefix
	for _, value := range values {
		p, err := netip.ParsePrefix(value)
		if err != nil {
			return fmt.Errorf("%s %q is not a prefix", what, value)
		}
		if p.Overlaps(reservedSubnet) {
			return fmt.Errorf("%s %s overlaps with reserved %s", what, p, reservedSubnet)
		}
		for _, other := range seen {
			if p.Overlaps(other) {
				return fmt.Errorf("%s %s overlaps with %s", what, p, other)
			}
		}
		seen = append(seen, p)
	}
	return nil
}

func within(p netip.Prefix, pools []string) bool {
	for _, pool := range pools {
		if q, err := netip.ParsePrefix(pool); err == nil && q.Bits() <= p.Bits() && q.Contains(p.Addr()) {
			return true
		}
	}
	return false
}

func checkShortName(name string) error {
	if len(name) > shortName {
		return fmt.Errorf("name %q is longer than %d characters", name, shortName)
	}
	return nil
}

func checkIPv4Namespace(r Request, _ Objects) error {
	subnets := strs(specOf(r.Object), "subnets")
	if len(subnets) == 0 || len(subnets) > maxNetworks {
		return fmt.Errorf("between 1 and %d subnets are required, not %d", maxNetworks, len(subnets))
	}
	return errors.Join(checkShortName(r.Object.GetName()), disjoint("subnet", subnets))
}

func checkVLANNamespace(r Request, _ Objects) error {
	var taken [][2]int64
	taken = append(taken, reservedVLANs...)
	for _, span := range trees(specOf(r.Object), "ranges") {
		from, to := num(span, "from"), num(span, "to")
		for _, other := range taken {
			if from <= other[1] && other[0] <= to {
				return fmt.Errorf("VLAN range %d-%d overlaps with %d-%d", from, to, other[0], other[1])
			}
		}
		taken = append(taken, [2]int64{from, to})
	}
	return nil
}
