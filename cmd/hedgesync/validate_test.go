package main_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hedgesync/hedgesync/internal/wiringtest"
)

const wrong = `apiVersion: wiring.githedgehog.com/v1beta1
kind: Server
metadata:
  name: one
spec:
  descriptionn: misspelt
---
apiVersion: vpc.githedgehog.com/v1beta1
kind: VPC
metadata:
  name: vpc-1
spec:
  vlanNamespace: nowhere
`

// files makes a directory to validate and returns it.
func files(t *testing.T, content map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range content {
		write(t, dir, name, text)
	}
	return dir
}

// offline is a world without a cluster and without Git.
func offline(t *testing.T) *world { return &world{data: filepath.Join(t.TempDir(), "data")} }

// VAL-01: all problems in one pass, each at its place, as compilers print them.
func TestValidateNamesEveryProblemAtItsPlace(t *testing.T) {
	t.Parallel()
	w := offline(t)
	dir := files(t, map[string]string{"sub/wrong.yaml": wrong, "syntax.yaml": "a: [\n", "notes.txt": "not: [yaml"})
	r := w.exits(t, 1, "validate", dir)
	has(t, r.out, dir+"/sub/wrong.yaml:6:3: error: Server/default/one: ", "descriptionn", dir+"/syntax.yaml:", "nowhere", "not valid: ")
	if _, err := os.Stat(w.data); err == nil {
		t.Error("validate made a data directory")
	}
	one := w.exits(t, 1, "validate", filepath.Join(dir, "sub", "wrong.yaml"))
	has(t, one.out, dir+"/sub/wrong.yaml:6:3: error: ", "in 1 file,")
	if strings.Contains(one.out, "syntax.yaml") {
		t.Errorf("a file's neighbours were read:\n%s", one.out)
	}
}

func TestValidateAnswersPrograms(t *testing.T) {
	t.Parallel()
	w := offline(t)
	dir := files(t, map[string]string{"wrong.yaml": wrong})
	type problem struct {
		Severity, Rule, File, Object, Pointer string
		Line, Column                          int
	}
	got := decode[struct {
		Valid                  bool
		Objects, Files, Errors int
		Problems               []problem
	}](t, w.exits(t, 1, "validate", dir, "-o", "json"))
	want := problem{"error", "schema.unknown-field", filepath.Join(dir, "wrong.yaml"), "Server/default/one", "/spec/descriptionn", 6, 3}
	if got.Valid || got.Objects != 2 || got.Files != 1 || got.Errors < 2 || len(got.Problems) < 2 || got.Problems[0] != want {
		t.Errorf("%+v\n%s", got, cmp.Diff(want, got.Problems[0]))
	}
}

// Each directory is a fabric of its own: the same names in two are no conflict.
func TestValidateTakesSeveralDirectories(t *testing.T) {
	t.Parallel()
	w := offline(t)
	fabric := map[string]string{"all.yaml": string(wiringtest.YAML(wiringtest.Fabric(smallFabric)))}
	profiles := files(t, map[string]string{"profiles.yaml": string(wiringtest.YAML(wiringtest.Profiles()))})
	r := w.ok(t, "validate", "--strict", "--profiles", filepath.Join(profiles, "profiles.yaml"), files(t, fabric), files(t, fabric))
	has(t, r.out, "valid: 56 objects in 2 files, 0 errors, 0 warnings")
}

// What cannot be checked is not called valid.
func TestValidateTellsWrongFromUnchecked(t *testing.T) {
	t.Parallel()
	w := offline(t)
	dir := files(t, map[string]string{"wrong.yaml": wrong})
	for name, args := range map[string][]string{
		"does not exist":       {filepath.Join(dir, "none")},
		"holds no":             {dir, "--profiles", dir},
		"requires at least 1":  {},
		"unknown flag: --nope": {dir, "--nope"},
	} {
		has(t, w.exits(t, 2, append([]string{"validate"}, args...)...).err, name)
	}
}
