//go:build conformance

package hedgehog_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/yaml"

	"github.com/hedgesync/hedgesync/internal/fabric"
	"github.com/hedgesync/hedgesync/internal/hedgehog"
)

// sample reads a file of the shared samples: documents, or one List.
func sample(t *testing.T, name string) []map[string]any {
	t.Helper()
	dir := os.Getenv("HEDGESYNC_SHARED")
	if dir == "" {
		t.Fatal("HEDGESYNC_SHARED is not set: it names the folder that holds samples/")
	}
	text, err := os.ReadFile(filepath.Join(dir, "samples", name))
	if err != nil {
		t.Fatal(err)
	}
	var objects []map[string]any
	for doc := range bytes.SplitSeq(text, []byte("\n---\n")) {
		var obj map[string]any
		if err := yaml.Unmarshal(doc, &obj); err != nil {
			t.Fatal(err)
		}
		items, isList := obj["items"].([]any)
		for _, item := range items {
			objects = append(objects, item.(map[string]any))
		}
		if !isList && obj != nil {
			objects = append(objects, obj)
		}
	}
	return objects
}

// resource wraps an object tree of a known kind.
func resource(t *testing.T, obj map[string]any) fabric.Resource {
	t.Helper()
	for _, info := range hedgehog.Kinds() {
		if obj["kind"] == info.Kind.Name && obj["apiVersion"] == info.Kind.Group+"/"+info.Version {
			meta := obj["metadata"].(map[string]any)
			key := fabric.Key{Kind: info.Kind, Namespace: "default", Name: meta["name"].(string)}
			return fabric.Resource{Key: key, Version: info.Version, Object: obj}
		}
	}
	t.Fatalf("unknown kind %v %v", obj["apiVersion"], obj["kind"])
	return fabric.Resource{}
}

func byKey(t *testing.T, objects []map[string]any) map[fabric.Key]map[string]any {
	t.Helper()
	index := map[fabric.Key]map[string]any{}
	for _, obj := range objects {
		index[resource(t, obj).Key] = obj
	}
	return index
}

func TestConformanceAdmittedObjectsShowNoDrift(t *testing.T) {
	live := byKey(t, sample(t, "04-user-kinds.live.yaml"))
	for _, source := range sample(t, "04-spine-leaf-gateway-externals.hydrated.yaml") {
		key := resource(t, source).Key
		if live[key] == nil {
			t.Errorf("%v is not in the live file", key)
		}
		if diffs := hedgehog.Difference(hedgehog.Expected(hedgehog.Canonical(source)), live[key]); len(diffs) > 0 {
			t.Errorf("%v: %v", key, diffs)
		}
	}
}

// What the real webhooks stored is what Expected says of it: nothing is added.
func TestConformanceAdmittedObjectsAreAsExpected(t *testing.T) {
	for _, live := range sample(t, "04-user-kinds.live.yaml") {
		canonical := hedgehog.Canonical(live)
		expected := hedgehog.Expected(canonical)
		if diffs := hedgehog.Difference(expected, live); len(diffs) > 0 {
			t.Errorf("%v: %v", resource(t, live).Key, diffs)
		}
		wantLabels := live["metadata"].(map[string]any)["labels"]
		gotLabels := expected["metadata"].(map[string]any)["labels"]
		if diff := cmp.Diff(wantLabels, gotLabels); diff != "" {
			t.Errorf("%v: labels (-live +expected):\n%s", resource(t, live).Key, diff)
		}
	}
}

func TestConformanceReferencesOfValidWiringResolve(t *testing.T) {
	for _, file := range []string{
		"01-smallest.hydrated.yaml", "03-spine-leaf-default.hydrated.yaml", "04-spine-leaf-gateway-externals.hydrated.yaml",
		"04-user-kinds.live.yaml", "06-medium.hydrated.yaml", "10-gpu-rail-3su.hydrated.yaml",
	} {
		objects := byKey(t, sample(t, file))
		for key, obj := range objects {
			for _, ref := range hedgehog.References(fabric.Resource{Key: key, Object: obj}) {
				if ref.To.Kind != hedgehog.SwitchProfile && objects[ref.To] == nil {
					t.Errorf("%s: %v refers to missing %v at %s", file, key, ref.To, ref.Pointer)
				}
				if ref.To.Kind != hedgehog.SwitchProfile && hedgehog.Tier(ref.To.Kind) > hedgehog.Tier(key.Kind) {
					t.Errorf("%v in tier %d needs %v in tier %d", key, hedgehog.Tier(key.Kind), ref.To, hedgehog.Tier(ref.To.Kind))
				}
			}
		}
	}
}

func TestConformanceClaimsOfValidWiringAreUnique(t *testing.T) {
	for _, file := range []string{
		"03-spine-leaf-default.hydrated.yaml", "04-user-kinds.live.yaml", "06-medium.hydrated.yaml", "10-gpu-rail-3su.hydrated.yaml",
	} {
		held := map[[2]string]hedgehog.Claim{}
		for key, obj := range byKey(t, sample(t, file)) {
			for _, claim := range hedgehog.Claims(fabric.Resource{Key: key, Object: obj}) {
				id := [2]string{claim.Scope, claim.Value}
				if other, taken := held[id]; taken {
					t.Errorf("%s: %s %s is claimed at %v%s and %v%s", file, claim.Scope, claim.Value, other.Resource, other.Pointer, key, claim.Pointer)
				}
				held[id] = claim
			}
		}
	}
}
