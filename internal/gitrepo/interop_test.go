package gitrepo

import (
	"fmt"
	"net/http/cgi"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hedgesync/hedgesync/internal/fabric"
)

// run runs git, which the product never does: here it is the other side.
func run(t *testing.T, dir string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "git", args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_SYSTEM=/dev/null",
		"GIT_AUTHOR_NAME=A", "GIT_AUTHOR_EMAIL=a@example.com", "GIT_COMMITTER_NAME=A", "GIT_COMMITTER_EMAIL=a@example.com")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("git %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return strings.TrimSpace(string(out))
}

// gitItself is a work tree made by git and served by git's own HTTP backend.
func gitItself(t *testing.T) (work, url string) {
	t.Helper()
	root := t.TempDir()
	work = filepath.Join(root, "lab")
	run(t, root, "init", "-q", "-b", "main", "lab")
	s := httptest.NewServer(&cgi.Handler{
		Path: filepath.Join(run(t, root, "--exec-path"), "git-http-backend"),
		Env:  []string{"GIT_PROJECT_ROOT=" + root, "GIT_HTTP_EXPORT_ALL=1", "GIT_CONFIG_COUNT=1", "GIT_CONFIG_KEY_0=safe.directory", "GIT_CONFIG_VALUE_0=*"},
	})
	t.Cleanup(s.Close)
	return work, s.URL + "/lab/.git"
}

func commitAll(t *testing.T, work string, files map[string]string, msg string) string {
	t.Helper()
	for name, content := range files {
		full := filepath.Join(work, name)
		if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(full, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	run(t, work, "add", "-A")
	run(t, work, "commit", "-q", "-m", msg)
	return run(t, work, "rev-parse", "HEAD")
}

func TestGitsOwnServerAndRepositoriesAreUnderstood(t *testing.T) {
	t.Parallel()
	work, url := gitItself(t)
	for name, repo := range map[string]fabric.Repository{"http": {URL: url}, "work tree": {URL: work}, "its .git": {URL: filepath.Join(work, ".git")}} {
		_, err := openCache(t, Options{}).Fetch(t.Context(), repo)
		if err == nil || !strings.Contains(err.Error(), "empty") {
			t.Errorf("%s: empty repository: %v", name, err)
		}
	}
	long := strings.Repeat("a line that deltas like\n", 500)
	commitAll(t, work, map[string]string{"lab/a": long, "lab/b": "1"}, "first")
	caches := map[string]*Cache{}
	for i := range 6 {
		want := map[string]string{"a": long + fmt.Sprint(i), "b": fmt.Sprint(i)}
		id := commitAll(t, work, map[string]string{"lab/a": want["a"], "lab/b": want["b"]}, fmt.Sprint("change ", i))
		if i == 3 {
			run(t, work, "gc", "-q") // packs, packed refs
			run(t, work, "tag", "-a", "-m", "three", "v3")
		}
		for name, repo := range map[string]fabric.Repository{"http": {URL: url}, "work tree": {URL: work}} {
			if caches[name] == nil {
				caches[name] = openCache(t, Options{})
			}
			got := fetch(t, caches[name], repo)
			if got.ID != id || got.Branch != "main" || got.Rewound || got.Subject != fmt.Sprint("change ", i) {
				t.Errorf("%s: got %+v, want %s", name, got, id)
			}
			if d := cmp.Diff(want, contents(t, caches[name], repo, id, "lab")); d != "" {
				t.Errorf("%s: -want +got\n%s", name, d)
			}
			repo.Branch = run(t, work, "rev-parse", "HEAD~1")
			if got := fetch(t, openCache(t, Options{}), repo); got.ID != repo.Branch {
				t.Errorf("%s: pinned: %+v", name, got)
			}
		}
	}
	if got := fetch(t, caches["http"], fabric.Repository{URL: url, Branch: "v3"}); got.Subject != "change 3" {
		t.Errorf("tag: %+v", got)
	}
	a, err := parseAddress(url)
	if err != nil {
		t.Fatal(err)
	}
	run(t, caches["http"].bare(a).dir, "fsck", "--strict")
}

func TestLinkedWorkTreesAndDetachedHeadsAreRead(t *testing.T) {
	t.Parallel()
	work, _ := gitItself(t)
	first := commitAll(t, work, map[string]string{"a": "1"}, "first")
	second := commitAll(t, work, map[string]string{"a": "2"}, "second")
	linked := filepath.Join(t.TempDir(), "linked")
	run(t, work, "worktree", "add", "-q", "-b", "side", linked, first)
	if got := fetch(t, openCache(t, Options{}), fabric.Repository{URL: linked}); got.ID != first || got.Branch != "side" {
		t.Errorf("linked: %+v", got)
	}
	run(t, work, "checkout", "-q", "--detach", second)
	if got := fetch(t, openCache(t, Options{}), fabric.Repository{URL: work}); got.ID != second {
		t.Errorf("detached: %+v", got)
	}
	shared := filepath.Join(t.TempDir(), "shared")
	run(t, work, "clone", "-q", "--shared", work, shared)
	if got := fetch(t, openCache(t, Options{}), fabric.Repository{URL: shared}); got.ID != second {
		t.Errorf("with alternates: %+v", got)
	}
}
