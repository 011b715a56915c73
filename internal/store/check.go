package store

import (
	"context"
	"database/sql"
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/hedgesync/hedgesync/internal/fabric"
	"github.com/hedgesync/hedgesync/internal/plan"
)

// Checked is the last completed comparison of a fabric. Its zero value (At is
// zero) means never checked: nothing is known, least of all that nothing differs.
type Checked struct {
	plan.Check
	Onsets []Onset // of Changes, by index
}

// Onset is since when a difference is there: as long as consecutive checks find
// it, it began when it was first found, or when its field was written, if known.
type Onset struct {
	Change time.Time
	Fields []time.Time // of Change.Fields, by index
}

// PutCheck replaces the result of the last comparison, at once. Changes with
// nothing to do are not kept, nor are the bodies of the objects; values that are
// secret have been masked by the planner.
func (s *Store) PutCheck(ctx context.Context, id fabric.ID, c plan.Check) error {
	summary, err := encode(c.Summary)
	if err != nil {
		return err
	}
	unread, err := encode(unreadDocs(c.Unread))
	if err != nil {
		return err
	}
	return s.write(ctx, "store the comparison of "+string(id), func(t *txn) error {
		if _, err := t.exec(ctx, `insert into comparison (fabric_id, at, commit_id, run_id, summary, unread) values ($1, $2, $3, $4, $5, $6)
			on conflict (fabric_id) do update set at = excluded.at, commit_id = excluded.commit_id, run_id = excluded.run_id,
				summary = excluded.summary, unread = excluded.unread`,
			string(id), nanos(c.At), c.Commit, c.Run, summary, unread); err != nil {
			return err
		}
		_, known, err := t.findings(ctx, id)
		if err != nil {
			return err
		}
		rows, err := findingRows(id, c, known)
		if err != nil {
			return err
		}
		if _, err := t.exec(ctx, "delete from finding where fabric_id = $1", string(id)); err != nil {
			return err
		}
		return t.insert(ctx, "insert into finding (fabric_id, seq, "+keyColumns+", action, cause, tier, onset_at, detail)", "", rows)
	})
}

func unreadDocs(unread map[fabric.Kind]fabric.Coverage) []coverDoc {
	docs := []coverDoc{}
	for _, k := range slices.SortedFunc(maps.Keys(unread), fabric.Kind.Compare) {
		docs = append(docs, coverDoc{Kind: k, State: unread[k].State, Reason: unread[k].Reason})
	}
	return docs
}

// onsets say since when differences are known: of a key with path "", or of one field.
type onsets map[spot]time.Time

type spot struct {
	key  fabric.Key
	path string
}

// since returns the known onset of a difference, or the given one.
func (o onsets) since(key fabric.Key, path string, otherwise time.Time) time.Time {
	if at, ok := o[spot{key, path}]; ok {
		return at
	}
	return otherwise
}

func findingRows(id fabric.ID, c plan.Check, known onsets) ([][]any, error) {
	var rows [][]any
	for _, ch := range c.Changes {
		if ch.Action == plan.None {
			continue
		}
		detail := changeDetail(ch)
		first := c.At
		for i, f := range detail.Fields {
			began := c.At
			if !f.At.IsZero() && f.At.Before(began) {
				began = f.At
			}
			began = known.since(ch.Key, f.Path, began)
			detail.Fields[i].Onset = began
			if began.Before(first) {
				first = began
			}
		}
		doc, err := encode(detail)
		if err != nil {
			return nil, err
		}
		row := append([]any{string(id), len(rows)}, keyValues(ch.Key)...)
		rows = append(rows, append(row, string(ch.Action), string(ch.Cause), ch.Tier, nanos(known.since(ch.Key, "", first)), doc))
	}
	return rows, nil
}

// Check returns the last completed comparison of a fabric.
func (s *Store) Check(ctx context.Context, id fabric.ID) (Checked, error) {
	var c Checked
	err := s.read(ctx, "read the comparison of "+string(id), func(t *txn) error {
		var summary, unread []byte
		err := t.QueryRowContext(ctx, "select at, commit_id, run_id, summary, unread from comparison where fabric_id = $1", string(id)).
			Scan(clock{&c.At}, &c.Commit, &c.Run, &summary, &unread)
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		if err != nil {
			return err
		}
		var docs []coverDoc
		if err := errors.Join(decode(summary, &c.Summary), decode(unread, &docs)); err != nil {
			return err
		}
		c.Unread = map[fabric.Kind]fabric.Coverage{}
		for _, d := range docs {
			c.Unread[d.Kind] = fabric.Coverage{State: d.State, Reason: d.Reason}
		}
		found, known, err := t.findings(ctx, id)
		c.Changes = found
		for _, ch := range found {
			o := Onset{Change: known[spot{ch.Key, ""}]}
			for _, f := range ch.Fields {
				o.Fields = append(o.Fields, known[spot{ch.Key, f.Path}])
			}
			c.Onsets = append(c.Onsets, o)
		}
		return err
	})
	return c, err
}

func (t *txn) findings(ctx context.Context, id fabric.ID) ([]plan.Change, onsets, error) {
	var all []plan.Change
	known := onsets{}
	err := t.query(ctx, "select "+keyColumns+", action, cause, tier, onset_at, detail from finding where fabric_id = $1 order by seq",
		[]any{string(id)}, func(row scanner) error {
			var c plan.Change
			var began time.Time
			var detail []byte
			if err := row.Scan(append(keyTargets(&c.Key), &c.Action, &c.Cause, &c.Tier, clock{&began}, &detail)...); err != nil {
				return err
			}
			var d changeDoc
			if err := decode(detail, &d); err != nil {
				return err
			}
			d.fill(&c)
			known[spot{c.Key, ""}] = began
			for _, f := range d.Fields {
				known[spot{c.Key, f.Path}] = f.Onset
			}
			all = append(all, c)
			return nil
		})
	return all, known, err
}
