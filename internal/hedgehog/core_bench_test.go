package hedgehog_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/hedgesync/hedgesync/internal/fabric"
	"github.com/hedgesync/hedgesync/internal/hedgehog"
)

// BenchmarkCompare5000 is the local drift check of a large fabric that is in sync.
func BenchmarkCompare5000(b *testing.B) {
	var git, live []map[string]any
	for i := 0; len(git) < 5000; i++ {
		for _, name := range []string{"switch", "connection to a server", "VPC with DHCP", "VPC attachment", "external attachment"} {
			g, l := object(b, stored[name].git), object(b, stored[name].live)
			for _, o := range []map[string]any{g, l} {
				o["metadata"].(map[string]any)["name"] = fmt.Sprintf("%s-%d", name, i)
			}
			git, live = append(git, g), append(live, l)
		}
	}
	b.ReportAllocs()
	for b.Loop() {
		for i := range git {
			if len(hedgehog.Difference(hedgehog.Expected(hedgehog.Canonical(git[i])), live[i])) > 0 {
				b.Fatal("differs")
			}
		}
	}
}

// BenchmarkBlastOfOneDelete is what each delete costs beside 5,000 other objects.
func BenchmarkBlastOfOneDelete(b *testing.B) {
	var world []fabric.Resource
	for i := range 2500 {
		conn, attach := fmt.Sprintf("c-%d", i), fmt.Sprintf("a-%d", i)
		world = append(world,
			named(b, hedgehog.Connection, conn, fmt.Sprintf("{unbundled: {link: {server: {port: s-%d/a}, switch: {port: l/E1/%d}}}}", i, i)),
			named(b, hedgehog.VPCAttachment, attach, "{subnet: vpc-1/default, connection: "+conn+"}"))
	}
	b.ReportAllocs()
	for b.Loop() {
		hedgehog.Blast(world[2501].Object, nil, world[2501].Key, slices.Values(world))
	}
}
