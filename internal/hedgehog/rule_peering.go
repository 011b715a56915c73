package hedgehog

import (
	"slices"
	"strings"

	"github.com/hedgesync/hedgesync/internal/fabric"
)

var onlyPeering = []fabric.Kind{VPCPeering}

var peeringRules = []Rule{
	{
		Name: "peering.two-vpcs", Kinds: onlyPeering, Severity: fabric.Error, Check: checkTwoVPCs,
		What: "A VPC peering permits between exactly two VPCs, the same in every entry",
	},
	{
		Name: "peering.remote", Kinds: onlyPeering, Severity: fabric.Error, Check: checkRemote,
		What: "A VPC peering is not remote: the fabric no longer accepts it",
	},
	{
		Name: "peering.namespaces", Kinds: onlyPeering, Severity: fabric.Error, Check: checkPeeringNamespaces,
		What: "Both VPCs of a peering have the same IPv4Namespace and the same VLANNamespace",
	},
}

func checkTwoVPCs(c *check) {
	permit := c.spec.at("permit")
	if permit.size() == 0 {
		c.say(permit, "nothing is permitted: permit needs an entry with two VPCs")
	}
	var before []string
	for entry := range permit.items() {
		names := memberNames(entry)
		switch {
		case len(names) != 2:
			c.say(entry, "an entry has exactly two VPCs, this one has %d: %s", len(names), strings.Join(names, ", "))
		case before != nil && !slices.Equal(before, names):
			c.say(entry, "VPCs %s differ from %s of the entry before", strings.Join(names, ", "), strings.Join(before, ", "))
		default:
			before = names
		}
	}
}

func checkRemote(c *check) {
	if n := c.spec.at("remote"); n.text() != "" {
		c.say(n, "remote peering at %q is not supported", n.text())
	}
}

func checkPeeringNamespaces(c *check) {
	for entry := range c.spec.at("permit").items() {
		names := memberNames(entry)
		if len(names) != 2 {
			continue
		}
		a, okA := c.world.spec(VPC, names[0])
		b, okB := c.world.spec(VPC, names[1])
		if !okA || !okB {
			continue
		}
		for _, field := range []string{"ipv4Namespace", "vlanNamespace"} {
			if x, y := a.at(field).textOr(defaultName), b.at(field).textOr(defaultName); x != y {
				c.say(entry, "%s of VPC %s is %s, of VPC %s it is %s", field, names[0], x, names[1], y)
			}
		}
		return
	}
}
