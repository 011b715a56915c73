package store

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/hedgesync/hedgesync/internal/fault"
)

// keySize is that of AES-256.
const keySize = 32

// pending is the suffix of a key file that a rotation has written and not yet put
// in place.
const pending = ".new"

// key seals secrets with AES-256-GCM. Its id tells which key sealed a row and
// does not give the key away.
type key struct {
	id   string
	aead cipher.AEAD
}

// NewKey returns a random key for Rotate.
func NewKey() []byte {
	b := make([]byte, keySize)
	_, _ = rand.Read(b) // never returns an error
	return b
}

func newKey(raw []byte) (*key, error) {
	if len(raw) != keySize {
		return nil, fault.New(fault.Invalid, "store.key", "a key has %d bytes, not %d", keySize, len(raw))
	}
	block, err := aes.NewCipher(raw)
	if err != nil {
		return nil, fault.New(fault.Bug, "store.key", "%w", err)
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		return nil, fault.New(fault.Bug, "store.key", "%w", err)
	}
	sum := sha256.Sum256(append([]byte("hedgesync key id\x00"), raw...))
	return &key{id: hex.EncodeToString(sum[:8]), aead: aead}, nil
}

// seal binds text to its place: moved to another row it cannot be opened.
func (k *key) seal(place, text string) []byte {
	return k.aead.Seal(nil, nil, []byte(text), []byte(place))
}

func (k *key) open(place string, sealed []byte) (string, error) {
	text, err := k.aead.Open(nil, nil, sealed, []byte(place))
	if err != nil {
		return "", fault.New(fault.Invalid, "store.sealed", "a secret does not open: its row was changed or moved").
			WithHint("enter the fabric's credentials again")
	}
	return string(text), nil
}

// loadKey reads the key file, or makes it if the database has none yet.
func (s *Store) loadKey(ctx context.Context) error {
	if s.keyfile == "" {
		return fault.New(fault.Invalid, "store.key", "no key file is named").
			WithHint("name a file for the key that seals credentials")
	}
	return s.write(ctx, "load the key of the secrets", func(t *txn) error {
		if t.dialect.lockFabrics != "" { // two processes must not both make a key
			if _, err := t.exec(ctx, t.dialect.lockFabrics); err != nil {
				return err
			}
		}
		stored, err := t.keyID(ctx)
		if err != nil {
			return err
		}
		k, err := openKeyfile(s.keyfile, stored)
		if err != nil {
			return err
		}
		s.key.Store(k)
		if stored == "" {
			return t.putKeyID(ctx, k.id)
		}
		return nil
	})
}

// openKeyfile returns the key named id. With id "" any key will do, and is made
// if there is none.
func openKeyfile(file, id string) (*key, error) {
	k, err := readKeyfile(file)
	switch {
	case id == "" && errors.Is(err, fs.ErrNotExist):
		return makeKeyfile(file)
	case err == nil && (id == "" || k.id == id):
		return k, nil
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return nil, err
	}
	// A rotation may have ended between its commit and this rename.
	next, nextErr := readKeyfile(file + pending)
	if nextErr == nil && next.id == id {
		return next, placeKeyfile(file)
	}
	if err != nil {
		return nil, fault.New(fault.Missing, "store.key", "the key %s of the stored secrets is gone: %w", id, err).
			WithHint("put the key file back from its backup; a new key cannot open what the old one sealed")
	}
	return nil, fault.New(fault.Invalid, "store.key", "the stored secrets were sealed with key %s, %s holds key %s", id, file, k.id).
		WithHint("put back the key file that belongs to this database")
}

func readKeyfile(file string) (*key, error) {
	info, err := os.Stat(file)
	if err != nil {
		return nil, fileError(err)
	}
	if info.Mode().Perm()&0o077 != 0 {
		return nil, fault.New(fault.Denied, "store.key", "others can read the key file %s", file).
			WithHint("run: chmod 600 %s", file)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, fileError(err)
	}
	raw, err := hex.DecodeString(strings.TrimSpace(string(text)))
	if err != nil || len(raw) != keySize {
		return nil, fault.New(fault.Invalid, "store.key", "%s is not a key file", file).
			WithHint("it holds 64 hexadecimal digits; put it back from its backup")
	}
	return newKey(raw)
}

func makeKeyfile(file string) (*key, error) {
	raw := NewKey()
	if err := writeKeyfile(file, raw); err != nil {
		return nil, err
	}
	if err := placeKeyfile(file); err != nil {
		return nil, err
	}
	return newKey(raw)
}

// writeKeyfile writes the key beside file and makes it durable.
func writeKeyfile(file string, raw []byte) error {
	f, err := os.OpenFile(file+pending, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return fileError(err)
	}
	_, err = f.WriteString(hex.EncodeToString(raw) + "\n")
	return fileError(errors.Join(err, f.Sync(), f.Close()))
}

// placeKeyfile puts the written key in place, durably.
func placeKeyfile(file string) error {
	if err := os.Rename(file+pending, file); err != nil {
		return fileError(err)
	}
	dir, err := os.Open(filepath.Dir(file))
	if err != nil {
		return fileError(err)
	}
	return fileError(errors.Join(dir.Sync(), dir.Close()))
}

// Rotate seals every secret with a new key of 32 bytes and puts it into the key
// file. Killed at any instant, the next Open finds the key that fits.
func (s *Store) Rotate(ctx context.Context, raw []byte) error {
	next, err := newKey(raw)
	if err != nil {
		return err
	}
	if err := writeKeyfile(s.keyfile, raw); err != nil {
		return fault.Wrap("write the new key", err)
	}
	err = s.write(ctx, "seal the secrets anew", func(t *txn) error { return t.reseal(ctx, s.key.Load(), next) })
	if err != nil {
		return err
	}
	s.key.Store(next)
	return fault.Wrap("put the new key in place", placeKeyfile(s.keyfile))
}

func (t *txn) reseal(ctx context.Context, old, next *key) error {
	if err := t.putKeyID(ctx, next.id); err != nil { // first: it locks out other rotations
		return err
	}
	rows, err := t.secrets(ctx, "")
	if err != nil {
		return err
	}
	for _, r := range rows {
		text, err := r.open(old)
		if err != nil {
			return err
		}
		if err := t.putSecret(ctx, next, r.fabric, r.name, text); err != nil {
			return err
		}
	}
	return nil
}

func (t *txn) keyID(ctx context.Context) (string, error) {
	var id string
	err := t.QueryRowContext(ctx, "select key_id from keyring where one = 1").Scan(&id)
	if errors.Is(err, sql.ErrNoRows) {
		return "", nil
	}
	return id, err
}

func (t *txn) putKeyID(ctx context.Context, id string) error {
	_, err := t.exec(ctx, `insert into keyring (one, key_id) values (1, $1)
		on conflict (one) do update set key_id = excluded.key_id`, id)
	return err
}
