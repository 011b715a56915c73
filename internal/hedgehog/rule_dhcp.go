package hedgehog

import (
	"net"
	"net/netip"

	"github.com/hedgesync/hedgesync/internal/fabric"
)

// dhcpMTUs are the MTUs a subnet can announce, in bytes.
var dhcpMTUs = Range{96, 9036}

var dhcpRules = []Rule{
	{
		Name: "dhcp.range", Kinds: onlyVPC, Severity: fabric.Error, Check: checkDHCPRange,
		What: "A DHCP range lies in its subnet and does not end before it begins (a warning if the gateway lies in it)",
	},
	{
		Name: "dhcp.relay", Kinds: onlyVPC, Severity: fabric.Error, Check: checkDHCPRelay,
		What: "A DHCP relay is an address with a prefix length (a warning next to a DHCP server of the fabric's own)",
	},
	{
		Name: "dhcp.relay-vpc", Kinds: onlyVPC, Severity: fabric.Error, Check: checkRelayVPC,
		What: "A VPC does not relay DHCP through itself (a warning for two VPCs through each other: neither can be created first)",
	},
	{
		Name: "dhcp.options", Kinds: onlyVPC, Severity: fabric.Error, Check: checkDHCPOptions,
		What: "DHCP options are valid: servers and gateways are addresses, routes prefixes, the MTU 96-9036, the lease at least 1 s",
	},
	{
		Name: "dhcp.static", Kinds: onlyVPC, Severity: fabric.Error, Check: checkStaticLeases,
		What: "A static lease gives a MAC an address of the subnet that no other MAC has",
	},
}

// dhcps visits the DHCP settings of every subnet.
func (c *check) dhcps(visit func(subnet, dhcp node)) {
	for _, subnet := range c.spec.at("subnets").entries() {
		visit(subnet, subnet.at("dhcp"))
	}
}

func checkDHCPRange(c *check) {
	c.dhcps(func(subnet, dhcp node) {
		start, okStart := c.addressIn(dhcp.at("range", "start"), subnet, "range start")
		end, okEnd := c.addressIn(dhcp.at("range", "end"), subnet, "range end")
		if !okStart || !okEnd {
			return
		}
		if end.Less(start) {
			c.say(dhcp.at("range"), "range begins at %s and ends before, at %s", start, end)
			return
		}
		gateway, ok := subnet.at("gateway").address()
		if p, isPrefix := subnet.at("subnet").prefix(); !ok && isPrefix {
			gateway, ok = first(p).Next(), true
		}
		if ok && !gateway.Less(start) && !end.Less(gateway) {
			c.warn(dhcp.at("range"), "the gateway %s lies in the range %s-%s", gateway, start, end)
		}
	})
}

func checkDHCPRelay(c *check) {
	c.dhcps(func(_, dhcp node) {
		n := dhcp.at("relay")
		if n.text() == "" {
			return
		}
		if !n.isPrefix() {
			c.say(n, "%q is not an IPv4 address with a prefix length", n.text())
		}
		if dhcp.at("enable").flag() {
			c.warn(n, "the subnet has both a DHCP server and a relay to %s", n.text())
		}
	})
}

func checkRelayVPC(c *check) {
	c.dhcps(func(_, dhcp node) {
		n := dhcp.at("relayVPC")
		if n.text() == "" {
			return
		}
		if n.text() == c.object.Key.Name {
			c.say(n, "VPC %s relays through itself", n.text())
			return
		}
		if c.relaysThrough(n.text(), c.object.Key.Name) && !c.exists(c.object.Key) {
			c.warn(n, "VPCs %s and %s relay through each other: neither can be created before the other", c.object.Key.Name, n.text())
		}
	})
}

// exists reports whether an object is known to be in the cluster.
func (w *world) exists(key fabric.Key) bool {
	if w.live == nil {
		return false
	}
	_, ok := w.live.Get(key)
	return ok
}

func (w *world) relaysThrough(from, to string) bool {
	spec, _ := w.spec(VPC, from)
	for _, subnet := range spec.at("subnets").entries() {
		if subnet.at("dhcp", "relayVPC").text() == to {
			return true
		}
	}
	return false
}

func checkDHCPOptions(c *check) {
	c.dhcps(func(_, dhcp node) {
		options := dhcp.at("options")
		c.addresses(options.at("dnsServers"), "DNS server")
		c.addresses(options.at("timeServers"), "time server")
		if n := options.at("interfaceMTU"); n.number() != 0 && !dhcpMTUs.Contains(n.number()) {
			c.say(n, "MTU %d is outside %s", n.number(), dhcpMTUs)
		}
		if n := options.at("leaseTimeSeconds"); n.number() < 0 {
			c.say(n, "lease of %d s is shorter than 1 s", n.number())
		}
		for route := range options.at("advertisedRoutes").items() {
			if n := route.at("destination"); !n.isPrefix() {
				c.say(n, "destination %q is not an IPv4 prefix", n.text())
			}
			if n := route.at("gateway"); !n.isAddress() {
				c.say(n, "gateway %q is not an IPv4 address", n.text())
			}
		}
	})
}

func checkStaticLeases(c *check) {
	c.dhcps(func(subnet, dhcp node) {
		taken := map[netip.Addr]string{}
		for mac, lease := range dhcp.at("static").entries() {
			if _, err := net.ParseMAC(mac); err != nil {
				c.say(lease, "%q is not a MAC address", mac)
			}
			a, ok := c.addressIn(lease.at("ip"), subnet, "lease")
			if other := taken[a]; ok && other != "" {
				c.say(lease.at("ip"), "address %s is leased to %s already", a, other)
			}
			taken[a] = mac
		}
	})
	c.sameMACs()
}

// sameMACs finds MACs of one subnet that differ only in spelling: the fabric
// would make one entry of them.
func (c *check) sameMACs() {
	c.dhcps(func(_, dhcp node) {
		seen := map[string]string{}
		for mac, lease := range dhcp.at("static").entries() {
			canonical := hardware(mac)
			if other := seen[canonical]; canonical != "" && other != "" {
				c.say(lease, "%s and %s are the same MAC", other, mac)
			}
			seen[canonical] = mac
		}
	})
}
