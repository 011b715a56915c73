package admission_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/hedgesync/hedgesync/sandbox/admission"
)

func TestDefaults(t *testing.T) {
	t.Parallel()
	cases := map[string]struct{ given, want string }{
		"switch": {
			`{kind: Switch, metadata: {labels: {mine: a, fabric.githedgehog.com/old: b}}, spec: {profile: vs, groups: [z], redundancy: {group: a, type: eslag}, portSpeeds: {E1/1: SPEED_10G}}}`,
			`{kind: Switch, metadata: {labels: {mine: a, fabric.githedgehog.com/profile: vs, switchgroup.fabric.githedgehog.com/a: "true", switchgroup.fabric.githedgehog.com/z: "true", vlanns.fabric.githedgehog.com/default: "true"}}, spec: {profile: vs, groups: [a, z], redundancy: {group: a, type: eslag}, portSpeeds: {E1/1: 10G}, vlanNamespaces: [default], boot: {}, ecmp: {}}}`,
		},
		"VPC with DHCP": {
			`{kind: VPC, metadata: {}, spec: {subnets: {a: {subnet: 10.0.4.7/24, vlan: 5, dhcp: {enable: true, options: {dnsServers: [b, a]}, static: {AA-BB-CC-DD-EE-FF: {ip: 10.0.4.9}}}}}}}`,
			`{kind: VPC, metadata: {labels: {fabric.githedgehog.com/ipv4ns: default, fabric.githedgehog.com/vlanns: default}}, spec: {ipv4Namespace: default, vlanNamespace: default, subnets: {a: {subnet: 10.0.4.7/24, vlan: 5, gateway: 10.0.4.1, dhcp: {enable: true, range: {start: 10.0.4.2, end: 10.0.4.255}, options: {dnsServers: [a, b], timeServers: [], interfaceMTU: 9036, leaseTimeSeconds: 3600}, static: {"aa:bb:cc:dd:ee:ff": {ip: 10.0.4.9}}}}}}}`,
		},
		"VPC without DHCP": {
			`{kind: VPC, metadata: {}, spec: {subnets: {a: {subnet: 10.0.4.0/24, vlan: 5, dhcp: {enable: false, options: {}, range: {start: 10.0.4.10}}}}}}`,
			`{kind: VPC, metadata: {labels: {fabric.githedgehog.com/ipv4ns: default, fabric.githedgehog.com/vlanns: default}}, spec: {ipv4Namespace: default, vlanNamespace: default, subnets: {a: {subnet: 10.0.4.0/24, vlan: 5, gateway: 10.0.4.1, dhcp: {enable: false}}}}}`,
		},
		"attachment to the default subnet": {
			`{kind: VPCAttachment, metadata: {}, spec: {subnet: shop, connection: c, nativeVLAN: true}}`,
			`{kind: VPCAttachment, metadata: {labels: {fabric.githedgehog.com/vpc: shop, fabric.githedgehog.com/subnet: default, fabric.githedgehog.com/connection: c, fabric.githedgehog.com/nativevlan: "true"}}, spec: {subnet: shop/default, connection: c, nativeVLAN: true}}`,
		},
		"VLAN pool": {
			`{kind: VLANNamespace, metadata: {}, spec: {ranges: [{from: 200, to: 300}, {from: 100}]}}`,
			`{kind: VLANNamespace, metadata: {}, spec: {ranges: [{from: 100, to: 100}, {from: 200, to: 300}]}}`,
		},
		"gateway peering": {
			`{kind: GatewayPeering, metadata: {labels: {vpc.gateway.githedgehog.com/gone: "true"}}, spec: {peering: {a: {expose: [{nat: {masquerade: {}}}]}, b: {expose: [{nat: {portForward: {idleTimeout: 90s}}}]}}, acl: {rules: [{action: deny}]}}}`,
			`{kind: GatewayPeering, metadata: {labels: {vpc.gateway.githedgehog.com/gone: "true", vpc.gateway.githedgehog.com/a: "true", vpc.gateway.githedgehog.com/b: "true"}}, spec: {gatewayGroup: default, peering: {a: {expose: [{nat: {masquerade: {idleTimeout: 2m0s}}}]}, b: {expose: [{nat: {portForward: {idleTimeout: 1m30s}}}]}}, acl: {default: deny-unless-exposed, rules: [{action: deny, match: {}, scope: flow}]}}}`,
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, want := parse(t, c.given)[0], parse(t, c.want)[0]
			for _, pass := range []string{"once", "twice"} {
				admission.Default(got)
				if diff := cmp.Diff(want.Object, got.Object); diff != "" {
					t.Errorf("%s (-want +got):\n%s", pass, diff)
				}
			}
		})
	}
}

func TestKindsWithoutAWebhookAreLeftAlone(t *testing.T) {
	t.Parallel()
	obj := &unstructured.Unstructured{Object: map[string]any{"kind": "SwitchGroup", "metadata": map[string]any{"labels": map[string]any{"fabric.githedgehog.com/x": "y"}}}}
	want := obj.DeepCopy()
	admission.Default(obj)
	if diff := cmp.Diff(want.Object, obj.Object); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestMACsBesideEmptyOptionsStayAsTheyAre(t *testing.T) {
	t.Parallel()
	got := parse(t, `{kind: VPC, metadata: {}, spec: {subnets: {a: {subnet: 10.0.4.0/24, dhcp: {options: {}, static: {AA-BB-CC-DD-EE-FF: {ip: 10.0.4.9}}}}}}}`)[0]
	admission.Default(got)
	want := map[string]any{"AA-BB-CC-DD-EE-FF": map[string]any{"ip": "10.0.4.9"}}
	leases, _, err := unstructured.NestedMap(got.Object, "spec", "subnets", "a", "dhcp", "static")
	if diff := cmp.Diff(want, leases); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
}
