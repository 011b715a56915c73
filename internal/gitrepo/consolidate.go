package gitrepo

import (
	"cmp"
	"errors"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/format/packfile"
)

// maxPacks is how many packs may lie side by side. Every changed fetch adds one,
// and each costs every later read an open file and a look-up.
const maxPacks = 16

// packFile is one pack on disk, without its extension.
type packFile struct {
	base string
	size int64
}

// consolidate merges small packs into one when there are many. No object is
// dropped: a rewound commit stays readable. Old packs go only after the new one
// is on disk under its name, so it may be killed anywhere; a reader that held an
// old one opens the repository again.
func (b bare) consolidate() error {
	packs, err := b.packFiles()
	if err != nil || len(packs) <= maxPacks {
		return err
	}
	if err := b.clean(); err != nil {
		return err
	}
	merge := smallest(packs)
	hashes, err := hashesOf(merge)
	if err != nil {
		return harm(err)
	}
	sum, err := b.write(hashes)
	if err != nil {
		return err
	}
	for _, p := range merge {
		if filepath.Base(p.base) == "pack-"+sum.String() {
			continue
		}
		if err := errors.Join(os.Remove(p.base+".pack"), os.Remove(p.base+".idx")); err != nil {
			return err
		}
	}
	return nil
}

// packFiles returns the packs, smallest first.
func (b bare) packFiles() ([]packFile, error) {
	entries, err := os.ReadDir(b.packs())
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil // nothing cloned yet
	}
	var packs []packFile
	for _, e := range entries {
		name, isPack := strings.CutSuffix(e.Name(), ".pack")
		if !isPack {
			continue
		}
		info, err := e.Info()
		if err != nil {
			return nil, err
		}
		packs = append(packs, packFile{filepath.Join(b.packs(), name), info.Size()})
	}
	slices.SortFunc(packs, func(a, b packFile) int {
		return cmp.Or(cmp.Compare(a.size, b.size), strings.Compare(a.base, b.base))
	})
	return packs, err
}

// smallest returns the packs worth merging: each is at most twice what the
// smaller ones weigh together, so a large pack is rewritten rarely and the
// number of packs stays logarithmic.
func smallest(packs []packFile) []packFile {
	var sum int64
	for i, p := range packs {
		if i >= 2 && p.size > 2*sum {
			return packs[:i]
		}
		sum += p.size
	}
	return packs
}

func hashesOf(packs []packFile) ([]plumbing.Hash, error) {
	var hashes []plumbing.Hash
	for _, p := range packs {
		index, err := readIndex(p.base + ".idx")
		if err != nil {
			return nil, err
		}
		entries, err := index.Entries()
		if err != nil {
			return nil, err
		}
		for {
			e, err := entries.Next()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				return nil, err
			}
			hashes = append(hashes, e.Hash)
		}
	}
	plumbing.HashesSort(hashes)
	return slices.Compact(hashes), nil
}

// write packs objects of the repository into one more pack, by the way a
// fetched pack takes: verified and flushed before it counts.
func (b bare) write(hashes []plumbing.Hash) (plumbing.Hash, error) {
	const window = 10 // objects compared for deltas, as Git does
	st := b.open(0)
	defer st.Close()
	r, w := io.Pipe()
	done := make(chan error, 1)
	go func() {
		_, err := packfile.NewEncoder(w, st, false).Encode(hashes, window)
		done <- errors.Join(err, w.CloseWithError(err))
	}()
	sum, err := b.receive(r, packLimits{math.MaxInt64, math.MaxInt64}, func() {})
	_ = r.Close()
	if packing := <-done; packing != nil {
		return sum, harm(packing)
	}
	return sum, err
}
