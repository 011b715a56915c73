package hedgehog

import (
	"net"
	"net/netip"
	"slices"
	"strings"

	"github.com/hedgesync/hedgesync/internal/fabric"
)

// mostRedundant is the most switches one ESLAG connection can reach.
const mostRedundant = 4

var onlySwitch = []fabric.Kind{Switch}

var switchRules = []Rule{
	{
		Name: "switch.hydrated", Kinds: onlySwitch, Severity: fabric.Error, Check: checkSwitchHydrated,
		What: "A switch has its ASN and addresses; a leaf has a VTEP address too",
		Hint: hydrateHint,
	},
	{
		Name: "switch.profile", Kinds: onlySwitch, Severity: fabric.Error, Check: checkSwitchProfile,
		What: "A switch names a switch profile, one the fabric has",
	},
	{
		Name: "switch.addresses", Kinds: onlySwitch, Severity: fabric.Error, Check: checkSwitchAddresses,
		What: "Addresses of a switch are IPv4 prefixes, protocol and VTEP addresses /32, its ASN a number of 32 bits; a spine has no VTEP address",
	},
	{
		Name: "switch.address-ranges", Kinds: onlySwitch, Severity: fabric.Error, Convention: true, Check: checkSwitchAddressRanges,
		What: "Addresses of a switch lie in the fabric's subnets, the management address below the first DHCP address",
	},
	{
		Name: "switch.asn", Kinds: onlySwitch, Severity: fabric.Error, Convention: true, Check: checkSwitchASN,
		What: "A spine has the fabric's spine ASN, a leaf one of its range",
	},
	{
		Name: "switch.redundancy", Kinds: onlySwitch, Severity: fabric.Error, Check: checkSwitchRedundancy,
		What: "Redundancy group and type are given together, and the model supports the type (a warning for more than 4 switches in a group)",
	},
	{
		Name: "switch.vlan-overlap", Kinds: onlySwitch, Severity: fabric.Error, Check: checkSwitchVLANs,
		What: "The VLAN namespaces of a switch do not overlap each other",
	},
	{
		Name: "switch.features", Kinds: onlySwitch, Severity: fabric.Error, Check: checkSwitchFeatures,
		What: "RoCE and RoCE queue-pair hashing are on only where the model supports them",
	},
	{
		Name: "switch.roce-breakouts", Kinds: onlySwitch, Severity: fabric.Error, Check: checkRoCEBreakouts,
		What: "Breakouts do not change while RoCE is on",
		Hint: "turn roce off, let it be applied, then change the breakouts",
	},
	{
		Name: "switch.boot-mac", Kinds: onlySwitch, Severity: fabric.Warning, Check: checkBootMAC,
		What: "The boot MAC is a MAC address; the fabric does not check it",
	},
	{
		Name: "switch.still-attached", Kinds: onlySwitch, Severity: fabric.Warning, Check: checkStillAttached,
		What: "A switch stays in the VLAN namespace of VPCs that the cluster attaches to it; else the fabric silently stops rendering it",
	},
}

const hydrateHint = "run hhfab with hydration on this directory, or take what `kubectl fabric wiring export --vpcs --externals` prints of the running fabric"

func isLeaf(role string) bool {
	return slices.Contains([]string{"server-leaf", "border-leaf", "mixed-leaf"}, role)
}

func checkSwitchHydrated(c *check) {
	wanted := []string{"asn", "ip", "protocolIP"}
	if isLeaf(c.spec.at("role").text()) {
		wanted = append(wanted, "vtepIP")
	}
	c.hydrated(wanted)
}

// hydrated names the fields that are missing, all in one message.
func (c *check) hydrated(wanted []string) {
	var gone []string
	for _, field := range wanted {
		if n := c.spec.at(field); isZero(n.value) && !c.isMuted(n) {
			gone = append(gone, field)
		}
	}
	if len(gone) > 0 {
		c.say(c.spec, "not hydrated: %s missing", verbIs(gone))
	}
}

// verbIs joins words as a subject: "asn is", "asn and ip are".
func verbIs(words []string) string {
	if len(words) == 1 {
		return words[0] + " is"
	}
	head, tail := words[:len(words)-1], words[len(words)-1]
	return strings.Join(head, ", ") + " and " + tail + " are"
}

func checkSwitchProfile(c *check) {
	at := c.spec.at("profile")
	if at.text() == "" {
		c.say(at, "no profile is named")
		return
	}
	if _, known := c.profiles.Lookup(at.text()); known {
		return
	}
	if _, state := c.find(keyOf(SwitchProfile, at.text())); state == absent {
		c.say(at, "the fabric has no switch profile %q", at.text())
		return
	}
	u := c.unknown[at.text()]
	if u == nil {
		u = &uncheckedObject{first: c.object, place: at.pointer}
		c.unknown[at.text()] = u
	}
	u.count++
}

func checkSwitchAddresses(c *check) {
	if n := c.spec.at("asn"); n.number() != 0 && !asns.Contains(n.number()) {
		c.say(n, "ASN %d is outside %s", n.number(), asns)
	}
	c.prefixOf("ip", 0)
	c.prefixOf("protocolIP", 32)
	vtep := c.prefixOf("vtepIP", 32)
	if vtep.IsValid() && c.spec.at("role").text() == "spine" {
		c.say(c.spec.at("vtepIP"), "a spine has no VTEP address, this one has %s", vtep)
	}
}

// prefixOf checks a field that holds an address with a prefix length: bits, or any if 0.
func (c *check) prefixOf(field string, bits int) netip.Prefix {
	n := c.spec.at(field)
	p, ok := n.prefix()
	switch {
	case n.text() == "":
	case !ok:
		c.say(n, "%q is not an IPv4 address with a prefix length", n.text())
	case bits != 0 && p.Bits() != bits:
		c.say(n, "%s is not a /%d", p, bits)
	}
	return p
}

func checkSwitchAddressRanges(c *check) {
	c.inSubnet(c.spec.at("ip"), "management", c.site.Management)
	c.inSubnet(c.spec.at("protocolIP"), "protocol", c.site.Protocol)
	c.inSubnet(c.spec.at("vtepIP"), "VTEP", c.site.VTEP)
	ip, ok := c.spec.at("ip").prefix()
	if !ok || !c.site.Management.Contains(ip.Addr()) {
		return
	}
	if !ip.Addr().Less(c.site.DHCPStart) {
		c.say(c.spec.at("ip"), "%s is not below %s, where the fabric's DHCP addresses begin", ip.Addr(), c.site.DHCPStart)
	}
	if ip.Addr() == c.site.ControlVIP {
		c.say(c.spec.at("ip"), "%s is the address of the control plane", ip.Addr())
	}
}

func (c *check) inSubnet(n node, use string, subnet netip.Prefix) {
	if p, ok := n.prefix(); ok && !subnet.Contains(p.Addr()) {
		c.say(n, "%s is outside the fabric's %s subnet %s", p.Addr(), use, subnet)
	}
}

func checkSwitchASN(c *check) {
	n := c.spec.at("asn")
	role, asn := c.spec.at("role").text(), n.number()
	switch {
	case !asns.Contains(asn):
	case role == "spine" && asn != c.site.SpineASN:
		c.say(n, "ASN %d of a spine is not the fabric's spine ASN %d", asn, c.site.SpineASN)
	case isLeaf(role) && !c.site.LeafASNs.Contains(asn):
		c.say(n, "ASN %d of a leaf is outside %s", asn, c.site.LeafASNs)
	}
}

func checkSwitchRedundancy(c *check) {
	group, kind := c.spec.at("redundancy", "group"), c.spec.at("redundancy", "type")
	switch {
	case group.text() == "" && kind.text() == "":
		return
	case group.text() == "":
		c.say(group, "redundancy type %q has no group", kind.text())
	case kind.text() == "":
		c.say(kind, "redundancy group %q has no type", group.text())
	}
	if p, ok := c.profile(c.spec); ok && kind.text() == "eslag" && !p.Feature("eslag") {
		c.say(kind, "profile %s does not support eslag", p.name)
	}
	if n := c.redundant[group.text()]; n > mostRedundant {
		c.warn(group, "redundancy group %s has %d switches, a connection reaches at most %d", group.text(), n, mostRedundant)
	}
}

// redundancyGroups counts the wanted switches of every redundancy group.
func (w *world) redundancyGroups() map[string]int {
	members := map[string]int{}
	for r := range w.want.OfKind(Switch) {
		if group := specOf(r).at("redundancy", "group").text(); group != "" {
			members[group]++
		}
	}
	return members
}

// profile returns the model of a switch, if it is known.
func (w *world) profile(spec node) (*Profile, bool) {
	return w.profiles.Lookup(spec.at("profile").text())
}

// vlanNamespacesOf returns the VLAN namespaces of a switch.
func vlanNamespacesOf(spec node) []string {
	if names := spec.at("vlanNamespaces").texts(); len(names) > 0 {
		return names
	}
	return []string{defaultName}
}

func checkSwitchVLANs(c *check) {
	names := vlanNamespacesOf(c.spec)
	slices.Sort(names)
	var all []namedRange
	for _, name := range slices.Compact(names) {
		spec, ok := c.world.spec(VLANNamespace, name)
		if !ok {
			continue
		}
		for _, r := range rangesOf(spec) {
			all = append(all, namedRange{r.Range, node{name, ""}})
		}
	}
	for _, pair := range overlappingRanges(all) {
		if a, b := pair[0].text(), pair[1].text(); a != b {
			c.say(c.spec.at("vlanNamespaces"), "range %s of VLANNamespace %s overlaps %s of %s", pair[0].Range, a, pair[1].Range, b)
		}
	}
}

func checkSwitchFeatures(c *check) {
	p, ok := c.profile(c.spec)
	if !ok {
		return
	}
	if n := c.spec.at("roce"); n.flag() && !p.Feature("roce") {
		c.say(n, "profile %s does not support RoCE", p.name)
	}
	if n := c.spec.at("ecmp", "roceQPN"); n.flag() && !p.Feature("ecmpRoCEQPN") {
		c.say(n, "profile %s does not support hashing by RoCE queue pair", p.name)
	}
}

func checkRoCEBreakouts(c *check) {
	if c.live == nil || !c.spec.at("roce").flag() {
		return
	}
	live, ok := c.live.Get(c.object.Key)
	if !ok || !specOf(live).at("roce").flag() {
		return
	}
	want, have := breakoutsOf(c.spec), breakoutsOf(specOf(live))
	for _, port := range keysOf(want) {
		if want[port] != have[port] {
			c.say(c.spec.at("portBreakouts", port), "breakout of %s changes from %q to %q while RoCE is on", port, have[port], want[port])
		}
	}
	for _, port := range keysOf(have) {
		if _, kept := want[port]; !kept {
			c.say(c.spec.at("portBreakouts"), "breakout %q of %s is removed while RoCE is on", have[port], port)
		}
	}
}

// breakoutsOf returns the breakout configuration of a switch.
func breakoutsOf(spec node) map[string]string {
	out := map[string]string{}
	for port, mode := range spec.at("portBreakouts").entries() {
		out[port] = bareSpeed(mode.text())
	}
	return out
}

func checkBootMAC(c *check) {
	n := c.spec.at("boot", "mac")
	if _, err := net.ParseMAC(n.text()); err != nil && n.text() != "" {
		c.say(n, "%q is not a MAC address", n.text())
	}
}

func checkStillAttached(c *check) {
	mine := vlanNamespacesOf(c.spec)
	for _, key := range c.attached[c.object.Key] {
		attachment, _ := c.live.Get(key)
		vpc, _, _ := attachedSubnet(child(attachment.Object, "spec"))
		spec, ok := c.world.spec(VPC, vpc)
		if !ok {
			continue
		}
		if ns := spec.at("vlanNamespace").textOr(defaultName); !slices.Contains(mine, ns) {
			c.say(c.spec.at("vlanNamespaces"), "%s attaches VPC %s of VLANNamespace %s, which the switch is not in", key, vpc, ns)
		}
	}
}

// liveAttachments returns the VPC attachments only in the cluster, by switch.
func (w *world) liveAttachments() map[fabric.Key][]fabric.Key {
	out := map[fabric.Key][]fabric.Key{}
	for r := range w.liveOnly(VPCAttachment) {
		connection, ok := w.spec(Connection, specOf(r).at("connection").text())
		if !ok {
			continue
		}
		for _, name := range switchesOf(connection) {
			key := keyOf(Switch, name)
			out[key] = append(out[key], r.Key)
		}
	}
	return out
}
