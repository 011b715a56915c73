package wiringtest_test

import (
	"fmt"
	"slices"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hedgesync/hedgesync/internal/fabric"
	"github.com/hedgesync/hedgesync/internal/hedgehog"
	"github.com/hedgesync/hedgesync/internal/manifest"
	"github.com/hedgesync/hedgesync/internal/wiringtest"
)

func read(t *testing.T, files map[string][]byte) *manifest.Set {
	t.Helper()
	fsys := fstest.MapFS{}
	for name, text := range files {
		fsys[name] = &fstest.MapFile{Data: text}
	}
	set, err := manifest.Read(fsys, manifest.Options{Source: "test", AsOf: time.Unix(0, 0), Kinds: hedgehog.UserKinds(), Accept: hedgehog.Accept})
	if err != nil {
		t.Fatal(err)
	}
	return set
}

func profiles(t *testing.T) hedgehog.Profiles {
	t.Helper()
	set, err := manifest.Read(fstest.MapFS{"p.yaml": {Data: wiringtest.YAML(wiringtest.Profiles())}}, manifest.Options{})
	if err != nil {
		t.Fatal(err)
	}
	p, problems := hedgehog.NewProfiles(set.Snapshot.All())
	if len(problems) > 0 {
		t.Fatalf("profiles: %v", problems)
	}
	return p
}

// check fails unless the objects read back as they are and no rule complains.
func check(t *testing.T, objects []map[string]any) {
	t.Helper()
	set := read(t, wiringtest.Files(objects, 20))
	if set.Snapshot.Len() != len(objects) || len(set.Problems) > 0 {
		t.Fatalf("%d of %d objects read, problems %v", set.Snapshot.Len(), len(objects), set.Problems)
	}
	for i, p := range hedgehog.Validate(set.Snapshot, hedgehog.Context{Profiles: profiles(t)}) {
		if i == 20 {
			t.Fatal("and more")
		}
		t.Errorf("%s %s %s: %s", p.Severity, p.Rule, p.Key, p.Message)
	}
}

func TestSizedIsExactAndValid(t *testing.T) {
	t.Parallel()
	for _, n := range []int{10, 11, 12, 15, 37, 50, 100, 250, 500, 1000, 5000} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			t.Parallel()
			objects := wiringtest.Sized(n)
			if len(objects) != n {
				t.Fatalf("%d objects", len(objects))
			}
			check(t, objects)
		})
	}
}

func TestAFabricHasEveryUserKindAndIsValid(t *testing.T) {
	t.Parallel()
	objects := wiringtest.Fabric(everything)
	check(t, objects)
	var kinds []fabric.Kind
	for r := range read(t, wiringtest.Files(objects, 1)).Snapshot.All() {
		if !slices.Contains(kinds, r.Key.Kind) {
			kinds = append(kinds, r.Key.Kind)
		}
	}
	slices.SortFunc(kinds, fabric.Kind.Compare)
	if diff := cmp.Diff(slices.SortedFunc(slices.Values(hedgehog.UserKinds()), fabric.Kind.Compare), kinds); diff != "" {
		t.Errorf("kinds (-want +got):\n%s", diff)
	}
}

func TestObjectsReadBackAsTheyAre(t *testing.T) {
	t.Parallel()
	for _, o := range wiringtest.Fabric(everything) {
		for r := range read(t, map[string][]byte{"x.yaml": wiringtest.YAML([]map[string]any{o})}).Snapshot.All() {
			if diff := cmp.Diff(o, r.Object); diff != "" {
				t.Errorf("%s (-made +read):\n%s", r.Key, diff)
			}
		}
	}
}
