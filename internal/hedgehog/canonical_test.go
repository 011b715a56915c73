package hedgehog_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hedgesync/hedgesync/internal/fabric"
	"github.com/hedgesync/hedgesync/internal/hedgehog"
)

func TestCanonicalSpellsAsTheWebhooksStore(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		kind      fabric.Kind
		git, want string
	}{
		"switch speeds lose their prefix": {hedgehog.Switch,
			`{portSpeeds: {E1/1: SPEED_10G, E1/2: 25G}, portGroupSpeeds: {"1": SPEED_25G}}`,
			`{portSpeeds: {E1/1: 10G, E1/2: 25G}, portGroupSpeeds: {"1": 25G}}`},
		"switch joins its redundancy group": {hedgehog.Switch,
			`{groups: [z, b], redundancy: {group: eslag-1, type: eslag}}`,
			`{groups: [b, eslag-1, z], redundancy: {group: eslag-1, type: eslag}}`},
		"switch in its redundancy group already": {hedgehog.Switch,
			`{groups: [eslag-1], redundancy: {group: eslag-1, type: eslag}}`,
			`{groups: [eslag-1], redundancy: {group: eslag-1, type: eslag}}`},
		"switch namespaces sorted, stubs dropped": {hedgehog.Switch,
			`{vlanNamespaces: [b, a], boot: {}, ecmp: {}, redundancy: {}}`, `{vlanNamespaces: [a, b]}`},
		"what Git says explicitly stays": {hedgehog.Switch,
			`{roce: false, description: "", ecmp: {roceQPN: false}}`, `{roce: false, description: "", ecmp: {roceQPN: false}}`},
		"ranges sorted, end left to the server": {hedgehog.VLANNamespace,
			`{ranges: [{from: 2000, to: 2999}, {from: 1000}]}`, `{ranges: [{from: 1000}, {from: 2000, to: 2999}]}`},
		"ranges one of which is wrong stay": {hedgehog.VLANNamespace,
			`{ranges: [{from: 2000, to: 1999}, {from: 1000}]}`, `{ranges: [{from: 2000, to: 1999}, {from: 1000}]}`},
		"pools sorted as text":      {hedgehog.IPv4Namespace, `{subnets: [10.2.0.0/16, 10.10.0.0/16]}`, `{subnets: [10.10.0.0/16, 10.2.0.0/16]}`},
		"attachment without subnet": {hedgehog.VPCAttachment, `{subnet: vpc-1, connection: c}`, `{subnet: vpc-1/default, connection: c}`},
		"attachment with subnet":    {hedgehog.VPCAttachment, `{subnet: vpc-1/a, nativeVLAN: false}`, `{subnet: vpc-1/a, nativeVLAN: false}`},
		"permitted VPC without subnets": {hedgehog.VPCPeering, `{permit: [{vpc-1: null, vpc-2: {subnets: [b, a]}}]}`,
			`{permit: [{vpc-1: {}, vpc-2: {subnets: [b, a]}}]}`},
		"external attachment keeps required stubs": {hedgehog.ExternalAttachment, `{external: e, static: {remoteIP: 10.0.0.1, vlan: 10}}`,
			`{external: e, static: {remoteIP: 10.0.0.1, vlan: 10}, switch: {}, neighbor: {}}`},
		"external peering sorted": {hedgehog.ExternalPeering,
			`{permit: {vpc: {name: v, subnets: [b, a]}, external: {name: e, prefixes: [{prefix: 10.9.0.0/16}, {prefix: 0.0.0.0/0}]}}}`,
			`{permit: {vpc: {name: v, subnets: [a, b]}, external: {name: e, prefixes: [{prefix: 0.0.0.0/0}, {prefix: 10.9.0.0/16}]}}}`},
		"gateway groups sorted, stubs dropped": {hedgehog.Gateway, `{groups: [{name: z}, {name: a, priority: 5}], profiling: {}, logs: {}}`,
			`{groups: [{name: a, priority: 5}, {name: z}]}`},
		"gateway peering durations respelled, stubs dropped": {hedgehog.GatewayPeering,
			`{peering: {a: {expose: [{nat: {masquerade: {idleTimeout: 300s}}}]}, b: null}, acl: {rules: [{action: deny, match: {}}]}}`,
			`{peering: {a: {expose: [{nat: {masquerade: {idleTimeout: 5m0s}}}]}, b: {}}, acl: {rules: [{action: deny}]}}`},
		"static NAT is not a stub": {hedgehog.GatewayPeering,
			`{peering: {a: {expose: [{nat: {static: {}}}]}}}`, `{peering: {a: {expose: [{nat: {static: {}}}]}}}`},
		"marker kind": {hedgehog.SwitchGroup, `null`, `{}`},
		"VPC without DHCP loses its range": {hedgehog.VPC,
			`{subnets: {a: {subnet: 10.0.1.0/24, dhcp: {range: {start: 10.0.1.9}, options: {interfaceMTU: 1500}}}}}`,
			`{subnets: {a: {subnet: 10.0.1.0/24}}}`},
		"VPC subnet too small for a pool is left alone": {hedgehog.VPC,
			`{subnets: {a: {subnet: 10.0.1.0/31, dhcp: {range: {start: 10.0.1.0}}}}}`,
			`{subnets: {a: {subnet: 10.0.1.0/31, dhcp: {range: {start: 10.0.1.0}}}}}`},
		"VPC options that say nothing": {hedgehog.VPC,
			`{subnets: {a: {subnet: 10.0.1.0/24, dhcp: {enable: true, options: {interfaceMTU: 0, pxeURL: ""}}}}}`,
			`{subnets: {a: {subnet: 10.0.1.0/24, dhcp: {enable: true}}}}`},
		"VPC options with an empty list say something": {hedgehog.VPC,
			`{subnets: {a: {subnet: 10.0.1.0/24, dhcp: {enable: true, options: {dnsServers: []}}}}}`,
			`{subnets: {a: {subnet: 10.0.1.0/24, dhcp: {enable: true, options: {dnsServers: []}}}}}`},
		"VPC options sorted": {hedgehog.VPC,
			`{subnets: {a: {subnet: 10.0.1.0/24, dhcp: {enable: true, options: {dnsServers: [8.8.8.8, 1.1.1.1], timeServers: [b, a],
			  advertisedRoutes: [{destination: 10.9.0.0/16, gateway: b}, {destination: 10.9.0.0/16, gateway: a}, {destination: 10.8.0.0/16}]}}}}}`,
			`{subnets: {a: {subnet: 10.0.1.0/24, dhcp: {enable: true, options: {dnsServers: [1.1.1.1, 8.8.8.8], timeServers: [a, b],
			  advertisedRoutes: [{destination: 10.8.0.0/16}, {destination: 10.9.0.0/16, gateway: a}, {destination: 10.9.0.0/16, gateway: b}]}}}}}`},
		"VPC leases by MAC": {hedgehog.VPC,
			`{subnets: {a: {subnet: 10.0.1.0/24, dhcp: {enable: true, static: {"0C-20-12-FF-00-00": {ip: 10.0.1.7}, "nonsense": {ip: 10.0.1.8}}}}}}`,
			`{subnets: {a: {subnet: 10.0.1.0/24, dhcp: {enable: true, static: {"0c:20:12:ff:00:00": {ip: 10.0.1.7}, "nonsense": {ip: 10.0.1.8}}}}}}`},
		"VPC leases of one MAC spelled twice are both kept": {hedgehog.VPC,
			`{subnets: {a: {subnet: 10.0.1.0/24, dhcp: {enable: true, static: {"0C-20-12-FF-00-00": {ip: a}, "0c:20:12:ff:00:00": {ip: b}}}}}}`,
			`{subnets: {a: {subnet: 10.0.1.0/24, dhcp: {enable: true, static: {"0C-20-12-FF-00-00": {ip: a}, "0c:20:12:ff:00:00": {ip: b}}}}}}`},
		"VPC leases without DHCP are left alone": {hedgehog.VPC,
			`{subnets: {a: {subnet: 10.0.1.0/24, dhcp: {static: {"0C-20-12-FF-00-00": {ip: 10.0.1.7}}}}}}`,
			`{subnets: {a: {subnet: 10.0.1.0/24, dhcp: {static: {"0C-20-12-FF-00-00": {ip: 10.0.1.7}}}}}}`},
		"VPC prefix written as an address stays": {hedgehog.VPC, `{subnets: {a: {subnet: 10.0.4.7/24}}}`, `{subnets: {a: {subnet: 10.0.4.7/24}}}`},
		"VPC subnet without anything stays":      {hedgehog.VPC, `{subnets: {a: null}, description: null}`, `{subnets: {a: {}}}`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(spec(t, c.kind, c.want), hedgehog.Canonical(spec(t, c.kind, c.git))); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestCanonicalDropsWhatOnlyTheServerWrites(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ git, want string }{
		"exported object": {`
kind: Server
metadata:
  {name: a, namespace: default, creationTimestamp: now, managedFields: [], resourceVersion: "1", uid: u, generation: 3, annotations:
    {kubectl.kubernetes.io/last-applied-configuration: "{}"}}
spec: {description: d}
status: {}`, `
kind: Server
metadata: {name: a, namespace: default}
spec: {description: d}`},
		"namespace filled": {`{kind: Server, metadata: {name: a}}`, `{kind: Server, metadata: {name: a, namespace: default}}`},
		"fabric labels recomputed": {
			`{kind: Server, metadata: {name: a, namespace: default, labels: {a.fabric.githedgehog.com/b: c, own: null}}}`,
			`{kind: Server, metadata: {name: a, namespace: default, labels: {own: ""}}}`},
		"no label left": {
			`{kind: Server, metadata: {name: a, namespace: default, labels: {fabric.githedgehog.com/b: c}}}`,
			`{kind: Server, metadata: {name: a, namespace: default}}`},
		"gateway kinds keep their labels": {
			`{kind: Gateway, metadata: {name: a, namespace: default, labels: {fabric.githedgehog.com/b: c}}}`,
			`{kind: Gateway, metadata: {name: a, namespace: default, labels: {fabric.githedgehog.com/b: c}}}`},
		"switch group has no webhook": {
			`{kind: SwitchGroup, metadata: {name: a, namespace: default, labels: {fabric.githedgehog.com/b: c}}}`,
			`{kind: SwitchGroup, metadata: {name: a, namespace: default, labels: {fabric.githedgehog.com/b: c}}}`},
		"switch annotations are configuration": {
			`{kind: Switch, metadata: {name: a, namespace: default, annotations: {fabric.githedgehog.com/route-summ: "true"}}}`,
			`{kind: Switch, metadata: {name: a, namespace: default, annotations: {fabric.githedgehog.com/route-summ: "true"}}}`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(object(t, c.want), hedgehog.Canonical(object(t, c.git))); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}
