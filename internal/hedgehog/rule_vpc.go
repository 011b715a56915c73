package hedgehog

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/hedgesync/hedgesync/internal/fabric"
)

const (
	mostSubnets   = 20
	longestPrefix = 30 // of a VPC subnet: room for a gateway and a host

	modeL2VNI = "l2vni"
	modeL3VNI = "l3vni"
)

var onlyVPC = []fabric.Kind{VPC}

var vpcRules = []Rule{
	{
		Name: "vpc.mode", Kinds: onlyVPC, Severity: fabric.Error, Check: checkMode,
		What: "The mode of a VPC is l2vni (also when empty) or l3vni",
	},
	{
		Name: "vpc.subnets", Kinds: onlyVPC, Severity: fabric.Error, Check: checkSubnets,
		What: "A VPC has 1 to 20 subnets, each an IPv4 prefix of at most 30 bits",
	},
	{
		Name: "vpc.subnet-name", Kinds: onlyVPC, Severity: fabric.Warning, Check: checkSubnetNames,
		What: "A subnet's name can be part of a DNS name: the fabric makes an object named `<vpc>--<subnet>`",
	},
	{
		Name: "vpc.subnet-in-namespace", Kinds: onlyVPC, Severity: fabric.Error, Check: checkSubnetInNamespace,
		What: "A subnet lies in a subnet of the VPC's IPv4Namespace",
	},
	{
		Name: "vpc.subnet-overlap", Kinds: onlyVPC, Severity: fabric.Error, Check: checkSubnetOverlap,
		What: "Subnets of one IPv4Namespace do not overlap, within a VPC and between VPCs",
	},
	{
		Name: "vpc.gateway", Kinds: onlyVPC, Severity: fabric.Error, Check: checkGatewayAddress,
		What: "The gateway is an address of its subnet",
	},
	{
		Name: "vpc.vlan", Kinds: onlyVPC, Severity: fabric.Error, Check: checkVLAN,
		What: "A subnet has a VLAN of the VPC's VLANNamespace, unless its hosts speak BGP",
	},
	{
		Name: "vpc.permit", Kinds: onlyVPC, Severity: fabric.Error, Check: checkPermit,
		What: "Permit lists name subnets of the VPC",
	},
	{
		Name: "vpc.static-routes", Kinds: onlyVPC, Severity: fabric.Error, Check: checkStaticRoutes,
		What: "A static route has a prefix and at least one next hop",
	},
}

func checkMode(c *check) {
	if mode := c.spec.at("mode"); !slices.Contains([]string{"", modeL2VNI, modeL3VNI}, mode.text()) {
		c.say(mode, "mode %q is not one of %s, %s", mode.text(), modeL2VNI, modeL3VNI)
	}
}

func checkSubnets(c *check) {
	subnets := c.spec.at("subnets")
	if n := subnets.size(); n == 0 || n > mostSubnets {
		c.say(subnets, "%d subnets, 1 to %d are allowed", n, mostSubnets)
	}
	for name, subnet := range subnets.entries() {
		n := subnet.at("subnet")
		switch p, ok := n.prefix(); {
		case n.text() == "":
			c.say(n, "subnet %q has no address prefix", name)
		case !ok:
			c.say(n, "%q is not an IPv4 prefix", n.text())
		case p.Bits() > longestPrefix:
			c.say(n, "subnet %s is smaller than a /%d", p, longestPrefix)
		}
	}
}

func checkSubnetNames(c *check) {
	for name, subnet := range c.spec.at("subnets").entries() {
		made := c.object.Key.Name + "--" + name
		if problems := validation.IsDNS1123Subdomain(made); len(problems) > 0 {
			c.say(subnet, "the fabric cannot make an object named %q", made)
		}
	}
}

func checkSubnetInNamespace(c *check) {
	name := c.spec.at("ipv4Namespace").textOr(defaultName)
	spec, ok := c.world.spec(IPv4Namespace, name)
	if !ok {
		return
	}
	var pools []netip.Prefix
	for n := range spec.at("subnets").items() {
		if p, ok := n.prefix(); ok {
			pools = append(pools, p)
		}
	}
	for _, subnet := range c.spec.at("subnets").entries() {
		n := subnet.at("subnet")
		p, ok := n.prefix()
		if ok && len(pools) > 0 && !slices.ContainsFunc(pools, func(pool netip.Prefix) bool { return within(pool, p) }) {
			c.say(n, "subnet %s is in none of the subnets of IPv4Namespace %s: %s", p, name, joined(pools))
		}
	}
}

func joined[T fmt.Stringer](values []T) string {
	texts := make([]string, 0, len(values))
	for _, v := range values {
		texts = append(texts, v.String())
	}
	return strings.Join(texts, ", ")
}

func checkSubnetOverlap(c *check) {
	for _, pair := range c.overlaps[c.object.Key] {
		n := node{c.object.Object, ""}.follow(pair[0].pointer)
		text := fmt.Sprintf("subnet %s overlaps %s of %s", n.text(), c.textAt(pair[1]), pair[1].seenFrom(c.object.Key))
		if pair[1].wanted {
			c.say(n, "%s", text)
			continue
		}
		c.warn(n, "%s", text)
	}
}

// textAt returns the text at a holder's place.
func (w *world) textAt(h holder) string {
	r, _ := w.find(h.key)
	return node{r.Object, ""}.follow(h.pointer).text()
}

// subnetOverlaps returns the overlapping subnets of each wanted VPC: the place in
// it first, then the other one. Of two wanted ones the later complains.
func (w *world) subnetOverlaps() map[fabric.Key][][2]holder {
	wanted, all := map[string][]placed[netip.Prefix]{}, map[string][]placed[netip.Prefix]{}
	for r, isWanted := range w.each(VPC) {
		pool := specOf(r).at("ipv4Namespace").textOr(defaultName)
		for _, subnet := range specOf(r).at("subnets").entries() {
			p, ok := subnet.at("subnet").prefix()
			if !ok {
				continue
			}
			at := placed[netip.Prefix]{p, holder{r.Key, subnet.at("subnet").pointer, isWanted}}
			all[pool] = append(all[pool], at)
			if isWanted {
				wanted[pool] = append(wanted[pool], at)
			}
		}
	}
	out := map[fabric.Key][][2]holder{}
	for _, pool := range keysOf(all) {
		for _, pair := range overlapping(wanted[pool]) {
			blame(out, pair)
		}
		for _, pair := range overlapping(all[pool]) {
			if pair[0].wanted != pair[1].wanted {
				blame(out, pair)
			}
		}
	}
	return out
}

// blame files a pair under its later holder, the wanted one if one is only live.
func blame(out map[fabric.Key][][2]holder, pair [2]holder) {
	mine, other := pair[0], pair[1]
	if mine.wanted == other.wanted && mine.compare(other) < 0 || !mine.wanted {
		mine, other = other, mine
	}
	out[mine.key] = append(out[mine.key], [2]holder{mine, other})
}

func checkGatewayAddress(c *check) {
	for _, subnet := range c.spec.at("subnets").entries() {
		c.addressIn(subnet.at("gateway"), subnet, "gateway")
	}
}

// addressIn checks that a value, if there is one, is an address of its subnet.
func (c *check) addressIn(n, subnet node, what string) (netip.Addr, bool) {
	a, ok := n.address()
	p, known := subnet.at("subnet").prefix()
	switch {
	case n.text() == "":
		return a, false
	case !ok:
		c.say(n, "%s %q is not an IPv4 address", what, n.text())
	case known && !p.Contains(a):
		c.say(n, "%s %s is outside subnet %s", what, a, p)
	default:
		return a, true
	}
	return a, false
}

func checkVLAN(c *check) {
	name := c.spec.at("vlanNamespace").textOr(defaultName)
	var ranges []namedRange
	if spec, ok := c.world.spec(VLANNamespace, name); ok {
		ranges = rangesOf(spec)
	}
	for key, subnet := range c.spec.at("subnets").entries() {
		n, hostBGP := subnet.at("vlan"), subnet.at("hostBGP").flag()
		switch vlan := n.number(); {
		case hostBGP && vlan != 0:
			c.warn(n, "VLAN %d is not used: the hosts of subnet %q speak BGP", vlan, key)
		case hostBGP:
		case vlan == 0:
			c.say(n, "subnet %q has no VLAN", key)
		case len(ranges) > 0 && !slices.ContainsFunc(ranges, func(r namedRange) bool { return r.Contains(vlan) }):
			c.say(n, "VLAN %d is in none of the ranges of VLANNamespace %s: %s", vlan, name, joined(ranges))
		case !vlanIDs.Contains(vlan):
			c.say(n, "VLAN %d is outside %s", vlan, vlanIDs)
		}
	}
}

func checkPermit(c *check) {
	subnets := c.spec.at("subnets")
	for list := range c.spec.at("permit").items() {
		for n := range list.items() {
			if name := n.text(); !hasMember(subnets, name) {
				c.say(n, "the VPC has no subnet %q, it has %s", name, strings.Join(memberNames(subnets), ", "))
			}
		}
	}
}

func checkStaticRoutes(c *check) {
	for route := range c.spec.at("staticRoutes").items() {
		if n := route.at("prefix"); !n.isPrefix() {
			c.say(n, "%q is not an IPv4 prefix", n.text())
		}
		if route.at("nextHops").size() == 0 {
			c.say(route.at("nextHops"), "the route to %s has no next hop", route.at("prefix").text())
		}
		c.addresses(route.at("nextHops"), "next hop")
	}
}

// addresses checks that the elements of a list are addresses.
func (c *check) addresses(list node, what string) {
	for n := range list.items() {
		if _, ok := n.address(); !ok {
			c.say(n, "%s %q is not an IPv4 address", what, n.text())
		}
	}
}
