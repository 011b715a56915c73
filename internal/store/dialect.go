package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"io/fs"
	"net"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/pressly/goose/v3"
	sqlitedriver "modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/hedgesync/hedgesync/internal/fault"
)

// dialect is all that differs between the two databases.
type dialect struct {
	name  string
	goose goose.Dialect
	// forUpdate ends a select whose rows must not change until the transaction
	// ends. SQLite has one writer and needs nothing.
	forUpdate string
	// lockFabrics lets one transaction at a time change the set of fabrics.
	lockFabrics string
	// parameters is how many one statement takes at best: PostgreSQL pays for
	// round trips, SQLite looks each one up in a list.
	parameters int
	// reading gives all statements of a transaction the same view.
	reading sql.TxOptions
	// problem sorts a driver's error; ok is false if it is not the database's own.
	problem func(error) (problem, bool)
}

// problem is what a database says went wrong.
type problem uint8

const (
	other problem = iota
	duplicate
	dangling // a reference to a row that is not there
	busy
	damaged
	whole
	denied
	lost // the connection
)

var sqlite = dialect{
	name:       "sqlite",
	goose:      goose.DialectSQLite3,
	parameters: 64,
	reading:    sql.TxOptions{ReadOnly: true},
	problem:    sqliteProblem,
}

var postgres = dialect{
	name:        "postgres",
	goose:       goose.DialectPostgres,
	parameters:  2000,
	forUpdate:   " for update",
	lockFabrics: "lock table fabric in share row exclusive mode",
	reading:     sql.TxOptions{ReadOnly: true, Isolation: sql.LevelRepeatableRead},
	problem:     postgresProblem,
}

func (d *dialect) migrations() (fs.FS, error) { return fs.Sub(migrationFiles, "migrations/"+d.name) }

func sqliteProblem(err error) (problem, bool) {
	e, ok := errors.AsType[*sqlitedriver.Error](err)
	if !ok {
		return other, false
	}
	switch e.Code() {
	case sqlite3.SQLITE_CONSTRAINT_UNIQUE, sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY:
		return duplicate, true
	case sqlite3.SQLITE_CONSTRAINT_FOREIGNKEY:
		return dangling, true
	}
	switch e.Code() & 0xff {
	case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED:
		return busy, true
	case sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB:
		return damaged, true
	case sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR:
		return whole, true
	case sqlite3.SQLITE_PERM, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_AUTH:
		return denied, true
	}
	return other, true
}

func postgresProblem(err error) (problem, bool) {
	e, ok := errors.AsType[*pgconn.PgError](err)
	if !ok {
		_, connecting := errors.AsType[*pgconn.ConnectError](err)
		network, isNetwork := errors.AsType[net.Error](err)
		return lost, connecting || errors.Is(err, driver.ErrBadConn) || isNetwork && network != nil
	}
	switch e.Code {
	case "23505":
		return duplicate, true
	case "23503":
		return dangling, true
	case "40001", "40P01", "55P03":
		return busy, true
	case "XX001", "XX002":
		return damaged, true
	}
	switch e.Code[:2] {
	case "08", "57": // connection, operator intervention
		return lost, true
	case "53": // no resources
		return whole, true
	case "28": // authorisation; 3D: no such database
		return denied, true
	}
	if e.Code == "3D000" || e.Code == "42501" {
		return denied, true
	}
	return other, true
}

// classify gives a driver's error its kind and the operator's next move. Errors
// that have a kind already, and those of a context, pass.
func (d *dialect) classify(err error) error {
	if err == nil || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	if _, classified := errors.AsType[*fault.Error](err); classified {
		return err
	}
	p, ok := d.problem(err)
	if !ok {
		return fault.New(fault.Bug, "store.unexpected", "%w", err)
	}
	switch p {
	case duplicate:
		return fault.New(fault.Conflict, "store.duplicate", "%w", err)
	case dangling:
		return fault.New(fault.Missing, "store.reference", "what this belongs to does not exist: %w", err)
	case busy:
		return fault.New(fault.Unavailable, "store.busy", "%w", err).WithHint("another process holds the database; try again")
	case damaged:
		return fault.New(fault.Invalid, "store.damaged", "the database is damaged: %w", err).WithHint("restore it from a backup")
	case whole:
		return fault.New(fault.Unavailable, "store.whole", "%w", err).WithHint("check the disk that holds the database")
	case denied:
		return fault.New(fault.Denied, "store.denied", "%w", err).WithHint("check the database's address, owner and permissions")
	case lost:
		return fault.New(fault.Unavailable, "store.unreachable", "%w", err).WithHint("check that the database is running and reachable")
	}
	return fault.New(fault.Bug, "store.statement", "%w", err)
}
