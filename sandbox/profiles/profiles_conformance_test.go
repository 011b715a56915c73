//go:build conformance

package profiles_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/yaml"

	"github.com/hedgesync/hedgesync/sandbox/profiles"
)

func TestConformanceTheVirtualSwitchIsTheRealOne(t *testing.T) {
	t.Parallel()
	dir := os.Getenv("HEDGESYNC_SHARED")
	if dir == "" {
		t.Fatal("HEDGESYNC_SHARED is not set: it names the folder with samples")
	}
	raw, err := os.ReadFile(filepath.Join(dir, "samples", "switchprofiles.live.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var all struct {
		Items []struct {
			Metadata struct{ Name string }
			Spec     map[string]any
		}
	}
	if err := yaml.Unmarshal(raw, &all); err != nil {
		t.Fatal(err)
	}
	for _, item := range all.Items {
		if item.Metadata.Name != "vs" {
			continue
		}
		if diff := cmp.Diff(item.Spec, viaJSON(t, profiles.Specs()["vs"])); diff != "" {
			t.Errorf("(-real +ours):\n%s", diff)
		}
		return
	}
	t.Error("no vs among the samples")
}

func viaJSON(t *testing.T, in map[string]any) map[string]any {
	t.Helper()
	raw, err := json.Marshal(in)
	if err != nil {
		t.Fatal(err)
	}
	var out map[string]any
	if err := json.Unmarshal(raw, &out); err != nil {
		t.Fatal(err)
	}
	return out
}
