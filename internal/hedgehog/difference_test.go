package hedgehog_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hedgesync/hedgesync/internal/fabric"
	"github.com/hedgesync/hedgesync/internal/hedgehog"
)

func TestDifferenceInSpec(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		kind      fabric.Kind
		git, live string
		want      []hedgehog.Diff
	}{
		"foreign subnet": {hedgehog.VPC,
			`{subnets: {a: {subnet: 10.0.1.0/24}}}`,
			`{ipv4Namespace: default, vlanNamespace: default, subnets: {a: {subnet: 10.0.1.0/24, gateway: 10.0.1.1, dhcp: {}}, rogue: {vlan: 9}}}`,
			[]hedgehog.Diff{{"/spec/subnets/rogue", map[string]any{"vlan": 9.0}, nil}}},
		"foreign edit of a default": {hedgehog.VPC,
			`{subnets: {a: {subnet: 10.0.1.0/24}}}`,
			`{ipv4Namespace: default, vlanNamespace: default, subnets: {a: {subnet: 10.0.1.0/24, gateway: 10.0.1.254}}}`,
			[]hedgehog.Diff{{"/spec/subnets/a/gateway", "10.0.1.254", "10.0.1.1"}}},
		"foreign value where Git has none": {hedgehog.Server, `{description: d}`, `{description: d, profile: p}`,
			[]hedgehog.Diff{{"/spec/profile", "p", nil}}},
		"subnet that is missing": {hedgehog.VPC,
			`{subnets: {a: {}, b/c: {}}}`, `{ipv4Namespace: default, vlanNamespace: default, subnets: {a: {dhcp: {}}}}`,
			[]hedgehog.Diff{{"/spec/subnets/b~1c", nil, map[string]any{}}}},
		"tri-state flag": {hedgehog.VPC,
			`{subnets: {a: {isolated: false}}}`, `{ipv4Namespace: default, vlanNamespace: default, subnets: {a: {}}}`,
			[]hedgehog.Diff{{"/spec/subnets/a/isolated", nil, false}}},
		"plain flag": {hedgehog.VPC,
			`{defaultIsolated: false, subnets: {a: {hostBGP: false}}}`, `{ipv4Namespace: default, vlanNamespace: default, mode: "", subnets: {a: {}}}`, nil},
		"zero and absent": {hedgehog.Switch,
			`{description: "", roce: false, asn: 0, portSpeeds: {}, groups: []}`, `{vlanNamespaces: [default], boot: {mac: ""}, ecmp: {}, redundancy: {}}`, nil},
		"port settings count": {hedgehog.Switch,
			`{portAutoNegs: {E1/1: false}}`, `{vlanNamespaces: [default]}`, []hedgehog.Diff{{"/spec/portAutoNegs/E1~11", nil, false}}},
		"numbers": {hedgehog.Switch, `{asn: 65101}`, `{asn: 65101.0, vlanNamespaces: [default]}`, nil},
		"number and text": {hedgehog.Switch, `{asn: 65101}`, `{asn: "65101", vlanNamespaces: [default]}`,
			[]hedgehog.Diff{{"/spec/asn", "65101", 65101.0}}},
		"optional object goes as a whole": {hedgehog.VPC,
			`{subnets: {a: {dhcp: {enable: true}}}}`,
			`{ipv4Namespace: default, vlanNamespace: default, subnets: {a: {dhcp: {enable: true, options: {interfaceMTU: 1500}}}}}`,
			[]hedgehog.Diff{{"/spec/subnets/a/dhcp/options", map[string]any{"interfaceMTU": 1500.0}, nil}}},
		"list is one value": {hedgehog.Connection,
			`{fabric: {links: [{leaf: {port: a/1}}, {leaf: {port: a/2}}]}}`, `{fabric: {links: [{leaf: {port: a/1}, spine: {}}]}}`,
			[]hedgehog.Diff{{"/spec/fabric/links",
				[]any{map[string]any{"leaf": map[string]any{"port": "a/1"}, "spine": map[string]any{}}},
				[]any{map[string]any{"leaf": map[string]any{"port": "a/1"}}, map[string]any{"leaf": map[string]any{"port": "a/2"}}}}}},
		"stub in a list": {hedgehog.Connection,
			`{fabric: {links: [{leaf: {port: a/1}}]}}`, `{fabric: {links: [{leaf: {port: a/1}, spine: {port: ""}}]}}`, nil},
		"second connection type": {hedgehog.Connection,
			`{external: {link: {}}}`, `{external: {}, mesh: {}}`, []hedgehog.Diff{{"/spec/mesh", map[string]any{}, nil}}},
		"permit entry": {hedgehog.VPCPeering,
			`{permit: [{a: {}, b: {}}]}`, `{permit: [{a: {}}]}`,
			[]hedgehog.Diff{{"/spec/permit", []any{map[string]any{"a": map[string]any{}}},
				[]any{map[string]any{"a": map[string]any{}, "b": map[string]any{}}}}}},
		"duration spelled otherwise": {hedgehog.GatewayPeering,
			`{peering: {a: {expose: [{nat: {masquerade: {idleTimeout: 2m}}}]}}}`,
			`{peering: {a: {expose: [{nat: {masquerade: {idleTimeout: 120s}}}]}}}`, nil},
		"static NAT taken away": {hedgehog.GatewayPeering,
			`{peering: {a: {expose: [{nat: {static: {}}}]}}}`, `{peering: {a: {expose: [{nat: {}}]}}}`,
			[]hedgehog.Diff{{"/spec/peering/a/expose",
				[]any{map[string]any{"nat": map[string]any{}}},
				[]any{map[string]any{"nat": map[string]any{"static": map[string]any{}}}}}}},
		"empty ACL denies, none does not": {hedgehog.ExternalAttachment, `{inboundACL: {}}`, `{switch: {}, neighbor: {}}`,
			[]hedgehog.Diff{{"/spec/inboundACL", nil, map[string]any{}}}},
		"spec is no object": {hedgehog.Server, `{description: d}`, `null`, []hedgehog.Diff{{"/spec/description", nil, "d"}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			expected := hedgehog.Expected(hedgehog.Canonical(spec(t, c.kind, c.git)))
			live := spec(t, c.kind, c.live)
			live["metadata"] = expected["metadata"]
			if diff := cmp.Diff(c.want, hedgehog.Difference(expected, live)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestDifferenceInMetadata(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		git, live string
		want      []hedgehog.Diff
	}{
		"wanted label missing, foreign ones ignored": {
			`{kind: Server, metadata: {name: a, labels: {x: "1", w: "2"}}}`,
			`{kind: Server, metadata: {name: a, labels: {x: "9", z: "3"}, annotations: {hhfab.githedgehog.com/b: c}}}`,
			[]hedgehog.Diff{{"/metadata/labels/w", nil, "2"}, {"/metadata/labels/x", "9", "1"}}},
		"foreign switch annotation configures it": {
			`{kind: Switch, metadata: {name: a, annotations: {mine: "1"}}, spec: {vlanNamespaces: [default]}}`,
			`{kind: Switch, metadata: {name: a, annotations: {mine: "1", fabric.githedgehog.com/route-summ: "true", other.org/x: "1"},
			  labels: {fabric.githedgehog.com/profile: "", vlanns.fabric.githedgehog.com/default: "true"}}, spec: {vlanNamespaces: [default]}}`,
			[]hedgehog.Diff{{"/metadata/annotations/fabric.githedgehog.com~1route-summ", "true", nil}}},
		"label left behind by a gateway peering": {
			`{kind: GatewayPeering, metadata: {name: a}, spec: {gatewayGroup: default, peering: {v1: {}, v2: {}}}}`,
			`{kind: GatewayPeering, metadata: {name: a, labels:
			  {vpc.gateway.githedgehog.com/v0: "true", vpc.gateway.githedgehog.com/v1: "true", vpc.gateway.githedgehog.com/v2: "true"}},
			  spec: {gatewayGroup: default, peering: {v1: {}, v2: {}}}}`, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := hedgehog.Difference(hedgehog.Expected(hedgehog.Canonical(object(t, c.git))), object(t, c.live))
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}
