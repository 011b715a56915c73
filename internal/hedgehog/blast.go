package hedgehog

import (
	"iter"
	"slices"
	"strings"

	"github.com/hedgesync/hedgesync/internal/fabric"
)

// Blast says what a change does to the network, one sentence each, in order: for a
// delete (new is nil), for a replace (Immutable names something) and for an update that interrupts or cuts off something. A create and a harmless
// update say nothing. world yields the live objects of the fabric, the changed one
// among them or not; only what they show can be said.
func Blast(old, new map[string]any, key fabric.Key, world iter.Seq[fabric.Resource]) []string {
	if old == nil {
		return nil
	}
	b := &blast{
		name: key.Name, old: storedSpec(old), new: storedSpec(new),
		world: surroundings{namespace: key.Namespace, objects: world},
	}
	removed := new == nil || len(Immutable(old, new)) > 0
	say := updates[key.Kind]
	if removed {
		say = removals[key.Kind]
	}
	if say != nil {
		say(b)
	}
	slices.Sort(b.said)
	return slices.Compact(b.said)
}

// storedSpec returns an object's spec as the server stores it, so that a default
// written out is no change.
func storedSpec(obj tree) tree { return child(Expected(Canonical(obj)), "spec") }

// blast collects the sentences about one change.
type blast struct {
	name     string
	old, new tree // specs
	world    surroundings
	said     []string
}

func (b *blast) say(parts ...string) { b.said = append(b.said, strings.Join(parts, "")) }

// removals say what the network loses with an object.
var removals = map[fabric.Kind]func(*blast){
	VLANNamespace:      (*blast).withoutVLANNamespace,
	IPv4Namespace:      (*blast).withoutIPv4Namespace,
	SwitchGroup:        (*blast).withoutSwitchGroup,
	Switch:             (*blast).withoutSwitch,
	Server:             (*blast).withoutServer,
	Connection:         (*blast).withoutConnection,
	VPC:                (*blast).withoutVPC,
	VPCAttachment:      (*blast).withoutVPCAttachment,
	VPCPeering:         (*blast).withoutVPCPeering,
	External:           (*blast).withoutExternal,
	ExternalAttachment: (*blast).withoutExternalAttachment,
	ExternalPeering:    (*blast).withoutExternalPeering,
	Gateway:            (*blast).withoutGateway,
	GatewayGroup:       (*blast).withoutGatewayGroup,
	GatewayPeering:     (*blast).withoutGatewayPeering,
}

func (b *blast) withoutVLANNamespace() {
	switches := b.world.count(Switch, func(spec tree) bool { return contains(spec, "vlanNamespaces", b.name) })
	vpcs := b.world.count(VPC, func(spec tree) bool { return orDefault(spec, "vlanNamespace") == b.name })
	b.say("removes VLAN namespace ", b.name, " used by ", plural(switches, "switch"), " and ", plural(vpcs, "VPC"))
}

func (b *blast) withoutIPv4Namespace() {
	uses := func(spec tree) bool { return orDefault(spec, "ipv4Namespace") == b.name }
	b.say("removes IPv4 namespace ", b.name, " used by ", plural(b.world.count(VPC, uses), "VPC"),
		" and ", plural(b.world.count(External, uses), "external"))
}

func orDefault(spec tree, member string) string {
	if name := textAt(spec, member); name != "" {
		return name
	}
	return defaultName
}

// contains reports whether the list of names at key, or its default, has name.
func contains(spec tree, key, name string) bool {
	if isZero(spec[key]) {
		return name == defaultName
	}
	return slices.Contains(textsOf(listAt(spec, key)), name)
}

func (b *blast) withoutSwitchGroup() {
	members := b.world.names(Switch, func(spec tree) bool {
		return slices.Contains(textsOf(listAt(spec, "groups")), b.name) || textAt(child(spec, "redundancy"), "group") == b.name
	})
	if len(members) > 0 {
		b.say("leaves ", plural(len(members), "switch"), " in a group that does not exist: ", enumerated(members))
	}
}

func (b *blast) withoutSwitch() {
	tally := map[string]int{}
	linked := map[string]bool{} // server -> still linked to another switch
	for w := range b.world.wires() {
		links := w.links(Switch, b.name)
		for _, server := range w.devices(Server) {
			others := slices.ContainsFunc(w.devices(Switch), func(device string) bool { return device != b.name })
			if _, seen := linked[server]; seen || links > 0 || others {
				linked[server] = linked[server] || others
			}
		}
		switch {
		case links == 0:
		case w.joinsSwitches():
			tally["fabric link"] += links
		case w.kind.key == "gateway":
			tally["gateway link"] += links
		case w.kind.facesServer():
			tally["server connection"]++
		default:
			tally["external connection"]++
		}
	}
	b.say("takes ", b.name, " out of the fabric", tallied(tally))
	var alone []string
	for server, other := range linked {
		if !other {
			alone = append(alone, server)
		}
	}
	if len(alone) > 0 {
		b.say("leaves ", plural(len(alone), "server"), " without a link: ", enumerated(alone))
	}
}

// tallied lists counts, ": 2 fabric links, 1 server connection", or nothing.
func tallied(tally map[string]int) string {
	var parts []string
	for _, thing := range keysOf(tally) {
		parts = append(parts, plural(tally[thing], thing))
	}
	if len(parts) == 0 {
		return ""
	}
	return ": " + strings.Join(parts, ", ")
}

func (b *blast) withoutServer() {
	connections := 0
	for w := range b.world.wires() {
		if w.links(Server, b.name) > 0 {
			connections++
		}
	}
	if connections > 0 {
		b.say("leaves ", plural(connections, "connection"), " of ", b.name, " without its server")
	}
}

func (b *blast) withoutConnection() {
	w := wireOf(b.name, b.old)
	switch {
	case w.ends == nil:
	case w.kind.facesServer():
		b.say("disconnects ", enumerated(w.devices(Server)), " from ", enumerated(w.devices(Switch)))
		b.detach(b.world.attachments(func(a attachment) bool { return a.connection == b.name }))
	case w.joinsSwitches():
		b.withoutFabricLinks(w)
	case w.kind.key == "gateway":
		b.say("removes ", plural(len(w.ends)/2, "link"), " between ", enumerated(w.devices(Gateway)), " and ", enumerated(w.devices(Switch)))
	case w.kind.key == "vpcLoopback":
		b.say("removes ", plural(len(w.ends)/2, "loopback link"), " of ", enumerated(w.devices(Switch)))
	default:
		b.withoutExternalLink(w)
	}
}

func (b *blast) withoutFabricLinks(w wire) {
	devices := w.devices(Switch)
	b.say("removes ", plural(len(w.ends)/2, "fabric link"), " between ", strings.Join(devices, " and "))
	left := map[string]int{}
	for other := range b.world.wires() {
		for _, device := range devices {
			if other.name != w.name && other.joinsSwitches() {
				left[device] += other.links(Switch, device)
			}
		}
	}
	for _, device := range devices {
		if left[device] == 0 {
			b.say("takes the last fabric link from ", device)
		} else {
			b.say("leaves ", plural(left[device], "fabric link"), " to ", device)
		}
	}
}

func (b *blast) withoutExternalLink(w wire) {
	for _, end := range w.ends {
		b.say("cuts the external link on ", end.device, "/", end.port)
	}
	externals := b.externalsOn(w.name)
	if len(externals) > 0 {
		b.say("takes ", plural(len(externals), "external"), " off ", enumerated(w.devices(Switch)), ": ", enumerated(externals))
	}
	if vpc := textAt(child(b.old, w.kind.key), "withinVPC"); vpc != "" {
		b.say("cuts ", vpc, " off from its static external")
	}
}

func (b *blast) externalsOn(connection string) []string {
	found := map[string]bool{}
	for _, spec := range b.world.of(ExternalAttachment) {
		if textAt(spec, "connection") == connection {
			found[textAt(spec, "external")] = true
		}
	}
	return keysOf(found)
}

// detach names the servers that lose their attachments, by VPC subnet.
func (b *blast) detach(lost []attachment) {
	bySubnet := map[string][]attachment{}
	for _, a := range lost {
		bySubnet[a.vpc+"/"+a.subnet] = append(bySubnet[a.vpc+"/"+a.subnet], a)
	}
	for subnet, lost := range bySubnet {
		servers, switches := b.world.attached(lost)
		if len(servers) == 0 {
			b.say("ends ", plural(len(lost), "attachment"), " to ", subnet)
			continue
		}
		b.say("detaches ", plural(len(servers), "server"), " on ", enumerated(switches), " from ", subnet)
	}
}

func (b *blast) withoutVPC() {
	for name := range child(b.old, "subnets") {
		b.withoutSubnet(name)
	}
	var peerings []string
	for _, kind := range []fabric.Kind{VPCPeering, ExternalPeering, GatewayPeering} {
		for name, spec := range b.world.of(kind) {
			if slices.Contains(peersOf(kind, spec), b.name) {
				peerings = append(peerings, name)
			}
		}
	}
	if len(peerings) > 0 {
		b.say("ends ", plural(len(peerings), "peering"), " of ", b.name, ": ", enumerated(peerings))
	}
	if len(child(b.old, "subnets")) == 0 {
		b.say("removes ", b.name)
	}
}

// peersOf names what a peering connects, in order: VPCs by name, externals as "ext.<name>".
func peersOf(kind fabric.Kind, spec tree) []string {
	found := map[string]bool{}
	permit := child(spec, "permit")
	switch kind {
	case VPCPeering:
		for _, entry := range listAt(spec, "permit") {
			entry, _ := entry.(tree)
			for vpc := range entry {
				found[vpc] = true
			}
		}
	case ExternalPeering:
		found[textAt(child(permit, "vpc"), "name")] = true
		found[externalPrefix+textAt(child(permit, "external"), "name")] = true
	case GatewayPeering:
		for side := range child(spec, "peering") {
			found[side] = true
		}
	}
	return keysOf(found)
}

func (b *blast) withoutSubnet(name string) {
	lost := b.world.attachments(func(a attachment) bool { return a.vpc == b.name && a.subnet == name })
	b.say("removes subnet ", name, subnetFacts(child(child(b.old, "subnets"), name)), " of ", b.name, " used by ", plural(len(lost), "attachment"))
	b.detach(lost)
}

// subnetFacts returns " (VLAN 1001, 10.0.1.0/24)", or what of it is known.
func subnetFacts(subnet tree) string {
	var facts []string
	if vlan := positive(subnet, "vlan"); vlan != "" {
		facts = append(facts, "VLAN "+vlan)
	}
	if cidr := textAt(subnet, "subnet"); cidr != "" {
		facts = append(facts, shown(cidr))
	}
	if len(facts) == 0 {
		return ""
	}
	return " (" + strings.Join(facts, ", ") + ")"
}

func (b *blast) withoutVPCAttachment() {
	a := attachmentOf(b.old)
	subnet := shown(a.vpc+"/"+a.subnet) + subnetFacts(child(child(b.world.spec(VPC, a.vpc), "subnets"), a.subnet))
	servers, switches := b.world.attached([]attachment{a})
	if len(servers) == 0 {
		b.say("detaches connection ", shown(a.connection), " from ", subnet)
		return
	}
	b.say("detaches ", enumerated(servers), " on ", enumerated(switches), " from ", subnet)
}

func (b *blast) withoutVPCPeering() { b.parted(VPCPeering, "") }

func (b *blast) withoutExternalPeering() { b.parted(ExternalPeering, "") }

func (b *blast) withoutGatewayPeering() {
	b.parted(GatewayPeering, " through gateway group "+orDefault(b.old, "gatewayGroup"))
}

// parted says that the old peers no longer exchange traffic.
func (b *blast) parted(kind fabric.Kind, how string) {
	var peers []string
	for _, peer := range peersOf(kind, b.old) {
		if external, ok := strings.CutPrefix(peer, externalPrefix); ok {
			peer = "external " + external
		}
		peers = append(peers, peer)
	}
	if len(peers) > 0 {
		b.say("ends traffic between ", strings.Join(peers, " and "), how)
	}
}

func (b *blast) withoutExternal() {
	attached := b.world.count(ExternalAttachment, func(spec tree) bool { return textAt(spec, "external") == b.name })
	peered := 0
	for _, kind := range []fabric.Kind{ExternalPeering, GatewayPeering} {
		peered += b.world.count(kind, func(spec tree) bool { return slices.Contains(peersOf(kind, spec), externalPrefix+b.name) })
	}
	b.say("removes external ", b.name, ": ", plural(attached, "attachment"), ", ", plural(peered, "peering"))
}

func (b *blast) withoutExternalAttachment() {
	w := wireOf("", b.world.spec(Connection, textAt(b.old, "connection")))
	where := enumerated(w.devices(Switch))
	if where == "" {
		where = "connection " + shown(b.old["connection"])
	}
	_, vlan := externalVLAN(b.old)
	facts := []string{"VLAN " + shown(vlan)}
	if neighbor := child(b.old, "neighbor"); len(neighbor) > 0 {
		facts = append(facts, "neighbor "+shown(neighbor["ip"])+" AS "+shown(neighbor["asn"]))
	}
	b.say("takes external ", shown(b.old["external"]), " off ", where, " (", strings.Join(facts, ", "), ")")
}

func (b *blast) withoutGateway() {
	for _, group := range gatewayGroups(b.old) {
		b.leavesGatewayGroup(group)
	}
}

// gatewayGroups names the groups of a gateway.
func gatewayGroups(spec tree) []string {
	if isZero(spec["groups"]) {
		return []string{defaultName}
	}
	var names []string
	for _, g := range listAt(spec, "groups") {
		g, _ := g.(tree)
		if name := textAt(g, "name"); name != "" {
			names = append(names, name)
		}
	}
	return names
}

func (b *blast) leavesGatewayGroup(group string) {
	left := b.world.names(Gateway, func(spec tree) bool { return slices.Contains(gatewayGroups(spec), group) })
	left = slices.DeleteFunc(left, func(name string) bool { return name == b.name })
	b.say("takes ", b.name, " out of gateway group ", group, ": ", plural(len(left), "gateway"), " left")
	peerings := b.peeringsThrough(group)
	if len(left) == 0 && peerings > 0 {
		b.say("ends ", plural(peerings, "gateway peering"), " of group ", group)
	}
}

func (b *blast) peeringsThrough(group string) int {
	return b.world.count(GatewayPeering, func(spec tree) bool { return orDefault(spec, "gatewayGroup") == group })
}

func (b *blast) withoutGatewayGroup() {
	members := b.world.count(Gateway, func(spec tree) bool { return slices.Contains(gatewayGroups(spec), b.name) })
	b.say("removes gateway group ", b.name, " used by ", plural(members, "gateway"), " and ", plural(b.peeringsThrough(b.name), "gateway peering"))
}
