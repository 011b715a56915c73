package gitrepo

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/filemode"
	"github.com/go-git/go-git/v5/plumbing/object"

	"github.com/hedgesync/hedgesync/internal/fabric"
	"github.com/hedgesync/hedgesync/internal/fault"
)

// Tree is one directory of one commit as a read-only fs.FS, with fs.ReadFileFS
// and fs.ReadDirFS. File contents are the blobs, byte for byte. A symbolic link
// shows as fs.ModeSymlink and a submodule as fs.ModeIrregular; both refuse to
// be opened. It is safe for concurrent use and stays valid while the cache has
// the commit.
type Tree struct {
	objects *objects
	when    time.Time // the commit's, for all files
	nodes   map[string]node
}

// node is a file or a directory.
type node struct {
	name string
	mode fs.FileMode
	hash plumbing.Hash
	list []string // names in a directory, sorted
}

// Files returns directory dir ("" is the root) of a commit that is in the cache,
// as a *Tree. A dir that is not there is Missing; a commit without files too:
// an fs.FS from here is never empty. It asks no server.
func (c *Cache) Files(ctx context.Context, repo fabric.Repository, commitID, dir string) (fs.FS, error) {
	commit, err := c.Commit(ctx, repo, commitID)
	if err != nil {
		return nil, fault.Wrap("read commit", err)
	}
	a, err := parseAddress(repo.URL)
	if err != nil {
		return nil, err
	}
	t := &Tree{objects: newObjects(c.bare(a), c.opts.MaxBlob), when: commit.When, nodes: map[string]node{}}
	root := node{name: ".", mode: fs.ModeDir | 0o555, hash: plumbing.NewHash(commit.Tree)}
	top, err := t.descend(root, dir)
	if err != nil {
		return nil, fault.Wrap("read commit "+commitID[:12], err)
	}
	w := walk{tree: t, limit: c.opts.MaxEntries, within: dir}
	if err := w.index(ctx, ".", top); err != nil {
		return nil, fault.Wrap("read commit "+commitID[:12], err)
	}
	if len(t.nodes) == 1 {
		return nil, missingDir(dir, "", nil)
	}
	return t, nil
}

// BlobHash returns the Git hash of a file's content: equal hash, equal content,
// so a caller may keep what it derived from one.
func (t *Tree) BlobHash(name string) (string, error) {
	n, err := t.node("hash", name)
	if err != nil {
		return "", err
	}
	if n.mode.IsDir() {
		return "", &fs.PathError{Op: "hash", Path: name, Err: errors.New("is a directory")}
	}
	return n.hash.String(), nil
}

// descend finds dir below root without following anything.
func (t *Tree) descend(root node, dir string) (node, error) {
	if dir == "" || dir == "." {
		return root, nil
	}
	if !fs.ValidPath(dir) {
		return node{}, fault.New(fault.Invalid, "git.path", "%q is not a directory of a repository", printable(dir, 200)).
			WithHint("write it relative to the repository's root, with slashes, without . and ..")
	}
	at, parent := root, ""
	for part := range strings.SplitSeq(dir, "/") {
		entries, err := t.readDir(at)
		if err != nil {
			return node{}, err
		}
		i := slices.IndexFunc(entries, func(n node) bool { return n.name == part })
		if i < 0 {
			return node{}, missingDir(dir, parent, entries)
		}
		at, parent = entries[i], path.Join(parent, part)
		if !at.mode.IsDir() {
			return node{}, notDir(dir, parent, at.mode)
		}
	}
	return at, nil
}

func missingDir(dir, nearest string, entries []node) error {
	var dirs []string
	for _, n := range entries {
		if n.mode.IsDir() {
			dirs = append(dirs, path.Join(nearest, printable(n.name, 100)))
		}
	}
	if dir == "" || dir == "." {
		return fault.New(fault.Missing, "git.path", "the commit holds no files").WithHint("commit the fabric's files")
	}
	f := fault.New(fault.Missing, "git.path", "directory %q does not exist in the commit", printable(dir, 200))
	if nearest == "" {
		nearest = "the root"
	}
	if len(dirs) == 0 {
		return f.WithHint("%s exists and has no directories", nearest)
	}
	return f.WithHint("%s exists and has %s", nearest, strings.Join(dirs[:min(len(dirs), 20)], ", "))
}

func notDir(dir, at string, mode fs.FileMode) error {
	what, hint := "a file", "name the directory it is in"
	switch {
	case mode&fs.ModeSymlink != 0:
		what, hint = "a symbolic link, which is not followed", "name the directory the link leads to"
	case mode&fs.ModeIrregular != 0:
		what, hint = "a submodule, which is not entered", "set the submodule's own repository as the fabric's"
	}
	return fault.New(fault.Invalid, "git.path", "%q cannot be read: %s is %s", printable(dir, 200), printable(at, 200), what).WithHint("%s", hint)
}

func (t *Tree) readDir(n node) ([]node, error) {
	raw, err := t.objects.read(plumbing.TreeObject, n.hash)
	if err != nil {
		return nil, err
	}
	return decodeTree(raw, n.hash)
}

// decodeTree decodes a tree and refuses names that no honest Git writes: they
// would mean something else once they are part of a path.
func decodeTree(raw []byte, hash plumbing.Hash) ([]node, error) {
	o := &plumbing.MemoryObject{}
	o.SetType(plumbing.TreeObject)
	if _, err := o.Write(raw); err != nil {
		return nil, err
	}
	var tree object.Tree
	if err := tree.Decode(o); err != nil {
		return nil, err
	}
	nodes := make([]node, 0, len(tree.Entries))
	for _, e := range tree.Entries {
		if e.Name == "" || e.Name == "." || e.Name == ".." || strings.EqualFold(e.Name, ".git") || strings.ContainsAny(e.Name, "/\x00") {
			return nil, fault.New(fault.Invalid, "git.path", "tree %s holds an entry with the forbidden name %q", hash, printable(e.Name, 100)).
				WithHint("find out who made this commit and how")
		}
		nodes = append(nodes, node{name: e.Name, mode: modeOf(e.Mode), hash: e.Hash})
	}
	slices.SortFunc(nodes, func(a, b node) int { return strings.Compare(a.name, b.name) })
	for i := range nodes[min(1, len(nodes)):] {
		if nodes[i].name == nodes[i+1].name {
			return nil, fault.New(fault.Invalid, "git.path", "tree %s holds %q twice", hash, printable(nodes[i].name, 100)).
				WithHint("find out who made this commit and how")
		}
	}
	return nodes, nil
}

func modeOf(m filemode.FileMode) fs.FileMode {
	switch m {
	case filemode.Dir:
		return fs.ModeDir | 0o555
	case filemode.Symlink:
		return fs.ModeSymlink | 0o777
	case filemode.Submodule:
		return fs.ModeIrregular
	case filemode.Executable:
		return 0o555
	}
	return 0o444
}

// walk fills a Tree's index.
type walk struct {
	tree   *Tree
	limit  int
	within string
	seen   int
}

func (w *walk) index(ctx context.Context, name string, n node) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if n.mode.IsDir() {
		entries, err := w.tree.readDir(n)
		if err != nil {
			return err
		}
		if w.seen += len(entries); w.seen > w.limit {
			return fault.New(fault.Invalid, "git.size", "directory %q holds more than %d files and directories", w.within, w.limit).
				WithHint("name the fabric's own directory, or raise the limit")
		}
		for _, e := range entries {
			n.list = append(n.list, e.name)
			if err := w.index(ctx, path.Join(name, e.name), e); err != nil {
				return err
			}
		}
	}
	n.name = path.Base(name)
	w.tree.nodes[name] = n
	return nil
}

func (t *Tree) node(op, name string) (node, error) {
	if !fs.ValidPath(name) {
		return node{}, &fs.PathError{Op: op, Path: name, Err: fs.ErrInvalid}
	}
	n, ok := t.nodes[name]
	if !ok {
		return node{}, &fs.PathError{Op: op, Path: name, Err: fs.ErrNotExist}
	}
	return n, nil
}

// ReadFile returns a file's content.
func (t *Tree) ReadFile(name string) ([]byte, error) {
	n, err := t.node("read", name)
	if err != nil {
		return nil, err
	}
	if err := openable(n); err != nil {
		return nil, &fs.PathError{Op: "read", Path: name, Err: err}
	}
	content, err := t.objects.read(plumbing.BlobObject, n.hash)
	if err != nil {
		return nil, &fs.PathError{Op: "read", Path: name, Err: err}
	}
	return content, nil
}

func openable(n node) error {
	switch {
	case n.mode.IsDir():
		return errors.New("is a directory")
	case n.mode&fs.ModeSymlink != 0:
		return fault.New(fault.Invalid, "git.path", "is a symbolic link, which is not followed").
			WithHint("put the file itself here")
	case n.mode&fs.ModeIrregular != 0:
		return fault.New(fault.Invalid, "git.path", "is a submodule, which is not entered").
			WithHint("put the files themselves into this repository")
	}
	return nil
}

// ReadDir returns a directory's entries, by name.
func (t *Tree) ReadDir(name string) ([]fs.DirEntry, error) {
	n, err := t.node("readdir", name)
	if err != nil {
		return nil, err
	}
	if !n.mode.IsDir() {
		return nil, &fs.PathError{Op: "readdir", Path: name, Err: errors.New("is not a directory")}
	}
	entries := make([]fs.DirEntry, 0, len(n.list))
	for _, child := range n.list {
		entries = append(entries, entry{t, t.nodes[path.Join(name, child)]})
	}
	return entries, nil
}

// Stat describes a file without following it.
func (t *Tree) Stat(name string) (fs.FileInfo, error) {
	n, err := t.node("stat", name)
	if err != nil {
		return nil, err
	}
	return entry{t, n}.Info()
}

// Open opens a file or a directory. A file's content is read at once.
func (t *Tree) Open(name string) (fs.File, error) {
	n, err := t.node("open", name)
	if err != nil {
		return nil, err
	}
	if n.mode.IsDir() {
		entries, err := t.ReadDir(name)
		return &openDir{info{n, 0, t.when}, entries}, err
	}
	content, err := t.ReadFile(name)
	if err != nil {
		return nil, err
	}
	return &openFile{info{n, int64(len(content)), t.when}, *bytes.NewReader(content)}, nil
}

// entry is an fs.DirEntry.
type entry struct {
	tree *Tree
	node node
}

func (e entry) Name() string      { return e.node.name }
func (e entry) IsDir() bool       { return e.node.mode.IsDir() }
func (e entry) Type() fs.FileMode { return e.node.mode.Type() }
func (e entry) String() string    { return fs.FormatDirEntry(e) }

func (e entry) Info() (fs.FileInfo, error) {
	if !e.node.mode.IsRegular() {
		return info{e.node, 0, e.tree.when}, nil
	}
	size, err := e.tree.objects.size(e.node.hash)
	if err != nil {
		return nil, &fs.PathError{Op: "stat", Path: e.node.name, Err: err}
	}
	return info{e.node, size, e.tree.when}, nil
}

// info is an fs.FileInfo.
type info struct {
	node node
	size int64
	when time.Time
}

func (i info) Name() string       { return i.node.name }
func (i info) Size() int64        { return i.size }
func (i info) Mode() fs.FileMode  { return i.node.mode }
func (i info) ModTime() time.Time { return i.when }
func (i info) IsDir() bool        { return i.node.mode.IsDir() }
func (i info) Sys() any           { return nil }
func (i info) String() string     { return fs.FormatFileInfo(i) }

type openFile struct {
	info info
	bytes.Reader
}

func (f *openFile) Stat() (fs.FileInfo, error) { return f.info, nil }
func (f *openFile) Close() error               { return nil }

type openDir struct {
	info info
	rest []fs.DirEntry
}

func (d *openDir) Stat() (fs.FileInfo, error) { return d.info, nil }
func (d *openDir) Close() error               { return nil }
func (d *openDir) Read([]byte) (int, error) {
	return 0, &fs.PathError{Op: "read", Path: d.info.Name(), Err: fmt.Errorf("is a directory")}
}

func (d *openDir) ReadDir(n int) ([]fs.DirEntry, error) {
	if n <= 0 {
		n = len(d.rest)
	} else if len(d.rest) == 0 {
		return nil, io.EOF
	}
	n = min(n, len(d.rest))
	page := d.rest[:n]
	d.rest = d.rest[n:]
	return page, nil
}
