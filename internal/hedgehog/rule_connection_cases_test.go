package hedgehog

import "github.com/hedgesync/hedgesync/internal/fabric"

const oneLink = `{unbundled: {link: {server: {port: server-1/e0}, switch: {port: leaf-1/E1/1}}}}`

// eslag is an ESLAG connection over two leaves.
var eslag = o(Connection, "c", `{eslag: {links: [{server: {port: server-1/e0}, switch: {port: leaf-1/E1/1}}, {server: {port: server-1/e1}, switch: {port: leaf-2/E1/1}}]}}`)

func bundled(first, second, more string) string {
	return docs(connect(`{bundled: {`+more+`links: [{server: {port: server-1/e0}, switch: {port: `+first+`}}, {server: {port: `+second+`}, switch: {port: leaf-1/E1/2}}]}}`), o(Server, "server-2", "{}"))
}

func fabricLink(spine, spineIP, leafIP string) string {
	return connect(`{fabric: {links: [{spine: {port: ` + spine + `, ip: ` + spineIP + `}, leaf: {port: leaf-1/E1/1, ip: ` + leafIP + `}}]}}`)
}

func staticExternal(spec string) string {
	return connect(`{staticExternal: {link: {switch: {port: leaf-1/E1/1, ` + spec + `}}}}`)
}

var connectionCases = map[string]ruleCase{
	"connection.type":         {breaks: docs(vlans, leaf1, o(Connection, "c", `{}`)), holds: connect(oneLink), pointer: "/spec", says: "no type: give one of unbundled"},
	"connection.type two":     {breaks: connect(`{external: {link: {switch: {port: leaf-1/E1/2}}}, unbundled: {link: {server: {port: server-1/e0}, switch: {port: leaf-1/E1/1}}}}`), holds: connect(oneLink), pointer: "/spec", says: "2 types: unbundled, external"},
	"connection.deprecated":   {breaks: staticExternal(`ip: 10.9.0.1/24, nextHop: 10.9.0.2`), holds: connect(oneLink), pointer: "/spec/staticExternal", says: "staticExternal", severity: fabric.Warning},
	"connection.ends":         {breaks: connect(`{unbundled: {link: {server: {port: server-1/e0}, switch: {port: leaf-1}}}}`), holds: connect(oneLink), pointer: "/spec/unbundled/link/switch/port", says: `"leaf-1" is not device/port`},
	"connection.ends missing": {breaks: connect(`{unbundled: {link: {server: {port: server-1/e0}}}}`), holds: connect(oneLink), pointer: "/spec/unbundled/link", says: `"" is not device/port`},
	"connection.one-server":   {breaks: bundled("leaf-1/E1/1", "server-2/e0", ""), holds: bundled("leaf-1/E1/1", "server-1/e1", ""), pointer: "/spec/bundled/links", says: "2 servers: server-1, server-2"},
	"connection.switches":     {breaks: bundled("leaf-2/E1/1", "server-1/e1", ""), holds: bundled("leaf-1/E1/1", "server-1/e1", ""), pointer: "/spec/bundled/links", says: "2 switches (leaf-1, leaf-2), a bundled connection touches 1"},
	"connection.switches of a mesh": {
		breaks: connect(`{mesh: {links: [{leaf1: {port: leaf-1/E1/1, ip: 172.30.128.0/31}, leaf2: {port: leaf-1/E1/2, ip: 172.30.128.1/31}}]}}`), holds: connect(meshSpec("172.30.128.0/31", "172.30.128.1/31")),
		pointer: "/spec/mesh/links", says: "1 switches (leaf-1), a mesh connection touches 2",
	},
	"connection.eslag": {
		breaks: docs(vlans, o(SwitchGroup, "g", "{}"), leaf("leaf-1", 1, "redundancy: {group: g, type: eslag}"), leaf2, server1, eslag), holds: docs(vlans, twins, server1, eslag),
		pointer: "/spec/eslag/links", says: "switch leaf-2 is in no redundancy group",
	},
	"connection.eslag across groups": {
		breaks:  docs(vlans, o(SwitchGroup, "g", "{}"), o(SwitchGroup, "h", "{}"), leaf("leaf-1", 1, "redundancy: {group: g, type: eslag}"), leaf("leaf-2", 2, "redundancy: {group: h, type: eslag}"), server1, eslag),
		holds:   docs(vlans, twins, server1, eslag),
		pointer: "/spec/eslag/links", says: "different redundancy groups: g, h",
	},
	"connection.roles": {
		breaks: fabricLink("leaf-2/E1/1", "172.30.128.0/31", "172.30.128.1/31"), holds: fabricLink("spine-1/E1/1", "172.30.128.0/31", "172.30.128.1/31"),
		pointer: "/spec/fabric/links/0/spine/port", says: "leaf-2 has role server-leaf, and is the spine end", severity: fabric.Warning,
	},
	"connection.mtu":                     {breaks: bundled("leaf-1/E1/1", "server-1/e1", "mtu: 9037, "), holds: bundled("leaf-1/E1/1", "server-1/e1", "mtu: 9036, "), pointer: "/spec/bundled/mtu", says: "9037 is not between 0 and 9036", severity: fabric.Warning},
	"connection.static-external":         {breaks: staticExternal(`ip: 10.9.0.1/24, nextHop: 10.8.0.2`), holds: connect(oneLink), pointer: "/spec/staticExternal/link/switch/nextHop", says: `"10.8.0.2" is not an address in 10.9.0.1/24`, with: "connection.deprecated"},
	"connection.static-external subnets": {breaks: staticExternal(`ip: 10.9.0.1/24, subnets: [0.0.0.0/0, 10.0.0.0/8]`), holds: connect(oneLink), pointer: "/spec/staticExternal/link/switch/subnets/0", says: "0.0.0.0/0", with: "connection.deprecated"},

	"link.hydrated":      {breaks: connect(`{fabric: {links: [{spine: {port: spine-1/E1/1}, leaf: {port: leaf-1/E1/1}}]}}`), holds: fabricLink("spine-1/E1/1", "172.30.128.0/31", "172.30.128.1/31"), pointer: "/spec", says: "1 of 1 links", severity: fabric.Warning},
	"link.pair":          {breaks: fabricLink("spine-1/E1/1", "172.30.128.1/31", "172.30.128.2/31"), holds: fabricLink("spine-1/E1/1", "172.30.128.2/31", "172.30.128.3/31"), pointer: "/spec/fabric/links/0/spine/ip", says: "172.30.128.2/31 and 172.30.128.1/31"},
	"link.pair not /31":  {breaks: fabricLink("spine-1/E1/1", "172.30.128.0/30", "172.30.128.1/31"), holds: fabricLink("spine-1/E1/1", "172.30.128.0/31", "172.30.128.1/31"), pointer: "/spec/fabric/links/0/spine/ip", says: "172.30.128.0/30 is not a /31"},
	"link.address-range": {breaks: fabricLink("spine-1/E1/1", "172.30.127.254/31", "172.30.127.255/31"), holds: fabricLink("spine-1/E1/1", "172.30.128.0/31", "172.30.128.1/31"), pointer: "/spec/fabric/links/0/leaf/ip", says: "172.30.127.255 is outside", severity: fabric.Warning, count: 2},
	"link.gateway":       {breaks: docs(vlans, leaf1, gateway1, gatewayLink("a", "E1/1", "eth1", 0)), holds: docs(vlans, leaf1, gateway1, gatewayLink("a", "E1/1", "eth0", 0)), pointer: "/spec/gateway/links/0/gateway/port", says: "gw-1 has no interface eth1", severity: fabric.Warning},
	"link.gateway address": {
		breaks: docs(vlans, leaf1, gateway1, gatewayLink("a", "E1/1", "eth0", 2)), holds: docs(vlans, leaf1, gateway1, gatewayLink("a", "E1/1", "eth0", 0)),
		pointer: "/spec/gateway/links/0/gateway/ip", says: "172.30.128.3/31 on interface eth0", severity: fabric.Warning,
	},
}
