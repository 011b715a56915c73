//go:build conformance

package plan_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/util/json"
	"sigs.k8s.io/yaml"

	"github.com/hedgesync/hedgesync/internal/plan"
)

// Every hydrated sample is created in tier order, each write admissible when it
// is sent, and planned to nothing afterwards.
func TestConformanceSamplesPlanInOrderAndThenToNothing(t *testing.T) {
	shared := os.Getenv("HEDGESYNC_SHARED")
	if shared == "" {
		t.Fatal("HEDGESYNC_SHARED is not set")
	}
	files, err := filepath.Glob(filepath.Join(shared, "samples", "*.hydrated.yaml"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no samples: %v", err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			objects := readSample(t, file)
			c, r := newCluster(), record{}
			in := plan.Input{Fabric: "lab", Want: wanted(objects...), Have: c.snapshot(nil), Settings: enforced()}
			p := plan.Make(in)
			inTiers := slices.IsSortedFunc(p.Order, func(a, b plan.Batch) int { return a.Tier - b.Tier })
			if p.Summary != (plan.Summary{Add: len(objects)}) || !inTiers {
				t.Fatalf("%+v in %d waves\n%s", p.Summary, len(p.Order), rendered(t, p))
			}
			if err := c.run(p, r, 50); err != nil {
				t.Fatal(err)
			}
			in.Have, in.Base = c.snapshot(nil), r.entries()
			if again := plan.Make(in); again.Summary != (plan.Summary{Nothing: len(objects)}) {
				t.Errorf("a second plan: %+v", again.Summary)
			}
			in.Want, in.Settings.MaxDeletes = wanted(), len(objects)
			end := plan.Make(in)
			if err := c.run(end, r, 50); err != nil || len(c.objects) != 0 {
				t.Errorf("%d objects are left: %v", len(c.objects), err)
			}
		})
	}
}

func readSample(t *testing.T, file string) []object {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var objects []object
	for _, doc := range strings.Split(string(text), "\n---") {
		b, err := yaml.YAMLToJSON([]byte(doc))
		if err != nil {
			t.Fatal(err)
		}
		var o object
		if err := json.Unmarshal(b, &o); err != nil {
			t.Fatal(err)
		}
		if o != nil {
			objects = append(objects, o)
		}
	}
	return objects
}
