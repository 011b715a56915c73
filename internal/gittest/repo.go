package gittest

import (
	"cmp"
	"maps"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-git/go-git/v5"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/filemode"
	"github.com/go-git/go-git/v5/plumbing/object"
)

// Main is the branch a new Repo begins on.
const Main = "main"

// epoch is when the first commit of every Repo was made; each later one is a
// minute younger, so that commit ids repeat from run to run.
var epoch = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// Entry is a file whose mode is not that of an ordinary file.
type Entry struct {
	Mode    filemode.FileMode
	Content string // a symlink's target; for a submodule its commit id
}

// Repo is a bare repository in a temporary directory. Its methods may be called
// from several goroutines.
type Repo struct {
	Dir string

	mu      sync.Mutex // guards the refs and the commit clock
	git     *git.Repository
	commits int
}

// NewRepo makes an empty repository whose default branch will be Main.
func NewRepo(t testing.TB) *Repo {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "origin.git")
	r, err := git.PlainInitWithOptions(dir, &git.PlainInitOptions{
		InitOptions: git.InitOptions{DefaultBranch: plumbing.NewBranchReferenceName(Main)},
		Bare:        true,
	})
	check(t, err)
	return &Repo{Dir: dir, git: r}
}

// Commit adds files (path to content) to those of Main's head, commits, and
// returns the commit's id. Content "" with a path that exists removes it.
func (r *Repo) Commit(t testing.TB, files map[string]string, msg string) string {
	t.Helper()
	return r.CommitTo(t, Main, files, msg)
}

// CommitTo is Commit on another branch, which begins empty if it does not exist.
func (r *Repo) CommitTo(t testing.TB, branch string, files map[string]string, msg string) string {
	t.Helper()
	entries := make(map[string]Entry, len(files))
	for name, content := range files {
		entries[name] = Entry{Mode: filemode.Regular, Content: content}
	}
	return r.CommitEntries(t, branch, entries, msg)
}

// CommitEntries is CommitTo for entries of any mode.
func (r *Repo) CommitEntries(t testing.TB, branch string, entries map[string]Entry, msg string) string {
	t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	name := plumbing.NewBranchReferenceName(branch)
	leaves := map[string]object.TreeEntry{}
	var parents []plumbing.Hash
	if ref, err := r.git.Reference(name, true); err == nil {
		parents = []plumbing.Hash{ref.Hash()}
		r.readLeaves(t, ref.Hash(), leaves)
	}
	for p, e := range entries {
		r.setLeaf(t, leaves, p, e)
	}
	id := r.write(t, r.commitOf(r.writeTree(t, leaves, ""), parents, msg))
	check(t, r.git.Storer.SetReference(plumbing.NewHashReference(name, id)))
	return id.String()
}

func (r *Repo) commitOf(tree plumbing.Hash, parents []plumbing.Hash, msg string) *object.Commit {
	by := object.Signature{Name: "Ada Operator", Email: "ada@example.com", When: epoch.Add(time.Duration(r.commits) * time.Minute)}
	r.commits++
	return &object.Commit{Author: by, Committer: by, Message: msg, TreeHash: tree, ParentHashes: parents}
}

func (r *Repo) readLeaves(t testing.TB, commit plumbing.Hash, into map[string]object.TreeEntry) {
	t.Helper()
	c, err := r.git.CommitObject(commit)
	check(t, err)
	tree, err := c.Tree()
	check(t, err)
	walker := object.NewTreeWalker(tree, true, nil)
	defer walker.Close()
	for {
		name, entry, err := walker.Next()
		if err != nil {
			return
		}
		if entry.Mode != filemode.Dir {
			into[name] = entry
		}
	}
}

func (r *Repo) setLeaf(t testing.TB, leaves map[string]object.TreeEntry, name string, e Entry) {
	t.Helper()
	if _, exists := leaves[name]; exists && e.Content == "" {
		delete(leaves, name)
		return
	}
	hash := plumbing.NewHash(e.Content)
	if e.Mode != filemode.Submodule {
		hash = r.blob(t, e.Content)
	}
	leaves[name] = object.TreeEntry{Name: path.Base(name), Mode: e.Mode, Hash: hash}
}

// writeTree writes the directory dir ("" or "a/b/") and all below it.
func (r *Repo) writeTree(t testing.TB, leaves map[string]object.TreeEntry, dir string) plumbing.Hash {
	t.Helper()
	entries := map[string]object.TreeEntry{}
	for name, leaf := range leaves {
		rest, below := strings.CutPrefix(name, dir)
		if !below {
			continue
		}
		first, _, nested := strings.Cut(rest, "/")
		if !nested {
			entries[first] = leaf
		} else if _, done := entries[first]; !done {
			entries[first] = object.TreeEntry{Name: first, Mode: filemode.Dir, Hash: r.writeTree(t, leaves, dir+first+"/")}
		}
	}
	return r.write(t, &object.Tree{Entries: slices.SortedFunc(maps.Values(entries), byGitOrder)})
}

// byGitOrder compares names as Git does: a directory as if it ended in a slash.
func byGitOrder(a, b object.TreeEntry) int {
	name := func(e object.TreeEntry) string {
		if e.Mode == filemode.Dir {
			return e.Name + "/"
		}
		return e.Name
	}
	return cmp.Compare(name(a), name(b))
}

func (r *Repo) blob(t testing.TB, content string) plumbing.Hash {
	t.Helper()
	o := r.git.Storer.NewEncodedObject()
	o.SetType(plumbing.BlobObject)
	w, err := o.Writer()
	check(t, err)
	_, err = w.Write([]byte(content))
	check(t, err)
	check(t, w.Close())
	hash, err := r.git.Storer.SetEncodedObject(o)
	check(t, err)
	return hash
}

func (r *Repo) write(t testing.TB, o interface {
	Encode(plumbing.EncodedObject) error
}) plumbing.Hash {
	t.Helper()
	encoded := r.git.Storer.NewEncodedObject()
	check(t, o.Encode(encoded))
	hash, err := r.git.Storer.SetEncodedObject(encoded)
	check(t, err)
	return hash
}

// Point sets branch to a commit, whatever it was before: a force-push.
func (r *Repo) Point(t testing.TB, branch, commit string) {
	t.Helper()
	check(t, r.git.Storer.SetReference(plumbing.NewHashReference(plumbing.NewBranchReferenceName(branch), plumbing.NewHash(commit))))
}

// DeleteBranch removes branch.
func (r *Repo) DeleteBranch(t testing.TB, branch string) {
	t.Helper()
	check(t, r.git.Storer.RemoveReference(plumbing.NewBranchReferenceName(branch)))
}

// Tag makes an annotated tag for a commit.
func (r *Repo) Tag(t testing.TB, name, commit string) {
	t.Helper()
	_, err := r.git.CreateTag(name, plumbing.NewHash(commit), &git.CreateTagOptions{
		Tagger:  &object.Signature{Name: "Ada Operator", Email: "ada@example.com", When: epoch},
		Message: name,
	})
	check(t, err)
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
