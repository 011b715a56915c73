package hedgehog_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hedgesync/hedgesync/internal/fabric"
	"github.com/hedgesync/hedgesync/internal/hedgehog"
)

// smallFabric is two leaves, one spine, three servers, two VPCs, a gateway and an external.
func smallFabric(t testing.TB) []fabric.Resource {
	server := func(name string, leaves ...string) fabric.Resource {
		links := ""
		for i, leaf := range leaves {
			links += fmt.Sprintf("{server: {port: %s/eth%d}, switch: {port: %s}},", name, i, leaf)
		}
		return named(t, hedgehog.Connection, name+"--conn", "{eslag: {links: ["+links+"]}}")
	}
	up := func(leaf string, links int) fabric.Resource {
		text := ""
		for i := range links {
			text += fmt.Sprintf("{leaf: {port: %s/E1/5%d, ip: 172.30.128.%d/31}, spine: {port: spine-01/E1/%d}},", leaf, i, 2*i+1, i)
		}
		return named(t, hedgehog.Connection, "spine-01--"+leaf, "{fabric: {links: ["+text+"]}}")
	}
	return []fabric.Resource{
		named(t, hedgehog.Switch, "leaf-01", "{asn: 65101, groups: [g], portBreakouts: {E1/9: 4x25G}}"),
		named(t, hedgehog.Switch, "leaf-02", "{asn: 65102, groups: [g]}"),
		named(t, hedgehog.Switch, "spine-01", "{asn: 65100, role: spine}"),
		server("server-01", "leaf-01/E1/1", "leaf-02/E1/1"),
		server("server-02", "leaf-01/E1/2"),
		server("server-03", "leaf-01/E1/9/2"),
		up("leaf-01", 2), up("leaf-02", 1),
		named(t, hedgehog.Connection, "leaf-02--external", "{external: {link: {switch: {port: leaf-02/E1/3}}}}"),
		named(t, hedgehog.VPC, "vpc-1", "{subnets: {default: {subnet: 10.0.1.0/24, vlan: 1001}}}"),
		named(t, hedgehog.VPC, "vpc-2", "{subnets: {default: {subnet: 10.0.2.0/24, vlan: 1002}}}"),
		named(t, hedgehog.VPCAttachment, "a1", "{subnet: vpc-1/default, connection: server-01--conn}"),
		named(t, hedgehog.VPCAttachment, "a2", "{subnet: vpc-1, connection: server-02--conn}"),
		named(t, hedgehog.VPCPeering, "vpc-1--vpc-2", "{permit: [{vpc-1: {}, vpc-2: {}}]}"),
		named(t, hedgehog.External, "ext-1", "{}"),
		named(t, hedgehog.ExternalAttachment, "ea", "{external: ext-1, connection: leaf-02--external, switch: {vlan: 10}, neighbor: {asn: 64102, ip: 100.1.10.6}}"),
		named(t, hedgehog.ExternalPeering, "vpc-1--ext-1", "{permit: {vpc: {name: vpc-1}, external: {name: ext-1}}}"),
		named(t, hedgehog.Gateway, "gw-1", "{groups: [{name: default}]}"),
		named(t, hedgehog.GatewayPeering, "gp", "{peering: {vpc-2: {}, ext.ext-1: {}}}"),
	}
}

func TestDeleteSaysWhatTheNetworkLoses(t *testing.T) {
	t.Parallel()
	world := smallFabric(t)
	for name, c := range map[string]struct {
		kind fabric.Kind
		name string
		spec string // where the world has no such object
		want []string
	}{
		"leaf": {hedgehog.Switch, "leaf-01", "", []string{
			"leaves 2 servers without a link: server-02, server-03",
			"takes leaf-01 out of the fabric: 2 fabric links, 3 server connections"}},
		"border leaf": {hedgehog.Switch, "leaf-02", "", []string{
			"takes leaf-02 out of the fabric: 1 external connection, 1 fabric link, 1 server connection"}},
		"server connection": {hedgehog.Connection, "server-01--conn", "", []string{
			"detaches 1 server on leaf-01, leaf-02 from vpc-1/default", "disconnects server-01 from leaf-01, leaf-02"}},
		"fabric links": {hedgehog.Connection, "spine-01--leaf-01", "", []string{
			"leaves 1 fabric link to spine-01", "removes 2 fabric links between leaf-01 and spine-01", "takes the last fabric link from leaf-01"}},
		"external link": {hedgehog.Connection, "leaf-02--external", "", []string{
			"cuts the external link on leaf-02/E1/3", "takes 1 external off leaf-02: ext-1"}},
		"static external": {hedgehog.Connection, "se", `{staticExternal: {withinVPC: vpc-1, link: {switch: {port: leaf-02/E1/4}}}}`, []string{
			"cuts the external link on leaf-02/E1/4", "cuts vpc-1 off from its static external"}},
		"gateway links": {hedgehog.Connection, "gl", `{gateway: {links: [{gateway: {port: gw-1/a}, switch: {port: spine-01/E1/7}}]}}`, []string{
			"removes 1 link between gw-1 and spine-01"}},
		"loopback": {hedgehog.Connection, "lo", `{vpcLoopback: {links: [{switch1: {port: leaf-01/E1/7}, switch2: {port: leaf-01/E1/8}}]}}`, []string{
			"removes 1 loopback link of leaf-01"}},
		"VPC": {hedgehog.VPC, "vpc-1", "", []string{
			"detaches 2 servers on leaf-01, leaf-02 from vpc-1/default",
			"ends 2 peerings of vpc-1: vpc-1--ext-1, vpc-1--vpc-2",
			"removes subnet default (VLAN 1001, 10.0.1.0/24) of vpc-1 used by 2 attachments"}},
		"attachment": {hedgehog.VPCAttachment, "a2", "", []string{"detaches server-02 on leaf-01 from vpc-1/default (VLAN 1001, 10.0.1.0/24)"}},
		"attachment to what is gone": {hedgehog.VPCAttachment, "a9", `{subnet: vpc-9/x, connection: gone}`, []string{
			"detaches connection gone from vpc-9/x"}},
		"VPC peering": {hedgehog.VPCPeering, "vpc-1--vpc-2", "", []string{"ends traffic between vpc-1 and vpc-2"}},
		"external":    {hedgehog.External, "ext-1", "", []string{"removes external ext-1: 1 attachment, 2 peerings"}},
		"external attachment": {hedgehog.ExternalAttachment, "ea", "", []string{
			"takes external ext-1 off leaf-02 (VLAN 10, neighbor 100.1.10.6 AS 64102)"}},
		"external peering": {hedgehog.ExternalPeering, "vpc-1--ext-1", "", []string{"ends traffic between external ext-1 and vpc-1"}},
		"gateway": {hedgehog.Gateway, "gw-1", "", []string{
			"ends 1 gateway peering of group default", "takes gw-1 out of gateway group default: 0 gateways left"}},
		"gateway group":   {hedgehog.GatewayGroup, "default", "{}", []string{"removes gateway group default used by 1 gateway and 1 gateway peering"}},
		"gateway peering": {hedgehog.GatewayPeering, "gp", "", []string{"ends traffic between external ext-1 and vpc-2 through gateway group default"}},
		"VLAN namespace":  {hedgehog.VLANNamespace, "default", "{}", []string{"removes VLAN namespace default used by 3 switches and 2 VPCs"}},
		"IPv4 namespace":  {hedgehog.IPv4Namespace, "default", "{}", []string{"removes IPv4 namespace default used by 2 VPCs and 1 external"}},
		"switch group":    {hedgehog.SwitchGroup, "g", "{}", []string{"leaves 2 switches in a group that does not exist: leaf-01, leaf-02"}},
		"unused group":    {hedgehog.SwitchGroup, "h", "{}", nil},
		"server":          {hedgehog.Server, "server-02", "{}", []string{"leaves 1 connection of server-02 without its server"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			key := keyed(c.kind, c.name)
			var old map[string]any
			if c.spec != "" {
				old = spec(t, c.kind, c.spec)
			}
			for _, r := range world {
				if r.Key == key {
					old = r.Object
				}
			}
			if diff := cmp.Diff(c.want, hedgehog.Blast(old, nil, key, slices.Values(world))); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestUpdateSaysWhatItInterrupts(t *testing.T) {
	t.Parallel()
	world := smallFabric(t)
	for name, c := range map[string]struct {
		kind     fabric.Kind
		name     string
		old, new string
		want     []string
	}{
		"addresses of a switch": {hedgehog.Switch, "leaf-01",
			`{asn: 65101, protocolIP: 172.30.8.2/32, vtepIP: 172.30.12.0/32, ip: 172.30.0.9/21}`,
			`{asn: 65111, protocolIP: 172.30.8.3/32, vtepIP: 172.30.12.1/32, ip: 172.30.0.8/21}`, []string{
				"changes ASN of leaf-01 from 65101 to 65111: its BGP sessions restart",
				"changes VTEP IP of leaf-01 from 172.30.12.0/32 to 172.30.12.1/32: its VXLAN tunnels move",
				"changes management IP of leaf-01 from 172.30.0.9/21 to 172.30.0.8/21: its management address moves",
				"changes protocol IP of leaf-01 from 172.30.8.2/32 to 172.30.8.3/32: its BGP sessions restart"}},
		"breakout under a connection": {hedgehog.Switch, "leaf-01", `{portBreakouts: {E1/9: 4x25G}}`, `{}`, []string{
			"changes breakout of leaf-01/E1/9 from 4x25G to none: interrupts server-03--conn"}},
		"breakout with RoCE": {hedgehog.Switch, "leaf-01", `{roce: true, portBreakouts: {E1/40: 4x25G}}`, `{roce: true, portBreakouts: {E1/40: 2x50G}}`, []string{
			"changes breakout of leaf-01/E1/40 from 4x25G to 2x50G",
			"is refused: leaf-01 keeps its breakouts while RoCE is on; turn RoCE off in a sync of its own first"}},
		"speed": {hedgehog.Switch, "leaf-01", `{portSpeeds: {E1/40: 10G}}`, `{portSpeeds: {E1/40: SPEED_25G}}`, []string{"changes speed of leaf-01/E1/40 from 10G to 25G"}},
		"RoCE":  {hedgehog.Switch, "leaf-01", `{}`, `{roce: true}`, []string{"changes RoCE of leaf-01 from off to on: its queues are set up anew"}},
		"namespace": {hedgehog.Switch, "leaf-01", `{}`, `{vlanNamespaces: [other]}`, []string{
			"takes leaf-01 out of VLAN namespace default, which 1 VPC attached there need: vpc-1"}},
		"harmless": {hedgehog.Switch, "leaf-01", `{description: a}`, `{description: b, vlanNamespaces: [default], enableAllPorts: true}`, nil},
		"connection changes its type": {hedgehog.Connection, "server-02--conn", `{eslag: {links: [{server: {port: server-02/eth0}, switch: {port: leaf-01/E1/2}}]}}`, `{unbundled: {}}`, []string{
			"detaches 1 server on leaf-01 from vpc-1/default", "disconnects server-02 from leaf-01"}},
		"connection moves": {hedgehog.Connection, "c", `{unbundled: {mtu: 1500, link: {server: {port: s/a}, switch: {port: l/E1/1}}}}`,
			`{unbundled: {link: {server: {port: s/a}, switch: {port: l/E1/2}}}}`, []string{
				"changes MTU of c from 1500 to none: its links go down and up", "takes l/E1/1 out of connection c"}},
		"link renumbered": {hedgehog.Connection, "c",
			`{fabric: {links: [{leaf: {port: l/E1/1, ip: 172.30.128.1/31}, spine: {port: s/E1/1}}]}}`,
			`{fabric: {links: [{leaf: {port: l/E1/1, ip: 172.30.128.3/31}, spine: {port: s/E1/1}}]}}`, []string{
				"renumbers l/E1/1 from 172.30.128.1/31 to 172.30.128.3/31: its BGP session restarts"}},
		"subnet removed": {hedgehog.VPC, "vpc-1", `{subnets: {default: {subnet: 10.0.1.0/24, vlan: 1001}}}`, `{subnets: {}}`, []string{
			"detaches 2 servers on leaf-01, leaf-02 from vpc-1/default",
			"removes subnet default (VLAN 1001, 10.0.1.0/24) of vpc-1 used by 2 attachments"}},
		"subnet changed": {hedgehog.VPC, "vpc-1",
			`{subnets: {default: {subnet: 10.0.1.0/24, vlan: 1001, dhcp: {enable: true}}}}`,
			`{mode: l3vni, subnets: {default: {subnet: 10.0.1.0/24, vlan: 1009, gateway: 10.0.1.254, isolated: true, restricted: true}}}`, []string{
				"changes VLAN of vpc-1/default from 1001 to 1009 for 2 servers on leaf-01, leaf-02",
				"changes gateway of vpc-1/default from 10.0.1.1 to 10.0.1.254 for 2 servers on leaf-01, leaf-02",
				"changes mode of vpc-1 from none to l3vni: the VPC is set up anew on its switches",
				"isolates vpc-1/default from the other subnets for 2 servers on leaf-01, leaf-02",
				"keeps the hosts of vpc-1/default from each other for 2 servers on leaf-01, leaf-02",
				"turns DHCP off in vpc-1/default for 2 servers on leaf-01, leaf-02"}},
		"default written out": {hedgehog.VPC, "vpc-1", `{ipv4Namespace: default, vlanNamespace: default, subnets: {a: {subnet: 10.0.1.0/24, gateway: 10.0.1.1}}}`,
			`{subnets: {a: {subnet: 10.0.1.0/24}}}`, nil},
		"subnet added": {hedgehog.VPC, "vpc-1", `{subnets: {}}`, `{subnets: {a: {subnet: 10.0.9.0/24}}}`, nil},
		"attachment moved": {hedgehog.VPCAttachment, "a2", `{subnet: vpc-1/default, connection: server-02--conn}`, `{subnet: vpc-2, connection: server-02--conn}`, []string{
			"detaches server-02 on leaf-01 from vpc-1/default (VLAN 1001, 10.0.1.0/24)"}},
		"attachment untagged": {hedgehog.VPCAttachment, "a2", `{subnet: vpc-1, connection: c}`, `{subnet: vpc-1/default, connection: c, nativeVLAN: true}`, []string{
			"changes the tagging of vpc-1/default on connection c"}},
		"peering of others": {hedgehog.VPCPeering, "p", `{permit: [{a: {}, b: {}}]}`, `{permit: [{a: {}, c: {}}]}`, []string{"ends traffic between a and b"}},
		"peering narrowed":  {hedgehog.VPCPeering, "p", `{permit: [{a: {}, b: {}}]}`, `{permit: [{a: {subnets: [x]}, b: {}}]}`, []string{"changes what may pass between a and b"}},
		"community":         {hedgehog.External, "e", `{inboundCommunity: "1:2"}`, `{inboundCommunity: "1:3"}`, []string{"changes inbound community of e from 1:2 to 1:3: the routes taken from it change"}},
		"neighbor": {hedgehog.ExternalAttachment, "ea",
			`{external: ext-1, connection: leaf-02--external, switch: {vlan: 10}, neighbor: {asn: 64102, ip: 100.1.10.6}}`,
			`{external: ext-1, connection: leaf-02--external, switch: {vlan: 10}, neighbor: {asn: 64103, ip: 100.1.10.6}}`, []string{
				"takes external ext-1 off leaf-02 (VLAN 10, neighbor 100.1.10.6 AS 64102)"}},
		"ACL": {hedgehog.ExternalAttachment, "ea", `{external: ext-1}`, `{external: ext-1, inboundACL: {}}`, []string{"changes what may come in from external ext-1"}},
		"gateway leaves its group": {hedgehog.Gateway, "gw-1", `{asn: 1}`, `{asn: 2, groups: [{name: other}]}`, []string{
			"changes ASN of gw-1 from 1 to 2: its BGP sessions restart",
			"ends 1 gateway peering of group default", "takes gw-1 out of gateway group default: 0 gateways left"}},
		"VLANs shrink":     {hedgehog.VLANNamespace, "default", `{ranges: [{from: 1000, to: 2999}]}`, `{ranges: [{from: 1002, to: 2999}]}`, []string{"leaves 1 VPC subnet outside VLAN namespace default: vpc-1/default"}},
		"addresses shrink": {hedgehog.IPv4Namespace, "default", `{subnets: [10.0.0.0/16]}`, `{subnets: [10.0.0.0/23]}`, []string{"leaves 1 VPC subnet outside IPv4 namespace default: vpc-2/default"}},
		"pool grows":       {hedgehog.VLANNamespace, "default", `{ranges: [{from: 1000, to: 2999}]}`, `{ranges: [{from: 900, to: 2999}]}`, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := hedgehog.Blast(spec(t, c.kind, c.old), spec(t, c.kind, c.new), keyed(c.kind, c.name), slices.Values(world))
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestCreateInterruptsNothing(t *testing.T) {
	t.Parallel()
	for _, kind := range hedgehog.UserKinds() {
		if got := hedgehog.Blast(nil, spec(t, kind, "{}"), keyed(kind, "x"), nil); got != nil {
			t.Errorf("%v: %v", kind, got)
		}
	}
}
