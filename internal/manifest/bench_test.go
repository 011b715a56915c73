package manifest_test

import (
	"fmt"
	"maps"
	"slices"
	"testing"
	"testing/fstest"

	"github.com/hedgesync/hedgesync/internal/manifest"
	"github.com/hedgesync/hedgesync/internal/wiringtest"
)

// BenchmarkRead reads a whole fabric: run with -cpu 1,2 to see one thread and two.
func BenchmarkRead(b *testing.B) {
	sets := map[string]fstest.MapFS{"5000 of 1 kB": largeFiles(5000)}
	for _, n := range []int{250, 1000, 5000} {
		sets[fmt.Sprint(n)] = fabricFiles(n, 50)
	}
	for _, name := range slices.Sorted(maps.Keys(sets)) {
		fsys := sets[name]
		var bytes int64
		for _, f := range fsys {
			bytes += int64(len(f.Data))
		}
		b.Run(name, func(b *testing.B) {
			b.SetBytes(bytes)
			b.ReportAllocs()
			for b.Loop() {
				set, err := manifest.Read(fsys, manifest.Options{Kinds: userKinds})
				if err != nil || len(set.Problems) > 0 {
					b.Fatalf("error %v, problems %v", err, set.Problems)
				}
			}
		})
	}
}

func fabricFiles(n, perFile int) fstest.MapFS {
	fsys := fstest.MapFS{}
	for name, text := range wiringtest.Files(wiringtest.Sized(n), perFile) {
		fsys[name] = &fstest.MapFile{Data: text}
	}
	return fsys
}

// largeFiles holds n objects of about 1 kB each.
func largeFiles(n int) fstest.MapFS {
	objects := wiringtest.Sized(n)
	for _, o := range objects {
		notes := map[string]any{}
		for i := range 12 {
			notes[fmt.Sprintf("example.com/note-%02d", i)] = "between thirty and forty letters"
		}
		o["metadata"].(map[string]any)["annotations"] = notes
	}
	fsys := fstest.MapFS{}
	for name, text := range wiringtest.Files(objects, 50) {
		fsys[name] = &fstest.MapFile{Data: text}
	}
	return fsys
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
