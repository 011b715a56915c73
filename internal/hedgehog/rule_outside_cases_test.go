package hedgehog

import "github.com/hedgesync/hedgesync/internal/fabric"

const bgpRest = `connection: uplink, external: ext-1, `

func externalPeering(spec string) string {
	return docs(spaces, vpc1, external1, o(ExternalPeering, "p", `{permit: `+spec+`}`))
}

const plainPeering = `{vpc: {name: vpc-1, subnets: [a]}, external: {name: ext-1, prefixes: [{prefix: 0.0.0.0/0}]}}`

const plainSides = `{peering: {vpc-1: {expose: [{ips: [{cidr: 10.0.1.0/24}]}]}, vpc-2: {}}}`

func exposing(expose string) string {
	return peer(`{peering: {vpc-1: {expose: [` + expose + `]}, vpc-2: {}}}`)
}

func acl(rule string) string {
	return peer(`{peering: {vpc-1: {}, vpc-2: {}}, acl: {rules: [` + rule + `]}}`)
}

func gw(interfaces, neighbors, more string) string {
	return o(Gateway, "gw-1", `{asn: 65534, protocolIP: 172.30.8.5/32, vtepIP: 172.30.12.5/32, interfaces: {`+interfaces+`}, neighbors: [`+neighbors+`], `+more+`}`)
}

var outsideCases = map[string]ruleCase{
	"external.communities":            {breaks: docs(pools, o(External, "e", `{inboundCommunity: "65536:1"}`)), holds: docs(pools, o(External, "e", `{inboundCommunity: "65535:1"}`)), pointer: "/spec/inboundCommunity", says: `"65536:1"`},
	"external.static":                 {breaks: docs(pools, o(External, "e", `{static: {prefixes: [0.0.0.0]}}`)), holds: docs(pools, static1), pointer: "/spec/static/prefixes/0", says: `"0.0.0.0"`},
	"external-attachment.names":       {breaks: attachExternal(`{external: ext-1, neighbor: {asn: 64102, ip: 100.1.10.6}, switch: {ip: 100.1.10.1/24, vlan: 10}}`), holds: attachExternal(`{` + bgp + `}`), pointer: "/spec", says: "no connection is named"},
	"external-attachment.names type":  {breaks: docs(outside, server1, cable1, o(ExternalAttachment, "a", `{external: ext-1, connection: cable-1, neighbor: {asn: 64102, ip: 100.1.10.6}, switch: {ip: 100.1.10.1/24, vlan: 10}}`)), holds: attachExternal(`{` + bgp + `}`), pointer: "/spec/connection", says: "cable-1 is of type unbundled, not external"},
	"external-attachment.kind":        {breaks: attachExternal(`{connection: uplink, external: ext-1, static: {remoteIP: 100.1.20.1, proxy: true, vlan: 20}}`), holds: attachExternal(`{connection: uplink, external: ext-2, neighbor: {}, switch: {}, static: {remoteIP: 100.1.20.1, proxy: true, vlan: 20}}`), pointer: "/spec/external", says: "External ext-1 is BGP, this attachment is static"},
	"external-attachment.kind both":   {breaks: attachExternal(`{connection: uplink, external: ext-2, switch: {ip: 100.1.10.1/24}, static: {remoteIP: 100.1.20.1, proxy: true, vlan: 20}}`), holds: attachExternal(`{` + bgp + `}`), pointer: "/spec/static", says: "both BGP and static"},
	"external-attachment.bgp":         {breaks: attachExternal(`{` + bgpRest + `neighbor: {ip: 100.1.10.6}, switch: {ip: 100.1.10.1/24}}`), holds: attachExternal(`{` + bgpRest + `neighbor: {asn: 4200000000, ip: 100.1.10.6}, switch: {ip: 100.1.10.1/24}}`), pointer: "/spec/neighbor", says: "ASN 0"},
	"external-attachment.bgp subnets": {breaks: attachExternal(`{` + bgpRest + `neighbor: {asn: 64102, ip: 100.1.11.6}, switch: {ip: 100.1.10.1/24}}`), holds: attachExternal(`{` + bgp + `}`), pointer: "/spec/neighbor/ip", says: "100.1.11.6 is outside 100.1.10.0/24", severity: fabric.Warning},
	"external-attachment.static":      {breaks: attachExternal(`{connection: uplink, external: ext-2, static: {remoteIP: 100.1.20.1, proxy: true, ip: 100.1.20.2/24}}`), holds: attachExternal(`{connection: uplink, external: ext-2, static: {remoteIP: 100.1.20.1, ip: 100.1.20.2/24}}`), pointer: "/spec/static/ip", says: "100.1.20.2/24 and proxy"},
	"external-attachment.vlan":        {breaks: attachExternal(`{` + bgpRest + `neighbor: {asn: 64102, ip: 100.1.10.6}, switch: {ip: 100.1.10.1/24, vlan: 4095}}`), holds: attachExternal(`{` + bgp + `}`), pointer: "/spec/switch/vlan", says: "4095"},
	"external-attachment.vlan without sub-interfaces": {
		breaks:  docs(spaces, o(Switch, "leaf-1", `{role: server-leaf, profile: bare, `+addressed+`}`), uplink, external1, o(ExternalAttachment, "a", `{`+bgp+`}`)),
		holds:   attachExternal(`{` + bgp + `}`),
		pointer: "/spec/switch/vlan", says: "leaf-1 (profile bare) has no sub-interfaces", severity: fabric.Warning,
	},
	"external-attachment.acl":        {breaks: inbound(`{seq: 9, action: permit, protocol: ip, srcPrefix: 0.0.0.0/0, dstPrefix: 0.0.0.0/0}`), holds: inbound(`{seq: 10, action: permit, protocol: ip, srcPrefix: 0.0.0.0/0, dstPrefix: 0.0.0.0/0}`), pointer: "/spec/inboundACL/statements/0/seq", says: "number 9"},
	"external-attachment.acl action": {breaks: inbound(`{seq: 10, action: allow, protocol: ip, srcPrefix: 0.0.0.0/0, dstPrefix: 0.0.0.0/0}`), holds: inbound(`{seq: 10, action: deny, protocol: udp, srcPrefix: 0.0.0.0/0, dstPrefix: 0.0.0.0/0, portRangeBegin: 53, portRangeEnd: 53}`), pointer: "/spec/inboundACL/statements/0/action", says: `"allow"`},
	"external-peering.names":         {breaks: externalPeering(`{vpc: {name: vpc-1, subnets: [a]}, external: {}}`), holds: externalPeering(plainPeering), pointer: "/spec/permit/external", says: "no External is named"},
	"external-peering.names subnets": {breaks: externalPeering(`{vpc: {name: vpc-1}, external: {name: ext-1}}`), holds: externalPeering(plainPeering), pointer: "/spec/permit/vpc", says: "no subnet of VPC vpc-1", severity: fabric.Warning},
	"external-peering.namespace": {
		breaks:  docs(spaces, vpc1, o(IPv4Namespace, "x", `{subnets: [10.1.0.0/16]}`), o(External, "ext-1", `{ipv4Namespace: x}`), o(ExternalPeering, "p", `{permit: `+plainPeering+`}`)),
		holds:   externalPeering(plainPeering),
		pointer: "/spec/permit/external/name", says: "of the VPC is default, of External ext-1 it is x",
	},

	"gateway.hydrated":       {breaks: o(Gateway, "g", `{interfaces: {eth0: {}}}`), holds: gateway1, pointer: "/spec", says: "asn, protocolIP, vtepIP and neighbors are missing"},
	"gateway.addresses":      {breaks: gw(`eth0: {ips: [172.30.128.1]}`, `{asn: 65100, ip: 172.30.128.0, source: eth0}`, ""), holds: gateway1, pointer: "/spec/interfaces/eth0/ips/0", says: `"172.30.128.1"`},
	"gateway.address-ranges": {breaks: o(Gateway, "g", `{asn: 65534, protocolIP: 10.0.8.5/32, vtepIP: 172.30.12.5/32, interfaces: {eth0: {}}, neighbors: [{asn: 65100, ip: 172.30.128.0}]}`), holds: gateway1, pointer: "/spec/protocolIP", says: "10.0.8.5 is outside", severity: fabric.Warning},
	"gateway.neighbors":      {breaks: gw(`eth0: {}`, `{asn: 65100, ip: 172.30.128.0, source: eth1}`, ""), holds: gateway1, pointer: "/spec/neighbors/0/source", says: `no interface "eth1"`},
	"gateway.workers":        {breaks: o(Gateway, "gw-1", gatewaySpec("eth0: {}", "workers: 65")), holds: o(Gateway, "gw-1", gatewaySpec("eth0: {}", "workers: 64")), pointer: "/spec/workers", says: "65 workers"},

	"gateway-peering.sides":           {breaks: peer(`{peering: {vpc-1: {}}}`), holds: peer(plainSides), pointer: "/spec/peering", says: "1 sides"},
	"gateway-peering.sides externals": {breaks: docs(pools, external1, static1, o(GatewayPeering, "p", `{peering: {ext.ext-1: {}, ext.ext-2: {}}}`)), holds: docs(spaces, vpc1, external1, o(GatewayPeering, "p", `{peering: {vpc-1: {}, ext.ext-1: {}}}`)), pointer: "/spec/peering", says: "ext.ext-1, ext.ext-2"},
	"gateway-peering.expose":          {breaks: exposing(`{ips: [{cidr: 10.0.1.0/24, not: 10.0.1.0/25}]}`), holds: exposing(`{ips: [{cidr: 10.0.1.0/24}, {not: 10.0.1.0/25}, {vpcSubnet: a}]}`), pointer: "/spec/peering/vpc-1/expose/0/ips/0", says: "2 of cidr, not, vpcSubnet"},
	"gateway-peering.nat":             {breaks: exposing(`{nat: {masquerade: {}, static: {}}}`), holds: exposing(`{nat: {masquerade: {idleTimeout: 2m}}}`), pointer: "/spec/peering/vpc-1/expose/0/nat", says: "masquerade, static"},
	"gateway-peering.nat port":        {breaks: exposing(`{nat: {portForward: {ports: [{port: "99999", as: "80"}]}}}`), holds: exposing(`{nat: {portForward: {ports: [{port: 8080-8090, as: 80-90}]}}}`), pointer: "/spec/peering/vpc-1/expose/0/nat/portForward/ports/0/port", says: `"99999"`},
	"gateway-peering.vpc-subnet": {
		breaks:  docs(exposing(`{ips: [{vpcSubnet: a}]}`), external1, o(GatewayPeering, "q", `{peering: {vpc-1: {}, ext.ext-1: {}}}`)),
		holds:   exposing(`{ips: [{vpcSubnet: a}]}`),
		pointer: "/spec/peering/vpc-1/expose/0/ips/0/vpcSubnet", says: "vpc-1 is also in GatewayPeering/default/q", severity: fabric.Warning,
	},
	"gateway-peering.group":     {breaks: docs(peer(`{gatewayGroup: g, peering: {vpc-1: {}, vpc-2: {}}}`), o(GatewayGroup, "g", "{}"), gateway1), holds: docs(peer(plainSides), gateway1), pointer: "/spec/gatewayGroup", says: "group g has no gateway"},
	"gateway-peering.acl":       {breaks: acl(`{action: deny, match: {src: [{cidr: 10.0.1.0}]}}`), holds: acl(`{action: deny, from: vpc-1, match: {src: [{cidr: 10.0.1.0/24, ports: ["80"]}]}}`), pointer: "/spec/acl/rules/0/match/src/0/cidr", says: `"10.0.1.0"`},
	"gateway-peering.acl sides": {breaks: acl(`{action: deny, from: vpc-3}`), holds: acl(`{action: deny, from: vpc-1, to: vpc-2}`), pointer: "/spec/acl/rules/0/from", says: `"vpc-3"`, severity: fabric.Warning},
}
