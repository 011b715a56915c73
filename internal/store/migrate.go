package store

import (
	"context"
	"database/sql"
	"embed"
	"fmt"

	"github.com/pressly/goose/v3"

	"github.com/hedgesync/hedgesync/internal/fault"
)

//go:embed migrations
var migrationFiles embed.FS

const versionTable = "schema_version"

// migrate brings the schema up to date. The caller holds the migrators' lock.
func migrate(ctx context.Context, db *sql.DB, d *dialect, o ...goose.ProviderOption) error {
	p, err := provider(db, d, o...)
	if err != nil {
		return err
	}
	if _, err := p.Up(ctx); err != nil {
		return fault.Wrap("migrate", d.classify(err))
	}
	return nil
}

func provider(db *sql.DB, d *dialect, o ...goose.ProviderOption) (*goose.Provider, error) {
	files, err := d.migrations()
	if err != nil {
		return nil, fmt.Errorf("read migrations: %w", err)
	}
	o = append(o, goose.WithTableName(versionTable), goose.WithDisableGlobalRegistry(true))
	p, err := goose.NewProvider(d.goose, db, files, o...)
	if err != nil {
		return nil, fault.New(fault.Bug, "store.migrations", "load migrations: %w", err)
	}
	return p, nil
}

// checkVersion refuses a schema that a later program made.
func checkVersion(ctx context.Context, db *sql.DB, d *dialect) error {
	p, err := provider(db, d)
	if err != nil {
		return err
	}
	sources := p.ListSources()
	known := sources[len(sources)-1].Version
	var stored int64
	err = db.QueryRowContext(ctx, "select coalesce(max(version_id), 0) from "+versionTable).Scan(&stored)
	if err != nil {
		return d.classify(err)
	}
	if stored > known {
		return fault.New(fault.Invalid, "store.newer", "the database has schema %d, this program knows up to %d", stored, known).
			WithHint("run the newer hedgesync that wrote it, or restore a backup made before the upgrade; nothing was changed")
	}
	return nil
}
