package hedgehog

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hedgesync/hedgesync/internal/fabric"
)

var onlyGatewayPeering = []fabric.Kind{GatewayPeering}

var gatewayPeeringRules = []Rule{
	{
		Name: "gateway-peering.sides", Kinds: onlyGatewayPeering, Severity: fabric.Error, Check: checkSides,
		What: "A gateway peering has exactly two sides: two VPCs, or a VPC and `ext.` with the name of an External",
	},
	{
		Name: "gateway-peering.expose", Kinds: onlyGatewayPeering, Severity: fabric.Error, Check: checkExposes,
		What: "What a side exposes is given as one of cidr, not and vpcSubnet, what it is translated to as one of cidr and not",
	},
	{
		Name: "gateway-peering.nat", Kinds: onlyGatewayPeering, Severity: fabric.Error, Check: checkNAT,
		What: "Of masquerade, portForward and static one is used at most, with valid times and ports",
	},
	{
		Name: "gateway-peering.vpc-subnet", Kinds: onlyGatewayPeering, Severity: fabric.Warning, Check: checkExposedSubnet,
		What: "A peering exposes a vpcSubnet only if no other gateway peering involves that VPC: the fabric refuses the later one",
		Hint: "write the subnet's prefix as cidr instead",
	},
	{
		Name: "gateway-peering.group", Kinds: onlyGatewayPeering, Severity: fabric.Error, Check: checkGroupServed,
		What: "The gateway group of a peering has at least one gateway",
	},
	{
		Name: "gateway-peering.acl", Kinds: onlyGatewayPeering, Severity: fabric.Error, Check: checkPeeringACL,
		What: "ACL rules match valid prefixes and ports (a warning for a side that is not one of the peering's)",
	},
}

func checkSides(c *check) {
	peering := c.spec.at("peering")
	names := memberNames(peering)
	if len(names) != 2 {
		c.say(peering, "%d sides, a gateway peering has exactly 2", len(names))
		return
	}
	if strings.HasPrefix(names[0], externalPrefix) && strings.HasPrefix(names[1], externalPrefix) {
		c.say(peering, "both sides are externals: %s", strings.Join(names, ", "))
	}
	for name, n := range peering.entries() {
		if _, bare := peeringSide(name); bare == "" {
			c.say(n, "side %q has no name", name)
		}
	}
}

// exposes visits every expose entry of both sides.
func (c *check) exposes(visit func(expose node)) {
	for _, side := range c.spec.at("peering").entries() {
		for expose := range side.at("expose").items() {
			visit(expose)
		}
	}
}

func checkExposes(c *check) {
	c.exposes(func(expose node) {
		for entry := range expose.at("ips").items() {
			c.exactlyOne(entry, "cidr", "not", "vpcSubnet")
		}
		for entry := range expose.at("as").items() {
			c.exactlyOne(entry, "cidr", "not")
		}
	})
}

// exactlyOne checks that an entry has one of fields, and that it is a prefix if it should be.
func (c *check) exactlyOne(entry node, fields ...string) {
	var given []string
	for _, field := range fields {
		n := entry.at(field)
		if n.text() == "" {
			continue
		}
		given = append(given, field)
		if field != "vpcSubnet" && !n.isPrefix() {
			c.say(n, "%q is not an IPv4 prefix", n.text())
		}
	}
	if len(given) != 1 {
		c.say(entry, "%d of %s are given, exactly one is needed", len(given), strings.Join(fields, ", "))
	}
}

func checkNAT(c *check) {
	c.exposes(func(expose node) {
		nat := expose.at("nat")
		if names := presentMembers(nat); len(names) > 1 {
			c.say(nat, "%s exclude each other", strings.Join(names, ", "))
		}
		for _, mode := range []string{"masquerade", "portForward"} {
			n := nat.at(mode, "idleTimeout")
			if d, err := time.ParseDuration(n.text()); n.text() != "" && (err != nil || d < 0) {
				c.say(n, "%q is not a duration such as 2m or 30s", n.text())
			}
		}
		for forward := range nat.at("portForward", "ports").items() {
			c.portRange(forward.at("port"))
			c.portRange(forward.at("as"))
		}
	})
}

func presentMembers(n node) []string {
	var out []string
	for name, member := range n.entries() {
		if member.present() {
			out = append(out, name)
		}
	}
	return out
}

// portRange checks "80", "80-90" and lists of them.
func (c *check) portRange(n node) {
	if n.text() == "" {
		return
	}
	for part := range strings.SplitSeq(n.text(), ",") {
		begin, end, isRange := strings.Cut(strings.TrimSpace(part), "-")
		if !isRange {
			end = begin
		}
		a, errA := strconv.ParseUint(begin, 10, 16)
		b, errB := strconv.ParseUint(end, 10, 16)
		if errA != nil || errB != nil || a > b {
			c.say(n, "%q is neither a port nor a range of ports", part)
		}
	}
}

func checkExposedSubnet(c *check) {
	for side, spec := range c.spec.at("peering").entries() {
		others := c.peeringsOf(side)
		for expose := range spec.at("expose").items() {
			for entry := range expose.at("ips").items() {
				if n := entry.at("vpcSubnet"); n.text() != "" && len(others) > 0 {
					c.say(n, "VPC %s is also in %s", side, others[0])
				}
			}
		}
	}
}

// peeringsOf returns the other gateway peerings that a side takes part in.
func (c *check) peeringsOf(side string) []fabric.Key {
	return slices.DeleteFunc(slices.Clone(c.sides[side]), func(k fabric.Key) bool { return k == c.object.Key })
}

// peeringSides returns the gateway peerings, wanted and live, by the names of their sides.
func (w *world) peeringSides() map[string][]fabric.Key {
	out := map[string][]fabric.Key{}
	for r := range w.each(GatewayPeering) {
		for side := range specOf(r).at("peering").entries() {
			out[side] = append(out[side], r.Key)
		}
	}
	return out
}

func checkGroupServed(c *check) {
	group := c.spec.at("gatewayGroup").textOr(defaultName)
	for r := range c.each(Gateway) {
		if slices.Contains(groupsOf(specOf(r)), group) {
			return
		}
	}
	if c.knownAbsent(Gateway) {
		c.say(c.spec.at("gatewayGroup"), "gateway group %s has no gateway", group)
	}
}

// groupsOf returns the gateway groups of a gateway.
func groupsOf(spec node) []string {
	var out []string
	for g := range spec.at("groups").items() {
		out = append(out, g.at("name").text())
	}
	if len(out) == 0 {
		return []string{defaultName}
	}
	return out
}

func checkPeeringACL(c *check) {
	sides := c.spec.at("peering")
	for rule := range c.spec.at("acl", "rules").items() {
		for _, field := range []string{"from", "to"} {
			if n := rule.at(field); n.text() != "" && !hasMember(sides, n.text()) {
				c.warn(n, "%q is not a side of the peering", n.text())
			}
		}
		for _, field := range []string{"src", "dst"} {
			for match := range rule.at("match", field).items() {
				c.match(match)
			}
		}
	}
}

func (c *check) match(match node) {
	if n := match.at("cidr"); n.text() != "" && !n.isPrefix() {
		c.say(n, "%q is not an IPv4 prefix", n.text())
	}
	for n := range match.at("ports").items() {
		c.portRange(n)
	}
}
