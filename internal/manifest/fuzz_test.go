package manifest_test

import (
	"bytes"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	kjson "sigs.k8s.io/json"
	"sigs.k8s.io/yaml"

	"github.com/hedgesync/hedgesync/internal/fabric"
	"github.com/hedgesync/hedgesync/internal/manifest"
)

func seeds(f *testing.F) {
	for _, s := range []string{
		head, server("a") + "---\n" + server("b"), bomb(2), bomb(6), "%YAML 1.1\n---\n" + head, "--- {a: b}\n...\n--- # c\n- 1\n",
		"\ufeff" + head, strings.ReplaceAll(head, "\n", "\r\n"), "{\"kind\": \"List\", \"items\": [{}, 1]}", "? [a]\n: b\n", "a: &a [*a]\n",
		head + "spec: {<<: {a: 1}, a: 2, ? : 3, 1: 2, '1': 3, .nan: 1}\n", "- !!binary x\n- !!float 1\n- |2\n   a\n", "a: \"\\ud800\"\n", "{{ x }}\n", "\t\n", "<<<<<<< a\n",
		head + "spec: [0x10, 010, 1_0, 1e3, 1.0, .inf, 18446744073709551615, ~, y, 2001-01-01T00:00:00Z]\n",
	} {
		f.Add([]byte(s))
	}
}

// No input makes Read panic, fail, or answer differently the second time, and what
// it keeps is within the limits.
func FuzzRead(f *testing.F) {
	seeds(f)
	o := options()
	o.Limits = manifest.Limits{FileBytes: 1 << 14, Documents: 20, Depth: 12, Expanded: 500}
	f.Fuzz(func(t *testing.T, text []byte) {
		fsys := fstest.MapFS{"x.yaml": {Data: text}, "y.yaml": {Data: []byte(server("sound"))}}
		set, err := manifest.Read(fsys, o)
		if err != nil {
			t.Fatalf("read: %v", err)
		}
		again, err := manifest.Read(fsys, o)
		if err != nil || !reflect.DeepEqual(set.Problems, again.Problems) || !reflect.DeepEqual(all(set), all(again)) {
			t.Fatalf("read again: %v; problems %v and %v", err, set.Problems, again.Problems)
		}
		if set.Documents > 20 {
			t.Errorf("%d documents", set.Documents)
		}
		for _, p := range set.Problems {
			if p.Origin.File == "" || p.Message == "" || p.Rule == "" {
				t.Errorf("problem without place or words: %+v", p)
			}
		}
		for _, r := range all(set) {
			if d := depth(r.Object); d > 13 {
				t.Errorf("%d levels were kept", d)
			}
			if at := set.Position(r.Key, "/spec"); at.File != r.Origin.File || at.Line < r.Origin.Line && !bytes.Contains(text, []byte("*")) {
				t.Errorf("spec of %s is at %s, the object at %s", r.Key, at, r.Origin)
			}
		}
	})
}

// Whatever is accepted has the value that the API server's own library gives it.
func FuzzAgainstSigsYAML(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, text []byte) {
		if bytes.Contains(text, []byte("---")) || bytes.Contains(text, []byte("...")) {
			return // the library reads the first document only
		}
		set, err := manifest.Read(fstest.MapFS{"x.yaml": {Data: text}}, manifest.Options{})
		if err != nil {
			t.Fatalf("read: %v", err)
		}
		for _, r := range all(set) {
			converted, err := yaml.YAMLToJSON(text)
			if err != nil {
				converted = text // JSON that is not YAML
			}
			var want map[string]any
			if err := kjson.UnmarshalCaseSensitivePreserveInts(converted, &want); err != nil {
				t.Fatalf("the library refuses what was read: %v", err)
			}
			if _, isList := want["items"]; !isList && fabric.HashOf(want) != r.Hash {
				t.Errorf("read %v, the library %v", r.Object, want)
			}
		}
	})
}

func all(s *manifest.Set) []fabric.Resource { return slices.Collect(s.Snapshot.All()) }

func depth(v any) int {
	deepest := 0
	switch v := v.(type) {
	case map[string]any:
		for _, c := range v {
			deepest = max(deepest, depth(c)+1)
		}
	case []any:
		for _, c := range v {
			deepest = max(deepest, depth(c)+1)
		}
	}
	return deepest
}
