package hedgehog_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hedgesync/hedgesync/internal/hedgehog"
)

// stored pairs what Git says with what the real webhooks make of it.
var stored = map[string]struct{ git, live string }{
	"VLAN namespace": {`
kind: VLANNamespace
metadata: {name: x}
spec: {ranges: [{from: 2000, to: 2999}, {from: 1000}]}`, `
kind: VLANNamespace
metadata: {name: x, namespace: default}
spec: {ranges: [{from: 1000, to: 1000}, {from: 2000, to: 2999}]}`},
	"IPv4 namespace": {`
kind: IPv4Namespace
metadata: {name: x}
spec: {subnets: [10.2.0.0/16, 10.1.0.0/16]}`, `
kind: IPv4Namespace
metadata: {name: x, namespace: default}
spec: {subnets: [10.1.0.0/16, 10.2.0.0/16]}`},
	"switch group": {`{kind: SwitchGroup, metadata: {name: x}}`, `{kind: SwitchGroup, metadata: {name: x, namespace: default}, spec: {}}`},
	"server": {`
kind: Server
metadata: {name: x, labels: {mine: "1", fabric.githedgehog.com/not: "1"}}
spec: {description: d}`, `
kind: Server
metadata: {name: x, namespace: default, labels: {mine: "1"}}
spec: {description: d}`},
	"switch": {`
kind: Switch
metadata: {name: x}
spec: {role: server-leaf, profile: vs, asn: 65101, redundancy: {group: eslag-1, type: eslag}, portSpeeds: {E1/1: SPEED_10G}, linkFlapErrDisable: {recoveryInterval: 0}}`, `
kind: Switch
metadata:
  name: x
  namespace: default
  labels:
    fabric.githedgehog.com/profile: vs
    switchgroup.fabric.githedgehog.com/eslag-1: "true"
    vlanns.fabric.githedgehog.com/default: "true"
spec:
  {role: server-leaf, profile: vs, asn: 65101, redundancy: {group: eslag-1, type: eslag}, groups: [eslag-1], portSpeeds: {E1/1: 10G}, vlanNamespaces: [default], boot: {}, ecmp: {},
  linkFlapErrDisable: {flapThreshold: 3, samplingInterval: 30, recoveryInterval: 0}}`},
	"connection to a server": {`
kind: Connection
metadata: {name: x}
spec: {eslag: {links: [{server: {port: s-1/a}, switch: {port: l-1/E1/1}}, {server: {port: s-1/b}, switch: {port: l-2/E1/1}}]}}`, `
kind: Connection
metadata:
  name: x
  namespace: default
  labels:
    fabric.githedgehog.com/connection-type: eslag
    server.fabric.githedgehog.com/s-1: "true"
    switch.fabric.githedgehog.com/l-1: "true"
    switch.fabric.githedgehog.com/l-2: "true"
spec: {eslag: {links: [{server: {port: s-1/a}, switch: {port: l-1/E1/1}}, {server: {port: s-1/b}, switch: {port: l-2/E1/1}}]}}`},
	"connection within a VPC": {`
kind: Connection
metadata: {name: x}
spec: {staticExternal: {withinVPC: v, link: {switch: {port: l-1/E1/1, ip: 10.9.0.1/24, nextHop: 10.9.0.2, subnets: [10.8.0.0/16]}}}}`, `
kind: Connection
metadata:
  name: x
  namespace: default
  labels: {fabric.githedgehog.com/connection-type: static-external, fabric.githedgehog.com/vpc: v, switch.fabric.githedgehog.com/l-1: "true"}
spec: {staticExternal: {withinVPC: v, link: {switch: {port: l-1/E1/1, ip: 10.9.0.1/24, nextHop: 10.9.0.2, subnets: [10.8.0.0/16]}}}}`},
	"deprecated connection": {`
kind: Connection
metadata: {name: x}
spec: {mclagDomain: {peerLinks: [{switch1: {port: l-1/E1/1}, switch2: {port: l-2/E1/1}}]}}`, `
kind: Connection
metadata: {name: x, namespace: default}
spec: {mclagDomain: {peerLinks: [{switch1: {port: l-1/E1/1}, switch2: {port: l-2/E1/1}}]}}`},
	"VPC with DHCP": {`
kind: VPC
metadata: {name: x}
spec: {subnets: {default: {subnet: 10.0.1.0/24, vlan: 1001, dhcp: {enable: true, options: {dnsServers: [8.8.8.8, 1.1.1.1]}, static: {nonsense: {ip: a}, "0C:20:12:FF:00:01": {ip: 10.0.1.7}}}}}}`, `
kind: VPC
metadata: {name: x, namespace: default, labels: {fabric.githedgehog.com/ipv4ns: default, fabric.githedgehog.com/vlanns: default}}
spec:
  ipv4Namespace: default
  vlanNamespace: default
  subnets:
    default:
      subnet: 10.0.1.0/24
      gateway: 10.0.1.1
      vlan: 1001
      dhcp:
        enable: true
        range: {start: 10.0.1.2, end: 10.0.1.255}
        options: {dnsServers: [1.1.1.1, 8.8.8.8], timeServers: [], interfaceMTU: 9036, leaseTimeSeconds: 3600}
        static: {nonsense: {ip: a}, "0c:20:12:ff:00:01": {ip: 10.0.1.7}}`},
	"VPC with subnets of other kinds": {`
kind: VPC
metadata: {name: x}
spec:
  mode: l3vni
  subnets:
    host: {subnet: 10.0.2.0/24, hostBGP: true}
    none: {subnet: 10.0.4.7/24, vlan: 1004, dhcp: {range: {start: 10.0.4.9}}}
    pool: {subnet: 10.0.0.0/13, vlan: 1000, dhcp: {enable: true}}
    tiny: {subnet: 10.0.3.0/31, vlan: 1003, dhcp: {enable: true}}`, `
kind: VPC
metadata: {name: x, namespace: default, labels: {fabric.githedgehog.com/ipv4ns: default, fabric.githedgehog.com/vlanns: default}}
spec:
  ipv4Namespace: default
  vlanNamespace: default
  mode: l3vni
  subnets:
    host: {subnet: 10.0.2.0/24, hostBGP: true, dhcp: {}}
    none: {subnet: 10.0.4.7/24, vlan: 1004, gateway: 10.0.4.1, dhcp: {}}
    pool: {subnet: 10.0.0.0/13, vlan: 1000, gateway: 10.0.0.1, dhcp: {enable: true, range: {start: 10.0.0.2, end: 10.7.255.255}}}
    tiny: {subnet: 10.0.3.0/31, vlan: 1003, gateway: 10.0.3.1, dhcp: {enable: true}}`},
	"VPC attachment": {`
kind: VPCAttachment
metadata: {name: x}
spec: {subnet: v, connection: c, nativeVLAN: true}`, `
kind: VPCAttachment
metadata:
  name: x
  namespace: default
  labels: {fabric.githedgehog.com/vpc: v, fabric.githedgehog.com/subnet: default, fabric.githedgehog.com/connection: c, fabric.githedgehog.com/nativevlan: "true"}
spec: {subnet: v/default, connection: c, nativeVLAN: true}`},
	"VPC peering": {`
kind: VPCPeering
metadata: {name: x}
spec: {permit: [{v2: null, v1: {subnets: [b, a]}}]}`, `
kind: VPCPeering
metadata:
  name: x
  namespace: default
  labels:
    {fabric.githedgehog.com/vpc1: v1, fabric.githedgehog.com/vpc2: v2, vpc.fabric.githedgehog.com/v1: "true", vpc.fabric.githedgehog.com/v2: "true"}
spec: {permit: [{v1: {subnets: [b, a]}, v2: {}}]}`},
	"external": {`
kind: External
metadata: {name: x}
spec: {inboundCommunity: "65102:1000"}`, `
kind: External
metadata: {name: x, namespace: default, labels: {fabric.githedgehog.com/ipv4ns: default}}
spec: {inboundCommunity: "65102:1000", ipv4Namespace: default}`},
	"external attachment": {`
kind: ExternalAttachment
metadata: {name: x}
spec: {connection: c, external: e, static: {remoteIP: 10.0.0.1, proxy: true}}`, `
kind: ExternalAttachment
metadata: {name: x, namespace: default, labels: {fabric.githedgehog.com/connection: c, fabric.githedgehog.com/external: e}}
spec: {connection: c, external: e, static: {remoteIP: 10.0.0.1, proxy: true}, switch: {}, neighbor: {}}`},
	"external peering": {`
kind: ExternalPeering
metadata: {name: x}
spec: {permit: {vpc: {name: v, subnets: [b, a]}, external: {name: e, prefixes: [{prefix: 0.0.0.0/0}]}}}`, `
kind: ExternalPeering
metadata: {name: x, namespace: default, labels: {fabric.githedgehog.com/vpc: v, fabric.githedgehog.com/external: e}}
spec: {permit: {vpc: {name: v, subnets: [a, b]}, external: {name: e, prefixes: [{prefix: 0.0.0.0/0}]}}}`},
	"gateway group": {`{kind: GatewayGroup, metadata: {name: x}, spec: {}}`, `{kind: GatewayGroup, metadata: {name: x, namespace: default}, spec: {}}`},
	"gateway": {`
kind: Gateway
metadata: {name: x}
spec: {asn: 65534, interfaces: {enp2s1: {}}, logs: {rateLimit: {}}}`, `
kind: Gateway
metadata: {name: x, namespace: default}
spec:
  {asn: 65534, interfaces: {enp2s1: {}}, workers: 4, groups: [{name: default}], profiling: {},
  logs: {default: info, tags: {all: info}, rateLimit: {burst: 50, replenishPerSecond: 5}}}`},
	"gateway peering": {`
kind: GatewayPeering
metadata: {name: x}
spec:
  peering: {v1: {expose: [{ips: [{cidr: 10.0.1.0/24}], as: [{cidr: 10.9.0.0/24}], nat: {masquerade: {}}}]}, ext.e: {expose: [{default: true}]}}
  acl: {rules: [{action: deny, from: v1}]}`, `
kind: GatewayPeering
metadata: {name: x, namespace: default, labels: {vpc.gateway.githedgehog.com/v1: "true", vpc.gateway.githedgehog.com/ext.e: "true"}}
spec:
  gatewayGroup: default
  peering: {v1: {expose: [{ips: [{cidr: 10.0.1.0/24}], as: [{cidr: 10.9.0.0/24}], nat: {masquerade: {idleTimeout: 2m0s}}}]}, ext.e: {expose: [{default: true}]}}
  acl: {default: deny-unless-exposed, rules: [{action: deny, from: v1, match: {}, scope: flow}]}`},
}

func TestAppliedUnchangedShowsNoDifference(t *testing.T) {
	t.Parallel()
	for name, c := range stored {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			expected, live := hedgehog.Expected(hedgehog.Canonical(object(t, c.git))), object(t, c.live)
			if diff := cmp.Diff([]hedgehog.Diff(nil), hedgehog.Difference(expected, live)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(live["metadata"], expected["metadata"]); diff != "" {
				t.Errorf("metadata (-live +expected):\n%s", diff)
			}
		})
	}
}

func TestEveryUserKindIsTriedAgainstTheWebhooks(t *testing.T) {
	t.Parallel()
	tried := map[any]bool{}
	for _, c := range stored {
		tried[object(t, c.git)["kind"]] = true
	}
	for _, k := range hedgehog.UserKinds() {
		if !tried[k.Name] {
			t.Errorf("%v is not", k)
		}
	}
}

// An object exported from the cluster and put into Git plans nothing.
func TestExportedObjectShowsNoDifference(t *testing.T) {
	t.Parallel()
	for name, c := range stored {
		live := object(t, c.live)
		if diffs := hedgehog.Difference(hedgehog.Expected(hedgehog.Canonical(live)), live); len(diffs) > 0 {
			t.Errorf("%s: %v", name, diffs)
		}
	}
}
