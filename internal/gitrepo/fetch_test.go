package gitrepo

import (
	"context"
	"fmt"
	"io/fs"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hedgesync/hedgesync/internal/fabric"
	"github.com/hedgesync/hedgesync/internal/fault"
	"github.com/hedgesync/hedgesync/internal/gittest"
)

func openCache(t testing.TB, o Options) *Cache {
	t.Helper()
	c, err := Open(t.TempDir(), o)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func fetch(t testing.TB, c *Cache, repo fabric.Repository) Commit {
	t.Helper()
	commit, err := c.Fetch(t.Context(), repo)
	if err != nil {
		t.Fatalf("%v (hint: %s)", err, fault.HintOf(err))
	}
	return commit
}

// contents reads every file of a directory at a commit.
func contents(t testing.TB, c *Cache, repo fabric.Repository, id, dir string) map[string]string {
	t.Helper()
	files, err := c.Files(t.Context(), repo, id, dir)
	if err != nil {
		t.Fatalf("%v (hint: %s)", err, fault.HintOf(err))
	}
	got := map[string]string{}
	err = fs.WalkDir(files, ".", func(name string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		b, err := fs.ReadFile(files, name)
		got[name] = string(b)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func wantFault(t testing.TB, err error, kind fault.Kind, code string) {
	t.Helper()
	if err == nil {
		t.Fatalf("no error, want %v %s", kind, code)
	}
	if got := fault.KindOf(err); got != kind || fault.CodeOf(err) != code {
		t.Fatalf("got %v %s, want %v %s: %v", got, fault.CodeOf(err), kind, code, err)
	}
	if fault.HintOf(err) == "" {
		t.Errorf("no hint: %v", err)
	}
}

// remotes starts every kind of remote for one repository.
func remotes(t *testing.T, origin *gittest.Repo) map[string]fabric.Repository {
	t.Helper()
	secret := gittest.Options{Username: "ci", Password: "pass-7d1f"}
	plain := gittest.Serve(t, origin, secret)
	secret.TLS = true
	https := gittest.Serve(t, origin, secret)
	token := gittest.Serve(t, origin, gittest.Options{Password: "token-55aa", TLS: true})
	ssh := gittest.ServeSSH(t, origin)
	basic := fabric.Credential{Username: "ci", Password: fabric.NewSecret("pass-7d1f")}
	basicCA := basic
	basicCA.CA = https.CA
	return map[string]fabric.Repository{
		"http":  {URL: plain.URL, Credential: basic},
		"https": {URL: https.URL, Credential: basicCA},
		"token": {URL: token.URL, Credential: fabric.Credential{Password: fabric.NewSecret("token-55aa"), CA: token.CA}},
		"ssh":   {URL: ssh.URL, Credential: fabric.Credential{SSHKey: fabric.NewSecret(ssh.ClientKey), KnownHosts: ssh.KnownHosts}},
		"path":  {URL: origin.Dir},
		"file":  {URL: "file://" + origin.Dir},
	}
}

func TestEveryKindOfRemoteGivesTheCommitAndItsChanges(t *testing.T) {
	t.Parallel()
	origin := gittest.NewRepo(t)
	first := origin.Commit(t, map[string]string{"lab/a.yaml": "a: 1\n", "lab/sub/b.yaml": "b: 1\n", "README": "x"}, "first\n\nbody")
	all := remotes(t, origin)
	caches := map[string]*Cache{}
	for name, repo := range all {
		caches[name] = openCache(t, Options{})
		got := fetch(t, caches[name], repo)
		want := Commit{
			ID: first, Tree: got.Tree, Branch: "main", Subject: "first",
			Author: "Ada Operator", Email: "ada@example.com", When: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC),
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%s: -want +got\n%s", name, d)
		}
		if d := cmp.Diff(map[string]string{"a.yaml": "a: 1\n", "sub/b.yaml": "b: 1\n"}, contents(t, caches[name], repo, first, "lab")); d != "" {
			t.Errorf("%s: -want +got\n%s", name, d)
		}
	}
	second := origin.Commit(t, map[string]string{"lab/a.yaml": "", "lab/c.yaml": "c: 2\n"}, "second")
	for name, repo := range all {
		got := fetch(t, caches[name], repo)
		if got.ID != second || got.Previous != first || got.Unchanged || got.Rewound {
			t.Errorf("%s: got %+v", name, got)
		}
		if d := cmp.Diff(map[string]string{"c.yaml": "c: 2\n", "sub/b.yaml": "b: 1\n"}, contents(t, caches[name], repo, second, "lab")); d != "" {
			t.Errorf("%s: -want +got\n%s", name, d)
		}
		again := fetch(t, caches[name], repo)
		if !again.Unchanged || again.ID != second {
			t.Errorf("%s: third fetch: %+v", name, again)
		}
	}
}

func TestUnchangedHeadCostsOneRequest(t *testing.T) {
	t.Parallel()
	origin := gittest.NewRepo(t)
	origin.Commit(t, map[string]string{"a": "1"}, "one")
	s := gittest.Serve(t, origin, gittest.Options{})
	c, repo := openCache(t, Options{}), fabric.Repository{URL: s.URL}
	fetch(t, c, repo)
	s.Requests()
	if got := fetch(t, c, repo); !got.Unchanged {
		t.Errorf("got %+v", got)
	}
	want := []gittest.Request{{Method: http.MethodGet, Path: "/fabrics/lab.git/info/refs"}}
	if d := cmp.Diff(want, s.Requests()); d != "" {
		t.Errorf("-want +got\n%s", d)
	}
}

func TestForcePushIsReportedOnceAndTheOldCommitStays(t *testing.T) {
	t.Parallel()
	origin := gittest.NewRepo(t)
	base := origin.Commit(t, map[string]string{"a": "1"}, "base")
	lost := origin.Commit(t, map[string]string{"a": "2"}, "lost")
	c, repo := openCache(t, Options{}), fabric.Repository{URL: origin.Dir}
	fetch(t, c, repo)
	origin.Point(t, gittest.Main, base)
	forced := origin.Commit(t, map[string]string{"a": "3"}, "forced")
	got := fetch(t, c, repo)
	if !got.Rewound || got.Previous != lost || got.ID != forced {
		t.Errorf("got %+v", got)
	}
	if got := fetch(t, c, repo); got.Rewound || !got.Unchanged {
		t.Errorf("second fetch: %+v", got)
	}
	if d := cmp.Diff(map[string]string{"a": "2"}, contents(t, c, repo, lost, "")); d != "" {
		t.Errorf("the rewound commit: -want +got\n%s", d)
	}
	origin.Point(t, gittest.Main, base)
	if got := fetch(t, c, repo); !got.Rewound || got.ID != base {
		t.Errorf("after going back: %+v", got)
	}
}

func TestRefsAreFoundByEveryName(t *testing.T) {
	t.Parallel()
	origin := gittest.NewRepo(t)
	first := origin.Commit(t, map[string]string{"a": "1"}, "first")
	second := origin.Commit(t, map[string]string{"a": "2"}, "second")
	other := origin.CommitTo(t, "site/b", map[string]string{"a": "9"}, "other")
	origin.Tag(t, "v1", first)
	for kind, remote := range remotes(t, origin) {
		for name, want := range map[string]Commit{
			"":                {ID: second, Branch: "main"},
			"main":            {ID: second, Branch: "main"},
			"refs/heads/main": {ID: second, Branch: "main"},
			"site/b":          {ID: other, Branch: "site/b"},
			"v1":              {ID: first, Branch: "v1"},
			"refs/tags/v1":    {ID: first, Branch: "v1"},
			first:             {ID: first},
			other:             {ID: other},
		} {
			t.Run(kind+" "+name, func(t *testing.T) {
				c := openCache(t, Options{})
				remote.Branch = name
				got := fetch(t, c, remote)
				if got.ID != want.ID || got.Branch != want.Branch || got.Unchanged {
					t.Errorf("got %+v, want %+v", got, want)
				}
				if got := fetch(t, c, remote); !got.Unchanged || got.ID != want.ID {
					t.Errorf("again: %+v", got)
				}
			})
		}
	}
}

func TestBranchesThatCannotExistTogetherFollowEachOther(t *testing.T) {
	t.Parallel()
	origin := gittest.NewRepo(t)
	a := origin.CommitTo(t, "site", map[string]string{"a": "1"}, "a")
	c, repo := openCache(t, Options{}), fabric.Repository{URL: origin.Dir, Branch: "site"}
	fetch(t, c, repo)
	origin.DeleteBranch(t, "site")
	b := origin.CommitTo(t, "site/b", map[string]string{"a": "2"}, "b")
	repo.Branch = "site/b"
	if got := fetch(t, c, repo); got.ID != b {
		t.Errorf("got %+v", got)
	}
	if got, err := c.Resolve(t.Context(), repo, a[:10]); err != nil || got.ID != a {
		t.Errorf("the first: %+v, %v", got, err)
	}
}

func TestWhatIsNotThereIsMissingAndSaysWhatIs(t *testing.T) {
	t.Parallel()
	origin := gittest.NewRepo(t)
	c, repo := openCache(t, Options{}), fabric.Repository{URL: gittest.Serve(t, origin, gittest.Options{}).URL}
	_, err := c.Fetch(t.Context(), repo)
	wantFault(t, err, fault.Missing, "git.ref")
	if !strings.Contains(err.Error(), "empty") {
		t.Errorf("empty repository: %v", err)
	}
	origin.Commit(t, map[string]string{"lab/x/a": "1", "lab/y/a": "1"}, "one")
	origin.CommitTo(t, "spare", map[string]string{"a": "1"}, "one")
	repo.Branch = "gone"
	_, err = c.Fetch(t.Context(), repo)
	wantFault(t, err, fault.Missing, "git.ref")
	if got, want := fault.HintOf(err), "its branches are main, spare"; got != want {
		t.Errorf("hint %q, want %q", got, want)
	}
	repo.Branch = strings.Repeat("ab", 20)
	_, err = c.Fetch(t.Context(), repo)
	wantFault(t, err, fault.Missing, "git.ref")

	repo.Branch = ""
	head := fetch(t, c, repo)
	for dir, want := range map[string]struct{ text, hint string }{
		"lab/z/deep": {`"lab/z/deep" does not exist`, "lab exists and has lab/x, lab/y"},
		"nope":       {`"nope" does not exist`, "the root exists and has lab"},
		"lab/x/b":    {`"lab/x/b" does not exist`, "lab/x exists and has no directories"},
	} {
		_, err := c.Files(t.Context(), repo, head.ID, dir)
		wantFault(t, err, fault.Missing, "git.path")
		if !strings.Contains(err.Error(), want.text) || fault.HintOf(err) != want.hint {
			t.Errorf("%s: %v; %s", dir, err, fault.HintOf(err))
		}
	}
	_, err = c.Files(t.Context(), repo, strings.Repeat("0a", 20), "")
	wantFault(t, err, fault.Missing, "git.ref")
	_, err = c.Commit(t.Context(), repo, head.ID[:8])
	wantFault(t, err, fault.Invalid, "git.ref")
}

func TestEmptyTreeIsMissingAndNeverAnEmptyFS(t *testing.T) {
	t.Parallel()
	origin := gittest.NewRepo(t)
	origin.Commit(t, map[string]string{"a": "1"}, "one")
	id := origin.Commit(t, map[string]string{"a": ""}, "all gone")
	c, repo := openCache(t, Options{}), fabric.Repository{URL: origin.Dir}
	fetch(t, c, repo)
	_, err := c.Files(t.Context(), repo, id, "")
	wantFault(t, err, fault.Missing, "git.path")
}

func TestCommitsOfTheCacheResolveWithoutTheRemote(t *testing.T) {
	t.Parallel()
	origin := gittest.NewRepo(t)
	first := origin.Commit(t, map[string]string{"a": "1"}, "first")
	second := origin.Commit(t, map[string]string{"a": "2"}, "second")
	s := gittest.Serve(t, origin, gittest.Options{})
	c, repo := openCache(t, Options{}), fabric.Repository{URL: s.URL}
	fetch(t, c, repo)
	s.Fail(gittest.Broken)
	for rev, want := range map[string]string{"main": second, "main~1": first, first[:8]: first, second: second} {
		got, err := c.Resolve(t.Context(), repo, rev)
		if err != nil || got.ID != want {
			t.Errorf("%s: %+v, %v", rev, got, err)
		}
	}
	for _, rev := range []string{"nope", "main~7", "ffffffff", "", "main^{", "@{-1}", ":/x"} {
		_, err := c.Resolve(t.Context(), repo, rev)
		wantFault(t, err, fault.Missing, "git.ref")
	}
	repo.Branch = first
	if got := fetch(t, c, repo); got.ID != first || !got.Unchanged {
		t.Errorf("pinned: %+v", got)
	}
}

func TestSpellingsOfOneURLShareACacheEntry(t *testing.T) {
	t.Parallel()
	origin := gittest.NewRepo(t)
	origin.Commit(t, map[string]string{"a": "1"}, "one")
	c := openCache(t, Options{})
	fetch(t, c, fabric.Repository{URL: origin.Dir})
	if got := fetch(t, c, fabric.Repository{URL: "file://" + origin.Dir + "/"}); !got.Unchanged {
		t.Errorf("got %+v", got)
	}
}

func TestManyFetchesAtOnceAgree(t *testing.T) {
	t.Parallel()
	origin := gittest.NewRepo(t)
	want := origin.Commit(t, map[string]string{"a": "1"}, "one")
	s := gittest.Serve(t, origin, gittest.Options{})
	dir := t.TempDir()
	got := make(chan string, 8)
	for range cap(got) {
		c, err := Open(dir, Options{})
		if err != nil {
			t.Fatal(err)
		}
		go func() {
			commit, err := c.Fetch(t.Context(), fabric.Repository{URL: s.URL})
			got <- fmt.Sprint(commit.ID, err)
		}()
	}
	for range cap(got) {
		if g := <-got; g != want+"<nil>" {
			t.Error(g)
		}
	}
	packs := slices.DeleteFunc(s.Requests(), func(r gittest.Request) bool { return r.Method == http.MethodGet })
	if len(packs) != 1 {
		t.Errorf("%d packs were asked for", len(packs))
	}
}

func TestWaitingForAnotherFetchEndsWithTheContext(t *testing.T) {
	t.Parallel()
	origin := gittest.NewRepo(t)
	origin.Commit(t, map[string]string{"a": "1"}, "one")
	c, repo := openCache(t, Options{}), fabric.Repository{URL: origin.Dir}
	a, err := parseAddress(repo.URL)
	if err != nil {
		t.Fatal(err)
	}
	unlock, err := c.bare(a).lock(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err = c.Fetch(ctx, repo)
	wantFault(t, err, fault.Unavailable, "git.cache")
	unlock()
	fetch(t, c, repo)
}
