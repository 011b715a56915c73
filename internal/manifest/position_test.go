package manifest_test

import (
	"testing"

	"github.com/hedgesync/hedgesync/internal/fabric"
)

func TestPositionIsWhereAFieldIsWritten(t *testing.T) {
	t.Parallel()
	text := `# a comment
---
x-common: &common
  profile: rack
  description: shared
apiVersion: wiring.githedgehog.com/v1beta1
kind: Server
metadata: {name: a, annotations: {example.com/a~b: c}}
spec:
  <<: *common
  description: own
  list:
  - one
  - {two: 2,
     three: 3}
  yes: true
  "no": false
  1.0: float
`
	set := read(t, files("dir/x.yaml", text))
	tests := map[string]string{
		"":                    "dir/x.yaml:3:1",
		"/":                   "dir/x.yaml:3:1",
		"/kind":               "dir/x.yaml:7:1",
		"/metadata/name":      "dir/x.yaml:8:12",
		"/metadata/namespace": "dir/x.yaml:8:1",
		"/metadata/annotations/example.com~1a~0b": "dir/x.yaml:8:35",
		"/spec":              "dir/x.yaml:9:1",
		"/spec/profile":      "dir/x.yaml:4:3",
		"/spec/description":  "dir/x.yaml:11:3",
		"/spec/list/0":       "dir/x.yaml:13:5",
		"/spec/list/1":       "dir/x.yaml:14:5",
		"/spec/list/1/three": "dir/x.yaml:15:6",
		"/spec/list/7/three": "dir/x.yaml:12:3",
		"/spec/list/x":       "dir/x.yaml:12:3",
		"/spec/true":         "dir/x.yaml:16:3",
		"/spec/no":           "dir/x.yaml:17:3",
		"/spec/1":            "dir/x.yaml:18:3",
		"/spec/missing/deep": "dir/x.yaml:9:1",
		"/status":            "dir/x.yaml:3:1",
	}
	for pointer, want := range tests {
		if got := set.Position(serverKey("a"), pointer).String(); got != want {
			t.Errorf("%q is at %s, want %s", pointer, got, want)
		}
	}
	if got := set.Position(serverKey("other"), "/spec"); got != (fabric.Origin{}) {
		t.Errorf("an unknown object is at %s", got)
	}
}

func TestPositionsMayBeAskedFromManyGoroutines(t *testing.T) {
	t.Parallel()
	set := read(t, files("x.yaml", server("a")+"---\n"+server("b")))
	for _, name := range []string{"a", "b", "a", "b"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			want := map[string]string{"a": "x.yaml:5:1", "b": "x.yaml:11:1"}[name]
			for range 50 {
				if got := set.Position(serverKey(name), "/spec").String(); got != want {
					t.Fatalf("spec is at %s, want %s", got, want)
				}
			}
		})
	}
}
