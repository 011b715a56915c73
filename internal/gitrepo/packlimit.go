package gitrepo

import (
	"errors"
	"io"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/format/packfile"

	"github.com/hedgesync/hedgesync/internal/fault"
)

// checkObjects refuses a pack that holds an object above limit bytes: indexing
// keeps an object in memory, and a megabyte of pack can hold a gigabyte of zeros.
func checkObjects(pack io.ReadSeeker, limit int64) error {
	if _, err := pack.Seek(0, io.SeekStart); err != nil {
		return err
	}
	s := packfile.NewScanner(pack)
	_, count, err := s.Header()
	if err != nil {
		return err
	}
	for range count {
		header, err := s.NextObjectHeader()
		if err != nil {
			return err
		}
		size := header.Length
		if header.Type.IsDelta() {
			var head prefix
			if _, _, err := s.NextObject(&head); err != nil {
				return err
			}
			size = max(size, deltaTarget(head))
		}
		if size > limit {
			return tooLarge(header, size, limit)
		}
	}
	return nil
}

func tooLarge(header *packfile.ObjectHeader, size, limit int64) error {
	what := "an object"
	if header.Type == plumbing.BlobObject {
		what = "a file"
	}
	return fault.New(fault.Invalid, "git.size", "the repository's history holds %s of %d bytes, the limit is %d", what, size, limit).
		WithHint("keep fabrics in a repository without such files, or raise the limit for objects")
}

// prefix keeps the first bytes written to it: two sizes of at most ten bytes.
type prefix []byte

func (p *prefix) Write(b []byte) (int, error) {
	*p = append(*p, b[:min(len(b), 20-len(*p))]...)
	return len(b), nil
}

// deltaTarget reads the size of what a delta makes; the size of its base is first.
func deltaTarget(delta []byte) int64 {
	_, rest, err := deltaSize(delta)
	if err != nil {
		return 0 // the parser will say what is wrong
	}
	size, _, err := deltaSize(rest)
	if err != nil {
		return 0
	}
	return size
}

func deltaSize(b []byte) (size int64, rest []byte, err error) {
	for i, c := range b {
		if i == 9 {
			break
		}
		size |= int64(c&0x7f) << (7 * i)
		if c&0x80 == 0 {
			return size, b[i+1:], nil
		}
	}
	return 0, nil, errors.New("a delta's size does not end")
}
