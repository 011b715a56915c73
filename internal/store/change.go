package store

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/hedgesync/hedgesync/internal/fabric"
	"github.com/hedgesync/hedgesync/internal/fault"
	"github.com/hedgesync/hedgesync/internal/plan"
	"github.com/hedgesync/hedgesync/internal/saga"
)

const changeColumns = `seq, batch, ` + keyColumns + `, action, cause, tier, detail, want, pre_image, base,
	intended_at, done_at, result, failure, live, writes, elapsed, undone, residue`

// SavePlan stores a run's changes and the commit they bring. It returns Conflict
// if the run has a plan already.
func (s *Store) SavePlan(ctx context.Context, f saga.Fence, commit string, changes []plan.Planned) error {
	rows := make([][]any, 0, len(changes))
	for _, c := range changes {
		row, err := changeRow(f.Run, c)
		if err != nil {
			return fault.Wrap("store "+c.Change.Key.String(), err)
		}
		rows = append(rows, row)
	}
	return s.write(ctx, "store plan of run "+string(f.Run), func(t *txn) error {
		if _, err := t.fence(ctx, f); err != nil {
			return err
		}
		n, err := t.exec(ctx, "update run set planned = 1, commit_id = $1 where id = $2 and planned = 0", commit, string(f.Run))
		if err != nil {
			return err
		}
		if n == 0 {
			return fault.New(fault.Conflict, "run.planned", "run %s has a plan already", f.Run)
		}
		return t.insert(ctx, "insert into change (run_id, "+changeColumns+", reversed_at)", "", rows)
	})
}

func changeRow(run saga.RunID, p plan.Planned) ([]any, error) {
	c, o := p.Change, p.Outcome
	detail, err1 := encode(changeDetail(c))
	want, err2 := encodeResource(c.Want, c.Key)
	have, err3 := encodeResource(c.Have, c.Key)
	base, err4 := encodeEntry(c.Base)
	failure, err5 := encodeFailure(saga.FailureOf("", o.Err))
	live, err6 := encodeResource(o.Live, c.Key)
	if err := errors.Join(err1, err2, err3, err4, err5, err6); err != nil {
		return nil, err
	}
	row := append([]any{string(run), p.Seq, p.Batch}, keyValues(c.Key)...)
	return append(row, string(c.Action), string(c.Cause), c.Tier, detail, want, have, base,
		nanos(p.Intended), nanos(p.Done), string(o.Result), failure, live, o.Writes, int64(o.Elapsed),
		string(p.Undone), plain(p.Residue), int64(0)), nil
}

// Plan returns a run's changes in order; none if it has no plan yet.
func (s *Store) Plan(ctx context.Context, id saga.RunID) ([]plan.Planned, error) {
	var all []plan.Planned
	err := s.read(ctx, "read plan of run "+string(id), func(t *txn) error {
		return t.query(ctx, "select "+changeColumns+" from change where run_id = $1 order by seq", []any{string(id)},
			func(row scanner) error {
				p, err := scanChange(row)
				all = append(all, p)
				return err
			})
	})
	return all, err
}

func scanChange(row scanner) (plan.Planned, error) {
	var p plan.Planned
	var detail, want, have, base, failure, live []byte
	c, o := &p.Change, &p.Outcome
	targets := append([]any{&p.Seq, &p.Batch}, keyTargets(&c.Key)...)
	err := row.Scan(append(targets, &c.Action, &c.Cause, &c.Tier, &detail, &want, &have, &base,
		clock{&p.Intended}, clock{&p.Done}, &o.Result, &failure, &live, &o.Writes, &o.Elapsed, &p.Undone, &p.Residue)...)
	if err != nil {
		return p, err
	}
	var d changeDoc
	var err1, err2, err3, err4, err5 error
	err = decode(detail, &d)
	d.fill(c)
	c.Want, err1 = decodeResource(want, c.Key)
	c.Have, err2 = decodeResource(have, c.Key)
	c.Base, err3 = decodeEntry(base, c.Key)
	o.Live, err4 = decodeResource(live, c.Key)
	o.Err, err5 = decodeError(failure)
	if o.Result != "" {
		o.Key = c.Key
	}
	return p, errors.Join(err, err1, err2, err3, err4, err5)
}

// decodeError returns a stored failure as the error it was: same kind, code, text and hint.
func decodeError(s []byte) (error, error) {
	f, err := decodeFailure(s)
	if f == nil || err != nil {
		return nil, err
	}
	return &fault.Error{Kind: f.Kind, Code: f.Code, Hint: f.Hint, Err: errors.New(f.Message)}, nil
}

// Intend marks changes as begun. A change that is begun once more has no outcome
// again until it gets its next one.
func (s *Store) Intend(ctx context.Context, f saga.Fence, seqs []int, now time.Time) error {
	return s.write(ctx, "intend changes of run "+string(f.Run), func(t *txn) error {
		if _, err := t.fence(ctx, f); err != nil {
			return err
		}
		var marks []string
		args := []any{nanos(now), string(f.Run)}
		for _, seq := range seqs {
			args = append(args, seq)
			marks = append(marks, "$"+strconv.Itoa(len(args)))
		}
		if len(marks) == 0 {
			return nil
		}
		n, err := t.exec(ctx, `update change set intended_at = $1, done_at = 0, result = '', failure = ''
			where run_id = $2 and seq in (`+strings.Join(marks, ",")+")", args...)
		if err == nil && int(n) != len(seqs) {
			return fault.New(fault.Bug, "run.change", "%d of %d changes are not in the plan", len(seqs)-int(n), len(seqs))
		}
		return err
	})
}

// Finish stores outcomes, our record of the objects and the run's progress, all
// or nothing. A change that writes must have been intended.
func (s *Store) Finish(ctx context.Context, f saga.Fence, done []plan.Done, p saga.Progress, now time.Time) error {
	return s.write(ctx, "store outcomes of run "+string(f.Run), func(t *txn) error {
		r, err := t.fence(ctx, f)
		if err != nil {
			return err
		}
		var ours records
		for _, d := range done {
			key, err := t.finish(ctx, f.Run, d, now)
			if err != nil {
				return err
			}
			if err := ours.add(key, d.Entry, d.Forget); err != nil {
				return err
			}
		}
		if err := t.putRecords(ctx, r.Fabric, ours); err != nil {
			return err
		}
		_, err = t.exec(ctx, "update run set batch = $1, batches = $2, done = $3, total = $4 where id = $5",
			p.Batch, p.Batches, p.Done, p.Total, string(f.Run))
		return err
	})
}

func (t *txn) finish(ctx context.Context, run saga.RunID, d plan.Done, now time.Time) (fabric.Key, error) {
	key, action, intended, err := t.begun(ctx, run, d.Seq)
	if err != nil {
		return key, err
	}
	if action.Writes() && !intended {
		return key, fault.New(fault.Bug, "run.change", "%s has an outcome and was never intended", key)
	}
	o := d.Outcome
	failure, err := encodeFailure(saga.FailureOf("", o.Err))
	if err != nil {
		return key, err
	}
	live, err := encodeResource(o.Live, key)
	if err != nil {
		return key, err
	}
	_, err = t.exec(ctx, `update change set done_at = $1, result = $2, failure = $3, live = $4, writes = $5, elapsed = $6
		where run_id = $7 and seq = $8`, nanos(now), string(o.Result), failure, live, o.Writes, int64(o.Elapsed), string(run), d.Seq)
	return key, err
}

// begun returns what a change is about and whether it was intended.
func (t *txn) begun(ctx context.Context, run saga.RunID, seq int) (key fabric.Key, action plan.Action, intended bool, err error) {
	var at time.Time
	err = t.QueryRowContext(ctx, "select "+keyColumns+", action, intended_at from change where run_id = $1 and seq = $2", string(run), seq).
		Scan(append(keyTargets(&key), &action, clock{&at})...)
	return key, action, !at.IsZero(), missing(err, "run.change", "run %s has no change %d", run, seq)
}

// Reverse stores what compensation did, and our record of the objects, all or nothing.
func (s *Store) Reverse(ctx context.Context, f saga.Fence, reversed []plan.Reversed, now time.Time) error {
	return s.write(ctx, "store what run "+string(f.Run)+" took back", func(t *txn) error {
		r, err := t.fence(ctx, f)
		if err != nil {
			return err
		}
		var ours records
		for _, d := range reversed {
			key, _, _, err := t.begun(ctx, f.Run, d.Seq)
			if err != nil {
				return err
			}
			if _, err := t.exec(ctx, "update change set undone = $1, residue = $2, reversed_at = $3 where run_id = $4 and seq = $5",
				string(d.State), plain(d.Residue), nanos(now), string(f.Run), d.Seq); err != nil {
				return err
			}
			if err := ours.add(key, d.Entry, d.Forget); err != nil {
				return err
			}
		}
		return t.putRecords(ctx, r.Fabric, ours)
	})
}
