package store

import (
	"context"
	"database/sql"
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/hedgesync/hedgesync/internal/fabric"
	"github.com/hedgesync/hedgesync/internal/fault"
	"github.com/hedgesync/hedgesync/internal/plan"
)

// SideName is one of the three places an object is known from. What is stored of
// one side never changes another.
type SideName string

// The sides.
const (
	Desired SideName = "desired" // Git, at a commit
	Draft   SideName = "draft"   // edited here, not in Git
	Actual  SideName = "actual"  // the cluster
)

// SideNames lists every SideName, for constraints and tests.
var SideNames = []SideName{Desired, Draft, Actual}

// Side is what is known of one side.
type Side struct {
	// Snapshot holds what was last read of every kind, and how the last reading
	// covered it: a kind that it did not cover still has its older objects.
	*fabric.Snapshot
	// Read says when each kind was last read in full.
	Read map[fabric.Kind]time.Time
}

const documentColumns = keyColumns + `, hash, version, uid, resource_version,
	origin_file, origin_line, origin_column, origin_document`

// PutDesired replaces what is known of Git; see PutSide.
func (s *Store) PutDesired(ctx context.Context, id fabric.ID, snap *fabric.Snapshot) error {
	return s.PutSide(ctx, id, Desired, snap)
}

// PutActual replaces what is known of the cluster; see PutSide.
func (s *Store) PutActual(ctx context.Context, id fabric.ID, snap *fabric.Snapshot) error {
	return s.PutSide(ctx, id, Actual, snap)
}

// PutSide replaces what is known of one side, at once, and writes only what
// differs. An object is dropped only if the snapshot covers its kind. An object
// without a body leaves what was known of it.
func (s *Store) PutSide(ctx context.Context, id fabric.ID, side SideName, snap *fabric.Snapshot) error {
	return s.write(ctx, "store the "+string(side)+" side of "+string(id), func(t *txn) error {
		known, err := t.lockSide(ctx, id, side)
		if err != nil {
			return err
		}
		stored, err := t.index(ctx, id, side)
		if err != nil {
			return err
		}
		put, drop, err := sideChanges(stored, snap)
		if err != nil {
			return err
		}
		if err := t.putDocuments(ctx, id, side, put, drop); err != nil {
			return err
		}
		coverage, err := encode(coverAnew(known, snap))
		if err != nil {
			return err
		}
		_, err = t.exec(ctx, "update side set source = $1, as_of = $2, coverage = $3 where fabric_id = $4 and side = $5",
			plain(snap.Source()), nanos(snap.AsOf()), coverage, string(id), string(side))
		return err
	})
}

// lockSide keeps other writers of the side out, and returns its coverage.
func (t *txn) lockSide(ctx context.Context, id fabric.ID, side SideName) ([]coverDoc, error) {
	if _, err := t.exec(ctx, `insert into side (fabric_id, side, source, as_of, coverage) values ($1, $2, '', 0, '[]')
		on conflict (fabric_id, side) do nothing`, string(id), string(side)); err != nil {
		return nil, err
	}
	var doc []byte
	var known []coverDoc
	err := t.QueryRowContext(ctx, "select coverage from side where fabric_id = $1 and side = $2"+t.dialect.forUpdate, string(id), string(side)).Scan(&doc)
	if err != nil {
		return nil, err
	}
	return known, decode(doc, &known)
}

// index reads a side without the objects' bodies.
func (t *txn) index(ctx context.Context, id fabric.ID, side SideName) (map[fabric.Key]fabric.Resource, error) {
	all := map[fabric.Key]fabric.Resource{}
	err := t.query(ctx, "select "+documentColumns+" from document where fabric_id = $1 and side = $2",
		[]any{string(id), string(side)}, func(row scanner) error {
			r, err := scanDocument(row)
			all[r.Key] = r
			return err
		})
	return all, err
}

func scanDocument(row scanner, more ...any) (fabric.Resource, error) {
	var r fabric.Resource
	targets := append(keyTargets(&r.Key), &r.Hash, &r.Version, &r.UID, &r.ResourceVersion,
		&r.Origin.File, &r.Origin.Line, &r.Origin.Column, &r.Origin.Document)
	return r, row.Scan(append(targets, more...)...)
}

// sideChanges returns the rows to write and the keys to drop.
func sideChanges(stored map[fabric.Key]fabric.Resource, snap *fabric.Snapshot) (put [][]any, drop []fabric.Key, err error) {
	for r := range snap.All() {
		was, known := stored[r.Key]
		if r.Object == nil || known && unmoved(was, r) {
			continue
		}
		if r.Hash == "" {
			r.Hash = fabric.HashOf(r.Object)
		}
		if known && identical(was, r) {
			continue
		}
		body, err := encode(r.Object)
		if err != nil {
			return nil, nil, fault.Wrap("store "+r.Key.String(), err)
		}
		put = append(put, append(keyValues(r.Key), string(r.Hash), r.Version, r.UID, r.ResourceVersion,
			r.Origin.File, r.Origin.Line, r.Origin.Column, r.Origin.Document, body))
	}
	for key := range stored {
		if _, there := snap.Get(key); !there && snap.Covers(key.Kind) {
			drop = append(drop, key)
		}
	}
	slices.SortFunc(drop, fabric.Key.Compare)
	return put, drop, nil
}

// unmoved reports whether a live object has the version that is stored: then
// hashing it would tell nothing new.
func unmoved(was, r fabric.Resource) bool {
	return r.ResourceVersion != "" && was.ResourceVersion == r.ResourceVersion && was.UID == r.UID &&
		was.Version == r.Version && was.Origin == r.Origin
}

func identical(was, r fabric.Resource) bool {
	return was.Hash == r.Hash && was.Version == r.Version && was.UID == r.UID &&
		was.ResourceVersion == r.ResourceVersion && was.Origin == r.Origin
}

func (t *txn) putDocuments(ctx context.Context, id fabric.ID, side SideName, put [][]any, drop []fabric.Key) error {
	for _, key := range drop {
		if _, err := t.exec(ctx, `delete from document where fabric_id = $1 and side = $2
			and kind_group = $3 and kind = $4 and namespace = $5 and name = $6`,
			append([]any{string(id), string(side)}, keyValues(key)...)...); err != nil {
			return err
		}
	}
	rows := make([][]any, len(put))
	for i, values := range put {
		rows[i] = append([]any{string(id), string(side)}, values...)
	}
	return t.insert(ctx, "insert into document (fabric_id, side, "+documentColumns+", object)",
		`on conflict (fabric_id, side, `+keyColumns+`) do update set hash = excluded.hash, version = excluded.version,
			uid = excluded.uid, resource_version = excluded.resource_version, origin_file = excluded.origin_file,
			origin_line = excluded.origin_line, origin_column = excluded.origin_column,
			origin_document = excluded.origin_document, object = excluded.object`, rows)
}

// coverAnew returns the coverage after a reading. A kind that the reading did not
// name is no longer covered, and keeps the time of its last full reading.
func coverAnew(known []coverDoc, snap *fabric.Snapshot) []coverDoc {
	docs := map[fabric.Kind]coverDoc{}
	for _, d := range known {
		docs[d.Kind] = coverDoc{Kind: d.Kind, Reason: "not part of the last reading", Read: d.Read}
	}
	for _, k := range snap.Kinds() {
		c := snap.Coverage(k)
		d := coverDoc{Kind: k, State: c.State, Reason: c.Reason, Read: docs[k].Read}
		if c.State == fabric.Full {
			d.Read = snap.AsOf()
		}
		docs[k] = d
	}
	return slices.SortedFunc(maps.Values(docs), func(a, b coverDoc) int { return a.Kind.Compare(b.Kind) })
}

// Side returns what is known of one side. It returns Missing if it was never read.
func (s *Store) Side(ctx context.Context, id fabric.ID, side SideName) (Side, error) {
	known := Side{Read: map[fabric.Kind]time.Time{}}
	err := s.read(ctx, "read the "+string(side)+" side of "+string(id), func(t *txn) error {
		var source string
		var asOf time.Time
		var coverage []byte
		err := t.QueryRowContext(ctx, "select source, as_of, coverage from side where fabric_id = $1 and side = $2", string(id), string(side)).
			Scan(&source, clock{&asOf}, &coverage)
		if errors.Is(err, sql.ErrNoRows) {
			return fault.New(fault.Missing, "side.unread", "the %s side of fabric %s was never read", side, id)
		}
		if err != nil {
			return err
		}
		cover, err := known.cover(coverage)
		if err != nil {
			return err
		}
		resources, err := t.documents(ctx, id, side)
		if err != nil {
			return err
		}
		known.Snapshot, err = fabric.NewSnapshot(source, asOf, resources, cover)
		return err
	})
	return known, err
}

func (s *Side) cover(doc []byte) (map[fabric.Kind]fabric.Coverage, error) {
	var docs []coverDoc
	if err := decode(doc, &docs); err != nil {
		return nil, err
	}
	cover := make(map[fabric.Kind]fabric.Coverage, len(docs))
	for _, d := range docs {
		cover[d.Kind] = fabric.Coverage{State: d.State, Reason: d.Reason}
		if !d.Read.IsZero() {
			s.Read[d.Kind] = d.Read
		}
	}
	return cover, nil
}

func (t *txn) documents(ctx context.Context, id fabric.ID, side SideName) ([]fabric.Resource, error) {
	var all []fabric.Resource
	err := t.query(ctx, "select "+documentColumns+", object from document where fabric_id = $1 and side = $2",
		[]any{string(id), string(side)}, func(row scanner) error {
			var body []byte
			r, err := scanDocument(row, &body)
			if err == nil {
				err = decode(body, &r.Object)
			}
			all = append(all, r)
			return err
		})
	return all, err
}

// Seen returns the version of every object of the actual side that is known in full.
func (s *Store) Seen(ctx context.Context, id fabric.ID) (map[fabric.Key]plan.Seen, error) {
	seen := map[fabric.Key]plan.Seen{}
	err := s.read(ctx, "read what is known of the cluster of "+string(id), func(t *txn) error {
		return t.query(ctx, "select "+keyColumns+", uid, resource_version from document where fabric_id = $1 and side = 'actual'",
			[]any{string(id)}, func(row scanner) error {
				var k fabric.Key
				var v plan.Seen
				err := row.Scan(append(keyTargets(&k), &v.UID, &v.ResourceVersion)...)
				seen[k] = v
				return err
			})
	})
	return seen, err
}
