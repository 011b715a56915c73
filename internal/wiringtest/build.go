package wiringtest

import (
	"fmt"
	"net/netip"
)

// API versions of the groups.
const (
	wiring  = "wiring.githedgehog.com/v1beta1"
	vpcAPI  = "vpc.githedgehog.com/v1beta1"
	gateway = "gateway.githedgehog.com/v1alpha1"
)

// tree is one object, or a part of one.
type tree = map[string]any

// builder collects objects, and hands out ports and link addresses once each.
type builder struct {
	spec        Spec
	objects     []map[string]any
	ports       map[string]int // switch -> server ports in use
	uplinks     map[string]int // switch -> other ports in use
	links       int            // /31 links in use
	connections []string       // of servers
}

// Fabric returns the objects of a fabric in the order in which they can be
// applied. It panics on a Spec that the ports or addresses of a fabric cannot hold.
func Fabric(spec Spec) []map[string]any {
	b := &builder{spec: spec, ports: map[string]int{}, uplinks: map[string]int{}}
	b.namespaces()
	b.switches()
	b.vpcs()
	b.servers()
	b.externals()
	b.gateways()
	b.attachments()
	b.peerings()
	return b.objects
}

func (b *builder) add(apiVersion, kind, name string, spec tree) {
	b.objects = append(b.objects, tree{"apiVersion": apiVersion, "kind": kind, "metadata": tree{"name": name, "namespace": "default"}, "spec": spec})
}

func (b *builder) namespaces() {
	b.add(wiring, "VLANNamespace", "default", tree{"ranges": []any{tree{"from": int64(firstVLAN), "to": int64(lastVLAN)}}})
	b.add(vpcAPI, "IPv4Namespace", "default", tree{"subnets": []any{"10.0.0.0/12"}})
}

// switches adds spines, leaves and the links between them.
func (b *builder) switches() {
	for i := range b.spec.Spines {
		b.spine(i)
	}
	for i := range b.spec.Pairs {
		group := fmt.Sprintf("eslag-%d", i+1)
		b.add(wiring, "SwitchGroup", group, tree{})
		b.leaf(2*i, group)
		b.leaf(2*i+1, group)
	}
	for i := range b.spec.Leaves {
		b.leaf(2*b.spec.Pairs+i, "")
	}
	for leaf := range b.leaves() {
		for spine := range b.spec.Spines {
			b.fabricLink(spineName(spine), leafName(leaf))
		}
	}
}

func (b *builder) leaves() int { return 2*b.spec.Pairs + b.spec.Leaves }

func spineName(i int) string { return fmt.Sprintf("spine-%02d", i+1) }
func leafName(i int) string  { return fmt.Sprintf("leaf-%02d", i+1) }

func (b *builder) spine(i int) {
	b.add(wiring, "Switch", spineName(i), b.node(i, tree{"asn": int64(65100), "description": fmt.Sprintf("Spine %d", i+1), "role": "spine"}))
}

func (b *builder) leaf(i int, group string) {
	spec := tree{"asn": int64(65101 + i), "description": fmt.Sprintf("Leaf %d", i+1), "role": "server-leaf", "vtepIP": address("172.30.12.0", i) + "/32"}
	if group != "" {
		spec["groups"] = []any{group}
		spec["redundancy"] = tree{"group": group, "type": "eslag"}
	}
	b.add(wiring, "Switch", leafName(i), b.node(b.spec.Spines+i, spec))
}

// node adds what every switch has, counted over all of them.
func (b *builder) node(i int, spec tree) tree {
	spec["profile"] = profileName
	spec["ip"] = address("172.30.0.16", i) + "/21"
	spec["protocolIP"] = address("172.30.8.0", i) + "/32"
	spec["boot"] = tree{"mac": fmt.Sprintf("0c:20:12:ff:%02x:00", i)}
	return spec
}

// address returns the i-th address from first.
func address(first string, i int) string {
	a := netip.MustParseAddr(first).As4()
	n := int(a[0])<<24 | int(a[1])<<16 | int(a[2])<<8 | int(a[3])
	n += i
	return netip.AddrFrom4([4]byte{byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)}).String()
}

// link returns both ends of a fresh /31.
func (b *builder) link() (string, string) {
	b.links++
	return address("172.30.128.0", 2*b.links-2) + "/31", address("172.30.128.0", 2*b.links-1) + "/31"
}

func (b *builder) fabricLink(spine, leaf string) {
	upper, lower := b.link()
	b.add(wiring, "Connection", spine+"--fabric--"+leaf, tree{"fabric": tree{"links": []any{tree{
		"spine": tree{"ip": upper, "port": b.uplink(spine, 0)},
		"leaf":  tree{"ip": lower, "port": b.uplink(leaf, serverPorts)},
	}}}})
}

// uplink takes the next port of a switch that no server uses, counted after base.
func (b *builder) uplink(sw string, base int) string {
	b.uplinks[sw]++
	return port(sw, base+b.uplinks[sw])
}

// downlink takes the next server port of a leaf.
func (b *builder) downlink(leaf string) string {
	b.ports[leaf]++
	if b.ports[leaf] > serverPorts {
		panic(fmt.Sprintf("wiringtest: %s has no port left for a server", leaf))
	}
	return port(leaf, b.ports[leaf])
}

func port(sw string, n int) string {
	if n > switchPorts {
		panic(fmt.Sprintf("wiringtest: %s has no port %d", sw, n))
	}
	return fmt.Sprintf("%s/E1/%d", sw, n)
}
