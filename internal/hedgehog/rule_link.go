package hedgehog

import (
	"net/netip"
	"slices"

	"github.com/hedgesync/hedgesync/internal/fabric"
)

// Rules about the addresses on the two ends of fabric, mesh and gateway links.
var linkRules = []Rule{
	{
		Name: "link.hydrated", Kinds: onlyConnection, Severity: fabric.Warning, Check: checkLinkHydrated,
		What: "Links of fabric, mesh and gateway connections have addresses: the fabric accepts them without, and carries nothing over them",
		Hint: hydrateHint,
	},
	{
		Name: "link.pair", Kinds: onlyConnection, Severity: fabric.Error, Check: checkLinkPairs,
		What: "The two ends of a link have the two addresses of one /31",
	},
	{
		Name: "link.address-range", Kinds: onlyConnection, Severity: fabric.Error, Convention: true, Check: checkLinkRange,
		What: "Link addresses lie in the fabric's link subnet",
	},
	{
		Name: "link.gateway", Kinds: onlyConnection, Severity: fabric.Warning, Check: checkLinkGateway,
		What: "The gateway has the interface and the address of the gateway end",
	},
}

// A link is a pair of ends with addresses.
type link struct{ ends [2]linkEnd }

func (l link) address(side int) node {
	return node{l.ends[side].ip, l.ends[side].pointer + "/ip"}
}

// addressedLinks returns the links of a type whose links have addresses.
func (c *check) addressedLinks() []link {
	t, ok := c.onlyType()
	if !ok || !slices.Contains([]string{"fabric", "mesh", "gateway"}, t.key) {
		return nil
	}
	ends := usedEnds(c.spec)
	var out []link
	for i := 0; i+1 < len(ends); i += 2 {
		out = append(out, link{[2]linkEnd{ends[i], ends[i+1]}})
	}
	return out
}

func checkLinkHydrated(c *check) {
	links := c.addressedLinks()
	bare := 0
	for _, l := range links {
		if l.ends[0].ip == "" || l.ends[1].ip == "" {
			bare++
		}
	}
	if bare > 0 {
		c.say(c.spec, "not hydrated: %d of %d links have no addresses", bare, len(links))
	}
}

func checkLinkPairs(c *check) {
	for _, l := range c.addressedLinks() {
		a, okA := c.linkAddress(l.address(0))
		b, okB := c.linkAddress(l.address(1))
		if okA && okB && (a.Masked() != b.Masked() || a == b) {
			c.say(l.address(1), "%s and %s are not the two addresses of one /31", a, b)
		}
	}
}

func (c *check) linkAddress(n node) (netip.Prefix, bool) {
	p, ok := n.prefix()
	switch {
	case n.text() == "":
		return p, false
	case !ok:
		c.say(n, "%q is not an IPv4 address with a prefix length", n.text())
	case p.Bits() != 31:
		c.say(n, "%s is not a /31", p)
	default:
		return p, true
	}
	return p, false
}

func checkLinkRange(c *check) {
	for _, l := range c.addressedLinks() {
		c.inSubnet(l.address(0), "link", c.site.Fabric)
		c.inSubnet(l.address(1), "link", c.site.Fabric)
	}
}

func checkLinkGateway(c *check) {
	for _, l := range c.addressedLinks() {
		for side, end := range l.ends {
			if end.kind != Gateway || end.device == "" {
				continue
			}
			spec, ok := c.world.spec(Gateway, end.device)
			if !ok || !spec.at("interfaces").present() {
				continue
			}
			c.gatewayInterface(end, l.address(side), spec.at("interfaces"))
		}
	}
}

func (c *check) gatewayInterface(end linkEnd, ip, interfaces node) {
	if !hasMember(interfaces, end.port) {
		c.say(node{end.port, end.pointer + "/port"}, "gateway %s has no interface %s", end.device, end.port)
		return
	}
	if end.ip != "" && !slices.Contains(interfaces.at(end.port, "ips").texts(), end.ip) {
		c.say(ip, "gateway %s does not have %s on interface %s", end.device, end.ip, end.port)
	}
}
