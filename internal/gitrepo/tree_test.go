package gitrepo

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"sync"
	"testing"
	"testing/fstest"

	"github.com/go-git/go-git/v5/plumbing/filemode"
	"github.com/google/go-cmp/cmp"

	"github.com/hedgesync/hedgesync/internal/fabric"
	"github.com/hedgesync/hedgesync/internal/fault"
	"github.com/hedgesync/hedgesync/internal/gittest"
)

// mixed is a repository with everything a tree can hold.
func mixed(t *testing.T) (*Cache, fabric.Repository, string) {
	t.Helper()
	origin := gittest.NewRepo(t)
	id := origin.CommitEntries(t, gittest.Main, map[string]gittest.Entry{
		"lab/a.yaml":       {Mode: filemode.Regular, Content: "a: 1\r\n"},
		"lab/run.sh":       {Mode: filemode.Executable, Content: "#!/bin/sh\n"},
		"lab/same.yaml":    {Mode: filemode.Regular, Content: "a: 1\r\n"},
		"lab/deep/b.yaml":  {Mode: filemode.Regular, Content: "b"},
		"lab/link.yaml":    {Mode: filemode.Symlink, Content: "../secret.yaml"},
		"lab/inside.yaml":  {Mode: filemode.Symlink, Content: "a.yaml"},
		"lab/linkdir":      {Mode: filemode.Symlink, Content: "deep"},
		"lab/module":       {Mode: filemode.Submodule, Content: strings.Repeat("1a", 20)},
		"lab/lfs.yaml":     {Mode: filemode.Regular, Content: "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 3\n"},
		"lab/crlf.yaml":    {Mode: filemode.Regular, Content: "x\n"},
		".gitattributes":   {Mode: filemode.Regular, Content: "*.yaml text eol=crlf filter=lfs ident\n"},
		"secret.yaml":      {Mode: filemode.Regular, Content: "s"},
		"module":           {Mode: filemode.Submodule, Content: strings.Repeat("1a", 20)},
		"linkdir":          {Mode: filemode.Symlink, Content: "lab"},
		"äö/日本/ spaced .y": {Mode: filemode.Regular, Content: "u"},
	}, "mixed")
	c, repo := openCache(t, Options{}), fabric.Repository{URL: origin.Dir}
	fetch(t, c, repo)
	return c, repo, id
}

func TestTreeIsAProperFileSystem(t *testing.T) {
	t.Parallel()
	c, repo, id := mixed(t)
	for dir, files := range map[string][]string{
		"äö":       {"日本/ spaced .y"},
		"lab/deep": {"b.yaml"},
	} {
		tree, err := c.Files(t.Context(), repo, id, dir)
		if err != nil {
			t.Fatal(err)
		}
		if err := fstest.TestFS(tree, files...); err != nil {
			t.Errorf("%s: %v", dir, err)
		}
	}
}

func TestBytesAreWhatWasCommittedAndLinksAreNotFollowed(t *testing.T) {
	t.Parallel()
	c, repo, id := mixed(t)
	tree, err := c.Files(t.Context(), repo, id, "lab")
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	err = fs.WalkDir(tree, ".", func(name string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := e.Info()
		if err != nil {
			return err
		}
		got[name] = info.Mode().String()
		if e.Type().IsRegular() {
			b, err := fs.ReadFile(tree, name)
			got[name] += fmt.Sprintf(" %d %q", info.Size(), b)
			return err
		}
		return nil
	})
	want := map[string]string{
		".": "dr-xr-xr-x", "deep": "dr-xr-xr-x",
		"a.yaml": `-r--r--r-- 6 "a: 1\r\n"`, "same.yaml": `-r--r--r-- 6 "a: 1\r\n"`, "run.sh": `-r-xr-xr-x 10 "#!/bin/sh\n"`,
		"deep/b.yaml": `-r--r--r-- 1 "b"`, "crlf.yaml": `-r--r--r-- 2 "x\n"`,
		"lfs.yaml":  `-r--r--r-- 64 "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 3\n"`,
		"link.yaml": "Lrwxrwxrwx", "inside.yaml": "Lrwxrwxrwx", "linkdir": "Lrwxrwxrwx", "module": "?---------",
	}
	if d := cmp.Diff(want, got); err != nil || d != "" {
		t.Errorf("%v -want +got\n%s", err, d)
	}
	for _, name := range []string{"link.yaml", "inside.yaml", "linkdir", "module"} {
		_, err := fs.ReadFile(tree, name)
		wantFault(t, err, fault.Invalid, "git.path")
		_, err = tree.Open(name)
		wantFault(t, err, fault.Invalid, "git.path")
	}
}

func TestNothingOutsideTheDirectoryCanBeNamed(t *testing.T) {
	t.Parallel()
	c, repo, id := mixed(t)
	tree, err := c.Files(t.Context(), repo, id, "lab")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"../secret.yaml", "/secret.yaml", "deep/../../secret.yaml", "secret.yaml", "linkdir/b.yaml", "module/x", "", "deep/", "./a.yaml"} {
		if _, err := fs.ReadFile(tree, name); !errors.Is(err, fs.ErrInvalid) && !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%q: %v", name, err)
		}
	}
	for _, dir := range []string{"..", "lab/..", "/lab", "lab/", "./lab", "lab//deep", "lab/a.yaml", "linkdir", "lab/linkdir", "module"} {
		_, err := c.Files(t.Context(), repo, id, dir)
		wantFault(t, err, fault.Invalid, "git.path")
	}
}

func TestBlobHashIsGitsOwn(t *testing.T) {
	t.Parallel()
	c, repo, id := mixed(t)
	tree, err := c.Files(t.Context(), repo, id, "")
	if err != nil {
		t.Fatal(err)
	}
	got, err := tree.(*Tree).BlobHash("lab/deep/b.yaml")
	if want := "63d8dbd40c23542e740659a7168a0ce3138ea748"; err != nil || got != want { // printf b | git hash-object --stdin
		t.Errorf("got %s, %v", got, err)
	}
	if _, err := tree.(*Tree).BlobHash("lab"); err == nil {
		t.Error("a directory has no blob")
	}
}

func TestLimitsOnFilesAreKept(t *testing.T) {
	t.Parallel()
	origin := gittest.NewRepo(t)
	id := origin.Commit(t, map[string]string{"big/f": strings.Repeat("x", 5000), "many/1": "1", "many/2": "2", "many/d/3": "3"}, "one")
	c, repo := openCache(t, Options{MaxBlob: 4999, MaxEntries: 3}), fabric.Repository{URL: origin.Dir}
	fetch(t, c, repo)
	tree, err := c.Files(t.Context(), repo, id, "big")
	if err != nil {
		t.Fatal(err)
	}
	_, err = fs.ReadFile(tree, "f")
	wantFault(t, err, fault.Invalid, "git.size")
	_, err = c.Files(t.Context(), repo, id, "many")
	wantFault(t, err, fault.Invalid, "git.size")
}

func TestTreeIsSafeForManyReadersAndOutlivesLaterFetches(t *testing.T) {
	t.Parallel()
	origin := gittest.NewRepo(t)
	files := map[string]string{}
	for i := range 40 {
		files[fmt.Sprintf("d/%d", i)] = fmt.Sprint(i)
	}
	id := origin.Commit(t, files, "one")
	c, repo := openCache(t, Options{}), fabric.Repository{URL: origin.Dir}
	fetch(t, c, repo)
	tree, err := c.Files(t.Context(), repo, id, "d")
	if err != nil {
		t.Fatal(err)
	}
	origin.Commit(t, map[string]string{"d/0": "changed"}, "two")
	var wait sync.WaitGroup
	for range 4 {
		wait.Go(func() {
			for i := range 40 {
				if b, err := fs.ReadFile(tree, fmt.Sprint(i)); err != nil || string(b) != fmt.Sprint(i) {
					t.Errorf("%d: %q %v", i, b, err)
				}
			}
		})
	}
	wait.Go(func() { fetch(t, c, repo) })
	wait.Wait()
}

func TestHostileTreesAreRefused(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"..", ".", ".git", ".GIT", "a/b"} {
		raw := "100644 " + name + "\x00" + strings.Repeat("\x01", 20)
		nodes, err := decodeTree([]byte(raw), [20]byte{1})
		if err == nil {
			t.Errorf("%q gave %v", name, nodes)
		}
	}
	twice := strings.Repeat("100644 f\x00"+strings.Repeat("\x01", 20), 2)
	if nodes, err := decodeTree([]byte(twice), [20]byte{1}); err == nil {
		t.Errorf("a name twice gave %v", nodes)
	}
}

func FuzzTreeDecoderNeverPanics(f *testing.F) {
	f.Add([]byte("100644 a\x00" + strings.Repeat("\x01", 20)))
	f.Add([]byte("40000 d\x00"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		nodes, err := decodeTree(raw, [20]byte{1})
		for _, n := range nodes {
			if err != nil || !fs.ValidPath(n.name) {
				t.Errorf("%q %v", n.name, err)
			}
		}
	})
}
