package manifest_test

import (
	"fmt"
	"testing"

	"github.com/hedgesync/hedgesync/internal/fabric"
	"github.com/hedgesync/hedgesync/internal/manifest"
)

// BenchmarkRead reads a whole fabric: run with -cpu 1,2 to see one thread and two.
func BenchmarkRead(b *testing.B) {
	for _, n := range []int{250, 1000, 5000} {
		fsys := fabricFiles(n, 50)
		var bytes int64
		for _, f := range fsys {
			bytes += int64(len(f.Data))
		}
		c := &shelf{values: map[fabric.Hash][]byte{}}
		for _, bench := range []struct {
			name  string
			cache manifest.Cache
		}{{"parsed", nil}, {"cached", c}} {
			b.Run(fmt.Sprintf("%d/%s", n, bench.name), func(b *testing.B) {
				b.SetBytes(bytes)
				b.ReportAllocs()
				for b.Loop() {
					set, err := manifest.Read(fsys, manifest.Options{Kinds: userKinds, Cache: bench.cache})
					if err != nil || set.Snapshot.Len() != n {
						b.Fatalf("error %v, %d objects", err, set.Snapshot.Len())
					}
				}
			})
		}
	}
}

// BenchmarkPosition finds one field in each of many objects.
func BenchmarkPosition(b *testing.B) {
	set, err := manifest.Read(fabricFiles(1000, 50), manifest.Options{Kinds: userKinds})
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		for r := range set.Snapshot.All() {
			set.Position(r.Key, "/spec")
		}
	}
}
