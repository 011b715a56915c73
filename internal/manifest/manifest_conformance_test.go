//go:build conformance

package manifest_test

import (
	"os"
	"path/filepath"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/hedgesync/hedgesync/internal/fabric"
	"github.com/hedgesync/hedgesync/internal/manifest"
)

func shared(t *testing.T) string {
	t.Helper()
	dir := os.Getenv("HEDGESYNC_SHARED")
	if dir == "" {
		t.Fatal("HEDGESYNC_SHARED does not name the folder of shared data")
	}
	return dir
}

func TestConformanceSamplesParse(t *testing.T) {
	t.Parallel()
	want := map[string]map[string]int{
		"01-smallest.hydrated.yaml": {"VLANNamespace": 1, "IPv4Namespace": 1, "SwitchGroup": 1,
			"Switch": 2, "Server": 1, "Connection": 2},
		"03-spine-leaf-default.raw.yaml": {"VLANNamespace": 1, "IPv4Namespace": 1, "SwitchGroup": 2,
			"Switch": 5, "Server": 6, "Connection": 12},
		"03-spine-leaf-default.hydrated.yaml": {"VLANNamespace": 1, "IPv4Namespace": 1, "SwitchGroup": 2,
			"Switch": 5, "Server": 6, "Connection": 12},
		"04-spine-leaf-gateway-externals.hydrated.yaml": {"VLANNamespace": 1, "IPv4Namespace": 1, "SwitchGroup": 2,
			"Switch": 5, "Server": 6, "Connection": 15, "External": 3, "ExternalAttachment": 3,
			"GatewayGroup": 1, "Gateway": 1},
		"06-medium.hydrated.yaml": {"VLANNamespace": 1, "IPv4Namespace": 1, "SwitchGroup": 4,
			"Switch": 14, "Server": 31, "Connection": 77, "External": 2, "ExternalAttachment": 8},
		"10-gpu-rail-3su.hydrated.yaml": {"VLANNamespace": 1, "IPv4Namespace": 1, "Switch": 14,
			"Server": 60, "Connection": 504, "VPC": 5, "VPCAttachment": 480},
		"switchprofiles.live.yaml": {"SwitchProfile": 16},
	}
	for name, counts := range want {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			text, err := os.ReadFile(filepath.Join(shared(t), "samples", name))
			if err != nil {
				t.Fatal(err)
			}
			set, err := manifest.Read(fstest.MapFS{name: {Data: text}}, manifest.Options{Kinds: userKinds})
			if err != nil {
				t.Fatal(err)
			}
			if len(set.Problems) > 0 {
				t.Errorf("problems: %v", set.Problems)
			}
			if diff := cmp.Diff(counts, byName(set.Counts)); diff != "" {
				t.Errorf("counts (-want +got):\n%s", diff)
			}
			for _, k := range userKinds {
				if !set.Snapshot.Covers(k) {
					t.Errorf("%s is not covered", k)
				}
			}
		})
	}
}

func TestConformanceEveryYAMLFileReadsWithoutError(t *testing.T) {
	t.Parallel()
	for _, dir := range []string{"samples", "hedgehog-crds", "netbox"} {
		set, err := manifest.Read(os.DirFS(filepath.Join(shared(t), dir)), manifest.Options{})
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range set.Problems {
			// The samples hold several states of the same fabrics.
			if p.Rule != "object.duplicate" && p.Severity == fabric.Error {
				t.Errorf("%s: %s: %s", dir, p.Origin, p.Message)
			}
		}
	}
}

func byName(counts map[fabric.Kind]int) map[string]int {
	named := map[string]int{}
	for k, n := range counts {
		named[k.Name] += n
	}
	return named
}
