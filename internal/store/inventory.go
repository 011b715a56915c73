package store

import (
	"context"

	"github.com/hedgesync/hedgesync/internal/fabric"
	"github.com/hedgesync/hedgesync/internal/fault"
	"github.com/hedgesync/hedgesync/internal/plan"
)

const entryColumns = keyColumns + `, version, uid, resource_version, want_hash, commit_id,
	origin_file, origin_line, origin_column, origin_document, run_id, at`

// Inventory returns our record of a fabric in key order.
func (s *Store) Inventory(ctx context.Context, id fabric.ID) ([]plan.Entry, error) {
	var all []plan.Entry
	err := s.read(ctx, "read inventory of "+string(id), func(t *txn) error {
		return t.query(ctx, "select "+entryColumns+", applied from inventory where fabric_id = $1"+t.dialect.orderByKey(),
			[]any{string(id)}, func(row scanner) error {
				var applied []byte
				e, err := scanEntry(row, &applied)
				if err == nil {
					err = decode(applied, &e.Applied)
				}
				all = append(all, e)
				return err
			})
	})
	return all, err
}

// InventoryIndex returns our record of a fabric in key order without the applied
// objects: enough to tell what did not move, several times faster to read.
func (s *Store) InventoryIndex(ctx context.Context, id fabric.ID) ([]plan.Entry, error) {
	var all []plan.Entry
	err := s.read(ctx, "read index of the inventory of "+string(id), func(t *txn) error {
		return t.query(ctx, "select "+entryColumns+" from inventory where fabric_id = $1"+t.dialect.orderByKey(),
			[]any{string(id)}, func(row scanner) error {
				e, err := scanEntry(row)
				all = append(all, e)
				return err
			})
	})
	return all, err
}

func scanEntry(row scanner, more ...any) (plan.Entry, error) {
	var e plan.Entry
	targets := append(keyTargets(&e.Key), &e.Version, &e.UID, &e.ResourceVersion, &e.WantHash, &e.Commit,
		&e.Origin.File, &e.Origin.Line, &e.Origin.Column, &e.Origin.Document, &e.Run, clock{&e.At})
	return e, row.Scan(append(targets, more...)...)
}

// records are changes to the inventory that belong to one transaction.
type records struct {
	put    [][]any
	forget []fabric.Key
}

// add notes what to do with the record of key.
func (r *records) add(key fabric.Key, e *plan.Entry, forget bool) error {
	switch {
	case e != nil && forget:
		return fault.New(fault.Bug, "inventory.entry", "%s is to be recorded and forgotten at once", key)
	case forget:
		r.forget = append(r.forget, key)
	case e != nil && e.Key != key:
		return fault.New(fault.Bug, "inventory.entry", "a change of %s brings a record of %s", key, e.Key)
	case e != nil:
		applied, err := encode(e.Applied)
		if err != nil {
			return err
		}
		r.put = append(r.put, append(keyValues(key), e.Version, e.UID, e.ResourceVersion, string(e.WantHash), e.Commit,
			e.Origin.File, e.Origin.Line, e.Origin.Column, e.Origin.Document, e.Run, nanos(e.At), applied))
	}
	return nil
}

func (t *txn) putRecords(ctx context.Context, id fabric.ID, r records) error {
	for _, key := range r.forget {
		if _, err := t.exec(ctx, "delete from inventory where fabric_id = $1 and kind_group = $2 and kind = $3 and namespace = $4 and name = $5",
			append([]any{string(id)}, keyValues(key)...)...); err != nil {
			return err
		}
	}
	rows := make([][]any, len(r.put))
	for i, values := range r.put {
		rows[i] = append([]any{string(id)}, values...)
	}
	return t.insert(ctx, "insert into inventory (fabric_id, "+entryColumns+", applied)",
		`on conflict (fabric_id, `+keyColumns+`) do update set version = excluded.version, uid = excluded.uid,
			resource_version = excluded.resource_version, want_hash = excluded.want_hash, commit_id = excluded.commit_id,
			origin_file = excluded.origin_file, origin_line = excluded.origin_line, origin_column = excluded.origin_column,
			origin_document = excluded.origin_document, run_id = excluded.run_id, at = excluded.at, applied = excluded.applied`, rows)
}
