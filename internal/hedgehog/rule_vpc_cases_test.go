package hedgehog

import "github.com/hedgesync/hedgesync/internal/fabric"

const plainDHCP = `{enable: true, range: {start: 10.0.1.10, end: 10.0.1.255}}`

func vpcWith(more string) string {
	return docs(spaces, o(VPC, "vpc-1", `{subnets: {a: {subnet: 10.0.1.0/24, vlan: 1001}}, `+more+`}`))
}

// relaying is a VPC that relays DHCP through another.
func relaying(name, subnet string, vlan int, through string) string {
	return vpc(name, subnet, vlan, `dhcp: {relayVPC: `+through+`}`)
}

var plainVPC = docs(spaces, vpc1)

var vpcCases = map[string]ruleCase{
	"vpc.mode":                 {breaks: vpcWith(`mode: l3flat`), holds: vpcWith(`mode: l3vni`), pointer: "/spec/mode", says: `"l3flat"`},
	"vpc.subnets":              {breaks: subnets(`{}`), holds: plainVPC, pointer: "/spec/subnets", says: "0 subnets"},
	"vpc.subnets missing":      {breaks: subnets(`{a: {vlan: 1001}}`), holds: plainVPC, pointer: "/spec/subnets/a", says: `subnet "a" has no address prefix`},
	"vpc.subnets null":         {breaks: docs(spaces, o(VPC, "v", `{subnets: {a: }}`)), holds: plainVPC, pointer: "/spec/subnets/a", says: `"a" has no address prefix`, with: "vpc.vlan"},
	"vpc.subnets too small":    {breaks: subnets(`{a: {subnet: 10.0.1.0/31, vlan: 1001}}`), holds: subnets(`{a: {subnet: 10.0.1.0/30, vlan: 1001}}`), pointer: "/spec/subnets/a/subnet", says: "10.0.1.0/31"},
	"vpc.subnet-name":          {breaks: subnets(`{A_b: {subnet: 10.0.1.0/24, vlan: 1001}}`), holds: subnets(`{a-b: {subnet: 10.0.1.0/24, vlan: 1001}}`), pointer: "/spec/subnets/A_b", says: `"vpc-1--A_b"`, severity: fabric.Warning},
	"vpc.subnet-in-namespace":  {breaks: subnets(`{a: {subnet: 10.1.0.0/24, vlan: 1001}}`), holds: subnets(`{a: {subnet: 10.0.255.7/24, vlan: 1001}}`), pointer: "/spec/subnets/a/subnet", says: "10.1.0.0/24 is in none of the subnets of IPv4Namespace default: 10.0.0.0/16"},
	"vpc.subnet-overlap":       {breaks: docs(spaces, vpc1, vpc("vpc-2", "10.0.1.128/25", 1002, "")), holds: docs(spaces, vpc1, vpc2), pointer: "/spec/subnets/a/subnet", says: "10.0.1.128/25 overlaps 10.0.1.0/24 of VPC/default/vpc-1"},
	"vpc.subnet-overlap equal": {breaks: docs(spaces, vpc1, vpc("vpc-2", "10.0.1.9/24", 1002, "")), holds: docs(spaces, vpc1, vpc2), pointer: "/spec/subnets/a/subnet", says: "10.0.1.9/24 overlaps 10.0.1.0/24"},
	"vpc.subnet-overlap in the cluster": {
		breaks: docs(spaces, vpc("vpc-2", "10.0.0.0/22", 1002, "")), holds: docs(spaces, vpc2), live: docs(spaces, vpc1),
		pointer: "/spec/subnets/a/subnet", says: "10.0.0.0/22 overlaps 10.0.1.0/24 of VPC/default/vpc-1 (in the cluster", severity: fabric.Warning,
	},
	"vpc.gateway":              {breaks: docs(spaces, vpc("vpc-1", "10.0.1.0/24", 1001, "gateway: 10.0.2.1")), holds: docs(spaces, vpc("vpc-1", "10.0.1.0/24", 1001, "gateway: 10.0.1.9")), pointer: "/spec/subnets/a/gateway", says: "10.0.2.1 is outside subnet 10.0.1.0/24"},
	"vpc.vlan":                 {breaks: subnets(`{a: {subnet: 10.0.1.0/24, vlan: 999}}`), holds: plainVPC, pointer: "/spec/subnets/a/vlan", says: "VLAN 999 is in none of the ranges of VLANNamespace default: 1000-1999"},
	"vpc.vlan missing":         {breaks: subnets(`{a: {subnet: 10.0.1.0/24}}`), holds: subnets(`{a: {subnet: 10.0.1.0/24, hostBGP: true}}`), pointer: "/spec/subnets/a", says: `"a" has no VLAN`},
	"vpc.permit":               {breaks: vpcWith(`permit: [[a, b]]`), holds: vpcWith(`permit: [[a]]`), pointer: "/spec/permit/0/1", says: `no subnet "b"`},
	"vpc.static-routes":        {breaks: vpcWith(`staticRoutes: [{prefix: 10.9.0.0, nextHops: [10.0.1.5]}]`), holds: vpcWith(`staticRoutes: [{prefix: 10.9.0.0/16, nextHops: [10.0.1.5]}]`), pointer: "/spec/staticRoutes/0/prefix", says: `"10.9.0.0"`},
	"vpc.static-routes no hop": {breaks: vpcWith(`staticRoutes: [{prefix: 10.9.0.0/16}]`), holds: vpcWith(`staticRoutes: []`), pointer: "/spec/staticRoutes/0", says: "10.9.0.0/16 has no next hop"},

	"dhcp.range":             {breaks: dhcp(`{enable: true, range: {start: 10.0.1.10, end: 10.0.2.1}}`), holds: dhcp(plainDHCP), pointer: "/spec/subnets/a/dhcp/range/end", says: "10.0.2.1 is outside"},
	"dhcp.range backwards":   {breaks: dhcp(`{enable: true, range: {start: 10.0.1.10, end: 10.0.1.9}}`), holds: dhcp(plainDHCP), pointer: "/spec/subnets/a/dhcp/range", says: "begins at 10.0.1.10"},
	"dhcp.range and gateway": {breaks: dhcp(`{enable: true, range: {start: 10.0.1.1, end: 10.0.1.9}}`), holds: dhcp(plainDHCP), pointer: "/spec/subnets/a/dhcp/range", says: "gateway 10.0.1.1 lies in", severity: fabric.Warning},
	"dhcp.relay":             {breaks: dhcp(`{relay: 10.9.0.1}`), holds: dhcp(`{relay: 10.9.0.1/32}`), pointer: "/spec/subnets/a/dhcp/relay", says: `"10.9.0.1"`},
	"dhcp.relay-vpc":         {breaks: docs(spaces, relaying("vpc-1", "10.0.1.0/24", 1001, "vpc-1")), holds: docs(spaces, vpc2, relaying("vpc-1", "10.0.1.0/24", 1001, "vpc-2")), pointer: "/spec/subnets/a/dhcp/relayVPC", says: "vpc-1 relays through itself"},
	"dhcp.relay-vpc mutual": {
		breaks: docs(spaces, relaying("vpc-1", "10.0.1.0/24", 1001, "vpc-2"), relaying("vpc-2", "10.0.2.0/24", 1002, "vpc-1")), holds: docs(spaces, vpc2, relaying("vpc-1", "10.0.1.0/24", 1001, "vpc-2")),
		pointer: "/spec/subnets/a/dhcp/relayVPC", says: "VPCs vpc-1 and vpc-2 relay through each other", severity: fabric.Warning, count: 2,
	},
	"dhcp.options":     {breaks: dhcp(`{enable: true, options: {interfaceMTU: 95}}`), holds: dhcp(`{enable: true, options: {interfaceMTU: 96, dnsServers: [10.9.0.1], pxeURL: "http://x/y"}}`), pointer: "/spec/subnets/a/dhcp/options/interfaceMTU", says: "95 is outside 96-9036"},
	"dhcp.options DNS": {breaks: dhcp(`{enable: true, options: {dnsServers: [dns.example]}}`), holds: dhcp(plainDHCP), pointer: "/spec/subnets/a/dhcp/options/dnsServers/0", says: `"dns.example"`},
	"dhcp.static":      {breaks: dhcp(`{enable: true, static: {"0c:20:12:ff:00:00": {ip: 10.0.2.7}}}`), holds: dhcp(`{enable: true, static: {"0c:20:12:ff:00:00": {ip: 10.0.1.7}}}`), pointer: "/spec/subnets/a/dhcp/static/0c:20:12:ff:00:00/ip", says: "10.0.2.7 is outside"},
	"dhcp.static same MAC": {
		breaks: dhcp(`{enable: true, static: {"0C:20:12:ff:00:00": {ip: 10.0.1.7}, "0c:20:12:ff:00:00": {ip: 10.0.1.8}}}`), holds: dhcp(plainDHCP),
		pointer: "/spec/subnets/a/dhcp/static/0c:20:12:ff:00:00", says: "0C:20:12:ff:00:00 and 0c:20:12:ff:00:00 are the same MAC",
	},
	"dhcp.static same address": {
		breaks: dhcp(`{enable: true, static: {"0c:20:12:ff:00:00": {ip: 10.0.1.7}, "0c:20:12:ff:00:01": {ip: 10.0.1.7}}}`), holds: dhcp(plainDHCP),
		pointer: "/spec/subnets/a/dhcp/static/0c:20:12:ff:00:01/ip", says: "10.0.1.7 is leased to 0c:20:12:ff:00:00",
	},

	"attachment.names":           {breaks: attach(`{subnet: /a, connection: cable-1}`), holds: attach(`{subnet: vpc-1/a, connection: cable-1}`), pointer: "/spec/subnet", says: `"/a"`},
	"attachment.connection-type": {breaks: docs(outside, vpc1, o(VPCAttachment, "a", `{subnet: vpc-1/a, connection: uplink}`)), holds: attach(`{subnet: vpc-1/a, connection: cable-1}`), pointer: "/spec/connection", says: "uplink is of type external"},
	"attachment.vlan-namespace": {
		breaks:  docs(vlans, pools, o(VLANNamespace, "x", `{ranges: [{from: 2000, to: 2100}]}`), o(Switch, "leaf-1", leaf1In("x")), server1, cable1, vpc1, attachOnly("a", "cable-1")),
		holds:   attach(`{subnet: vpc-1/a, connection: cable-1}`),
		pointer: "/spec/connection", says: "leaf-1 is not in VLANNamespace default of the VPC, it is in x",
	},
	"attachment.mode": {
		breaks:  docs(spaces, o(Switch, "leaf-1", `{role: server-leaf, profile: bare, `+addressed+`}`), server1, cable1, vpc1, attachOnly("a", "cable-1")),
		holds:   attach(`{subnet: vpc-1/a, connection: cable-1}`),
		pointer: "/spec/connection", says: "leaf-1 (profile bare) does not support mode l2vni", severity: fabric.Warning,
	},
	"attachment.p2p-link": {
		breaks:  docs(wired, vpc1, o(VPCAttachment, "a, annotations: {fabric.githedgehog.com/p2p-link: 10.0.0.0/30}", `{subnet: vpc-1/a, connection: cable-1}`)),
		holds:   docs(wired, vpc1, o(VPCAttachment, "a, annotations: {fabric.githedgehog.com/p2p-link: 10.0.0.0/31}", `{subnet: vpc-1/a, connection: cable-1}`)),
		pointer: "/metadata/annotations/fabric.githedgehog.com~1p2p-link", says: `"10.0.0.0/30"`,
	},

	"peering.two-vpcs":       {breaks: docs(spaces, vpc1, vpc2, o(VPCPeering, "p", `{permit: [{vpc-1: {}}]}`)), holds: docs(spaces, vpc1, vpc2, o(VPCPeering, "p", `{permit: [{vpc-1: , vpc-2: }]}`)), pointer: "/spec/permit/0", says: "this one has 1: vpc-1"},
	"peering.two-vpcs mixed": {breaks: docs(spaces, vpc1, vpc2, vpc("vpc-3", "10.0.3.0/24", 1003, ""), o(VPCPeering, "p", `{permit: [{vpc-1: {}, vpc-2: {}}, {vpc-1: {}, vpc-3: {}}]}`)), holds: docs(spaces, vpc1, vpc2, o(VPCPeering, "p", `{permit: [{vpc-1: {}, vpc-2: {}}, {vpc-1: {subnets: [a]}, vpc-2: {}}]}`)), pointer: "/spec/permit/1", says: "vpc-1, vpc-3 differ from vpc-1, vpc-2"},
	"peering.remote":         {breaks: docs(spaces, vpc1, vpc2, o(VPCPeering, "p", `{remote: border, permit: [{vpc-1: {}, vpc-2: {}}]}`)), holds: docs(spaces, vpc1, vpc2, o(VPCPeering, "p", `{permit: [{vpc-1: {}, vpc-2: {}}]}`)), pointer: "/spec/remote", says: `"border"`},
	"peering.namespaces": {
		breaks:  docs(spaces, vpc1, o(IPv4Namespace, "x", `{subnets: [10.1.0.0/16]}`), o(VPC, "vpc-2", `{ipv4Namespace: x, subnets: {a: {subnet: 10.1.1.0/24, vlan: 1002}}}`), o(VPCPeering, "p", `{permit: [{vpc-1: {}, vpc-2: {}}]}`)),
		holds:   docs(spaces, vpc1, vpc2, o(VPCPeering, "p", `{permit: [{vpc-1: {}, vpc-2: {}}]}`)),
		pointer: "/spec/permit/0", says: "ipv4Namespace of VPC vpc-1 is default, of VPC vpc-2 it is x",
	},
}
