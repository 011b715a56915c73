package plan_test

import "fmt"

const (
	wiringAPI  = "wiring.githedgehog.com/v1beta1"
	vpcAPI     = "vpc.githedgehog.com/v1beta1"
	gatewayAPI = "gateway.githedgehog.com/v1alpha1"
)

func made(api, kind, name string, spec object) object {
	return object{"apiVersion": api, "kind": kind, "metadata": object{"name": name, "namespace": "default"}, "spec": spec}
}

func vlanNS(name string, from, to int) object {
	return made(wiringAPI, "VLANNamespace", name, object{"ranges": []any{object{"from": int64(from), "to": int64(to)}}})
}

func ipNS(name string, cidrs ...any) object {
	return made(vpcAPI, "IPv4Namespace", name, object{"subnets": cidrs})
}

func server(name string) object { return made(wiringAPI, "Server", name, object{}) }

func describedServer(name, text string) object {
	return made(wiringAPI, "Server", name, object{"description": text})
}

func leaf(n int, change ...func(object)) object {
	spec := object{
		"role": "server-leaf", "profile": "vs", "asn": int64(65100 + n), "ip": fmt.Sprintf("172.30.0.%d/21", n+5),
		"protocolIP": fmt.Sprintf("172.30.8.%d/32", n), "vtepIP": fmt.Sprintf("172.30.12.%d/32", n),
		"vlanNamespaces": []any{"default"},
	}
	for _, f := range change {
		f(spec)
	}
	return made(wiringAPI, "Switch", fmt.Sprintf("leaf-%02d", n), spec)
}

// cable is an unbundled connection of server n to a port of a leaf.
func cable(name, serverPort, switchPort string) object {
	return made(wiringAPI, "Connection", name, object{"unbundled": object{
		"link": object{"server": object{"port": serverPort}, "switch": object{"port": switchPort}}}})
}

// bundle is the same cable as a bundled connection.
func bundle(name, serverPort, switchPort string) object {
	return made(wiringAPI, "Connection", name, object{"bundled": object{
		"links": []any{object{"server": object{"port": serverPort}, "switch": object{"port": switchPort}}}}})
}

// subnet is one VPC subnet: its name, CIDR and VLAN.
type subnet struct {
	name, cidr string
	vlan       int
}

func vpc(name string, subnets ...subnet) object {
	m := object{}
	for _, s := range subnets {
		m[s.name] = object{"subnet": s.cidr, "vlan": int64(s.vlan)}
	}
	return made(vpcAPI, "VPC", name, object{"subnets": m})
}

func attach(name, vpcSubnet, connection string) object {
	return made(vpcAPI, "VPCAttachment", name, object{"subnet": vpcSubnet, "connection": connection})
}

func peer(name, a, b string) object {
	return made(vpcAPI, "VPCPeering", name, object{"permit": []any{object{a: object{}, b: object{}}}})
}

// small is a whole fabric: namespaces, two leaves, two servers, two VPCs.
func small() []object {
	return []object{
		vlanNS("default", 1000, 1999), ipNS("default", "10.0.0.0/16"),
		leaf(1), leaf(2), server("server-01"), server("server-02"),
		cable("c1", "server-01/e1", "leaf-01/E1/1"), cable("c2", "server-02/e1", "leaf-02/E1/1"),
		vpc("v1", subnet{"default", "10.0.1.0/24", 1001}), vpc("v2", subnet{"default", "10.0.2.0/24", 1002}),
		attach("a1", "v1/default", "c1"), attach("a2", "v2/default", "c2"), peer("v1--v2", "v1", "v2"),
	}
}

// with replaces objects of the same kind and name, and adds the others.
func with(objects []object, change ...object) []object {
	out := without(objects, change...)
	return append(out, change...)
}

func without(objects []object, gone ...object) []object {
	var out []object
	for _, o := range objects {
		keep := true
		for _, g := range gone {
			keep = keep && keyOf(o) != keyOf(g)
		}
		if keep {
			out = append(out, o)
		}
	}
	return out
}
