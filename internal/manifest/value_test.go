package manifest_test

import (
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"
	kjson "sigs.k8s.io/json"
	"sigs.k8s.io/yaml"
)

// oracle decodes as the API server and kubectl do.
func oracle(t testing.TB, text string) any {
	t.Helper()
	converted, err := yaml.YAMLToJSON([]byte(text))
	if err != nil {
		t.Fatalf("oracle: %v", err)
	}
	var v any
	if err := kjson.UnmarshalCaseSensitivePreserveInts(converted, &v); err != nil {
		t.Fatalf("oracle: %v", err)
	}
	return v
}

func TestValuesAreWhatTheAPIServerDecodes(t *testing.T) {
	t.Parallel()
	values := map[string]any{
		"y": true, "yes": true, "on": true, "true": true, "True": true, "n": false, "no": false, "off": false, "OFF": false,
		`"on"`: "on", "'no'": "no", "~": nil, "null": nil, "": nil,
		"1": int64(1), "-7": int64(-7), "0x10": int64(16), "010": int64(8), "0b11": int64(3), "1_000": int64(1000), "0o7": int64(7),
		"9223372036854775807": int64(math.MaxInt64), "18446744073709551615": float64(math.MaxUint64), "99999999999999999999": 1e20,
		"1.0": int64(1), "1.5": 1.5, "1e3": int64(1000), "1e30": 1e30, "-0.0": int64(0), "1234567890123456789.5": int64(1234567890123456800),
		"2001-01-01": "2001-01-01", "12:30": "12:30", "0c:20:12:ff:00:00": "0c:20:12:ff:00:00", "65102:1000": "65102:1000", "10.0.0.0/16": "10.0.0.0/16",
		"!!str 5": "5", "!!binary aGk=": "hi", "|-\n    a\n    b": "a\nb", ">-\n    a\n    b": "a b", `"\u00e9\t"`: "é\t",
		"[1, a, {b: c}]": []any{int64(1), "a", map[string]any{"b": "c"}}, "{}": map[string]any{}, "[]": []any{},
		"{1: a, yes: b, 1.5: c, x: }": map[string]any{"1": "a", "true": "b", "1.5": "c", "x": nil},
	}
	for written, want := range values {
		t.Run(written, func(t *testing.T) {
			t.Parallel()
			text := head + "spec:\n  value: " + written + "\n"
			set := read(t, files("x.yaml", text))
			r, ok := set.Snapshot.Get(serverKey("a"))
			if !ok {
				t.Fatalf("refused: %q", problems(set))
			}
			spec, _ := r.Object["spec"].(map[string]any)
			if diff := cmp.Diff(want, spec["value"]); diff != "" {
				t.Errorf("value (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(oracle(t, text), any(r.Object)); diff != "" {
				t.Errorf("object (-server +got):\n%s", diff)
			}
		})
	}
}

func TestMergeKeysReadAsTheServerReadsThem(t *testing.T) {
	t.Parallel()
	text := head + `spec:
  base: &base {a: 1, b: 2}
  more: &more {b: 3, c: 4}
  one: {<<: *base, b: 5}
  two: {<<: [*base, *more], d: 6}
  "<<": not a merge
`
	set := read(t, files("x.yaml", text))
	r, ok := set.Snapshot.Get(serverKey("a"))
	if !ok {
		t.Fatalf("refused: %q", problems(set))
	}
	if diff := cmp.Diff(oracle(t, text), any(r.Object)); diff != "" {
		t.Errorf("object (-server +got):\n%s", diff)
	}
}

func TestJSONThatIsNotYAMLIsStillRead(t *testing.T) {
	t.Parallel()
	text := `{"apiVersion":"wiring.githedgehog.com/v1beta1","kind":"Server","metadata":{"name":"a"},"spec":{"smile":"\ud83d\ude00","n":1.0}}`
	set := read(t, files("x.yaml", text))
	r, ok := set.Snapshot.Get(serverKey("a"))
	if !ok {
		t.Fatalf("refused: %q", problems(set))
	}
	if diff := cmp.Diff(map[string]any{"smile": "😀", "n": int64(1)}, r.Object["spec"]); diff != "" {
		t.Errorf("spec (-want +got):\n%s", diff)
	}
}
