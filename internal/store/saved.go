package store

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"io"

	"github.com/hedgesync/hedgesync/internal/fabric"
	"github.com/hedgesync/hedgesync/internal/fault"
	"github.com/hedgesync/hedgesync/internal/plan"
)

// PutSavedPlan puts a plan aside. An id is used once: a second time is Conflict.
func (s *Store) PutSavedPlan(ctx context.Context, p plan.Saved) error {
	packed, err := pack(p.Document)
	if err != nil {
		return err
	}
	return s.write(ctx, "save plan "+p.ID, func(t *txn) error {
		_, err := t.exec(ctx, `insert into saved_plan (id, fabric_id, commit_id, hash, inputs, created_at, expires_at, document)
			values ($1, $2, $3, $4, $5, $6, $7, $8)`,
			p.ID, string(p.Fabric), p.Commit, p.Hash, string(p.Inputs), nanos(p.Created), nanos(p.Expires), packed)
		return err
	})
}

// SavedPlan returns a plan that was put aside, byte for byte, expired or not.
func (s *Store) SavedPlan(ctx context.Context, id string) (plan.Saved, error) {
	var p plan.Saved
	err := s.read(ctx, "read saved plan "+id, func(t *txn) error {
		var packed []byte
		var err error
		p, err = scanSaved(t.QueryRowContext(ctx, `select id, fabric_id, commit_id, hash, inputs, created_at, expires_at, document
			from saved_plan where id = $1`, id), &packed)
		if err != nil {
			return missing(err, "plan.missing", "there is no saved plan %s", id)
		}
		p.Document, err = unpack(packed)
		return err
	})
	return p, err
}

// SavedPlans returns the saved plans of a fabric without their documents, newest
// first.
func (s *Store) SavedPlans(ctx context.Context, id fabric.ID) ([]plan.Saved, error) {
	var all []plan.Saved
	err := s.read(ctx, "list saved plans of "+string(id), func(t *txn) error {
		return t.query(ctx, `select id, fabric_id, commit_id, hash, inputs, created_at, expires_at
			from saved_plan where fabric_id = $1 order by created_at desc, id desc`, []any{string(id)}, func(row scanner) error {
			p, err := scanSaved(row)
			all = append(all, p)
			return err
		})
	})
	return all, err
}

func scanSaved(row scanner, more ...any) (plan.Saved, error) {
	var p plan.Saved
	var inputs []byte
	targets := []any{&p.ID, &p.Fabric, &p.Commit, &p.Hash, &inputs, clock{&p.Created}, clock{&p.Expires}}
	err := row.Scan(append(targets, more...)...)
	if len(inputs) > 0 {
		p.Inputs = json.RawMessage(inputs)
	}
	return p, err
}

func pack(document []byte) ([]byte, error) {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, err := w.Write(document)
	if err = errors.Join(err, w.Close()); err != nil {
		return nil, fault.New(fault.Bug, "store.pack", "%w", err)
	}
	return b.Bytes(), nil
}

// unpack trusts the size: the row was written by pack, and gzip's checksum holds it.
func unpack(packed []byte) ([]byte, error) {
	r, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return nil, errPacked(err)
	}
	document, err := io.ReadAll(r)
	if err != nil {
		return nil, errPacked(err)
	}
	return document, nil
}

func errPacked(err error) error {
	return fault.New(fault.Invalid, "store.damaged", "a saved plan cannot be unpacked: %w", err).WithHint("make the plan anew")
}
