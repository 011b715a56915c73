package hedgehog

import (
	"strings"

	"github.com/hedgesync/hedgesync/internal/fabric"
)

var objectCases = map[string]ruleCase{
	"kind.controller":                {breaks: o(SwitchProfile, "m", "{}"), holds: server1, pointer: "/kind", says: "SwitchProfile does not belong in Git"},
	"kind.unknown":                   {breaks: o(fabric.Kind{Group: wiringGroup, Name: "VPC"}, "v", "{}"), holds: server1, pointer: "/kind", says: "group wiring.githedgehog.com has no kind VPC"},
	"kind.left-out":                  {breaks: o(fabric.Kind{Group: "apps", Name: "Deployment"}, "d", "{}"), holds: server1, pointer: "/kind", says: "Deployment.apps", severity: fabric.Warning},
	"kind.left-out by the installer": {breaks: o(Fabricator, "f", "{}"), holds: server1, pointer: "/kind", says: "Fabricator", severity: fabric.Note},
	"kind.version": {
		breaks: "apiVersion: wiring.githedgehog.com/v1alpha2\nkind: Server\nmetadata: {name: s}", holds: server1,
		pointer: "/apiVersion", says: "version v1alpha2 of Server is not served",
	},
	"schema.unknown-field": {breaks: o(Server, "s", `{descripton: x}`), holds: o(Server, "s", `{description: x}`), pointer: "/spec/descripton", says: `"description" does`},
	"schema.unknown-field of a required value": {
		breaks: docs(vlans, o(Switch, "s", `{role: spine, profile: m, ans: 65100, ip: 172.30.0.9/21, protocolIP: 172.30.8.9/32}`)),
		holds:  docs(vlans, spine1), pointer: "/spec/ans", says: `field "ans" does not exist`,
	},
	"schema.value": {breaks: o(Server, "s", `{description: 7}`), holds: o(Server, "s", `{description: "7"}`), pointer: "/spec/description", says: "7 must be of type string"},
	"schema.value hides what follows from it": {
		breaks: docs(vlans, pools, o(VPC, "v", `{subnets: {a: {subnet: 10.0.1.0/24, vlan: "1001"}}}`)), holds: docs(vlans, pools, vpc1),
		pointer: "/spec/subnets/a/vlan", says: `"1001" must be of type integer`,
	},
	"reference.unchecked": {
		breaks: external1, holds: docs(pools, external1), pointer: "/spec", says: "IPv4Namespace default is not in this directory: not checked", severity: fabric.Warning,
	},
	"profile.unknown": {
		breaks: docs(vlans, o(Switch, "s", `{role: spine, profile: x, asn: 65100, ip: 172.30.0.9/21, protocolIP: 172.30.8.9/32}`)), holds: docs(vlans, spine1),
		pointer: "/spec/profile", says: "ports of profile x unknown: not checked", severity: fabric.Note,
	},
	"object.namespace": {breaks: o(Server, "s, namespace: fab", "{}"), holds: o(Server, "s, namespace: default", "{}"), pointer: "/metadata/namespace", says: `"fab"`},
	"object.name":      {breaks: o(Server, "Server_1", "{}"), holds: server1, pointer: "/metadata/name", says: `"Server_1"`},
	"object.name-length": {
		breaks: o(IPv4Namespace, "twelve-chars", `{subnets: [10.0.0.0/16]}`), holds: o(IPv4Namespace, "eleven-char", `{subnets: [10.0.0.0/16]}`),
		pointer: "/metadata/name", says: `"twelve-chars" has 12`,
	},
	"object.name-prefix": {breaks: docs(spaces, vpc("ext.v", "10.0.1.0/24", 1001, "")), holds: docs(spaces, vpc1), pointer: "/metadata/name", says: `"ext.v"`},
	"object.labels":      {breaks: o(Server, "s, labels: {a: true}", "{}"), holds: o(Server, `s, labels: {a: "true"}`, "{}"), pointer: "/metadata/labels/a", says: "true is not a string"},
	"object.labels value": {
		breaks: o(Server, `s, labels: {a: "x y"}`, "{}"), holds: o(Server, `s, annotations: {a: "x y"}`, "{}"), pointer: "/metadata/labels/a", says: `"x y"`,
	},
	"object.metadata": {breaks: o(Server, "s, label: {}", "{}"), holds: o(Server, "s, labels: {}", "{}"), pointer: "/metadata/label", says: `"label"`},
	"reference.exists": {
		breaks: docs(pools, vlans, o(VPC, "vpc-1", `{vlanNamespace: x, subnets: {a: {subnet: 10.0.1.0/24, vlan: 1001}}}`)), holds: docs(spaces, vpc1),
		pointer: "/spec/vlanNamespace", says: "VLANNamespace x",
	},
	"reference.exists in the cluster": {
		breaks: attachOnly("a", "x"), holds: attachOnly("a", "cable-1"), live: docs(wired, vpc1), pointer: "/spec/connection", says: "Connection x is neither",
	},
	"reference.exists subnet": {breaks: attach(`{subnet: vpc-1/b, connection: cable-1}`), holds: attach(`{subnet: vpc-1/a, connection: cable-1}`), pointer: "/spec/subnet", says: `no subnet "b", it has a`},
	"reference.exists for a gateway": {
		breaks:  docs(vlans, leaf1, gateway1, strings.ReplaceAll(gatewayLink("a", "E1/1", "eth0", 0), "gw-1", "gw-9")),
		holds:   docs(vlans, leaf1, gateway1, gatewayLink("a", "E1/1", "eth0", 0)),
		pointer: "/spec/gateway/links/0/gateway/port", says: "Gateway gw-9", severity: fabric.Warning,
	},
	"reference.exists for MCLAG": {
		breaks:  docs(vlans, leaf1, server1, o(Connection, "c", `{mclag: {links: [{switch: {port: leaf-9/E1/1}, server: {port: server-1/a}}, {switch: {port: leaf-1/E1/1}, server: {port: server-1/b}}]}}`)),
		holds:   docs(vlans, leaf1),
		pointer: "/spec/mclag/links/0/switch/port", says: "Switch leaf-9", severity: fabric.Warning, with: "connection.deprecated",
	},
	"reference.still-used": {
		breaks: docs(spaces, vpc("vpc-1", "10.0.1.0/24", 1001, "")), holds: docs(spaces, o(VPC, "vpc-1", `{subnets: {a: {subnet: 10.0.1.0/24, vlan: 1001}, b: {subnet: 10.0.3.0/24, vlan: 1003}}}`)),
		live:    docs(wired, vpc1, o(VPCAttachment, "x", `{subnet: vpc-1/b, connection: cable-1}`)),
		pointer: "/spec/subnets", says: `"b" is gone, and VPCAttachment/default/x`, severity: fabric.Warning,
	},

	"unique.switch-port": {
		breaks:  docs(wired, o(Server, "server-2", "{}"), o(Connection, "cable-2", `{unbundled: {link: {server: {port: server-2/eth0}, switch: {port: leaf-1/E1/1}}}}`)),
		holds:   docs(wired, o(Server, "server-2", "{}"), o(Connection, "cable-2", `{unbundled: {link: {server: {port: server-2/eth0}, switch: {port: leaf-1/E1/2}}}}`)),
		pointer: "/spec/unbundled/link/switch/port", says: "leaf-1/E1/1 is taken by Connection/default/cable-1",
	},
	"unique.switch-port by its first lane": {
		breaks:  docs(vlans, leaf1, o(Connection, "a", `{external: {link: {switch: {port: leaf-1/E1/3}}}}`), o(Connection, "b", `{external: {link: {switch: {port: leaf-1/E1/3/1}}}}`)),
		holds:   docs(vlans, leaf1, o(Connection, "a", `{external: {link: {switch: {port: leaf-1/E1/3}}}}`), o(Connection, "b", `{external: {link: {switch: {port: leaf-1/E1/4/1}}}}`)),
		pointer: "/spec/external/link/switch/port", says: "leaf-1/E1/3 is taken by Connection/default/a",
	},
	"unique.switch-port in the cluster": {
		breaks: docs(vlans, leaf1, uplink), holds: docs(vlans, leaf1), live: docs(vlans, leaf1, o(Connection, "old", `{external: {link: {switch: {port: leaf-1/E1/2}}}}`)),
		pointer: "/spec/external/link/switch/port", says: "Connection/default/old (in the cluster", severity: fabric.Warning,
	},
	"unique.server-port": {
		breaks:  docs(wired, o(Connection, "cable-2", `{unbundled: {link: {server: {port: server-1/eth0}, switch: {port: leaf-1/E1/2}}}}`)),
		holds:   docs(wired, o(Connection, "cable-2", `{unbundled: {link: {server: {port: server-1/eth1}, switch: {port: leaf-1/E1/2}}}}`)),
		pointer: "/spec/unbundled/link/server/port", says: "server-1/eth0 is taken",
	},
	"unique.gateway-port": {
		breaks:  docs(vlans, leaf1, gateway2ips, gatewayLink("a", "E1/1", "eth0", 0), gatewayLink("b", "E1/2", "eth0", 2)),
		holds:   docs(vlans, leaf1, gateway2ips, gatewayLink("a", "E1/1", "eth0", 0), gatewayLink("b", "E1/2", "eth1", 2)),
		pointer: "/spec/gateway/links/0/gateway/port", says: "gw-1/eth0 is taken",
	},
	"unique.asn": {
		breaks: docs(vlans, leaf1, o(Switch, "leaf-2", `{role: server-leaf, profile: m, asn: 65101, ip: 172.30.0.2/21, protocolIP: 172.30.8.2/32, vtepIP: 172.30.12.2/32}`)), holds: docs(vlans, leaf1, leaf2),
		pointer: "/spec/asn", says: "65101 is taken by Switch/default/leaf-1",
	},
	"unique.management-ip": {
		breaks: docs(vlans, leaf1, o(Switch, "leaf-2", `{role: server-leaf, profile: m, asn: 65102, ip: 172.30.0.1/21, protocolIP: 172.30.8.2/32, vtepIP: 172.30.12.2/32}`)), holds: docs(vlans, leaf1, leaf2),
		pointer: "/spec/ip", says: "172.30.0.1 is taken",
	},
	"unique.protocol-ip": {
		breaks: docs(vlans, leaf("leaf-5", 4, ""), o(Switch, "leaf-6", `{role: server-leaf, profile: m, asn: 65106, ip: 172.30.0.6/21, protocolIP: 172.30.8.4/32, vtepIP: 172.30.12.6/32}`)), holds: docs(vlans, leaf1, leaf2),
		pointer: "/spec/protocolIP", says: "172.30.8.4 is taken",
	},
	"unique.vtep-ip with a gateway": {
		breaks: docs(vlans, gateway1, o(Switch, "leaf-6", `{role: server-leaf, profile: m, asn: 65106, ip: 172.30.0.6/21, protocolIP: 172.30.8.6/32, vtepIP: 172.30.12.5/32}`)), holds: docs(vlans, leaf1, gateway1),
		pointer: "/spec/vtepIP", says: "172.30.12.5 is taken by Gateway/default/gw-1",
	},
	"unique.vtep-mac": {
		breaks:  docs(o(Gateway, "gw-1", gatewaySpec("eth0: {}", "vtepMAC: CA:FE:BA:BE:01:01")), otherGateway("ca:fe:ba:be:01:01")),
		holds:   docs(o(Gateway, "gw-1", gatewaySpec("eth0: {}", "vtepMAC: CA:FE:BA:BE:01:01")), otherGateway("ca:fe:ba:be:01:02")),
		pointer: "/spec/vtepMAC", says: "ca:fe:ba:be:01:01 is taken",
	},
	"unique.boot-mac": {
		breaks:  docs(vlans, leaf("leaf-1", 1, `boot: {mac: "0c:20:12:ff:00:00"}`), leaf("leaf-2", 2, `boot: {mac: "0C:20:12:FF:00:00"}`)),
		holds:   docs(vlans, leaf("leaf-1", 1, `boot: {mac: "0c:20:12:ff:00:00"}`), leaf("leaf-2", 2, `boot: {mac: "0C:20:12:FF:00:01"}`)),
		pointer: "/spec/boot/mac", says: "0c:20:12:ff:00:00 is taken",
	},
	"unique.boot-serial": {
		breaks: docs(vlans, leaf("leaf-1", 1, `boot: {serial: A1}`), leaf("leaf-2", 2, `boot: {serial: A1}`)), holds: docs(vlans, leaf("leaf-1", 1, `boot: {serial: A1}`), leaf("leaf-2", 2, `boot: {serial: A2}`)),
		pointer: "/spec/boot/serial", says: "A1 is taken",
	},
	"unique.link-ip": {
		breaks:  docs(connect(meshSpec("172.30.128.0/31", "172.30.128.1/31")), o(Connection, "d", `{mesh: {links: [{leaf1: {port: leaf-1/E1/2, ip: 172.30.128.0/31}, leaf2: {port: leaf-2/E1/2}}]}}`)),
		holds:   connect(meshSpec("172.30.128.0/31", "172.30.128.1/31")),
		pointer: "/spec/mesh/links/0/leaf1/ip", says: "172.30.128.0 is taken by Connection/default/c", with: "link.hydrated",
	},
	"unique.vlan": {
		breaks: docs(spaces, vpc1, vpc("vpc-2", "10.0.2.0/24", 1001, "")), holds: docs(spaces, vpc1, vpc2),
		pointer: "/spec/subnets/a/vlan", says: "VLAN 1001 is taken by VPC/default/vpc-1",
	},
	"unique.vlan in one VPC": {
		breaks: subnets(`{a: {subnet: 10.0.1.0/24, vlan: 1001}, b: {subnet: 10.0.2.0/24, vlan: 1001}}`), holds: subnets(`{a: {subnet: 10.0.1.0/24, vlan: 1001}, b: {subnet: 10.0.2.0/24, vlan: 1002}}`),
		pointer: "/spec/subnets/b/vlan", says: "/spec/subnets/a/vlan of the same object",
	},
	"unique.external-vlan": {
		breaks:  docs(attachExternal(`{`+bgp+`}`), o(ExternalAttachment, "b", `{connection: uplink, external: ext-2, static: {remoteIP: 100.1.30.1, proxy: true, vlan: 10}}`)),
		holds:   docs(attachExternal(`{`+bgp+`}`), o(ExternalAttachment, "b", `{connection: uplink, external: ext-2, static: {remoteIP: 100.1.30.1, proxy: true, vlan: 11}}`)),
		pointer: "/spec/static/vlan", says: "uplink/10 is taken",
	},
	"unique.native-vlan": {
		breaks:  docs(attach(`{subnet: vpc-1/a, connection: cable-1, nativeVLAN: true}`), vpc2, o(VPCAttachment, "b", `{subnet: vpc-2/a, connection: cable-1, nativeVLAN: true}`)),
		holds:   docs(attach(`{subnet: vpc-1/a, connection: cable-1, nativeVLAN: true}`), vpc2, o(VPCAttachment, "b", `{subnet: vpc-2/a, connection: cable-1}`)),
		pointer: "/spec/nativeVLAN", says: "cable-1 is taken by VPCAttachment/default/a",
	},
	"unique.attachment": {
		breaks:  docs(attach(`{subnet: vpc-1/a, connection: cable-1}`), o(VPCAttachment, "b", `{subnet: vpc-1/a, connection: cable-1}`)),
		holds:   attach(`{subnet: vpc-1/a, connection: cable-1}`),
		pointer: "/spec/subnet", says: "cable-1/vpc-1/a is taken", severity: fabric.Warning,
	},

	"vlans.range":          {breaks: o(VLANNamespace, "v", `{ranges: [{from: 20, to: 10}]}`), holds: o(VLANNamespace, "v", `{ranges: [{from: 10, to: 20}]}`), pointer: "/spec/ranges/0", says: "begins at 20"},
	"vlans.range too high": {breaks: o(VLANNamespace, "v", `{ranges: [{from: 10, to: 4095}]}`), holds: o(VLANNamespace, "v", `{ranges: [{from: 10}]}`), pointer: "/spec/ranges/0/to", says: "4095"},
	"vlans.overlap": {
		breaks: o(VLANNamespace, "v", `{ranges: [{from: 20, to: 30}, {from: 10, to: 20}]}`), holds: o(VLANNamespace, "v", `{ranges: [{from: 21, to: 30}, {from: 10, to: 20}]}`),
		pointer: "/spec/ranges/0", says: "20-30 overlaps 10-20",
	},
	"vlans.reserved":                        {breaks: o(VLANNamespace, "v", `{ranges: [{from: 3899, to: 3899}]}`), holds: o(VLANNamespace, "v", `{ranges: [{from: 2999}]}`), pointer: "/spec/ranges/0", says: "3899 overlaps 3000-3899", severity: fabric.Warning},
	"vlans.reserved when the site is known": {breaks: o(VLANNamespace, "v", `{ranges: [{from: 3900}]}`), holds: o(VLANNamespace, "v", `{ranges: [{from: 4000}]}`), pointer: "/spec/ranges/0", says: "3900 overlaps 3900-3999", known: true},
	"vlans.host-bgp": {
		breaks: o(VLANNamespace, "default", `{ranges: [{from: 1000, to: 1500}]}`), holds: vlans, live: docs(spaces, o(VPC, "v", `{subnets: {h: {subnet: 10.0.1.0/24, hostBGP: true}}}`)),
		pointer: "/spec/ranges", says: `hostBGP subnet "h"`, severity: fabric.Warning,
	},
	"pools.subnets": {breaks: o(IPv4Namespace, "p", `{subnets: [10.0.0.0/16, 10.0.4.0/24]}`), holds: o(IPv4Namespace, "p", `{subnets: [10.0.0.0/16, 10.1.0.0/16]}`), pointer: "/spec/subnets/1", says: "10.0.4.0/24 overlaps 10.0.0.0/16"},
	"pools.subnets too many": {
		breaks:  o(IPv4Namespace, "p", `{subnets: [10.0.0.0/16, 10.1.0.0/16, 10.2.0.0/16, 10.3.0.0/16, 10.4.0.0/16, 10.5.0.0/16, 10.6.0.0/16, 10.7.0.0/16, 10.8.0.0/16, 10.9.0.0/16, 10.10.0.0/16]}`),
		holds:   o(IPv4Namespace, "p", `{subnets: [10.0.0.0/16, 10.1.0.0/16, 10.2.0.0/16, 10.3.0.0/16, 10.4.0.0/16, 10.5.0.0/16, 10.6.0.0/16, 10.7.0.0/16, 10.8.0.0/16, 10.9.0.0/16]}`),
		pointer: "/spec/subnets", says: "11 subnets",
	},
	"pools.reserved": {breaks: o(IPv4Namespace, "p", `{subnets: [172.30.12.0/24]}`), holds: o(IPv4Namespace, "p", `{subnets: [172.30.16.0/24]}`), pointer: "/spec/subnets/0", says: "172.30.12.0/24 overlaps the fabric's VTEP subnet", severity: fabric.Warning},
}

// attachOnly is what a directory holds that has nothing but attachments.
func attachOnly(name, connection string) string {
	return o(VPCAttachment, name, `{subnet: vpc-1/a, connection: `+connection+`}`)
}
