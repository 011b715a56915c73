package hedgehog

import (
	"net"

	"github.com/hedgesync/hedgesync/internal/fabric"
)

var onlyGateway = []fabric.Kind{Gateway}

// workers are how many worker threads a gateway can have; 0 takes the default.
var workers = Range{0, 64}

var gatewayRules = []Rule{
	{
		Name: "gateway.hydrated", Kinds: onlyGateway, Severity: fabric.Error, Check: checkGatewayHydrated,
		What: "A gateway has its ASN, its addresses, at least one interface and at least one neighbour",
		Hint: hydrateHint,
	},
	{
		Name: "gateway.addresses", Kinds: onlyGateway, Severity: fabric.Error, Check: checkGatewayAddresses,
		What: "Protocol and VTEP addresses of a gateway are /32, interface addresses IPv4 prefixes, the VTEP MAC a MAC address",
	},
	{
		Name: "gateway.address-ranges", Kinds: onlyGateway, Severity: fabric.Error, Convention: true, Check: checkGatewayRanges,
		What: "Protocol and VTEP addresses of a gateway lie in the fabric's subnets",
	},
	{
		Name: "gateway.neighbors", Kinds: onlyGateway, Severity: fabric.Error, Check: checkNeighbors,
		What: "A neighbour has an address and an ASN, and is reached by an interface of the gateway",
	},
	{
		Name: "gateway.workers", Kinds: onlyGateway, Severity: fabric.Error, Check: checkWorkers,
		What: "A gateway has 1 to 64 workers, or 0 for the default",
	},
}

func checkGatewayHydrated(c *check) {
	c.hydrated([]string{"asn", "protocolIP", "vtepIP", "interfaces", "neighbors"})
}

func checkGatewayAddresses(c *check) {
	c.prefixOf("protocolIP", 32)
	c.prefixOf("vtepIP", 32)
	if n := c.spec.at("vtepMAC"); n.text() != "" {
		if _, err := net.ParseMAC(n.text()); err != nil {
			c.say(n, "%q is not a MAC address", n.text())
		}
	}
	for _, iface := range c.spec.at("interfaces").entries() {
		for n := range iface.at("ips").items() {
			if !n.isPrefix() {
				c.say(n, "%q is not an IPv4 address with a prefix length", n.text())
			}
		}
	}
}

func checkGatewayRanges(c *check) {
	c.inSubnet(c.spec.at("protocolIP"), "protocol", c.site.Protocol)
	c.inSubnet(c.spec.at("vtepIP"), "VTEP", c.site.VTEP)
}

func checkNeighbors(c *check) {
	for neighbor := range c.spec.at("neighbors").items() {
		if n := neighbor.at("ip"); !n.isAddress() {
			c.say(n, "neighbour address %q is not an IPv4 address", n.text())
		}
		if n := neighbor.at("asn"); !asns.Contains(n.number()) {
			c.say(n, "ASN %d of the neighbour is outside %s", n.number(), asns)
		}
		source := neighbor.at("source")
		if source.text() != "" && !hasMember(c.spec.at("interfaces"), source.text()) {
			c.say(source, "the gateway has no interface %q", source.text())
		}
	}
}

func checkWorkers(c *check) {
	if n := c.spec.at("workers"); !workers.Contains(n.number()) {
		c.say(n, "%d workers, 1 to %d are allowed", n.number(), workers.To)
	}
}
