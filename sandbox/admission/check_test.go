package admission_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// base is a small fabric: a spine, two leaves of one ESLAG group, two servers.
const base = `
apiVersion: wiring.githedgehog.com/v1beta1
kind: VLANNamespace
metadata: {name: default}
spec: {ranges: [{from: 1000, to: 1999}]}
---
apiVersion: vpc.githedgehog.com/v1beta1
kind: IPv4Namespace
metadata: {name: default}
spec: {subnets: [10.0.0.0/16]}
---
apiVersion: wiring.githedgehog.com/v1beta1
kind: SwitchGroup
metadata: {name: pair-1}
spec: {}
---
apiVersion: wiring.githedgehog.com/v1beta1
kind: Server
metadata: {name: host-1}
spec: {}
---
apiVersion: wiring.githedgehog.com/v1beta1
kind: Server
metadata: {name: host-2}
spec: {}
---
apiVersion: wiring.githedgehog.com/v1beta1
kind: Switch
metadata: {name: spine-1}
spec: {role: spine, profile: sandbox-q64, asn: 65100, ip: 172.30.0.10/21, protocolIP: 172.30.8.10/32}
---
apiVersion: wiring.githedgehog.com/v1beta1
kind: Switch
metadata: {name: leaf-1}
spec: {role: server-leaf, profile: sandbox-q64, asn: 65101, ip: 172.30.0.11/21, protocolIP: 172.30.8.11/32, vtepIP: 172.30.12.11/32, portBreakouts: {E1/2: 4x25G}, redundancy: {group: pair-1, type: eslag}}
---
apiVersion: wiring.githedgehog.com/v1beta1
kind: Switch
metadata: {name: leaf-2}
spec: {role: server-leaf, profile: vs, asn: 65102, ip: 172.30.0.12/21, protocolIP: 172.30.8.12/32, vtepIP: 172.30.12.12/32, redundancy: {group: pair-1, type: eslag}}
---
apiVersion: wiring.githedgehog.com/v1beta1
kind: Connection
metadata: {name: host-1--eslag}
spec: {eslag: {links: [{server: {port: host-1/a}, switch: {port: leaf-1/E1/1}}, {server: {port: host-1/b}, switch: {port: leaf-2/E1/1}}]}}
---
apiVersion: wiring.githedgehog.com/v1beta1
kind: Connection
metadata: {name: leaf-2--external}
spec: {external: {link: {switch: {port: leaf-2/E1/40}}}}
---
apiVersion: wiring.githedgehog.com/v1beta1
kind: Connection
metadata: {name: spine-1--leaf-1}
spec: {fabric: {links: [{spine: {port: spine-1/E1/1, ip: 172.30.128.0/31}, leaf: {port: leaf-1/E1/60, ip: 172.30.128.1/31}}]}}
---
apiVersion: vpc.githedgehog.com/v1beta1
kind: VPC
metadata: {name: shop}
spec: {subnets: {web: {subnet: 10.0.1.0/24, vlan: 1001, dhcp: {enable: true}}}}
---
apiVersion: vpc.githedgehog.com/v1beta1
kind: VPCAttachment
metadata: {name: shop-host-1}
spec: {subnet: shop/web, connection: host-1--eslag}
---
apiVersion: vpc.githedgehog.com/v1beta1
kind: External
metadata: {name: isp}
spec: {inboundCommunity: "65102:1000", outboundCommunity: "64102:1000"}
---
apiVersion: vpc.githedgehog.com/v1beta1
kind: ExternalAttachment
metadata: {name: leaf-2--isp}
spec: {external: isp, connection: leaf-2--external, switch: {ip: 100.64.0.1/24, vlan: 10}, neighbor: {asn: 64102, ip: 100.64.0.2}}
---
apiVersion: gateway.githedgehog.com/v1alpha1
kind: GatewayGroup
metadata: {name: default}
spec: {}`

func fabric(t *testing.T) world {
	t.Helper()
	w := empty()
	fill(t, w, parse(t, strings.TrimSpace(base)))
	return w
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	const (
		wiring = "apiVersion: wiring.githedgehog.com/v1beta1\n"
		vpc    = "apiVersion: vpc.githedgehog.com/v1beta1\n"
		gw     = "apiVersion: gateway.githedgehog.com/v1alpha1\n"
	)
	leaf := func(spec string) string {
		return wiring + "kind: Switch\nmetadata: {name: leaf-9}\nspec: {role: server-leaf, profile: vs, asn: 65109, ip: 172.30.0.19/21, protocolIP: 172.30.8.19/32, vtepIP: 172.30.12.19/32, " + spec + "}"
	}
	conn := func(spec string) string {
		return wiring + "kind: Connection\nmetadata: {name: new}\nspec: {" + spec + "}"
	}
	subnet := func(spec string) string {
		return vpc + "kind: VPC\nmetadata: {name: bar}\nspec: {subnets: {x: {" + spec + "}}}"
	}
	cases := map[string]struct{ text, want string }{
		"profile that is not there":    {leaf("profile: nope"), `switch profile "nope" not found`},
		"group that is not there":      {leaf("groups: [nope]"), `switch group "nope" not found`},
		"VLAN pool that is not there":  {leaf("vlanNamespaces: [nope]"), `VLANNamespace "nope" not found`},
		"ASN in use":                   {leaf("asn: 65101"), `asn 65101 is already used by switch "leaf-1"`},
		"spine ASN on a leaf":          {leaf("asn: 65100"), "asn 65100 of a leaf must be between 65101 and 65533"},
		"address in use":               {leaf("ip: 172.30.0.11/21"), `ip 172.30.0.11/21 is already used by switch "leaf-1"`},
		"address outside":              {leaf("ip: 10.0.0.1/21"), "ip 10.0.0.1/21 is not in 172.30.0.0/21"},
		"half a redundancy":            {leaf("redundancy: {type: eslag}"), "redundancy needs both group and type"},
		"speed the group has not":      {leaf(`portGroupSpeeds: {"1": 100G}`), `port group "1" does not support speed "100G"`},
		"breakout the port has not":    {leaf("portBreakouts: {E1/1: 4x25G}"), `port "E1/1" does not support breakout "4x25G"`},
		"profile of one's own":         {wiring + "kind: SwitchProfile\nmetadata: {name: mine}\nspec: {}", `switch profile "mine" is not one of the default profiles`},
		"no connection type":           {conn(""), "exactly one connection type is required"},
		"switch that is not there":     {conn("unbundled: {link: {server: {port: host-2/a}, switch: {port: leaf-7/E1/1}}}"), `switch "leaf-7" not found`},
		"server that is not there":     {conn("unbundled: {link: {server: {port: host-7/a}, switch: {port: leaf-1/E1/9}}}"), `server "host-7" not found`},
		"port that is not there":       {conn("unbundled: {link: {server: {port: host-2/a}, switch: {port: leaf-2/E1/49}}}"), `switch "leaf-2": port "E1/49" not found in switch profile`},
		"NOS name of a port":           {conn("unbundled: {link: {server: {port: host-2/a}, switch: {port: leaf-2/Ethernet0}}}"), `switch "leaf-2": port "Ethernet0" not found in switch profile`},
		"port in use":                  {conn("unbundled: {link: {server: {port: host-2/a}, switch: {port: leaf-2/E1/1}}}"), `port "leaf-2/E1/1" is already used by connection "host-1--eslag"`},
		"port in use by its alias":     {conn("unbundled: {link: {server: {port: host-2/a}, switch: {port: leaf-1/E1/1/1}}}"), `port "leaf-1/E1/1/1" is already used by connection "host-1--eslag"`},
		"server port in use":           {conn("unbundled: {link: {server: {port: host-1/a}, switch: {port: leaf-1/E1/9}}}"), `port "host-1/a" is already used by connection "host-1--eslag"`},
		"lane beyond the breakout":     {conn("unbundled: {link: {server: {port: host-2/a}, switch: {port: leaf-1/E1/2/5}}}"), `switch "leaf-1": port "E1/2/5" not found: E1/2 in mode 4x25G has 4 ports`},
		"MTU too large":                {conn("unbundled: {mtu: 9100, link: {server: {port: host-2/a}, switch: {port: leaf-1/E1/9}}}"), "mtu 9100 is greater than 9036"},
		"fabric link in two networks":  {conn("fabric: {links: [{spine: {port: spine-1/E1/9, ip: 172.30.128.8/31}, leaf: {port: leaf-1/E1/9, ip: 172.30.128.11/31}}]}"), "both ends of a link must be in one /31"},
		"fabric address in use":        {conn("fabric: {links: [{spine: {port: spine-1/E1/9, ip: 172.30.128.0/31}, leaf: {port: leaf-1/E1/9, ip: 172.30.128.1/31}}]}"), `is already used by connection "spine-1--leaf-1"`},
		"pool that is not there":       {vpc + "kind: VPC\nmetadata: {name: bar}\nspec: {ipv4Namespace: nope, subnets: {x: {subnet: 10.0.9.0/24, vlan: 1009}}}", `IPv4Namespace "nope" not found`},
		"long VPC name":                {vpc + "kind: VPC\nmetadata: {name: twelve-chars}\nspec: {}", `name "twelve-chars" is longer than 11 characters`},
		"prefix in use":                {subnet("subnet: 10.0.1.128/25, vlan: 1009"), `subnet "x": 10.0.1.128/25 overlaps with 10.0.1.0/24 of shop/web`},
		"VLAN in use":                  {subnet("subnet: 10.0.9.0/24, vlan: 1001"), `subnet "x": vlan 1001 is already used by shop/web`},
		"VLAN outside the pool":        {subnet("subnet: 10.0.9.0/24, vlan: 2001"), `subnet "x": vlan 2001 is not in the VLANNamespace`},
		"prefix outside the pool":      {subnet("subnet: 10.9.9.0/24, vlan: 1009"), `subnet "x": 10.9.9.0/24 is not in the IPv4Namespace`},
		"subnet that is not there":     {vpc + "kind: VPCAttachment\nmetadata: {name: a}\nspec: {subnet: shop/nope, connection: host-1--eslag}", `subnet "nope" not found in VPC "shop"`},
		"connection of another type":   {vpc + "kind: VPCAttachment\nmetadata: {name: a}\nspec: {subnet: shop/web, connection: leaf-2--external}", `connection "leaf-2--external" of type external cannot have VPCs attached`},
		"peering of one":               {vpc + "kind: VPCPeering\nmetadata: {name: a}\nspec: {permit: [{shop: {}}]}", "exactly 2 VPCs are required, not 1"},
		"remote peering":               {vpc + "kind: VPCPeering\nmetadata: {name: a}\nspec: {remote: x, permit: [{shop: {}, bar: {}}]}", "remote peering is not supported"},
		"community of three":           {vpc + "kind: External\nmetadata: {name: a}\nspec: {inboundCommunity: 1:2:3, outboundCommunity: '1:2'}", `community "1:2:3" is not two 16-bit numbers`},
		"external VLAN in use":         {vpc + "kind: ExternalAttachment\nmetadata: {name: a}\nspec: {external: isp, connection: leaf-2--external, switch: {ip: 100.64.1.1/24, vlan: 10}, neighbor: {asn: 1, ip: 100.64.1.2}}", `vlan 10 is already used on the connection by "leaf-2--isp"`},
		"prefixes that overlap":        {vpc + "kind: IPv4Namespace\nmetadata: {name: a}\nspec: {subnets: [10.1.0.0/16, 10.1.2.0/24]}", "subnet 10.1.2.0/24 overlaps with 10.1.0.0/16"},
		"prefix of the fabric":         {vpc + "kind: IPv4Namespace\nmetadata: {name: a}\nspec: {subnets: [172.30.5.0/24]}", "subnet 172.30.5.0/24 overlaps with reserved 172.30.0.0/16"},
		"VLANs of the fabric":          {wiring + "kind: VLANNamespace\nmetadata: {name: a}\nspec: {ranges: [{from: 2900, to: 3100}]}", "VLAN range 2900-3100 overlaps with 3000-3899"},
		"peering before gateways know": {gw + "kind: GatewayPeering\nmetadata: {name: a}\nspec: {peering: {shop: {}, ext.isp: {}}}", `vpcinfo "ext.isp" not ready: retry later`},
		"gateway group that is not":    {gw + "kind: Gateway\nmetadata: {name: a}\nspec: {groups: [{name: nope}]}", `gateway group "nope" not found`},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := fabric(t).write(parse(t, c.text)[0])
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v\nwant %s", err, c.want)
			}
		})
	}
}

func TestWhatIsInUseCannotBeDeleted(t *testing.T) {
	t.Parallel()
	w := fabric(t)
	got := map[string]string{}
	for _, of := range [][2]string{
		{"Switch", "leaf-1"}, {"Server", "host-1"}, {"Connection", "host-1--eslag"}, {"Connection", "leaf-2--external"}, {"VPC", "shop"},
		{"External", "isp"}, {"IPv4Namespace", "default"}, {"VLANNamespace", "default"}, {"SwitchProfile", "vs"}, {"Server", "host-2"}, {"SwitchGroup", "pair-1"},
	} {
		got[of[0]+" "+of[1]] = ""
		if err := w.remove(of[0], of[1]); err != nil {
			got[of[0]+" "+of[1]] = err.Error()
		}
	}
	want := map[string]string{
		"Switch leaf-1":               `Switch "leaf-1" is used by Connection "host-1--eslag"`,
		"Server host-1":               `Server "host-1" is used by Connection "host-1--eslag"`,
		"Connection host-1--eslag":    `Connection "host-1--eslag" is used by VPCAttachment "shop-host-1"`,
		"Connection leaf-2--external": `Connection "leaf-2--external" is used by ExternalAttachment "leaf-2--isp"`,
		"VPC shop":                    `VPC "shop" is used by VPCAttachment "shop-host-1"`,
		"External isp":                `External "isp" is used by ExternalAttachment "leaf-2--isp"`,
		"IPv4Namespace default":       `IPv4Namespace "default" is used by VPC "shop"`,
		"VLANNamespace default":       `VLANNamespace "default" is used by Switch "leaf-1"`,
		"SwitchProfile vs":            `default switch profile "vs" cannot be deleted`,
		"Server host-2":               "",
		"SwitchGroup pair-1":          "", // as in reality
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestTheHolesOfTheRealControllerAreOpen(t *testing.T) {
	t.Parallel()
	w := fabric(t)
	for name, text := range map[string]string{
		"a connection of two types":              "apiVersion: wiring.githedgehog.com/v1beta1\nkind: Connection\nmetadata: {name: two}\nspec: {unbundled: {link: {server: {port: host-2/a}, switch: {port: leaf-1/E1/9}}}, external: {link: {switch: {port: leaf-1/E1/10}}}}",
		"a VPC that loses an attached subnet":    "apiVersion: vpc.githedgehog.com/v1beta1\nkind: VPC\nmetadata: {name: shop}\nspec: {subnets: {other: {subnet: 10.0.2.0/24, vlan: 1002}}}",
		"MCLAG with switches that are not there": "apiVersion: wiring.githedgehog.com/v1beta1\nkind: Connection\nmetadata: {name: m}\nspec: {mclag: {links: [{server: {port: host-9/a}, switch: {port: leaf-9/E1/9}}]}}",
		"a fabric link without addresses":        "apiVersion: wiring.githedgehog.com/v1beta1\nkind: Connection\nmetadata: {name: f}\nspec: {fabric: {links: [{spine: {port: spine-1/E1/20}, leaf: {port: leaf-1/E1/20}}]}}",
	} {
		if err := w.write(parse(t, text)[0]); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	pool := parse(t, "apiVersion: wiring.githedgehog.com/v1beta1\nkind: VLANNamespace\nmetadata: {name: backward}\nspec: {ranges: [{from: 1200, to: 1100}]}")[0]
	if err := w.write(pool); err != nil || len(pool.Object["spec"].(map[string]any)) != 0 {
		t.Errorf("backward range: %v, spec %v, want it accepted and emptied", err, pool.Object["spec"])
	}
}
