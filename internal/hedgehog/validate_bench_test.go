package hedgehog

import (
	"fmt"
	"slices"
	"testing"

	"github.com/hedgesync/hedgesync/internal/fabric"
)

// large is a fabric of about 5,000 objects without a problem but its addresses,
// which one default site has too few of.
func large(t testing.TB) *fabric.Snapshot {
	var texts []string
	texts = append(texts, vlans, o(IPv4Namespace, "default", `{subnets: [10.0.0.0/8]}`))
	for i := range 40 {
		texts = append(texts, o(Switch, fmt.Sprintf("leaf-%d", i), fmt.Sprintf(`{role: server-leaf, profile: big, asn: %d, ip: 172.30.1.%d/21, protocolIP: 172.30.8.%d/32, vtepIP: 172.30.12.%d/32}`, 65101+i, i, i, i)))
	}
	for i := range 900 {
		texts = append(texts, o(VPC, fmt.Sprintf("v%d", i), fmt.Sprintf(`{subnets: {a: {subnet: 10.%d.%d.0/24, vlan: %d, dhcp: {enable: true, range: {start: 10.%d.%d.10, end: 10.%d.%d.255}}}}}`, i/200, i%200, 1000+i, i/200, i%200, i/200, i%200)))
	}
	for i := range 1400 {
		texts = append(texts,
			o(Server, fmt.Sprintf("s%d", i), "{}"),
			o(Connection, fmt.Sprintf("c%d", i), fmt.Sprintf(`{unbundled: {link: {server: {port: s%d/e0}, switch: {port: leaf-%d/E1/%d}}}}`, i, i%40, i/40)),
			o(VPCAttachment, fmt.Sprintf("a%d", i), fmt.Sprintf(`{subnet: v%d/a, connection: c%d}`, i%900, i)))
	}
	var resources []fabric.Resource
	for _, text := range texts {
		resources = append(resources, parse(t, text)...)
	}
	return snapshot(t, resources, nil)
}

func bigProfile(t testing.TB) Profiles {
	ports := ""
	for i := range 64 {
		ports += fmt.Sprintf("E1/%d: {profile: p}, ", i)
	}
	profiles, _ := NewProfiles(slices.Values(parse(t, o(SwitchProfile, "big", `{features: {l2vni: true}, ports: {`+ports+`}}`))))
	return profiles
}

func BenchmarkValidate5000(b *testing.B) {
	want, profiles := large(b), bigProfile(b)
	for b.Loop() {
		if found := Validate(want, Context{Profiles: profiles}); len(found) > 0 {
			b.Fatalf("%d problems in %d objects, first %v", len(found), want.Len(), found[0])
		}
	}
	b.ReportMetric(float64(want.Len()), "objects")
}

func BenchmarkValidate5000WithLive(b *testing.B) {
	want, profiles := large(b), bigProfile(b)
	for b.Loop() {
		Validate(want, Context{Profiles: profiles, Live: want})
	}
}
