package gitrepo

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/go-git/go-billy/v5/osfs"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/cache"
	"github.com/go-git/go-git/v5/storage/filesystem"
)

// bare is one bare repository of the cache. Whoever changes it holds its lock;
// readers need none, because packs only ever appear, whole, and refs are
// replaced in one rename.
//
//	<id>/           the repository: HEAD, config, packed-refs, objects/pack
//	<id>/incoming/  a pack on its way in; worthless when its writer died
//	<id>/suspect    a reader met damage: the next fetch clones anew
//	<id>.new/       a repository being made
//	<id>.broken/    the last damaged one, for a person to look at
//	<id>.lock       flock
type bare struct{ dir string }

// damaged says that the repository on disk cannot be relied on.
type damaged struct{ err error }

func (d *damaged) Error() string { return "the cached repository is damaged: " + d.err.Error() }
func (d *damaged) Unwrap() error { return d.err }

// harm tells damage from an operating system that refuses: only damage is cured
// by cloning again.
func harm(err error) error {
	if p, ok := errors.AsType[*fs.PathError](err); ok && !errors.Is(p, fs.ErrNotExist) {
		return p
	}
	return &damaged{err}
}

// ensure makes an empty repository if there is none.
func (b bare) ensure(url string) error {
	if _, err := os.Stat(b.dir); err == nil || !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	fresh := b.dir + ".new"
	if err := os.RemoveAll(fresh); err != nil {
		return err
	}
	for _, dir := range []string{"objects/pack", "refs/heads"} {
		if err := os.MkdirAll(filepath.Join(fresh, dir), 0o700); err != nil {
			return err
		}
	}
	for name, content := range map[string]string{
		"HEAD":        "ref: refs/heads/main\n",
		"config":      "[core]\n\trepositoryformatversion = 0\n\tbare = true\n",
		"description": url + "\n",
	} {
		if err := writeSynced(filepath.Join(fresh, name), content); err != nil {
			return err
		}
	}
	return os.Rename(fresh, b.dir)
}

// clean removes what a killed fetch left.
func (b bare) clean() error { return os.RemoveAll(b.incoming()) }

func (b bare) incoming() string { return filepath.Join(b.dir, "incoming") }
func (b bare) packs() string    { return filepath.Join(b.dir, "objects", "pack") }

// setAside makes room for a new clone and keeps this one for inspection.
func (b bare) setAside() error {
	if err := os.RemoveAll(b.dir + ".broken"); err != nil {
		return err
	}
	return os.Rename(b.dir, b.dir+".broken")
}

// suspect asks the next fetch to clone anew.
func (b bare) suspect(why error) error {
	return os.WriteFile(filepath.Join(b.dir, "suspect"), []byte(why.Error()+"\n"), 0o600)
}

// check returns a damaged error if the repository is visibly broken: a pack that
// is cut, lacks its index, or was met unreadable before.
func (b bare) check() error {
	if _, err := os.Stat(filepath.Join(b.dir, "suspect")); err == nil {
		return &damaged{errors.New("a reader found it so")}
	}
	for _, name := range []string{"HEAD", "config"} {
		if _, err := os.Stat(filepath.Join(b.dir, name)); err != nil {
			return harm(err)
		}
	}
	entries, err := os.ReadDir(b.packs())
	if err != nil {
		return harm(err)
	}
	for _, e := range entries {
		if name, isPack := strings.CutSuffix(e.Name(), ".pack"); isPack {
			if err := checkPack(filepath.Join(b.packs(), name)); err != nil {
				return harm(err)
			}
		}
	}
	return nil
}

// checkPack compares the checksums at the ends of a pack and its index with the
// pack's name: a cut file ends in something else.
func checkPack(base string) error {
	want := strings.TrimPrefix(filepath.Base(base), "pack-")
	for file, fromEnd := range map[string]int64{base + ".pack": 20, base + ".idx": 40} {
		got, err := hashAt(file, fromEnd)
		if err != nil {
			return err
		}
		if got.String() != want {
			return fmt.Errorf("%s does not end as it should", filepath.Base(file))
		}
	}
	return nil
}

func hashAt(file string, fromEnd int64) (h plumbing.Hash, err error) {
	f, err := os.Open(file)
	if err != nil {
		return h, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return h, err
	}
	if info.Size() < fromEnd {
		return h, fmt.Errorf("%s has only %d bytes", filepath.Base(file), info.Size())
	}
	_, err = f.ReadAt(h[:], info.Size()-fromEnd)
	return h, err
}

// open reads the repository as it is now; packs that appear later are not seen.
// An object above limit bytes is not held in memory; 0 is no limit.
func (b bare) open(limit int64) *filesystem.Storage {
	return filesystem.NewStorageWithOptions(osfs.New(b.dir, osfs.WithBoundOS()), cache.NewObjectLRU(objectCache),
		filesystem.Options{KeepDescriptors: true, LargeObjectThreshold: limit})
}

// objectCache bounds the memory of decoded objects per open repository.
const objectCache = 16 * cache.MiByte

// refs returns the recorded refs by name.
func (b bare) refs(st *filesystem.Storage) (map[plumbing.ReferenceName]plumbing.Hash, error) {
	all, err := st.IterReferences()
	if err != nil {
		return nil, harm(err)
	}
	refs := map[plumbing.ReferenceName]plumbing.Hash{}
	err = all.ForEach(func(r *plumbing.Reference) error {
		if r.Type() == plumbing.HashReference {
			refs[r.Name()] = r.Hash()
		}
		return nil
	})
	return refs, err
}

// setRefs replaces all refs at once. One packed-refs file instead of a file per
// ref: the replacement is atomic, and branches a and a/b can follow each other.
func (b bare) setRefs(refs map[plumbing.ReferenceName]plumbing.Hash) error {
	var text strings.Builder
	text.WriteString("# pack-refs with: sorted\n")
	for _, name := range slices.Sorted(maps.Keys(refs)) {
		fmt.Fprintf(&text, "%s %s\n", refs[name], name)
	}
	file := filepath.Join(b.dir, "packed-refs")
	if err := writeSynced(file+".new", text.String()); err != nil {
		return err
	}
	if err := os.Rename(file+".new", file); err != nil {
		return err
	}
	return syncDir(b.dir)
}

func writeSynced(file, content string) error {
	f, err := os.OpenFile(file, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.WriteString(content)
	return errors.Join(err, f.Sync(), f.Close())
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
