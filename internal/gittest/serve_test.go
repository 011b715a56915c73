package gittest_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hedgesync/hedgesync/internal/gittest"
)

// TestGitItselfCanCloneAndPull holds the server to what a real client expects.
func TestGitItselfCanCloneAndPull(t *testing.T) {
	t.Parallel()
	origin := gittest.NewRepo(t)
	origin.Commit(t, map[string]string{"lab/a": "1", "b": "2"}, "one")
	s := gittest.Serve(t, origin, gittest.Options{})
	dir := filepath.Join(t.TempDir(), "clone")
	git(t, "clone", "-q", s.URL, dir)
	want := origin.Commit(t, map[string]string{"lab/a": "3", "b": ""}, "two")
	git(t, "-C", dir, "pull", "-q", "--ff-only")
	git(t, "-C", dir, "fsck", "--strict")
	if got := git(t, "-C", dir, "rev-parse", "HEAD"); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if got := git(t, "-C", dir, "ls-files"); got != "lab/a" {
		t.Errorf("files %q", got)
	}
}

func git(t *testing.T, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "git", args...)
	cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_SYSTEM=/dev/null", "GIT_TERMINAL_PROMPT=0")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("git %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return strings.TrimSpace(string(out))
}
