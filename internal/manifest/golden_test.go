package manifest_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hedgesync/hedgesync/internal/manifest"
)

var update = flag.Bool("update", false, "write the golden files anew")

// Each directory of testdata is read whole; what comes of it lies beside it.
func TestDirectoriesReadAsTheirGoldenFilesSay(t *testing.T) {
	t.Parallel()
	for _, dir := range []string{"hhfab", "gitops", "messy"} {
		t.Run(dir, func(t *testing.T) {
			t.Parallel()
			set, err := manifest.Read(os.DirFS(filepath.Join("testdata", dir)), options())
			if err != nil {
				t.Fatal(err)
			}
			got := render(t, set)
			golden := filepath.Join("testdata", dir+".golden")
			if *update {
				if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(got, "\n")); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func render(t *testing.T, set *manifest.Set) string {
	t.Helper()
	var b strings.Builder
	fmt.Fprintf(&b, "%d files, %d documents, %d objects\n\n", set.Files, set.Documents, set.Snapshot.Len())
	for r := range set.Snapshot.All() {
		object, err := json.Marshal(r.Object)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&b, "%s %s at %s (document %d)\n  %s\n", r.Key, r.Version, r.Origin, r.Origin.Document, object)
	}
	b.WriteString("\n")
	for _, p := range set.Problems {
		fmt.Fprintf(&b, "%s: %s %s: %s\n", p.Origin, p.Severity, p.Rule, p.Message)
		fmt.Fprintf(&b, "  %s %s %s\n", p.Key, p.Pointer, p.Hint)
	}
	b.WriteString("\n")
	for _, k := range set.Snapshot.Kinds() {
		c := set.Snapshot.Coverage(k)
		fmt.Fprintf(&b, "%s %s %s\n", k, c.State, c.Reason)
	}
	return b.String()
}
