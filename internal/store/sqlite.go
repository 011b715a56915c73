package store

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"github.com/hedgesync/hedgesync/internal/fault"
)

const (
	// applicationID marks a SQLite file as ours ("hdgs").
	applicationID = 0x68646773
	// Four connections: with one, a transaction that needs a second connection waits for itself.
	sqliteConnections = 4
	busyTimeout       = 15 * time.Second
)

func openSQLite(ctx context.Context, dir string) (*sql.DB, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, fileError(err)
	}
	if err := makeDirectory(dir); err != nil {
		return nil, err
	}
	unlock, err := lockDirectory(ctx, dir)
	if err != nil {
		return nil, err
	}
	defer unlock()
	file := filepath.Join(dir, databaseFile)
	fresh, err := makeFile(file)
	if err != nil {
		return nil, err
	}
	if !fresh {
		if fresh, err = inspect(ctx, file); err != nil {
			return nil, err
		}
	}
	return prepareSQLite(ctx, file, fresh)
}

func prepareSQLite(ctx context.Context, file string, fresh bool) (*sql.DB, error) {
	db, err := sql.Open("sqlite", address(file, url.Values{
		"_txlock":       {"immediate"},
		"_busy_timeout": {strconv.FormatInt(busyTimeout.Milliseconds(), 10)},
		"_journal_mode": {"WAL"},
		// The journal of intents must survive the loss of power, not only of the process.
		"_synchronous":  {"FULL"},
		"_foreign_keys": {"on"},
		"_dqs":          {"false"},
		"_defensive":    {"true"},
	}))
	if err != nil {
		return nil, fault.New(fault.Bug, "store.driver", "%w", err)
	}
	db.SetMaxOpenConns(sqliteConnections)
	db.SetMaxIdleConns(sqliteConnections)
	if fresh {
		_, err = db.ExecContext(ctx, "pragma application_id = "+strconv.Itoa(applicationID))
	}
	if err == nil {
		err = migrate(ctx, db, &sqlite)
	}
	if err != nil {
		_ = db.Close()
		return nil, sqlite.classify(err)
	}
	return db, nil
}

func address(file string, values url.Values) string {
	u := url.URL{Scheme: "file", OmitHost: true, Path: file, RawQuery: values.Encode()}
	return u.String()
}

// inspect reads a database file without changing a byte of it, and refuses it
// unless it is whole, ours and not newer. It reports whether it is still empty:
// its maker died before the first migration.
func inspect(ctx context.Context, file string) (empty bool, err error) {
	if err := checkHeader(file); err != nil {
		return false, err
	}
	reading := url.Values{"mode": {"ro"}, "_query_only": {"true"}, "_busy_timeout": {strconv.FormatInt(busyTimeout.Milliseconds(), 10)}}
	if _, err := os.Stat(file + "-wal"); errors.Is(err, fs.ErrNotExist) {
		// No log: nobody has it open, and it need not get side files to be read.
		reading.Set("immutable", "1")
	}
	db, err := sql.Open("sqlite", address(file, reading))
	if err != nil {
		return false, fault.New(fault.Bug, "store.driver", "%w", err)
	}
	defer db.Close()
	if err := checkWhole(ctx, db); err != nil {
		return false, err
	}
	var tables, id int
	err = db.QueryRowContext(ctx, "select (select count(*) from sqlite_master), (select application_id from pragma_application_id)").Scan(&tables, &id)
	switch {
	case err != nil:
		return false, sqlite.classify(err)
	case tables == 0 && (id == 0 || id == applicationID):
		return true, nil
	case id != applicationID:
		return false, fault.New(fault.Invalid, "store.foreign", "%s is another program's database", file).
			WithHint("choose another data directory; nothing was changed")
	}
	return false, checkVersion(ctx, db, &sqlite)
}

// checkWhole walks the whole file: a page that is broken now would otherwise be
// found in the middle of a run.
func checkWhole(ctx context.Context, db *sql.DB) error {
	var verdict string
	err := db.QueryRowContext(ctx, "pragma quick_check(1)").Scan(&verdict)
	if err == nil && verdict == "ok" {
		return nil
	}
	if err == nil {
		err = errors.New(verdict)
	}
	if p, ok := sqliteProblem(err); ok && p != damaged {
		return sqlite.classify(err)
	}
	return errDamaged(err)
}

func checkHeader(file string) error {
	f, err := os.Open(file)
	if err != nil {
		return fileError(err)
	}
	defer f.Close()
	header := make([]byte, 16)
	if _, err := io.ReadFull(f, header); err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return fileError(err)
	}
	if !bytes.Equal(header, []byte("SQLite format 3\x00")) {
		return errDamaged(errors.New("it does not begin like a SQLite file"))
	}
	return nil
}

func errDamaged(cause error) error {
	return fault.New(fault.Invalid, "store.damaged", "the database is damaged: %w", cause).
		WithHint("restore it from a backup, or move it away to begin anew; nothing was changed")
}

// makeFile creates an empty database file that only its owner may read. SQLite
// gives its side files the same mode.
func makeFile(file string) (made bool, err error) {
	f, err := os.OpenFile(file, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return emptyFile(file)
	}
	if err != nil {
		return false, fileError(err)
	}
	return true, fileError(f.Close())
}

// emptyFile reports whether a maker died before it wrote the first page. A file
// that lost its content still has its log beside it: that is damage.
func emptyFile(file string) (bool, error) {
	info, err := os.Stat(file)
	if err != nil {
		return false, fileError(err)
	}
	log, err := os.Stat(file + "-wal")
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return false, fileError(err)
	}
	return info.Size() == 0 && (log == nil || log.Size() == 0), nil
}

// makeDirectory makes dir private to its owner. An existing directory that others
// can enter is closed to them if nothing else than our files lives there.
func makeDirectory(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fileError(err)
	}
	info, err := os.Stat(dir)
	if err != nil {
		return fileError(err)
	}
	if info.Mode().Perm()&0o077 == 0 {
		return nil
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return fileError(err)
	}
	_, err = os.Stat(filepath.Join(dir, databaseFile))
	if len(entries) > 0 && errors.Is(err, fs.ErrNotExist) {
		return fault.New(fault.Denied, "store.open_directory", "%s can be entered by others and holds other files", dir).
			WithHint("name a directory of its own, or run: chmod 700 %s", dir)
	}
	return fileError(os.Chmod(dir, 0o700))
}

// lockDirectory lets one process at a time make or migrate the database.
func lockDirectory(ctx context.Context, dir string) (unlock func(), err error) {
	f, err := os.OpenFile(filepath.Join(dir, lockFile), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fileError(err)
	}
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil {
			return func() { _ = f.Close() }, nil
		}
		if !errors.Is(err, syscall.EWOULDBLOCK) && !errors.Is(err, syscall.EINTR) {
			_ = f.Close()
			return nil, fileError(err)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			_ = f.Close()
			return nil, fault.Wrap("wait for another process that opens the database", ctx.Err())
		}
	}
}

func fileError(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, fs.ErrPermission):
		return fault.New(fault.Denied, "store.file", "%w", err)
	case errors.Is(err, fs.ErrNotExist):
		return fault.New(fault.Missing, "store.file", "%w", err)
	}
	return fault.New(fault.Unavailable, "store.file", "%w", err)
}
