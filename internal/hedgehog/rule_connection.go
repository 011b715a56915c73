package hedgehog

import (
	"slices"
	"strings"

	"github.com/hedgesync/hedgesync/internal/fabric"
)

var onlyConnection = []fabric.Kind{Connection}

var connectionRules = []Rule{
	{
		Name: "connection.type", Kinds: onlyConnection, Severity: fabric.Error, Check: checkConnectionType,
		What: "A connection has exactly one type; of several the fabric would take one and drop the rest",
	},
	{
		Name: "connection.deprecated", Kinds: onlyConnection, Severity: fabric.Warning, Check: checkDeprecated,
		What: "A connection is not of a deprecated type",
	},
	{
		Name: "connection.ends", Kinds: onlyConnection, Severity: fabric.Error, Check: checkEnds,
		What: "Every end of every link is given as `device/port`",
	},
	{
		Name: "connection.one-server", Kinds: onlyConnection, Severity: fabric.Error, Check: checkOneServer,
		What: "All links of a bundled or ESLAG connection lead to one server",
	},
	{
		Name: "connection.switches", Kinds: onlyConnection, Severity: fabric.Error, Check: checkSwitchCount,
		What: "Bundled, gateway and VPC-loopback connections touch one switch, fabric and mesh connections two, ESLAG at most four",
	},
	{
		Name: "connection.eslag", Kinds: onlyConnection, Severity: fabric.Error, Check: checkESLAG,
		What: "The switches of an ESLAG connection are in one redundancy group of type eslag",
	},
	{
		Name: "connection.roles", Kinds: onlyConnection, Severity: fabric.Warning, Check: checkRoles,
		What: "The spine end of a fabric link is a spine, the leaf ends of fabric and mesh links are leaves",
	},
	{
		Name: "connection.mtu", Kinds: onlyConnection, Severity: fabric.Error, Convention: true, Check: checkConnectionMTU,
		What: "The MTU of a server connection leaves room for encapsulation: at most the fabric's MTU (9100) less 64",
	},
	{
		Name: "connection.static-external", Kinds: onlyConnection, Severity: fabric.Error, Check: checkStaticExternal,
		What: "A static external has a valid address, next hop, VLAN and subnets; 0.0.0.0/0 stands alone",
	},
}

// usedEnds returns the ends of a connection the fabric looks at: none of MCLAG.
func usedEnds(spec node) []linkEnd {
	m, _ := spec.value.(tree)
	t, ok := connectionTypeOf(m)
	if !ok || t.deprecated {
		return nil
	}
	return linkEnds(t, m)
}

// typesOf returns the types a connection names, in the order of the definitions.
func typesOf(spec node) []connectionType {
	var out []connectionType
	for _, t := range connectionTypes {
		if spec.at(t.key).present() {
			out = append(out, t)
		}
	}
	return out
}

// onlyType returns the type of a connection that has just one.
func (c *check) onlyType() (connectionType, bool) {
	types := typesOf(c.spec)
	if len(types) != 1 {
		return connectionType{}, false
	}
	return types[0], true
}

func checkConnectionType(c *check) {
	types := typesOf(c.spec)
	if len(types) == 1 {
		return
	}
	names := make([]string, 0, len(connectionTypes))
	if len(types) == 0 {
		for _, t := range connectionTypes {
			if !t.deprecated {
				names = append(names, t.key)
			}
		}
		c.say(c.spec, "the connection has no type: give one of %s", strings.Join(names, ", "))
		return
	}
	for _, t := range types {
		names = append(names, t.key)
	}
	c.say(c.spec, "the connection has %d types: %s", len(types), strings.Join(names, ", "))
}

func checkDeprecated(c *check) {
	t, ok := c.onlyType()
	switch {
	case !ok:
	case t.deprecated:
		c.say(c.spec.at(t.key), "%s is deprecated: the fabric neither checks nor uses it", t.key)
	case t.key == "staticExternal":
		c.say(c.spec.at(t.key), "%s is deprecated: use an external connection with a static External", t.key)
	}
}

func checkEnds(c *check) {
	t, ok := c.onlyType()
	if !ok || t.deprecated {
		return
	}
	ends := usedEnds(c.spec)
	if len(ends) == 0 {
		c.say(c.spec.at(t.key, t.links[0]), "a %s connection needs %s", t.key, t.links[0])
	}
	for _, end := range ends {
		if end.device == "" {
			n := node{c.object.Object, ""}.follow(end.pointer + "/port")
			c.say(n, "%q is not device/port", n.text())
		}
	}
}

// devices returns the distinct devices of one kind among ends, in order.
func devices(ends []linkEnd, kind fabric.Kind) []string {
	var out []string
	for _, end := range ends {
		if end.kind == kind && end.device != "" {
			out = append(out, end.device)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// switchesOf returns the switches of a connection, in order.
func switchesOf(spec node) []string { return devices(usedEnds(spec), Switch) }

func checkOneServer(c *check) {
	t, _ := c.onlyType()
	if names := devices(usedEnds(c.spec), Server); len(names) > 1 {
		c.say(c.spec.at(t.key, "links"), "links lead to %d servers: %s", len(names), strings.Join(names, ", "))
	}
}

// switchLimits are how many switches a connection of a type touches.
var switchLimits = map[string]Range{
	"bundled": {1, 1}, "gateway": {1, 1}, "vpcLoopback": {1, 1},
	"fabric": {2, 2}, "mesh": {2, 2}, "eslag": {1, mostRedundant},
}

func checkSwitchCount(c *check) {
	t, ok := c.onlyType()
	limit, limited := switchLimits[t.key]
	names := switchesOf(c.spec)
	if !ok || !limited || len(names) == 0 || limit.Contains(int64(len(names))) || c.unreadable() {
		return
	}
	c.say(c.spec.at(t.key, "links"), "links touch %d switches (%s), a %s connection touches %s", len(names), strings.Join(names, ", "), t.key, limit)
}

// unreadable reports whether some end of the connection is not device/port.
func (c *check) unreadable() bool {
	return slices.ContainsFunc(usedEnds(c.spec), func(e linkEnd) bool { return e.device == "" })
}

func checkESLAG(c *check) {
	if t, ok := c.onlyType(); !ok || t.key != "eslag" {
		return
	}
	links := c.spec.at("eslag", "links")
	groups := map[string]string{} // group -> first switch in it
	for _, name := range switchesOf(c.spec) {
		spec, ok := c.world.spec(Switch, name)
		if !ok {
			continue
		}
		group, kind := spec.at("redundancy", "group").text(), spec.at("redundancy", "type").text()
		if group == "" || kind != "eslag" {
			c.say(links, "switch %s is in no redundancy group of type eslag", name)
			continue
		}
		if groups[group] == "" {
			groups[group] = name
		}
	}
	if len(groups) > 1 {
		c.say(links, "the switches are in different redundancy groups: %s", strings.Join(keysOf(groups), ", "))
	}
}

func checkRoles(c *check) {
	t, ok := c.onlyType()
	if !ok || (t.key != "fabric" && t.key != "mesh") {
		return
	}
	said := map[string]bool{}
	for _, end := range usedEnds(c.spec) {
		spec, found := c.world.spec(Switch, end.device)
		role := spec.at("role").text()
		wantSpine := strings.HasSuffix(end.pointer, "/spine")
		if !found || role == "" || said[end.device] || (role == "spine") == wantSpine {
			continue
		}
		said[end.device] = true
		c.say(node{end.device, end.pointer + "/port"}, "switch %s has role %s, and is the %s end", end.device, role, end.pointer[strings.LastIndexByte(end.pointer, '/')+1:])
	}
}

func checkConnectionMTU(c *check) {
	t, _ := c.onlyType()
	n := c.spec.at(t.key, "mtu")
	if most := c.site.MTU - encapsulation; n.number() > most || n.number() < 0 {
		c.say(n, "MTU %d is not between 0 and %d", n.number(), most)
	}
}

func checkStaticExternal(c *check) {
	end := c.spec.at("staticExternal", "link", "switch")
	if !end.present() {
		return
	}
	p, ok := end.at("ip").prefix()
	if !ok {
		c.say(end.at("ip"), "%q is not an IPv4 address with a prefix length", end.at("ip").text())
	}
	if hop, isAddress := end.at("nextHop").address(); end.at("nextHop").text() != "" && (!isAddress || ok && !p.Contains(hop)) {
		c.say(end.at("nextHop"), "next hop %q is not an address in %s", end.at("nextHop").text(), end.at("ip").text())
	}
	if vlan := end.at("vlan").number(); vlan < 0 || vlan > vlanIDs.To {
		c.say(end.at("vlan"), "VLAN %d is outside 0-%d", vlan, vlanIDs.To)
	}
	for n := range end.at("subnets").items() {
		switch subnet, ok := n.prefix(); {
		case !ok:
			c.say(n, "%q is not an IPv4 prefix", n.text())
		case subnet.Bits() == 0 && end.at("subnets").size() > 1:
			c.say(n, "%s does not stand alone", subnet)
		}
	}
}
