// Package store is the durable memory: fabrics and their secrets, runs and their
// journal, what we applied, what was read, what was found. It holds all SQL.
//
// Promises:
//   - Every method is one transaction: it happened, or it did not.
//   - Readers see a state some writer left, never half of one.
//   - A write that carries a fence changes nothing once the run has another owner.
//   - Secrets are sealed with a key that is not in the database.
//   - A database that is damaged, foreign or newer is refused and left as it is.
//
// SQLite and PostgreSQL run the same statements; a dialect holds what differs.
// Times are UTC, stored as nanoseconds; 0 is the zero time.
package store

import (
	"context"
	"database/sql"
	"path/filepath"
	"strings"
	"sync/atomic"

	"github.com/hedgesync/hedgesync/internal/fault"
)

// Store is an open database. It is safe for concurrent use, by several processes too.
type Store struct {
	db      *sql.DB
	dialect *dialect
	keyfile string
	key     atomic.Pointer[key]
}

// Options are how to open a Store. The zero value suits a data directory.
type Options struct {
	// Keyfile holds the key that seals secrets; it is made on first use. The
	// default is "secret.key" in the data directory; PostgreSQL has no default.
	Keyfile string
}

// Names of the files in a data directory.
const (
	databaseFile = "hedgesync.db"
	lockFile     = "migrate.lock"
	keyFile      = "secret.key"
)

// Open opens the database at location, a postgres:// address or else a data
// directory, makes it if it does not exist, and brings its schema up to date.
// It waits for another process that is doing the same. It returns Invalid, and
// has changed nothing, if the database is damaged, newer than this program, or
// not ours, or if the key file is not the one its secrets were sealed with.
func Open(ctx context.Context, location string, o Options) (*Store, error) {
	s, err := open(ctx, location, o)
	return s, fault.Wrap("open store", err)
}

func open(ctx context.Context, location string, o Options) (*Store, error) {
	s := &Store{keyfile: o.Keyfile}
	var err error
	if isPostgres(location) {
		s.dialect = &postgres
		s.db, err = openPostgres(ctx, location)
	} else {
		s.dialect = &sqlite
		if s.keyfile == "" {
			s.keyfile = filepath.Join(location, keyFile)
		}
		s.db, err = openSQLite(ctx, location)
	}
	if err != nil {
		return nil, err
	}
	if err := s.loadKey(ctx); err != nil {
		_ = s.db.Close()
		return nil, err
	}
	return s, nil
}

func isPostgres(location string) bool {
	return strings.HasPrefix(location, "postgres://") || strings.HasPrefix(location, "postgresql://")
}

// Close releases the database. Transactions under way are waited for.
func (s *Store) Close() error { return fault.Wrap("close store", s.db.Close()) }

// Ping reports whether the database answers.
func (s *Store) Ping(ctx context.Context) error {
	return fault.Wrap("reach the database", s.dialect.classify(s.db.PingContext(ctx)))
}
