package hedgehog

import (
	"slices"
	"strconv"
	"strings"

	"github.com/hedgesync/hedgesync/internal/fabric"
)

var (
	onlyExternal           = []fabric.Kind{External}
	onlyExternalAttachment = []fabric.Kind{ExternalAttachment}
	onlyExternalPeering    = []fabric.Kind{ExternalPeering}
)

var externalRules = []Rule{
	{
		Name: "external.communities", Kinds: onlyExternal, Severity: fabric.Error, Check: checkCommunities,
		What: "BGP communities are two numbers of 16 bits, `65102:1000`",
	},
	{
		Name: "external.static", Kinds: onlyExternal, Severity: fabric.Error, Check: checkStaticPrefixes,
		What: "A static External has valid prefixes (a warning if it has BGP communities too)",
	},
	{
		Name: "external-attachment.names", Kinds: onlyExternalAttachment, Severity: fabric.Error, Check: checkExternalNames,
		What: "An external attachment names an External and a connection of type external",
	},
	{
		Name: "external-attachment.kind", Kinds: onlyExternalAttachment, Severity: fabric.Error, Check: checkExternalShape,
		What: "An external attachment is either BGP (switch and neighbor) or static, as its External is",
	},
	{
		Name: "external-attachment.bgp", Kinds: onlyExternalAttachment, Severity: fabric.Error, Check: checkExternalBGP,
		What: "A BGP attachment has the switch's address, and the neighbour's address and ASN (a warning if they are not in one subnet)",
	},
	{
		Name: "external-attachment.static", Kinds: onlyExternalAttachment, Severity: fabric.Error, Check: checkExternalStatic,
		What: "A static attachment has a remote address and either an address of its own or a proxy",
	},
	{
		Name: "external-attachment.vlan", Kinds: onlyExternalAttachment, Severity: fabric.Error, Check: checkExternalVLAN,
		What: "The VLAN of an external attachment lies in 1-4094 or is 0 (a warning for a VLAN where the switch has no sub-interfaces)",
	},
	{
		Name: "external-attachment.acl", Kinds: onlyExternalAttachment, Severity: fabric.Error, Check: checkInboundACL,
		What: "Statements of an inbound ACL have distinct numbers from 10, a known action and protocol, and valid prefixes and ports",
	},
	{
		Name: "external-peering.names", Kinds: onlyExternalPeering, Severity: fabric.Error, Check: checkExternalPeering,
		What: "An external peering names a VPC and an External and has valid prefixes (a warning if it permits no subnet)",
	},
	{
		Name: "external-peering.namespace", Kinds: onlyExternalPeering, Severity: fabric.Error, Check: checkExternalPeeringNamespace,
		What: "VPC and External of a peering have the same IPv4Namespace",
	},
}

func checkCommunities(c *check) {
	for _, field := range []string{"inboundCommunity", "outboundCommunity"} {
		if n := c.spec.at(field); n.text() != "" && !isCommunity(n.text()) {
			c.say(n, "community %q is not two numbers of 16 bits with a colon between", n.text())
		}
	}
}

func isCommunity(s string) bool {
	a, b, ok := strings.Cut(s, ":")
	_, errA := strconv.ParseUint(a, 10, 16)
	_, errB := strconv.ParseUint(b, 10, 16)
	return ok && errA == nil && errB == nil
}

func checkStaticPrefixes(c *check) {
	static := c.spec.at("static")
	for n := range static.at("prefixes").items() {
		if !n.isPrefix() {
			c.say(n, "%q is not an IPv4 prefix", n.text())
		}
	}
	for _, field := range []string{"inboundCommunity", "outboundCommunity"} {
		if n := c.spec.at(field); static.present() && n.text() != "" {
			c.warn(n, "community %s means nothing for a static External", n.text())
		}
	}
}

func checkExternalNames(c *check) {
	for _, field := range []string{"external", "connection"} {
		if n := c.spec.at(field); n.text() == "" {
			c.say(n, "no %s is named", field)
		}
	}
	n := c.spec.at("connection")
	spec, ok := c.world.spec(Connection, n.text())
	if !ok {
		return
	}
	if types := typesOf(spec); len(types) == 1 && types[0].key != "external" {
		c.say(n, "connection %s is of type %s, not external", n.text(), types[0].key)
	}
}

func checkExternalShape(c *check) {
	static := c.spec.at("static")
	bgp := saysAnything(c.spec.at("switch")) || saysAnything(c.spec.at("neighbor"))
	if static.present() && bgp {
		c.say(static, "the attachment is both BGP and static")
		return
	}
	name := c.spec.at("external").text()
	if external, ok := c.world.spec(External, name); ok && external.at("static").present() != static.present() {
		c.say(c.spec.at("external"), "External %s is %s, this attachment is %s", name, routing(external), routing(c.spec))
	}
}

// saysAnything reports whether an object has a member that is not zero: the API
// writes empty ones by itself.
func saysAnything(n node) bool {
	for _, member := range n.entries() {
		if !isZero(member.value) {
			return true
		}
	}
	return false
}

func routing(spec node) string {
	if spec.at("static").present() {
		return "static"
	}
	return "BGP"
}

func checkExternalBGP(c *check) {
	if c.spec.at("static").present() {
		return
	}
	own, neighbor, asn := c.spec.at("switch", "ip"), c.spec.at("neighbor", "ip"), c.spec.at("neighbor", "asn")
	p, okOwn := own.prefix()
	if !okOwn {
		c.say(own, "switch address %q is not an IPv4 address with a prefix length", own.text())
	}
	if !asns.Contains(asn.number()) {
		c.say(asn, "ASN %d of the neighbour is outside %s", asn.number(), asns)
	}
	c.across(neighbor, own, "neighbour address")
	if a, ok := neighbor.address(); ok && okOwn && p.Addr() == a {
		c.say(neighbor, "neighbour and switch have the same address %s", a)
	}
}

// across checks the address of the other side of a link.
func (c *check) across(n, own node, what string) {
	a, ok := n.address()
	p, known := own.prefix()
	switch {
	case !ok:
		c.say(n, "%s %q is not an IPv4 address", what, n.text())
	case known && !p.Contains(a):
		c.warn(n, "%s %s is outside %s of the switch", what, a, p.Masked())
	}
}

func checkExternalStatic(c *check) {
	static := c.spec.at("static")
	if !static.present() {
		return
	}
	ip := static.at("ip")
	c.across(static.at("remoteIP"), ip, "remote address")
	switch {
	case ip.text() != "" && !ip.isPrefix():
		c.say(ip, "%q is not an IPv4 address with a prefix length", ip.text())
	case ip.text() != "" && static.at("proxy").flag():
		c.say(ip, "address %s and proxy exclude each other", ip.text())
	case ip.text() == "" && !static.at("proxy").flag():
		c.say(static, "neither an address nor a proxy is given")
	}
}

func checkExternalVLAN(c *check) {
	member, vlan := externalVLAN(child(c.object.Object, "spec"))
	n := c.spec.at(member, "vlan")
	if vlan < 0 || vlan > vlanIDs.To {
		c.say(n, "VLAN %d is outside 0-%d", vlan, vlanIDs.To)
	}
	if vlan == 0 {
		return
	}
	connection, _ := c.world.spec(Connection, c.spec.at("connection").text())
	for _, name := range switchesOf(connection) {
		spec, _ := c.world.spec(Switch, name)
		if p, ok := c.profile(spec); ok && !p.Feature("subinterfaces") {
			c.warn(n, "switch %s (profile %s) has no sub-interfaces: VLAN %d will not work", name, p.name, vlan)
		}
	}
}

func checkExternalPeering(c *check) {
	vpc, external := c.spec.at("permit", "vpc"), c.spec.at("permit", "external")
	if vpc.at("name").text() == "" {
		c.say(vpc.at("name"), "no VPC is named")
	}
	if external.at("name").text() == "" {
		c.say(external.at("name"), "no External is named")
	}
	if vpc.at("subnets").size() == 0 {
		c.warn(vpc.at("subnets"), "no subnet of VPC %s is permitted", vpc.at("name").text())
	}
	for prefix := range external.at("prefixes").items() {
		if n := prefix.at("prefix"); !n.isPrefix() {
			c.say(n, "%q is not an IPv4 prefix", n.text())
		}
	}
}

func checkExternalPeeringNamespace(c *check) {
	at := c.spec.at("permit", "external", "name")
	vpc, okVPC := c.world.spec(VPC, c.spec.at("permit", "vpc", "name").text())
	external, okExternal := c.world.spec(External, at.text())
	if !okVPC || !okExternal {
		return
	}
	if x, y := vpc.at("ipv4Namespace").textOr(defaultName), external.at("ipv4Namespace").textOr(defaultName); x != y {
		c.say(at, "IPv4Namespace of the VPC is %s, of External %s it is %s", x, at.text(), y)
	}
}

var (
	aclActions   = []string{"permit", "deny", "discard", "transit"}
	aclProtocols = []string{"ip", "tcp", "udp", "icmp"}
	ports        = Range{0, 65535}
)

// firstStatement is the lowest number of an ACL statement: those below are the fabric's.
const firstStatement = 10

func checkInboundACL(c *check) {
	seen := map[int64]bool{}
	for s := range c.spec.at("inboundACL", "statements").items() {
		if n := s.at("seq"); n.present() && (n.number() < firstStatement || seen[n.number()]) {
			c.say(n, "statement number %d is below %d or used twice", n.number(), firstStatement)
		}
		seen[s.at("seq").number()] = true
		c.oneOf(s.at("action"), aclActions)
		c.oneOf(s.at("protocol"), aclProtocols)
		for _, field := range []string{"srcPrefix", "dstPrefix"} {
			if n := s.at(field); n.text() != "" && !n.isPrefix() {
				c.say(n, "%q is not an IPv4 prefix", n.text())
			}
		}
		c.statementPorts(s)
	}
}

func (c *check) oneOf(n node, allowed []string) {
	if n.text() != "" && !slices.Contains(allowed, n.text()) {
		c.say(n, "%q is not one of %s", n.text(), strings.Join(allowed, ", "))
	}
}

func (c *check) statementPorts(s node) {
	begin, end := s.at("portRangeBegin"), s.at("portRangeEnd")
	for _, n := range []node{begin, end} {
		if !ports.Contains(n.number()) {
			c.say(n, "port %d is outside %s", n.number(), ports)
		}
	}
	if end.number() > 0 && begin.number() > end.number() {
		c.say(begin, "ports begin at %d and end before, at %d", begin.number(), end.number())
	}
}
