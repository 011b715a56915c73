package app

import (
	"crypto/sha256"
	"os"
	"path/filepath"
)

// memory implements syncer.Memory with one file per name. It is a cache: whatever
// goes wrong with it means that nothing is remembered.
type memory struct{ dir string }

// Recall implements syncer.Memory. A file that is not exactly what Keep wrote
// under this key holds nothing.
func (m memory) Recall(name, key string) ([]byte, bool) {
	b, err := os.ReadFile(filepath.Join(m.dir, name))
	if err != nil || len(b) < sha256.Size {
		return nil, false
	}
	if sum := seal(key, b[sha256.Size:]); string(b[:sha256.Size]) != string(sum[:]) {
		return nil, false
	}
	return b[sha256.Size:], true
}

// Keep implements syncer.Memory.
func (m memory) Keep(name, key string, value []byte) {
	if os.MkdirAll(m.dir, 0o700) != nil {
		return
	}
	f, err := os.CreateTemp(m.dir, name+".*")
	if err != nil {
		return
	}
	sum := seal(key, value)
	_, err = f.Write(append(sum[:], value...))
	if f.Close() != nil || err != nil || os.Rename(f.Name(), filepath.Join(m.dir, name)) != nil {
		_ = os.Remove(f.Name()) // a leftover of a cache is not worth an error
	}
}

func seal(key string, value []byte) [sha256.Size]byte {
	return sha256.Sum256(append([]byte(key+"\x00"), value...))
}
