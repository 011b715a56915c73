package hedgehog

import (
	"net/netip"
	"slices"
	"strings"
	"sync"

	"github.com/hedgesync/hedgesync/internal/fabric"
)

// updates say what an update in place interrupts or cuts off.
var updates = map[fabric.Kind]func(*blast){
	VLANNamespace:      (*blast).fewerVLANs,
	IPv4Namespace:      (*blast).fewerAddresses,
	Switch:             (*blast).changedSwitch,
	Connection:         (*blast).changedConnection,
	VPC:                (*blast).changedVPC,
	VPCAttachment:      (*blast).movedAttachment,
	VPCPeering:         func(b *blast) { b.changedPeering(VPCPeering, "permit") },
	ExternalPeering:    func(b *blast) { b.changedPeering(ExternalPeering, "permit") },
	GatewayPeering:     func(b *blast) { b.changedPeering(GatewayPeering, "peering", "acl", "gatewayGroup") },
	External:           (*blast).changedExternal,
	ExternalAttachment: (*blast).changedExternalAttachment,
	Gateway:            (*blast).changedGateway,
}

// consequence is what follows from a change of one value.
type consequence struct {
	path  string // members below spec, "redundancy/group"
	what  string
	after string // "" or ": what follows"
}

const (
	sessionsRestart = ": its BGP sessions restart"
	tunnelsMove     = ": its VXLAN tunnels move"
)

var switchValues = []consequence{
	{"asn", "ASN", sessionsRestart},
	{"protocolIP", "protocol IP", sessionsRestart},
	{"vtepIP", "VTEP IP", tunnelsMove},
	{"ip", "management IP", ": its management address moves"},
	{"role", "role", ""},
	{"profile", "profile", ": all its ports are set up anew"},
	{"redundancy/group", "redundancy group", ": its ESLAG connections are set up anew"},
	{"redundancy/type", "redundancy type", ": its ESLAG connections are set up anew"},
	{"roce", "RoCE", ": its queues are set up anew"},
}

var gatewayValues = []consequence{
	{"asn", "ASN", sessionsRestart},
	{"protocolIP", "protocol IP", sessionsRestart},
	{"vtepIP", "VTEP IP", tunnelsMove},
	{"vtepMAC", "VTEP MAC", tunnelsMove},
	{"neighbors", "BGP neighbors", sessionsRestart},
	{"interfaces", "interfaces", ": their links are set up anew"},
	{"workers", "workers", ": its dataplane restarts"},
}

var vpcValues = []consequence{
	{"mode", "mode", ": the VPC is set up anew on its switches"},
	{"ipv4Namespace", "IPv4 namespace", ""},
	{"vlanNamespace", "VLAN namespace", ""},
}

var externalValues = []consequence{
	{"inboundCommunity", "inbound community", ": the routes taken from it change"},
	{"outboundCommunity", "outbound community", ": the routes given to it change"},
	{"static", "static prefixes", ": the routes to it change"},
}

// values says each change of a value that has a consequence.
func (b *blast) values(kind fabric.Kind, all []consequence) {
	for _, c := range all {
		path := strings.Split(c.path, "/")
		last := len(path) - 1
		s := shapes[kind]
		for _, key := range path {
			s = s.at(key)
		}
		old, new := descend(b.old, path[:last]...)[path[last]], descend(b.new, path[:last]...)[path[last]]
		if !same(s, new, old) {
			b.say("changes ", c.what, " of ", b.name, fromTo(old, new), c.after)
		}
	}
}

// fromTo returns " from 65101 to 65102"; of lists and objects it says nothing.
func fromTo(old, new any) string {
	for _, v := range []any{old, new} {
		switch v.(type) {
		case tree, []any:
			return ""
		case bool:
			return " from " + onOff(old) + " to " + onOff(new)
		}
	}
	return " from " + shown(old) + " to " + shown(new)
}

func onOff(v any) string {
	if v == true {
		return "on"
	}
	return "off"
}

func (b *blast) changedSwitch() {
	b.values(Switch, switchValues)
	b.changedPorts("portBreakouts", "breakout")
	if b.refusesBreakouts() {
		b.say("is refused: ", b.name, " keeps its breakouts while RoCE is on; turn RoCE off in a sync of its own first")
	}
	b.changedPorts("portSpeeds", "speed")
	b.changedPorts("portGroupSpeeds", "port group speed")
	for _, namespace := range namespacesOf(b.old) {
		if !contains(b.new, "vlanNamespaces", namespace) {
			b.leavesVLANNamespace(namespace)
		}
	}
}

// refusesBreakouts reports whether the server lets RoCE stand in the way.
func (b *blast) refusesBreakouts() bool {
	return (flagAt(b.old, "roce") || flagAt(b.new, "roce")) &&
		!same(shapes[Switch].at("portBreakouts"), b.old["portBreakouts"], b.new["portBreakouts"])
}

// namespacesOf names a switch's VLAN namespaces.
func namespacesOf(spec tree) []string {
	if isZero(spec["vlanNamespaces"]) {
		return []string{defaultName}
	}
	return textsOf(listAt(spec, "vlanNamespaces"))
}

// changedPorts compares a map of port settings and names the connections on them.
func (b *blast) changedPorts(member, what string) {
	old, new := child(b.old, member), child(b.new, member)
	for _, port := range union(old, new) {
		if sameScalar(old[port], new[port]) {
			continue
		}
		affected := ""
		if users := b.wiresOn(port); len(users) > 0 {
			affected = ": interrupts " + enumerated(users)
		}
		b.say("changes ", what, " of ", b.name, "/", shown(port), fromTo(old[port], new[port]), affected)
	}
}

func union(a, b tree) []string {
	keys := keysOf(a)
	for _, key := range keysOf(b) {
		if _, both := a[key]; !both {
			keys = append(keys, key)
		}
	}
	return keys
}

// wiresOn names the connections on a port of the switch or on one of its lanes.
func (b *blast) wiresOn(port string) []string {
	var users []string
	for w := range b.world.wires() {
		if slices.ContainsFunc(w.ends, func(end linkEnd) bool {
			return end.kind == Switch && end.device == b.name && (end.port == port || strings.HasPrefix(end.port, port+"/"))
		}) {
			users = append(users, w.name)
		}
	}
	return users
}

func (b *blast) leavesVLANNamespace(namespace string) {
	used := map[string]bool{}
	on := map[string]bool{}
	for w := range b.world.wires() {
		on[w.name] = w.links(Switch, b.name) > 0
	}
	for _, a := range b.world.attachments(func(a attachment) bool { return on[a.connection] }) {
		if spec := b.world.spec(VPC, a.vpc); spec != nil && orDefault(spec, "vlanNamespace") == namespace {
			used[a.vpc] = true
		}
	}
	after := ""
	if len(used) > 0 {
		after = ", which " + plural(len(used), "VPC") + " attached there need: " + enumerated(keysOf(used))
	}
	b.say("takes ", b.name, " out of VLAN namespace ", namespace, after)
}

func (b *blast) changedConnection() {
	before, after := wireOf(b.name, b.old), wireOf(b.name, b.new)
	kept, renumbered := map[string]bool{}, map[string]string{}
	for _, end := range after.ends {
		kept[end.kind.Name+" "+end.device+"/"+end.port] = true
		renumbered[end.device+"/"+end.port] = end.ip
	}
	for _, end := range before.ends {
		port := end.device + "/" + end.port
		switch ip, there := renumbered[port]; {
		case !kept[end.kind.Name+" "+port]:
			b.say("takes ", shown(port), " out of connection ", b.name)
		case there && ip != end.ip && before.kind.key != "staticExternal":
			b.say("renumbers ", shown(port), fromTo(end.ip, ip), ": its BGP session restarts")
		}
	}
	b.values(Connection, []consequence{
		{before.kind.key + "/mtu", "MTU", ": its links go down and up"},
		{"staticExternal/link/switch/vlan", "VLAN", ""},
		{"staticExternal/link/switch/nextHop", "next hop", ""},
		{"staticExternal/link/switch/subnets", "routes", ""},
	})
}

func (b *blast) changedVPC() {
	b.values(VPC, vpcValues)
	before, after := child(b.old, "subnets"), child(b.new, "subnets")
	for name := range before {
		if _, stays := after[name]; !stays {
			b.withoutSubnet(name)
			continue
		}
		b.changedSubnet(name, child(before, name), child(after, name))
	}
}

func (b *blast) changedSubnet(name string, old, new tree) {
	subnet := b.name + "/" + shown(name)
	affected := sync.OnceValue(func() string { return b.affected(name) })
	for _, value := range [][2]string{{"subnet", "prefix"}, {"vlan", "VLAN"}, {"gateway", "gateway"}, {"hostBGP", "host BGP"}} {
		if !same(nil, old[value[0]], new[value[0]]) {
			b.say("changes ", value[1], " of ", subnet, fromTo(old[value[0]], new[value[0]]), affected())
		}
	}
	if flagAt(child(old, "dhcp"), "enable") && !flagAt(child(new, "dhcp"), "enable") {
		b.say("turns DHCP off in ", subnet, affected())
	}
	if !tightened(b.old, old, "isolated", "defaultIsolated") && tightened(b.new, new, "isolated", "defaultIsolated") {
		b.say("isolates ", subnet, " from the other subnets", affected())
	}
	if !tightened(b.old, old, "restricted", "defaultRestricted") && tightened(b.new, new, "restricted", "defaultRestricted") {
		b.say("keeps the hosts of ", subnet, " from each other", affected())
	}
}

// tightened returns a subnet's three-valued flag, or the VPC's default for it.
func tightened(vpc, subnet tree, member, fallback string) bool {
	if own, ok := subnet[member].(bool); ok {
		return own
	}
	return flagAt(vpc, fallback)
}

// affected returns " for 3 servers on leaf-01", or nothing.
func (b *blast) affected(subnet string) string {
	servers, switches := b.world.attached(b.world.attachments(func(a attachment) bool { return a.vpc == b.name && a.subnet == subnet }))
	if len(servers) == 0 {
		return ""
	}
	return " for " + plural(len(servers), "server") + " on " + enumerated(switches)
}

func (b *blast) movedAttachment() {
	if attachmentOf(b.old) != attachmentOf(b.new) {
		b.withoutVPCAttachment()
	} else if flagAt(b.old, "nativeVLAN") != flagAt(b.new, "nativeVLAN") {
		a := attachmentOf(b.old)
		b.say("changes the tagging of ", shown(a.vpc+"/"+a.subnet), " on connection ", shown(a.connection))
	}
}

func (b *blast) changedPeering(kind fabric.Kind, members ...string) {
	before, after := peersOf(kind, b.old), peersOf(kind, b.new)
	if !slices.Equal(before, after) {
		b.parted(kind, "")
		return
	}
	for _, member := range members {
		if !same(shapes[kind].at(member), b.old[member], b.new[member]) {
			b.say("changes what may pass between ", strings.Join(before, " and "))
			return
		}
	}
}

func (b *blast) changedExternal() { b.values(External, externalValues) }

func (b *blast) changedExternalAttachment() {
	for _, member := range []string{"external", "connection", "switch", "neighbor", "static"} {
		if !same(shapes[ExternalAttachment].at(member), b.old[member], b.new[member]) {
			b.withoutExternalAttachment()
			return
		}
	}
	if !same(shapes[ExternalAttachment].at("inboundACL"), b.old["inboundACL"], b.new["inboundACL"]) {
		b.say("changes what may come in from external ", shown(b.old["external"]))
	}
}

func (b *blast) changedGateway() {
	b.values(Gateway, gatewayValues)
	for _, group := range gatewayGroups(b.old) {
		if !slices.Contains(gatewayGroups(b.new), group) {
			b.leavesGatewayGroup(group)
		}
	}
}

// fewerVLANs names the VPC subnets whose VLAN the namespace no longer has.
func (b *blast) fewerVLANs() {
	b.stranded("vlanNamespace", "VLAN namespace", func(subnet tree) bool {
		vlan, ok := integerAt(subnet, "vlan")
		return ok && hasVLAN(b.old, vlan) && !hasVLAN(b.new, vlan)
	})
}

func hasVLAN(spec tree, vlan int64) bool {
	return slices.ContainsFunc(listAt(spec, "ranges"), func(r any) bool {
		from, to := vlanRange(r)
		return from <= vlan && vlan <= to
	})
}

// fewerAddresses names the VPC subnets that the namespace no longer contains.
func (b *blast) fewerAddresses() {
	b.stranded("ipv4Namespace", "IPv4 namespace", func(subnet tree) bool {
		p, err := netip.ParsePrefix(textAt(subnet, "subnet"))
		return err == nil && hasPrefix(b.old, p) && !hasPrefix(b.new, p)
	})
}

func hasPrefix(spec tree, p netip.Prefix) bool {
	return slices.ContainsFunc(textsOf(listAt(spec, "subnets")), func(s string) bool {
		pool, err := netip.ParsePrefix(s)
		return err == nil && pool.Bits() <= p.Bits() && pool.Contains(p.Addr())
	})
}

func (b *blast) stranded(member, what string, out func(subnet tree) bool) {
	var lost []string
	for vpc, spec := range b.world.of(VPC) {
		if orDefault(spec, member) != b.name {
			continue
		}
		for name, subnet := range child(spec, "subnets") {
			subnet, _ := subnet.(tree)
			if out(subnet) {
				lost = append(lost, vpc+"/"+name)
			}
		}
	}
	if len(lost) > 0 {
		b.say("leaves ", plural(len(lost), "VPC subnet"), " outside ", what, " ", b.name, ": ", enumerated(lost))
	}
}
