package gitrepo

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/filemode"
	"github.com/go-git/go-git/v5/plumbing/format/idxfile"
	"github.com/go-git/go-git/v5/plumbing/object"
	"github.com/go-git/go-git/v5/storage/filesystem"

	"github.com/hedgesync/hedgesync/internal/fault"
)

// readWhole returns t's commit once everything its tree needs is known to be here.
func (b bare) readWhole(st *filesystem.Storage, t target) (*object.Commit, error) {
	head, err := readCommit(st, t.hash)
	if errors.Is(err, plumbing.ErrObjectNotFound) && t.short == "" && len(t.wants) > 1 {
		return nil, fault.New(fault.Missing, "git.ref", "no branch or tag of the repository holds commit %s", t.hash).
			WithHint("check the commit id; a commit that no branch holds cannot be fetched from this server")
	}
	if _, classified := errors.AsType[*fault.Error](err); classified {
		return nil, err
	}
	if err != nil {
		return nil, harm(err)
	}
	if err := b.whole(st, head.TreeHash); err != nil {
		return nil, harm(err)
	}
	return head, nil
}

// whole returns an error unless tree and all below it are here. Blobs are looked
// up in the packs' indexes alone: asking go-git for each costs a system call
// each, a hundred times as much.
func (b bare) whole(st *filesystem.Storage, tree plumbing.Hash) error {
	indexes, err := b.indexes()
	if err != nil {
		return err
	}
	c := census{st: st, indexes: indexes, seen: map[plumbing.Hash]bool{}}
	return c.tree(tree)
}

func (b bare) indexes() ([]*idxfile.MemoryIndex, error) {
	files, err := filepath.Glob(filepath.Join(b.packs(), "pack-*.idx"))
	if err != nil {
		return nil, err
	}
	var all []*idxfile.MemoryIndex
	for _, file := range files {
		if _, err := os.Stat(file[:len(file)-len("idx")] + "pack"); errors.Is(err, fs.ErrNotExist) {
			continue // its writer died between two renames
		}
		index, err := readIndex(file)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", filepath.Base(file), err)
		}
		all = append(all, index)
	}
	return all, nil
}

func readIndex(file string) (*idxfile.MemoryIndex, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	index := idxfile.NewMemoryIndex()
	return index, idxfile.NewDecoder(f).Decode(index)
}

// census looks for holes below a tree.
type census struct {
	st      *filesystem.Storage
	indexes []*idxfile.MemoryIndex
	seen    map[plumbing.Hash]bool
}

func (c *census) tree(h plumbing.Hash) error {
	if c.seen[h] {
		return nil
	}
	c.seen[h] = true
	t, err := object.GetTree(c.st, h)
	if err != nil {
		return err
	}
	for _, e := range t.Entries {
		switch e.Mode {
		case filemode.Submodule:
		case filemode.Dir:
			err = c.tree(e.Hash)
		default:
			err = c.blob(e.Hash)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (c *census) blob(h plumbing.Hash) error {
	for _, index := range c.indexes {
		if here, err := index.Contains(h); err != nil || here {
			return err
		}
	}
	return plumbing.ErrObjectNotFound
}
