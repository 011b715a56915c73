package hedgehog_test

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hedgesync/hedgesync/internal/fabric"
	"github.com/hedgesync/hedgesync/internal/hedgehog"
)

func TestReferencesOfEveryKind(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		kind fabric.Kind
		spec string
		want []string // "pointer kind/name part", "!" before kind if the server protects it
	}{
		"switch": {hedgehog.Switch, `{profile: vs, groups: [g], redundancy: {group: r, type: eslag}, vlanNamespaces: [ns]}`, []string{
			"/spec/groups/0 SwitchGroup/g", "/spec/profile !SwitchProfile/vs", "/spec/redundancy/group SwitchGroup/r", "/spec/vlanNamespaces/0 !VLANNamespace/ns"}},
		"switch by default": {hedgehog.Switch, `{profile: vs}`, []string{"/spec/profile !SwitchProfile/vs", "/spec/vlanNamespaces !VLANNamespace/default"}},
		"server connection": {hedgehog.Connection, `{bundled: {links: [{server: {port: s/a}, switch: {port: l/E1/1/2}}]}}`, []string{
			"/spec/bundled/links/0/server/port !Server/s a", "/spec/bundled/links/0/switch/port !Switch/l E1/1/2"}},
		"gateway connection": {hedgehog.Connection, `{gateway: {links: [{gateway: {port: g/a}, switch: {port: l/E1/1}}]}}`, []string{
			"/spec/gateway/links/0/gateway/port Gateway/g a", "/spec/gateway/links/0/switch/port !Switch/l E1/1"}},
		"connection within a VPC": {hedgehog.Connection, `{staticExternal: {withinVPC: v, link: {switch: {port: l/E1/1}}}}`, []string{
			"/spec/staticExternal/link/switch/port !Switch/l E1/1", "/spec/staticExternal/withinVPC !VPC/v"}},
		"deprecated connection": {hedgehog.Connection, `{mclag: {links: [{server: {port: s/a}, switch: {port: l/E1/1}}]}, fabric: {links: [{leaf: {port: x/E1/1}}]}}`, []string{
			"/spec/mclag/links/0/server/port Server/s a", "/spec/mclag/links/0/switch/port Switch/l E1/1"}},
		"of two types the first counts": {hedgehog.Connection, `{mesh: {links: [{leaf1: {port: a/E1/1}}]}, fabric: {links: [{leaf: {port: b/E1/1}}]}}`, []string{
			"/spec/fabric/links/0/leaf/port !Switch/b E1/1"}},
		"malformed port": {hedgehog.Connection, `{external: {link: {switch: {port: leaf-01}}}}`, nil},
		"VPC": {hedgehog.VPC, `{ipv4Namespace: i, subnets: {a: {dhcp: {relayVPC: r}}, b: {}}}`, []string{
			"/spec/ipv4Namespace !IPv4Namespace/i", "/spec/subnets/a/dhcp/relayVPC VPC/r", "/spec/vlanNamespace !VLANNamespace/default"}},
		"VPC attachment": {hedgehog.VPCAttachment, `{subnet: v, connection: c}`, []string{"/spec/connection !Connection/c", "/spec/subnet !VPC/v default"}},
		"VPC peering": {hedgehog.VPCPeering, `{permit: [{v1: {subnets: [a]}, v2: null}]}`, []string{
			"/spec/permit/0/v1 !VPC/v1", "/spec/permit/0/v1/subnets/0 !VPC/v1 a", "/spec/permit/0/v2 !VPC/v2"}},
		"external": {hedgehog.External, `{}`, []string{"/spec/ipv4Namespace !IPv4Namespace/default"}},
		"external attachment": {hedgehog.ExternalAttachment, `{external: e, connection: c}`, []string{
			"/spec/connection !Connection/c", "/spec/external !External/e"}},
		"external peering": {hedgehog.ExternalPeering, `{permit: {vpc: {name: v, subnets: [a]}, external: {name: e}}}`, []string{
			"/spec/permit/external/name !External/e", "/spec/permit/vpc/name !VPC/v", "/spec/permit/vpc/subnets/0 !VPC/v a"}},
		"gateway": {hedgehog.Gateway, `{groups: [{name: g}, {priority: 1}]}`, []string{"/spec/groups/0/name GatewayGroup/g"}},
		"gateway peering": {hedgehog.GatewayPeering,
			`{peering: {v: {expose: [{ips: [{vpcSubnet: a}]}]}, ext.e: {expose: [{ips: [{vpcSubnet: a}]}]}},
			  acl: {rules: [{to: ext.e, match: {src: [{vpcSubnet: b}], dst: [{vpcSubnet: c}]}}]}}`, []string{
				"/spec/acl/rules/0/match/src/0/vpcSubnet VPC/v b", "/spec/gatewayGroup GatewayGroup/default",
				"/spec/peering/ext.e External/e", "/spec/peering/v VPC/v", "/spec/peering/v/expose/0/ips/0/vpcSubnet VPC/v a"}},
		"malformed": {hedgehog.VPCAttachment, `{subnet: 4, connection: [c]}`, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var got []string
			for _, ref := range hedgehog.References(named(t, c.kind, "x", c.spec)) {
				mark, part := "", ""
				if ref.Protected {
					mark = "!"
				}
				if ref.Part != "" {
					part = " " + ref.Part
				}
				if ref.From != keyed(c.kind, "x") || ref.To.Namespace != "default" {
					t.Errorf("from %v to %v", ref.From, ref.To)
				}
				got = append(got, fmt.Sprintf("%s %s%s/%s%s", ref.Pointer, mark, ref.To.Kind.Name, ref.To.Name, part))
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}
