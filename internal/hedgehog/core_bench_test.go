package hedgehog_test

import (
	"fmt"
	"testing"

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
