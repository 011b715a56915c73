package hedgehog

import "github.com/hedgesync/hedgesync/internal/fabric"

// sw is one switch of a spec without its role, in a directory with its namespace.
func sw(spec string) string {
	return docs(vlans, o(Switch, "s", `{role: server-leaf, profile: m, `+spec+`}`))
}

const addressed = `asn: 65101, ip: 172.30.0.1/21, protocolIP: 172.30.8.1/32, vtepIP: 172.30.12.1/32, `

// roce is a switch whose model does RoCE.
func roce(spec string) string {
	return docs(vlans, o(Switch, "s", `{role: server-leaf, profile: roce, `+addressed+spec+`}`))
}

var switchCases = map[string]ruleCase{
	"switch.hydrated":             {breaks: sw(""), holds: sw(addressed), pointer: "/spec", says: "asn, ip, protocolIP and vtepIP are missing"},
	"switch.hydrated in part":     {breaks: sw(`asn: 65101, ip: 172.30.0.1/21, protocolIP: 172.30.8.1/32`), holds: spineOnly, pointer: "/spec", says: "not hydrated: vtepIP is missing"},
	"switch.profile":              {breaks: docs(vlans, o(Switch, "s", `{role: server-leaf, `+addressed+`}`)), holds: sw(addressed), pointer: "/spec", says: "no profile is named"},
	"switch.profile of a fabric":  {breaks: docs(vlans, o(Switch, "s", `{role: server-leaf, profile: x, `+addressed+`}`)), holds: sw(addressed), live: vlans, pointer: "/spec/profile", says: `no switch profile "x"`},
	"switch.addresses":            {breaks: sw(`asn: 65101, ip: 172.30.0.1, protocolIP: 172.30.8.1/32, vtepIP: 172.30.12.1/32`), holds: sw(addressed), pointer: "/spec/ip", says: `"172.30.0.1" is not`},
	"switch.addresses too wide":   {breaks: sw(`asn: 65101, ip: 172.30.0.1/21, protocolIP: 172.30.8.1/22, vtepIP: 172.30.12.1/32`), holds: sw(addressed), pointer: "/spec/protocolIP", says: "172.30.8.1/22 is not a /32"},
	"switch.addresses of a spine": {breaks: docs(vlans, o(Switch, "s", `{role: spine, profile: m, asn: 65100, ip: 172.30.0.1/21, protocolIP: 172.30.8.1/32, vtepIP: 172.30.12.1/32}`)), holds: spineOnly, pointer: "/spec/vtepIP", says: "172.30.12.1/32"},
	"switch.address-ranges":       {breaks: sw(`asn: 65101, ip: 172.30.0.1/21, protocolIP: 10.0.8.1/32, vtepIP: 172.30.12.1/32`), holds: sw(addressed), pointer: "/spec/protocolIP", says: "10.0.8.1 is outside", severity: fabric.Warning},
	"switch.address-ranges known": {breaks: sw(`asn: 65101, ip: 172.30.4.0/21, protocolIP: 172.30.8.1/32, vtepIP: 172.30.12.1/32`), holds: sw(addressed), pointer: "/spec/ip", says: "172.30.4.0 is not below 172.30.4.0", known: true},
	"switch.asn":                  {breaks: docs(vlans, o(Switch, "s", `{role: spine, profile: m, asn: 65099, ip: 172.30.0.1/21, protocolIP: 172.30.8.1/32}`)), holds: spineOnly, pointer: "/spec/asn", says: "65099", severity: fabric.Warning},
	"switch.asn of a leaf":        {breaks: sw(`asn: 65100, ip: 172.30.0.1/21, protocolIP: 172.30.8.1/32, vtepIP: 172.30.12.1/32`), holds: sw(addressed), pointer: "/spec/asn", says: "65100 of a leaf is outside 65101-65533", known: true},
	"switch.redundancy":           {breaks: docs(sw(addressed+`redundancy: {group: g}`), o(SwitchGroup, "g", "{}")), holds: docs(sw(addressed+`redundancy: {group: g, type: eslag}`), o(SwitchGroup, "g", "{}")), pointer: "/spec/redundancy", says: `group "g" has no type`},
	"switch.redundancy feature":   {breaks: docs(roce(`redundancy: {group: g, type: eslag}`), o(SwitchGroup, "g", "{}")), holds: docs(roce(`groups: [g]`), o(SwitchGroup, "g", "{}")), pointer: "/spec/redundancy/type", says: "profile roce does not support eslag"},
	"switch.vlan-overlap": {
		breaks:  docs(sw(addressed+`vlanNamespaces: [default, x]`), o(VLANNamespace, "x", `{ranges: [{from: 1999, to: 2100}]}`)),
		holds:   docs(sw(addressed+`vlanNamespaces: [default, x]`), o(VLANNamespace, "x", `{ranges: [{from: 2000, to: 2100}]}`)),
		pointer: "/spec/vlanNamespaces", says: "1999-2100 of VLANNamespace x overlaps 1000-1999 of default",
	},
	"switch.features":               {breaks: sw(addressed + `roce: true`), holds: roce(`roce: true`), pointer: "/spec/roce", says: "profile m does not support RoCE"},
	"switch.features for hashing":   {breaks: sw(addressed + `ecmp: {roceQPN: true}`), holds: roce(`ecmp: {roceQPN: true}`), pointer: "/spec/ecmp/roceQPN", says: "profile m"},
	"switch.roce-breakouts":         {breaks: roce(`roce: true, portBreakouts: {E1/1: 4x25G}`), holds: roce(`roce: true`), live: roce(`roce: true`), pointer: "/spec/portBreakouts/E1~11", says: `from "" to "4x25G"`},
	"switch.roce-breakouts removed": {breaks: roce(`roce: true`), holds: roce(`roce: true, portBreakouts: {E1/1: SPEED_4x25G}`), live: roce(`roce: true, portBreakouts: {E1/1: 4x25G}`), pointer: "/spec", says: `"4x25G" of E1/1 is removed`},
	"switch.boot-mac":               {breaks: sw(addressed + `boot: {mac: "0c:20"}`), holds: sw(addressed + `boot: {mac: "0c:20:12:ff:00:00"}`), pointer: "/spec/boot/mac", says: `"0c:20"`, severity: fabric.Warning},
	"switch.still-attached": {
		breaks: docs(o(Switch, "leaf-1", leaf1In("x")), spaces, o(VLANNamespace, "x", `{ranges: [{from: 2000, to: 2100}]}`)), holds: docs(spaces, o(Switch, "leaf-1", leaf1In("default"))),
		live:    docs(wired, vpc1, attachOnly("a", "cable-1")),
		pointer: "/spec/vlanNamespaces", says: "VPCAttachment/default/a attaches VPC vpc-1 of VLANNamespace default", severity: fabric.Warning,
	},

	"port.configured":          {breaks: sw(addressed + `portSpeeds: {Ethernet0: 25G}`), holds: sw(addressed + `portSpeeds: {E1/6: SPEED_25G}`), pointer: "/spec/portSpeeds/Ethernet0", says: "profile m has no port Ethernet0"},
	"port.configured lane":     {breaks: sw(addressed + `portFECs: {E1/3/2: rs}`), holds: sw(addressed + `portFECs: {E1/3/2: rs}, portBreakouts: {E1/3: 4x25G}`), pointer: "/spec/portFECs/E1~13~12", says: "E1/3/2"},
	"port.configured group":    {breaks: sw(addressed + `portGroupSpeeds: {"2": 25G}`), holds: sw(addressed + `portGroupSpeeds: {"1": 25G}`), pointer: "/spec/portGroupSpeeds/2", says: "no port group 2"},
	"port.breakout":            {breaks: sw(addressed + `portBreakouts: {E1/3: 2x50G}`), holds: sw(addressed + `portBreakouts: {E1/3: 4x25G}`), pointer: "/spec/portBreakouts/E1~13", says: "2x50G, only 1x100G, 4x25G"},
	"port.breakout impossible": {breaks: sw(addressed + `portBreakouts: {E1/6: 4x25G}`), holds: sw(addressed), pointer: "/spec/portBreakouts/E1~16", says: "E1/6 of profile m cannot"},
	"port.speed":               {breaks: sw(addressed + `portSpeeds: {E1/6: 100G}`), holds: sw(addressed + `portSpeeds: {E1/6: 10G}`), pointer: "/spec/portSpeeds/E1~16", says: "speed 100G, only 10G, 25G"},
	"port.speed of a group":    {breaks: sw(addressed + `portGroupSpeeds: {"1": 40G}`), holds: sw(addressed + `portGroupSpeeds: {"1": SPEED_10G}`), pointer: "/spec/portGroupSpeeds/1", says: "port group 1 of profile m does not support speed 40G"},
	"port.speed in a group":    {breaks: sw(addressed + `portSpeeds: {E1/1: 10G}`), holds: sw(addressed), pointer: "/spec/portSpeeds/E1~11", says: "belongs to port group 1"},
	"port.speed by breakout":   {breaks: sw(addressed + `portSpeeds: {E1/3: 100G}`), holds: sw(addressed), pointer: "/spec/portSpeeds/E1~13", says: "from its breakout"},
	"port.auto-negotiation":    {breaks: sw(addressed + `portAutoNegs: {E1/1: true}`), holds: sw(addressed + `portAutoNegs: {E1/1: false, E1/3/1: true}`), pointer: "/spec/portAutoNegs/E1~11", says: "E1/1"},
	"port.count":               {breaks: sw(addressed + `portBreakouts: {E1/3: 4x25G, E1/4: 4x25G}`), holds: sw(addressed + `portBreakouts: {E1/3: 4x25G, E1/5: 4x25G}`), pointer: "/spec/portBreakouts", says: "10 ports in pipeline 1, profile m allows 7"},
	"port.still-used": {
		breaks: leaf1With(`portBreakouts: {E1/3: 1x100G}`), holds: leaf1With(`portBreakouts: {E1/3: 4x25G}`),
		live:    docs(leaf1With(`portBreakouts: {E1/3: 4x25G}`), o(Connection, "old", `{external: {link: {switch: {port: leaf-1/E1/3/4}}}}`)),
		pointer: "/spec/portBreakouts", says: "Connection/default/old in the cluster uses port E1/3/4", severity: fabric.Warning,
	},
	"port.exists": {
		breaks: docs(vlans, leaf1, o(Connection, "c", `{external: {link: {switch: {port: leaf-1/Ethernet0}}}}`)), holds: docs(vlans, leaf1, uplink),
		pointer: "/spec/external/link/switch/port", says: "leaf-1 (profile m) has no port Ethernet0",
	},
	"port.exists by breakout": {
		breaks:  docs(leaf1With(`portBreakouts: {E1/3: 1x100G}`), o(Connection, "c", `{external: {link: {switch: {port: leaf-1/E1/3/2}}}}`)),
		holds:   docs(leaf1With(`portBreakouts: {E1/3: 4x25G}`), o(Connection, "c", `{external: {link: {switch: {port: leaf-1/E1/3/2}}}}`)),
		pointer: "/spec/external/link/switch/port", says: "E1/3 is broken out as 1x100G",
	},
}

var spineOnly = docs(vlans, spine1)

func leaf1With(more string) string { return docs(vlans, leaf("leaf-1", 1, more)) }

func leaf1In(ns string) string {
	return `{role: server-leaf, profile: m, asn: 65101, ip: 172.30.0.1/21, protocolIP: 172.30.8.1/32, vtepIP: 172.30.12.1/32, vlanNamespaces: [` + ns + `]}`
}
