package hedgehog_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hedgesync/hedgesync/internal/fabric"
	"github.com/hedgesync/hedgesync/internal/hedgehog"
)

func TestClaimsOfEveryKind(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		kind fabric.Kind
		spec string
		want []string // "pointer scope=value"
	}{
		"leaf": {hedgehog.Switch,
			`{role: server-leaf, asn: 65101, ip: 172.30.0.9/21, protocolIP: 172.30.8.2/32, vtepIP: 172.30.12.0/32, boot: {mac: 0C-20-12-FF-00-00, serial: S1}}`, []string{
				"/spec/asn asn=65101", "/spec/boot/mac boot-mac=0c:20:12:ff:00:00", "/spec/boot/serial boot-serial=S1",
				"/spec/ip management-ip=172.30.0.9", "/spec/protocolIP protocol-ip=172.30.8.2", "/spec/vtepIP vtep-ip=172.30.12.0"}},
		"spines share an ASN": {hedgehog.Switch, `{role: spine, asn: 65100}`, nil},
		"gateway": {hedgehog.Gateway, `{asn: 65534, protocolIP: 172.30.8.5/32, vtepIP: 172.30.12.3/32, vtepMAC: "CA:FE:BA:BE:01:01"}`, []string{
			"/spec/protocolIP protocol-ip=172.30.8.5", "/spec/vtepIP vtep-ip=172.30.12.3", "/spec/vtepMAC vtep-mac=ca:fe:ba:be:01:01"}},
		"first lane is the port": {hedgehog.Connection, `{bundled: {links: [{server: {port: s/eth1/1}, switch: {port: l/E1/53/1}}]}}`, []string{
			"/spec/bundled/links/0/server/port server-port=s/eth1/1", "/spec/bundled/links/0/switch/port port=l/E1/53"}},
		"other lane is not":     {hedgehog.Connection, `{external: {link: {switch: {port: l/E1/53/2}}}}`, []string{"/spec/external/link/switch/port port=l/E1/53/2"}},
		"port one is no lane":   {hedgehog.Connection, `{external: {link: {switch: {port: l/E1/1}}}}`, []string{"/spec/external/link/switch/port port=l/E1/1"}},
		"management port stays": {hedgehog.Connection, `{external: {link: {switch: {port: l/M1}}}}`, []string{"/spec/external/link/switch/port port=l/M1"}},
		"fabric link": {hedgehog.Connection,
			`{fabric: {links: [{leaf: {port: l/E1/1, ip: 172.30.128.1/31}, spine: {port: s/E1/1, ip: 172.30.128.0/31}}]}}`, []string{
				"/spec/fabric/links/0/leaf/ip fabric-ip=172.30.128.1", "/spec/fabric/links/0/leaf/port port=l/E1/1",
				"/spec/fabric/links/0/spine/ip fabric-ip=172.30.128.0", "/spec/fabric/links/0/spine/port port=s/E1/1"}},
		"gateway link": {hedgehog.Connection, `{gateway: {links: [{gateway: {port: g/a, ip: 172.30.128.3/31}, switch: {port: s/E1/1}}]}}`, []string{
			"/spec/gateway/links/0/gateway/ip fabric-ip=172.30.128.3", "/spec/gateway/links/0/gateway/port gateway-port=g/a",
			"/spec/gateway/links/0/switch/port port=s/E1/1"}},
		"static external": {hedgehog.Connection, `{staticExternal: {link: {switch: {port: l/E1/1, ip: 10.9.0.1/24}}}}`, []string{
			"/spec/staticExternal/link/switch/port port=l/E1/1"}},
		"deprecated connection": {hedgehog.Connection, `{mclag: {links: [{server: {port: s/a}, switch: {port: l/E1/1}}]}}`, nil},
		"VPC": {hedgehog.VPC, `{vlanNamespace: ns, subnets: {a: {subnet: 10.0.4.7/24, vlan: 1001}, h: {subnet: 10.0.5.0/24, hostBGP: true}}}`, []string{
			"/spec/subnets/a/subnet subnet/default=10.0.4.0/24", "/spec/subnets/a/vlan vlan/ns=1001", "/spec/subnets/h/subnet subnet/default=10.0.5.0/24"}},
		"VPC attachment": {hedgehog.VPCAttachment, `{subnet: v, connection: c, nativeVLAN: true}`, []string{
			"/spec/nativeVLAN native-vlan=c", "/spec/subnet attachment=c/v/default"}},
		"BGP external attachment":      {hedgehog.ExternalAttachment, `{connection: c, switch: {vlan: 10}}`, []string{"/spec/switch/vlan external-vlan=c/10"}},
		"static external attachment":   {hedgehog.ExternalAttachment, `{connection: c, switch: {}, static: {vlan: 20}}`, []string{"/spec/static/vlan external-vlan=c/20"}},
		"untagged external attachment": {hedgehog.ExternalAttachment, `{connection: c}`, []string{"/spec/switch/vlan external-vlan=c/0"}},
		"malformed":                    {hedgehog.Switch, `{role: server-leaf, asn: x, ip: 1.2.3, boot: {mac: zz}}`, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var got []string
			for _, claim := range hedgehog.Claims(named(t, c.kind, "x", c.spec)) {
				if claim.Resource != keyed(c.kind, "x") {
					t.Errorf("claimed by %v", claim.Resource)
				}
				got = append(got, claim.Pointer+" "+claim.Scope+"="+claim.Value)
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}
