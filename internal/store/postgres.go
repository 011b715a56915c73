package store

import (
	"context"
	"database/sql"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"

	"github.com/hedgesync/hedgesync/internal/fault"
)

const (
	postgresConnections = 16
	migrationLock       = 0x68656467 // advisory lock id, the same in every release
	migrationWait       = 120        // seconds
)

func openPostgres(ctx context.Context, address string) (*sql.DB, error) {
	config, err := pgx.ParseConfig(address)
	if err != nil {
		// The parser's text may quote the address, and with it a password.
		return nil, fault.New(fault.Invalid, "store.address", "the database address cannot be read").
			WithHint("write postgres://user@host:5432/database?sslmode=verify-full")
	}
	db := stdlib.OpenDB(*config)
	db.SetMaxOpenConns(postgresConnections)
	db.SetMaxIdleConns(postgresConnections)
	if err := preparePostgres(ctx, db); err != nil {
		_ = db.Close()
		return nil, err
	}
	return db, nil
}

func preparePostgres(ctx context.Context, db *sql.DB) error {
	var ours bool
	err := db.QueryRowContext(ctx, "select to_regclass($1) is not null", versionTable).Scan(&ours)
	if err != nil {
		return postgres.classify(err)
	}
	if ours {
		if err := checkVersion(ctx, db, &postgres); err != nil {
			return err
		}
	}
	locker, err := lock.NewPostgresSessionLocker(lock.WithLockID(migrationLock), lock.WithLockTimeout(1, migrationWait))
	if err != nil {
		return fault.New(fault.Bug, "store.lock", "%w", err)
	}
	return migrate(ctx, db, &postgres, goose.WithSessionLocker(locker))
}
