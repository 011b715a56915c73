// Package internal_test holds the walls of the house: which room may import which.
package internal_test

import (
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/hedgesync/hedgesync/"

// rooms is the table of ARCHITECTURE.md: what each package may import of ours,
// and what of others it must not know.
var rooms = map[string]struct {
	may   []string
	never []string
}{
	"internal/fault":    {},
	"internal/fabric":   {may: []string{"internal/fault"}, never: append([]string{"os", "context"}, clients...)},
	"internal/hedgehog": {may: []string{"internal/fabric", "internal/fault", "crds"}, never: pure},
	"internal/manifest": {may: []string{"internal/fabric", "internal/fault"}, never: pure},
	"internal/plan":     {may: []string{"internal/fabric", "internal/fault", "internal/hedgehog"}, never: pure},
	"internal/status":   {may: []string{"internal/fabric", "internal/fault", "internal/hedgehog", "internal/plan", "internal/saga"}, never: pure},
	"internal/saga":     {may: []string{"internal/fabric", "internal/fault"}, never: clients},
	"internal/syncer": {
		may:   []string{"internal/fabric", "internal/fault", "internal/hedgehog", "internal/manifest", "internal/plan", "internal/saga"},
		never: clients,
	},
	"internal/gitrepo": {may: []string{"internal/fabric", "internal/fault"}, never: []string{"database/sql", "k8s.io/"}},
	"internal/kube": {
		may:   []string{"internal/fabric", "internal/fault", "internal/plan", "internal/hedgehog"},
		never: []string{"database/sql", "github.com/go-git/"},
	},
	"internal/store": {
		may:   []string{"internal/fabric", "internal/fault", "internal/plan", "internal/saga"},
		never: []string{"k8s.io/", "github.com/go-git/", "net/http"},
	},
	"internal/api": {
		may:   []string{"internal/fabric", "internal/fault", "internal/plan", "internal/saga", "internal/status"},
		never: []string{"database/sql", "k8s.io/", "github.com/go-git/"},
	},
	"internal/api/client": {may: []string{"internal/api", "internal/fault", "internal/fabric"}, never: []string{"database/sql", "k8s.io/", "github.com/go-git/"}},
	"internal/app":        {may: []string{"*"}},
	"cmd/hedgesync":       {may: []string{"internal/app", "internal/api", "internal/api/client", "internal/fault", "internal/fabric", "internal/plan"}, never: clients},
	"crds":                {never: clients},
}

// pure rooms decide; they do not read, write, wait or log.
var pure = append([]string{"os", "log", "log/slog", "context", "math/rand", "math/rand/v2"}, clients...)

// clients are what only a room named after them may know.
var clients = []string{"database/sql", "net/http", "k8s.io/client-go/", "github.com/go-git/"}

// testOnly packages start real servers or make data for tests: no production
// package may import one.
var testOnly = []string{"internal/kubetest", "internal/pgtest", "internal/gittest", "internal/wiringtest"}

// Law 10, and the table of rooms.
func TestImportsPointUpTheHouse(t *testing.T) {
	t.Parallel()
	root := ".."
	seen := map[string]bool{}
	err := filepath.WalkDir(root, func(file string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, _ := filepath.Rel(root, file)
		rel = filepath.ToSlash(rel)
		if d.IsDir() {
			if rel == "sandbox" || rel == "tools" || rel == "bench" || rel == "web" || strings.HasPrefix(d.Name(), ".") && rel != "." {
				return fs.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(rel, ".go") || strings.HasSuffix(rel, "_test.go") {
			return nil
		}
		room := path.Dir(rel)
		seen[room] = true
		for _, p := range imports(t, file) {
			checkImport(t, rel, room, p)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for room := range seen {
		if _, known := rooms[room]; !known && !slices.Contains(testOnly, room) {
			t.Errorf("%s is not in the table of rooms: say in it, and in ARCHITECTURE.md, what lives there", room)
		}
	}
}

func imports(t *testing.T, file string) []string {
	t.Helper()
	f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
	if err != nil {
		t.Fatal(err)
	}
	var paths []string
	for _, i := range f.Imports {
		p, err := strconv.Unquote(i.Path.Value)
		if err != nil {
			t.Fatal(err)
		}
		paths = append(paths, p)
	}
	return paths
}

func checkImport(t *testing.T, file, room, imported string) {
	t.Helper()
	if slices.Contains(testOnly, room) {
		return
	}
	wall := rooms[room]
	if ours, ok := strings.CutPrefix(imported, module); ok {
		if slices.Contains(testOnly, ours) {
			t.Errorf("%s imports %s, which is for tests only", file, ours)
		}
		if !slices.Contains(wall.may, ours) && !slices.Contains(wall.may, "*") {
			t.Errorf("%s imports %s: %s may not know it", file, ours, room)
		}
		return
	}
	for _, n := range wall.never {
		if imported == n || strings.HasSuffix(n, "/") && strings.HasPrefix(imported, n) {
			t.Errorf("%s imports %s: %s must not know it", file, imported, room)
		}
	}
}
