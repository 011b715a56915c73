package hedgehog

import (
	"cmp"
	"net"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/hedgesync/hedgesync/internal/fabric"
)

// Scopes of claims. Those that end in "/" are completed by the namespace's name.
const (
	ScopePort         = "port"         // a switch port, "leaf-01/E1/1"; a breakout port's first lane is the port
	ScopeServerPort   = "server-port"  // "server-01/enp2s1"
	ScopeGatewayPort  = "gateway-port" // "gateway-1/enp2s1"
	ScopeASN          = "asn"          // of a leaf
	ScopeManagementIP = "management-ip"
	ScopeProtocolIP   = "protocol-ip" // of switches and gateways
	ScopeVTEPIP       = "vtep-ip"     // of switches and gateways
	ScopeVTEPMAC      = "vtep-mac"    // of gateways
	ScopeBootMAC      = "boot-mac"
	ScopeBootSerial   = "boot-serial"
	ScopeFabricIP     = "fabric-ip"     // an end of a fabric, mesh or gateway link
	ScopeVLAN         = "vlan/"         // in a VLANNamespace
	ScopeSubnet       = "subnet/"       // a CIDR in an IPv4Namespace
	ScopeExternalVLAN = "external-vlan" // "connection/10"; untagged is VLAN 0
	ScopeNativeVLAN   = "native-vlan"   // of a Connection
	ScopeAttachment   = "attachment"    // "connection/vpc/subnet"
)

// Claim is a thing that only one object of a fabric may hold. Addresses and
// prefixes are in canonical form, so equal claims have equal Scope and Value.
type Claim struct {
	Resource fabric.Key
	Pointer  string // of the value that claims
	Scope    string
	Value    string
}

// Claims returns what a user kind's object claims, those of defaults included,
// ordered by pointer, scope and value. A malformed value yields none.
func Claims(r fabric.Resource) []Claim {
	find := claims[r.Key.Kind]
	if find == nil || r.Object == nil {
		return nil
	}
	f := claimFinder{resource: r.Key}
	find(&f, child(r.Object, "spec"))
	slices.SortFunc(f.found, func(a, b Claim) int {
		return cmp.Or(strings.Compare(a.Pointer, b.Pointer), strings.Compare(a.Scope, b.Scope), strings.Compare(a.Value, b.Value))
	})
	return f.found
}

var claims = map[fabric.Kind]func(*claimFinder, tree){
	Switch:             (*claimFinder).ofSwitch,
	Connection:         (*claimFinder).ofConnection,
	VPC:                (*claimFinder).ofVPC,
	VPCAttachment:      (*claimFinder).ofVPCAttachment,
	ExternalAttachment: (*claimFinder).ofExternalAttachment,
	Gateway:            (*claimFinder).ofGateway,
}

// claimFinder collects the claims of one object.
type claimFinder struct {
	resource fabric.Key
	found    []Claim
}

// add records a claim unless value is "".
func (f *claimFinder) add(at, scope, value string) {
	if value != "" {
		f.found = append(f.found, Claim{f.resource, at, scope, value})
	}
}

func (f *claimFinder) ofSwitch(spec tree) {
	if role := textAt(spec, "role"); role != "spine" {
		f.add("/spec/asn", ScopeASN, positive(spec, "asn"))
	}
	f.add("/spec/ip", ScopeManagementIP, address(textAt(spec, "ip")))
	f.add("/spec/protocolIP", ScopeProtocolIP, address(textAt(spec, "protocolIP")))
	f.add("/spec/vtepIP", ScopeVTEPIP, address(textAt(spec, "vtepIP")))
	boot := child(spec, "boot")
	f.add("/spec/boot/mac", ScopeBootMAC, hardware(textAt(boot, "mac")))
	f.add("/spec/boot/serial", ScopeBootSerial, textAt(boot, "serial"))
}

func (f *claimFinder) ofGateway(spec tree) {
	f.add("/spec/protocolIP", ScopeProtocolIP, address(textAt(spec, "protocolIP")))
	f.add("/spec/vtepIP", ScopeVTEPIP, address(textAt(spec, "vtepIP")))
	f.add("/spec/vtepMAC", ScopeVTEPMAC, hardware(textAt(spec, "vtepMAC")))
}

var portScopes = map[fabric.Kind]string{Switch: ScopePort, Server: ScopeServerPort, Gateway: ScopeGatewayPort}

// ofConnection leaves out the two MCLAG types: nothing checks or uses their links.
func (f *claimFinder) ofConnection(spec tree) {
	t, known := connectionTypeOf(spec)
	if !known || t.deprecated {
		return
	}
	for _, end := range linkEnds(t, spec) {
		port := end.port
		if end.kind == Switch {
			port = wholePort(port)
		}
		if port != "" {
			f.add(end.pointer+"/port", portScopes[end.kind], end.device+"/"+port)
		}
		if t.key != "staticExternal" {
			f.add(end.pointer+"/ip", ScopeFabricIP, address(end.ip))
		}
	}
}

var firstLane = regexp.MustCompile(`^(E[0-9]+/[0-9]+)/1$`)

// wholePort returns the port itself for its first lane: "E1/53/1" and "E1/53" are
// two names of one port, whether it is broken out or not.
func wholePort(port string) string {
	if m := firstLane.FindStringSubmatch(port); m != nil {
		return m[1]
	}
	return port
}

func (f *claimFinder) ofVPC(spec tree) {
	vlans := ScopeVLAN + cmp.Or(textAt(spec, "vlanNamespace"), defaultName)
	cidrs := ScopeSubnet + cmp.Or(textAt(spec, "ipv4Namespace"), defaultName)
	for name, v := range child(spec, "subnets") {
		subnet, _ := v.(tree)
		f.add(pointer("/spec/subnets", name, "vlan"), vlans, positive(subnet, "vlan"))
		if p, err := netip.ParsePrefix(textAt(subnet, "subnet")); err == nil {
			f.add(pointer("/spec/subnets", name, "subnet"), cidrs, p.Masked().String())
		}
	}
}

func (f *claimFinder) ofVPCAttachment(spec tree) {
	connection := textAt(spec, "connection")
	vpc, subnet, ok := attachedSubnet(spec)
	if connection == "" || !ok {
		return
	}
	f.add("/spec/subnet", ScopeAttachment, connection+"/"+vpc+"/"+subnet)
	if flagAt(spec, "nativeVLAN") {
		f.add("/spec/nativeVLAN", ScopeNativeVLAN, connection)
	}
}

func (f *claimFinder) ofExternalAttachment(spec tree) {
	connection := textAt(spec, "connection")
	if connection == "" {
		return
	}
	member, vlan := externalVLAN(spec)
	f.add(pointer("/spec", member, "vlan"), ScopeExternalVLAN, connection+"/"+strconv.FormatInt(vlan, 10))
}

// externalVLAN returns an ExternalAttachment's VLAN, 0 if untagged, and which
// member of spec holds it.
func externalVLAN(spec tree) (member string, vlan int64) {
	member = "switch"
	if child(spec, "static") != nil {
		member = "static"
	}
	vlan, _ = integerAt(child(spec, member), "vlan")
	return member, vlan
}

// positive returns the number at key in digits, "" unless it is above zero.
func positive(m tree, key string) string {
	n, ok := integerAt(m, key)
	if !ok || n <= 0 {
		return ""
	}
	return strconv.FormatInt(n, 10)
}

// address returns the address of "172.30.0.9/21" or "172.30.0.9" in canonical
// form, or "".
func address(s string) string {
	if p, err := netip.ParsePrefix(s); err == nil {
		return p.Addr().String()
	}
	if a, err := netip.ParseAddr(s); err == nil {
		return a.String()
	}
	return ""
}

// hardware returns a MAC address in lower case with colons, or "".
func hardware(s string) string {
	mac, err := net.ParseMAC(s)
	if err != nil {
		return ""
	}
	return mac.String()
}
