package manifest_test

import (
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/hedgesync/hedgesync/internal/fabric"
	"github.com/hedgesync/hedgesync/internal/manifest"
	"github.com/hedgesync/hedgesync/internal/wiringtest"
)

// shelf is a Cache in memory that counts.
type shelf struct {
	values     map[fabric.Hash][]byte
	hits, puts int
}

func (s *shelf) Get(h fabric.Hash) ([]byte, bool) {
	v, ok := s.values[h]
	if ok {
		s.hits++
	}
	return v, ok
}

func (s *shelf) Put(h fabric.Hash, v []byte) {
	s.puts++
	s.values[h] = v
}

func fabricFiles(n, perFile int) fstest.MapFS {
	fsys := fstest.MapFS{}
	for name, text := range wiringtest.Files(wiringtest.Sized(n), perFile) {
		fsys[name] = &fstest.MapFile{Data: text}
	}
	return fsys
}

func readCached(t *testing.T, fsys fstest.MapFS, c manifest.Cache) *manifest.Set {
	t.Helper()
	set, err := manifest.Read(fsys, manifest.Options{Source: "abc123", AsOf: readAt, Kinds: userKinds, Cache: c})
	if err != nil {
		t.Fatal(err)
	}
	return set
}

func TestTheCacheChangesNothingButTheTime(t *testing.T) {
	t.Parallel()
	fsys := fabricFiles(200, 7)
	fsys["odd.yaml"] = &fstest.MapFile{Data: []byte(head + "spec: {f: 1.5, big: 1e30, n: 1.0, u: 18446744073709551615, x: , l: [1, {}]}\n")}
	plain := readCached(t, fsys, nil)
	c := &shelf{values: map[fabric.Hash][]byte{}}
	for _, when := range []string{"cold", "warm"} {
		got := readCached(t, fsys, c)
		if diff := cmp.Diff(all(plain), all(got)); diff != "" {
			t.Errorf("%s (-plain +cached):\n%s", when, diff)
		}
		if diff := cmp.Diff(plain.Counts, got.Counts); diff != "" {
			t.Errorf("%s counts (-plain +cached):\n%s", when, diff)
		}
	}
	if c.hits != 1 || c.puts != 1 {
		t.Errorf("%d hits and %d puts, want 1 and 1", c.hits, c.puts)
	}
}

func TestADamagedCacheIsNotBelieved(t *testing.T) {
	t.Parallel()
	fsys := fabricFiles(50, 10)
	plain := readCached(t, fsys, nil)
	damage := map[string]func([]byte) []byte{
		"a flipped bit":  func(v []byte) []byte { v[len(v)/2] ^= 1; return v },
		"cut short":      func(v []byte) []byte { return v[:len(v)-1] },
		"almost nothing": func([]byte) []byte { return []byte("x") },
		"nothing":        func([]byte) []byte { return nil },
	}
	for name, spoil := range damage {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := &shelf{values: map[fabric.Hash][]byte{}}
			readCached(t, fsys, c)
			for h, v := range c.values {
				c.values[h] = spoil(v)
			}
			if diff := cmp.Diff(all(plain), all(readCached(t, fsys, c))); diff != "" || c.puts != 2 {
				t.Errorf("%d puts, objects (-plain +cached):\n%s", c.puts, diff)
			}
		})
	}
}

func TestWhatHasFlawsOrOtherLimitsIsNotTakenFromTheCache(t *testing.T) {
	t.Parallel()
	c := &shelf{values: map[fabric.Hash][]byte{}}
	broken := files("a.yaml", server("a"), "x.yaml", "kind: [\n")
	readCached(t, broken, c)
	if c.puts != 0 {
		t.Errorf("%d puts of a broken set", c.puts)
	}
	deep := files("a.yaml", head+"spec: {a: {b: {c: {d: e}}}}\n")
	readCached(t, deep, c)
	set, err := manifest.Read(deep, manifest.Options{Kinds: userKinds, Cache: c, Limits: manifest.Limits{Depth: 3}})
	if err != nil || set.Snapshot.Len() != 0 || c.hits != 0 {
		t.Errorf("error %v, %d objects, %d hits", err, set.Snapshot.Len(), c.hits)
	}
}
