package profiles_test

import (
	"maps"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hedgesync/hedgesync/sandbox/profiles"
)

func TestEveryPortHasAProfileThatExists(t *testing.T) {
	t.Parallel()
	if diff := cmp.Diff(profiles.Names(), slices.Sorted(maps.Keys(profiles.Specs()))); diff != "" {
		t.Errorf("names (-Names +Specs):\n%s", diff)
	}
	for model, spec := range profiles.Specs() {
		ports := spec["ports"].(map[string]any)
		for name, port := range ports {
			p := port.(map[string]any)
			kind, _ := p["profile"].(string)
			if group, ok := p["group"].(string); ok {
				kind = spec["portGroups"].(map[string]any)[group].(map[string]any)["profile"].(string)
			}
			if _, ok := spec["portProfiles"].(map[string]any)[kind]; !ok && name != "M1" {
				t.Errorf("%s %s: no profile %q", model, name, kind)
			}
		}
	}
}
