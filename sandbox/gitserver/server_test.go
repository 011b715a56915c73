package gitserver_test

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/go-git/go-git/v5"
	"github.com/go-git/go-git/v5/plumbing/transport/http"
	"github.com/go-git/go-git/v5/storage/memory"

	"github.com/hedgesync/hedgesync/sandbox/gitserver"
)

var content = fstest.MapFS{
	"lab/a.yaml":    {Data: []byte("a: 1\n")},
	"campus/b.yaml": {Data: []byte("b: 2\n")},
}

func start(t *testing.T, c gitserver.Config) *gitserver.Server {
	t.Helper()
	c.Token, c.Now, c.Repositories = "sesame", time.Unix(1_700_000_000, 0), map[string]fs.FS{"fabrics": content}
	s, err := gitserver.Start(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Stop(); err != nil {
			t.Errorf("stop: %v", err)
		}
	})
	return s
}

// run runs the real git, without the configuration of this machine.
func run(t *testing.T, dir string, args ...string) (string, error) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "git", args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_SYSTEM=/dev/null", "GIT_TERMINAL_PROMPT=0",
		"GIT_AUTHOR_NAME=a", "GIT_AUTHOR_EMAIL=a@example.com", "GIT_COMMITTER_NAME=a", "GIT_COMMITTER_EMAIL=a@example.com")
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func mustRun(t *testing.T, dir string, args ...string) string {
	t.Helper()
	out, err := run(t, dir, args...)
	if err != nil {
		t.Fatalf("git %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return strings.TrimSpace(out)
}

func commit(t *testing.T, dir, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	mustRun(t, dir, "add", "-A")
	mustRun(t, dir, "commit", "-q", "-m", name)
}

func TestGitClonesPushesAndFetches(t *testing.T) {
	t.Parallel()
	for name, dir := range map[string]string{"in memory": "", "on disk": t.TempDir()} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := start(t, gitserver.Config{Dir: dir})
			root := t.TempDir()
			mustRun(t, root, "clone", "-q", s.PushURL("fabrics"), "one")
			mustRun(t, root, "clone", "-q", s.URL("fabrics"), "two")
			one, two := filepath.Join(root, "one"), filepath.Join(root, "two")
			if branch := mustRun(t, one, "branch", "--show-current"); branch != gitserver.Branch {
				t.Errorf("branch %q", branch)
			}
			for round := range 3 { // the second fetch has something in common
				commit(t, one, "lab/a.yaml", strings.Repeat("a: 1\n", round+2))
				mustRun(t, one, "push", "-q")
				mustRun(t, two, "pull", "-q")
				if a, b := mustRun(t, one, "rev-parse", "HEAD"), mustRun(t, two, "rev-parse", "HEAD"); a != b {
					t.Errorf("round %d: pushed %s, pulled %s", round, a, b)
				}
			}
			mustRun(t, two, "fsck", "--strict")
		})
	}
}

func TestAPushThatWouldLoseCommitsIsRefused(t *testing.T) {
	t.Parallel()
	s := start(t, gitserver.Config{})
	root := t.TempDir()
	for _, name := range []string{"one", "two"} {
		mustRun(t, root, "clone", "-q", s.PushURL("fabrics"), name)
		commit(t, filepath.Join(root, name), "lab/"+name, name)
	}
	mustRun(t, filepath.Join(root, "one"), "push", "-q")
	if out, err := run(t, filepath.Join(root, "two"), "push", "-q"); err == nil {
		t.Errorf("accepted: %s", out)
	}
	mustRun(t, filepath.Join(root, "one"), "push", "-q", "origin", "HEAD:refs/heads/side")
	mustRun(t, filepath.Join(root, "one"), "push", "-q", "origin", ":refs/heads/side")
	if refs := mustRun(t, root, "ls-remote", s.URL("fabrics"), "refs/heads/side"); refs != "" {
		t.Errorf("deleted branch is still there: %s", refs)
	}
}

func TestPushingNeedsTheTokenAndReadingAPrivateServerToo(t *testing.T) {
	t.Parallel()
	open, private := start(t, gitserver.Config{}), start(t, gitserver.Config{Private: true})
	root := t.TempDir()
	mustRun(t, root, "clone", "-q", open.URL("fabrics"), "open")
	commit(t, filepath.Join(root, "open"), "lab/x", "x")
	if out, err := run(t, filepath.Join(root, "open"), "push", "-q"); err == nil {
		t.Errorf("pushed without a token: %s", out)
	}
	if out, err := run(t, root, "clone", "-q", private.URL("fabrics"), "private"); err == nil {
		t.Errorf("read without a token: %s", out)
	}
	mustRun(t, root, "clone", "-q", private.PushURL("fabrics"), "private")
	if out, err := run(t, root, "ls-remote", open.URL("nothing")); err == nil {
		t.Errorf("a repository that is not there was listed: %s", out)
	}
}

func TestTheLibraryTheProductUsesCanClone(t *testing.T) {
	t.Parallel()
	s := start(t, gitserver.Config{Private: true})
	repo, err := git.CloneContext(t.Context(), memory.NewStorage(), nil, &git.CloneOptions{
		URL: s.URL("fabrics"), Auth: &http.BasicAuth{Username: "anyone", Password: "sesame"},
	})
	if err != nil {
		t.Fatal(err)
	}
	if head, err := repo.Head(); err != nil || head.Name().Short() != gitserver.Branch {
		t.Errorf("head %v, %v", head, err)
	}
}

func TestPushesOutliveTheServer(t *testing.T) {
	t.Parallel()
	dir, root := t.TempDir(), t.TempDir()
	first, err := gitserver.Start(gitserver.Config{Dir: dir, Token: "sesame", Repositories: map[string]fs.FS{"fabrics": content}})
	if err != nil {
		t.Fatal(err)
	}
	mustRun(t, root, "clone", "-q", first.PushURL("fabrics"), "one")
	commit(t, filepath.Join(root, "one"), "lab/new", "new")
	mustRun(t, filepath.Join(root, "one"), "push", "-q")
	if err := first.Stop(); err != nil {
		t.Fatal(err)
	}
	second := start(t, gitserver.Config{Dir: dir})
	want := mustRun(t, filepath.Join(root, "one"), "rev-parse", "HEAD")
	if got := mustRun(t, root, "ls-remote", second.URL("fabrics"), "HEAD"); !strings.HasPrefix(got, want) {
		t.Errorf("got %s, want %s", got, want)
	}
}
