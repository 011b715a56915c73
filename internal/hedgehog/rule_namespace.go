package hedgehog

import (
	"cmp"
	"net/netip"
	"slices"

	"github.com/hedgesync/hedgesync/internal/fabric"
)

// vlanIDs are the VLAN ids there are.
var vlanIDs = Range{1, 4094}

// mostPools is the most subnets the webhook accepts in an IPv4Namespace; the
// definition allows more.
const mostPools = 10

var namespaceRules = []Rule{
	{
		Name: "vlans.range", Kinds: []fabric.Kind{VLANNamespace}, Severity: fabric.Error, Check: checkVLANRanges,
		What: "A VLAN range lies in 1-4094 and does not end before it begins; the fabric would accept it and store an empty namespace",
	},
	{
		Name: "vlans.overlap", Kinds: []fabric.Kind{VLANNamespace}, Severity: fabric.Error, Check: checkVLANOverlap,
		What: "The ranges of a VLANNamespace do not overlap",
	},
	{
		Name: "vlans.reserved", Kinds: []fabric.Kind{VLANNamespace}, Severity: fabric.Error, Convention: true, Check: checkVLANReserved,
		What: "VLAN ranges keep clear of what the fabric uses itself: 3000-3899 for routing, 3900-3999 on Tomahawk 5",
	},
	{
		Name: "vlans.host-bgp", Kinds: []fabric.Kind{VLANNamespace}, Severity: fabric.Warning, Check: checkVLANHostBGP,
		What: "A VLANNamespace does not change while an IPv4Namespace of the same name has a hostBGP subnet: the fabric mistakes one for the other",
		Hint: "the fabric will probably refuse the change until the hostBGP subnet is gone",
	},
	{
		Name: "pools.subnets", Kinds: []fabric.Kind{IPv4Namespace}, Severity: fabric.Error, Check: checkPools,
		What: "An IPv4Namespace has 1 to 10 valid subnets that do not overlap",
	},
	{
		Name: "pools.reserved", Kinds: []fabric.Kind{IPv4Namespace}, Severity: fabric.Error, Convention: true, Check: checkPoolsReserved,
		What: "Address pools keep clear of the fabric's management, protocol, VTEP and link subnets",
	},
}

// A vlanRange is one range of a namespace and where it stands.
type namedRange struct {
	Range
	node
}

// rangesOf returns the well-formed ranges of a VLANNamespace, in the order written.
func rangesOf(spec node) []namedRange {
	var out []namedRange
	for n := range spec.at("ranges").items() {
		if r := rangeOf(n); vlanIDs.Contains(r.From) && vlanIDs.Contains(r.To) && r.From <= r.To {
			out = append(out, namedRange{r, n})
		}
	}
	return out
}

func rangeOf(n node) Range {
	from := n.at("from").number()
	return Range{from, cmp.Or(n.at("to").number(), from)}
}

func checkVLANRanges(c *check) {
	if c.spec.at("ranges").size() == 0 {
		c.say(c.spec.at("ranges"), "no VLAN range is given")
	}
	for n := range c.spec.at("ranges").items() {
		switch r := rangeOf(n); {
		case !vlanIDs.Contains(r.From):
			c.say(n.at("from"), "VLAN %d is outside %s", r.From, vlanIDs)
		case !vlanIDs.Contains(r.To):
			c.say(n.at("to"), "VLAN %d is outside %s", r.To, vlanIDs)
		case r.From > r.To:
			c.say(n, "range begins at %d and ends before, at %d", r.From, r.To)
		}
	}
}

func checkVLANOverlap(c *check) {
	for _, pair := range overlappingRanges(rangesOf(c.spec)) {
		c.say(pair[0].node, "range %s overlaps %s", pair[0].Range, pair[1].Range)
	}
}

// overlappingRanges returns each range that overlaps one before it, in order of
// their beginnings, with the one before it that reaches furthest.
func overlappingRanges(all []namedRange) [][2]namedRange {
	all = slices.Clone(all)
	slices.SortStableFunc(all, func(a, b namedRange) int { return cmp.Compare(a.From, b.From) })
	var pairs [][2]namedRange
	for i, r := range all {
		if i == 0 {
			continue
		}
		furthest := slices.MaxFunc(all[:i], func(a, b namedRange) int { return cmp.Compare(a.To, b.To) })
		if r.overlaps(furthest.Range) {
			pairs = append(pairs, [2]namedRange{r, furthest})
		}
	}
	return pairs
}

func checkVLANReserved(c *check) {
	for _, r := range rangesOf(c.spec) {
		if r.overlaps(c.site.IRBVLANs) {
			c.say(r.node, "range %s overlaps %s, which the fabric uses for routing", r.Range, c.site.IRBVLANs)
		}
		if r.overlaps(c.site.TH5VLANs) {
			c.say(r.node, "range %s overlaps %s, which the fabric uses on Tomahawk 5 switches", r.Range, c.site.TH5VLANs)
		}
	}
}

func checkVLANHostBGP(c *check) {
	if c.live == nil {
		return
	}
	live, ok := c.live.Get(c.object.Key)
	if !ok || live.Object == nil || sameRanges(rangesOf(c.spec), rangesOf(specOf(live))) {
		return
	}
	for r := range c.live.OfKind(VPC) {
		spec := specOf(r)
		if spec.at("ipv4Namespace").textOr(defaultName) != c.object.Key.Name {
			continue
		}
		for name, subnet := range spec.at("subnets").entries() {
			if subnet.at("hostBGP").flag() {
				c.say(c.spec.at("ranges"), "the ranges change while VPC %s in IPv4Namespace %s has the hostBGP subnet %q", r.Key.Name, c.object.Key.Name, name)
				return
			}
		}
	}
}

func sameRanges(a, b []namedRange) bool {
	byFrom := func(all []namedRange) []Range {
		out := make([]Range, 0, len(all))
		for _, r := range all {
			out = append(out, r.Range)
		}
		slices.SortFunc(out, func(a, b Range) int { return cmp.Or(cmp.Compare(a.From, b.From), cmp.Compare(a.To, b.To)) })
		return out
	}
	return slices.Equal(byFrom(a), byFrom(b))
}

func checkPools(c *check) {
	pools := c.spec.at("subnets")
	if n := pools.size(); n == 0 || n > mostPools {
		c.say(pools, "%d subnets, 1 to %d are allowed", n, mostPools)
	}
	var all []placed[netip.Prefix]
	for n := range pools.items() {
		p, ok := n.prefix()
		if !ok {
			c.say(n, "%q is not an IPv4 prefix", n.text())
			continue
		}
		all = append(all, placed[netip.Prefix]{p, holder{c.object.Key, n.pointer, true}})
	}
	for _, pair := range overlapping(all) {
		mine := node{c.object.Object, ""}.follow(pair[0].pointer)
		c.say(mine, "subnet %s overlaps %s", mine.text(), node{c.object.Object, ""}.follow(pair[1].pointer).text())
	}
}

func checkPoolsReserved(c *check) {
	reserved := c.site.reserved()
	for n := range c.spec.at("subnets").items() {
		p, ok := n.prefix()
		for _, use := range keysOf(reserved) {
			if ok && p.Overlaps(reserved[use]) {
				c.say(n, "subnet %s overlaps the fabric's %s subnet %s", p, use, reserved[use])
			}
		}
	}
}
