package gitrepo

import (
	"crypto/sha1" //nolint:gosec // Git's pack format is defined by it
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/format/idxfile"
	"github.com/go-git/go-git/v5/plumbing/format/packfile"

	"github.com/hedgesync/hedgesync/internal/fault"
)

// packLimits bound what a pack may hold.
type packLimits struct {
	bytes  int64 // of the pack
	object int64 // of one object, unpacked
}

// receive stores a pack from r: written and indexed beside the repository,
// verified, flushed to disk, and only then moved in, index first because a pack
// is what makes readers look. It returns the pack's checksum.
func (b bare) receive(r io.Reader, l packLimits, progress func()) (sum plumbing.Hash, err error) {
	if err := os.MkdirAll(b.incoming(), 0o700); err != nil {
		return sum, err
	}
	pack, err := os.Create(filepath.Join(b.incoming(), "pack"))
	if err != nil {
		return sum, err
	}
	defer pack.Close()
	if _, err := io.Copy(pack, &meter{r: r, left: l.bytes, progress: progress}); err != nil {
		return sum, err
	}
	if sum, err = verify(pack); err != nil {
		return sum, err
	}
	if err := checkObjects(pack, l.object); err != nil {
		return sum, err
	}
	if err := writeIndex(pack, filepath.Join(b.incoming(), "idx")); err != nil {
		return sum, err
	}
	if err := pack.Sync(); err != nil {
		return sum, err
	}
	return sum, b.publish(sum)
}

func (b bare) publish(sum plumbing.Hash) error {
	for _, ext := range []string{"idx", "pack"} {
		if err := os.Rename(filepath.Join(b.incoming(), ext), filepath.Join(b.packs(), "pack-"+sum.String()+"."+ext)); err != nil {
			return err
		}
	}
	return syncDir(b.packs())
}

// verify returns the checksum a pack ends with, once it is the right one.
func verify(pack *os.File) (sum plumbing.Hash, err error) {
	info, err := pack.Stat()
	if err != nil {
		return sum, err
	}
	body := info.Size() - int64(len(sum))
	if body < 12 {
		return sum, fmt.Errorf("the pack ends after %d bytes: %w", info.Size(), io.ErrUnexpectedEOF)
	}
	h := sha1.New() //nolint:gosec // see the import
	if _, err := io.Copy(h, io.NewSectionReader(pack, 0, body)); err != nil {
		return sum, err
	}
	if _, err := pack.ReadAt(sum[:], body); err != nil {
		return sum, err
	}
	if plumbing.Hash(h.Sum(nil)) != sum {
		return sum, errors.New("the pack arrived cut or altered: its checksum is wrong")
	}
	return sum, nil
}

func writeIndex(pack *os.File, file string) error {
	if _, err := pack.Seek(0, io.SeekStart); err != nil {
		return err
	}
	w := new(idxfile.Writer)
	parser, err := packfile.NewParser(packfile.NewScanner(pack), w)
	if err != nil {
		return err
	}
	if _, err := parser.Parse(); err != nil {
		return fmt.Errorf("the pack cannot be read: %w", err)
	}
	index, err := w.Index()
	if err != nil {
		return err
	}
	f, err := os.Create(file)
	if err != nil {
		return err
	}
	_, err = idxfile.NewEncoder(f).Encode(index)
	return errors.Join(err, f.Sync(), f.Close())
}

// meter counts what may still come and tells that something came.
type meter struct {
	r        io.Reader
	left     int64
	progress func()
}

func (m *meter) Read(p []byte) (int, error) {
	n, err := m.r.Read(p)
	if n > 0 {
		m.progress()
	}
	if m.left -= int64(n); m.left < 0 {
		return 0, fault.New(fault.Invalid, "git.size", "the repository is larger than the limit").
			WithHint("raise the limit for repository size, or keep fabrics in a repository of their own")
	}
	return n, err
}
