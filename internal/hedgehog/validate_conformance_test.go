//go:build conformance

package hedgehog

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/hedgesync/hedgesync/internal/fabric"
)

func shared(t testing.TB, path ...string) string {
	t.Helper()
	root := os.Getenv("HEDGESYNC_SHARED")
	if root == "" {
		t.Fatal("HEDGESYNC_SHARED is not set")
	}
	raw, err := os.ReadFile(filepath.Join(append([]string{root}, path...)...))
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

func realProfiles(t testing.TB) Profiles {
	t.Helper()
	profiles, problems := NewProfiles(slices.Values(parse(t, shared(t, "samples", "switchprofiles.live.yaml"))))
	if len(problems) > 0 {
		t.Fatalf("real profiles: %v", problems)
	}
	return profiles
}

func TestConformanceRealWiringHasNoErrors(t *testing.T) {
	t.Parallel()
	for _, name := range []string{
		"01-smallest.hydrated", "03-spine-leaf-default.hydrated", "04-spine-leaf-gateway-externals.hydrated",
		"06-medium.hydrated", "10-gpu-rail-3su.hydrated", "04-user-kinds.live",
	} {
		text := shared(t, "samples", name+".yaml")
		for variant, in := range map[string]Context{
			"alone":         {},
			"with profiles": {Profiles: realProfiles(t)},
			"known site":    {Profiles: realProfiles(t), Site: Site{Known: true}},
			"with live":     {Profiles: realProfiles(t), Live: live(t, text)},
		} {
			t.Run(name+"/"+variant, func(t *testing.T) {
				t.Parallel()
				for _, p := range Validate(wanted(t, text), in) {
					if p.Severity != fabric.Note {
						t.Errorf("%s %s %s %s: %s", p.Severity, p.Rule, p.Key, p.Pointer, p.Message)
					}
				}
			})
		}
	}
}

func TestConformanceRawWiringIsOnlyNotHydrated(t *testing.T) {
	t.Parallel()
	found := Validate(wanted(t, shared(t, "samples", "03-spine-leaf-default.raw.yaml")), Context{Profiles: realProfiles(t)})
	for _, p := range found {
		if p.Rule != "switch.hydrated" && p.Rule != "link.hydrated" {
			t.Errorf("%s %s %s %s: %s", p.Severity, p.Rule, p.Key, p.Pointer, p.Message)
		}
	}
	if errors := ofSeverity(found, fabric.Error); len(errors) != 5 {
		t.Errorf("%d errors, want one for each of 5 switches: %v", len(errors), errors)
	}
}

// The rules' own cases, judged by the real definitions instead of ours.
func TestConformanceOurSchemasJudgeAsTheRealOnes(t *testing.T) {
	t.Parallel()
	root := os.Getenv("HEDGESYNC_SHARED")
	if root == "" {
		t.Fatal("HEDGESYNC_SHARED is not set")
	}
	reals, err := readSchemas(os.DirFS(filepath.Join(root, "hedgehog-crds")))
	if err != nil {
		t.Fatal(err)
	}
	judge := func(s *schema, r fabric.Resource) []string {
		var out []string
		for _, f := range s.check(r.Key.Kind, r.Object) {
			out = append(out, f.rule+" "+f.pointer)
		}
		slices.Sort(out)
		return out
	}
	for name, c := range ruleCases() {
		for _, r := range parse(t, docs(c.breaks, c.holds)) {
			if _, ok := Accept(r.Key.Kind, r.Version); !ok {
				continue
			}
			if real, ours := judge(reals[r.Key.Kind], r), judge(schemas()[r.Key.Kind], r); !slices.Equal(real, ours) {
				t.Errorf("%s: %s: real %v, ours %v", name, r.Key, real, ours)
			}
		}
	}
}
