package gitrepo

import (
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/storage/filesystem"

	"github.com/hedgesync/hedgesync/internal/fault"
)

// objects reads verified objects of one repository of the cache. What it cannot
// read although it must be there, it looks for once more in a freshly opened
// repository, and then marks the repository for the next fetch to replace.
type objects struct {
	bare  bare
	limit int64 // bytes of one object

	mu sync.Mutex // go-git's storage is not safe for concurrent use
	st *filesystem.Storage
}

func newObjects(b bare, limit int64) *objects { return &objects{bare: b, limit: limit} }

// read returns an object's content once it is known to have the hash it is named by.
func (o *objects) read(kind plumbing.ObjectType, h plumbing.Hash) ([]byte, error) {
	var content []byte
	err := o.twice(func(st *filesystem.Storage) error {
		obj, err := st.EncodedObject(kind, h)
		if err != nil {
			return err
		}
		if err := o.checkSize(obj.Size()); err != nil {
			return err
		}
		content, err = contentOf(obj)
		return err
	})
	return content, err
}

func (o *objects) checkSize(size int64) error {
	if size <= o.limit {
		return nil
	}
	return fault.New(fault.Invalid, "git.size", "has %d bytes, the limit is %d", size, o.limit).
		WithHint("keep large files out of the fabric's directory, or raise the limit")
}

func contentOf(obj plumbing.EncodedObject) ([]byte, error) {
	r, err := obj.Reader()
	if err != nil {
		return nil, err
	}
	content, err := io.ReadAll(r)
	if err := errors.Join(err, r.Close()); err != nil {
		return nil, err
	}
	if plumbing.ComputeHash(obj.Type(), content) != obj.Hash() {
		return nil, fmt.Errorf("object %s has another object's content", obj.Hash())
	}
	return content, nil
}

func (o *objects) size(h plumbing.Hash) (size int64, err error) {
	err = o.twice(func(st *filesystem.Storage) error {
		size, err = st.EncodedObjectSize(h)
		return err
	})
	return size, err
}

// twice runs f on the storage, and on a new one if that fails.
func (o *objects) twice(f func(*filesystem.Storage) error) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.st == nil {
		o.st = o.bare.open(o.limit)
	}
	err := f(o.st)
	if err == nil || isFault(err) {
		return err
	}
	_ = o.st.Close() // read only: nothing is lost
	o.st = o.bare.open(o.limit)
	if err = f(o.st); err == nil || isFault(err) {
		return err
	}
	if _, broken := errors.AsType[*damaged](harm(err)); !broken {
		return cacheFault(err)
	}
	return errors.Join(fault.New(fault.Unavailable, "git.cache", "the cached repository is damaged: %w", err).
		WithHint("fetch again: the damaged copy is put aside and the repository cloned anew"), o.bare.suspect(err))
}

func isFault(err error) bool {
	_, ok := errors.AsType[*fault.Error](err)
	return ok
}
