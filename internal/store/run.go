package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hedgesync/hedgesync/internal/fabric"
	"github.com/hedgesync/hedgesync/internal/fault"
	"github.com/hedgesync/hedgesync/internal/saga"
)

const (
	runColumns = `id, fabric_id, kind, def_version, status, reason, requested_by, params, commit_id, plan_id,
		batch, batches, done, total, failure, created_at, started_at, ended_at, cancel_requested_at, holder, lease_until, attempt`
	runIsLive = `status in ('pending', 'running', 'compensating')`
)

// fetchSize bounds one page of a list.
const fetchSize = 200

// Create stores a pending run. If the fabric has a live run it returns that run
// and Conflict.
func (s *Store) Create(ctx context.Context, r saga.Run) (saga.Run, error) {
	if r.Status != saga.Pending {
		return saga.Run{}, fault.New(fault.Bug, "run.status", "a run begins as %s, not %s", saga.Pending, r.Status)
	}
	for {
		stored, err := s.create(ctx, r)
		// Another process was faster: it is found now, unless it has ended meanwhile.
		if fault.CodeOf(err) == "store.duplicate" && ctx.Err() == nil {
			if _, err := s.Run(ctx, r.ID); fault.KindOf(err) == fault.Missing {
				continue
			}
		}
		return stored, err
	}
}

func (s *Store) create(ctx context.Context, r saga.Run) (saga.Run, error) {
	var stored saga.Run
	err := s.write(ctx, "create run of "+string(r.Fabric), func(t *txn) error {
		known, err := t.exists(ctx, r.Fabric)
		if err != nil {
			return err
		}
		if !known {
			return fault.New(fault.Missing, "fabric.missing", "there is no fabric %s", r.Fabric)
		}
		live, found, err := t.liveRun(ctx, r.Fabric)
		if err != nil {
			return err
		}
		if found {
			stored = live
			return errLive(live)
		}
		if err := t.insertRun(ctx, r); err != nil {
			return err
		}
		stored, err = t.run(ctx, r.ID, false)
		return err
	})
	return stored, err
}

func (t *txn) insertRun(ctx context.Context, r saga.Run) error {
	failure, err := encodeFailure(r.Failure)
	if err != nil {
		return err
	}
	p := r.Progress
	return t.insert(ctx, "insert into run ("+runColumns+")", "", [][]any{{
		string(r.ID), string(r.Fabric), r.Kind, r.DefVersion, string(r.Status), plain(r.Reason), plain(r.RequestedBy),
		string(r.Params), r.Commit, r.PlanID, p.Batch, p.Batches, p.Done, p.Total, failure,
		nanos(r.Created), nanos(r.Started), nanos(r.Ended), nanos(r.CancelRequested), r.Holder, nanos(r.LeaseUntil), r.Attempt,
	}})
}

func errLive(live saga.Run) error {
	return fault.New(fault.Conflict, "run.live", "fabric %s has a live run: %s (%s)", live.Fabric, live.ID, live.Status).
		WithHint("wait for run %s, or cancel it", live.ID)
}

// Claim makes holder the owner of a run; see saga.Journal.
func (s *Store) Claim(ctx context.Context, id saga.RunID, holder string, dead []string, now time.Time, ttl time.Duration) (saga.Run, error) {
	var r saga.Run
	err := s.write(ctx, "claim run "+string(id), func(t *txn) (err error) {
		if r, err = t.run(ctx, id, true); err != nil {
			return err
		}
		if !r.Status.Live() {
			return errEnded(r)
		}
		free := r.Status == saga.Pending || r.Holder == holder || r.LeaseUntil.Before(now) || slices.Contains(dead, r.Holder)
		if !free {
			return fault.New(fault.Conflict, "run.held", "run %s is held by %s until %s", id, r.Holder, r.LeaseUntil.Format(time.RFC3339)).
				WithHint("wait: the run goes on there, or can be claimed when the lease has expired")
		}
		if r.Status == saga.Pending {
			r.Status = saga.Running
		}
		if r.Started.IsZero() {
			r.Started = now.UTC()
		}
		r.Holder, r.LeaseUntil = holder, now.Add(ttl).UTC()
		r.Attempt++
		_, err = t.exec(ctx, `update run set status = $1, started_at = $2, holder = $3, lease_until = $4, attempt = $5 where id = $6`,
			string(r.Status), nanos(r.Started), holder, nanos(r.LeaseUntil), r.Attempt, string(id))
		return err
	})
	return r, err
}

func errEnded(r saga.Run) error {
	return fault.New(fault.Conflict, "run.ended", "run %s has ended: %s", r.ID, r.Status)
}

// Renew extends the lease and returns the run as stored.
func (s *Store) Renew(ctx context.Context, f saga.Fence, until time.Time) (saga.Run, error) {
	var r saga.Run
	err := s.write(ctx, "renew lease of run "+string(f.Run), func(t *txn) (err error) {
		if err = t.lease(ctx, f, until); err != nil {
			return err
		}
		r, err = t.run(ctx, f.Run, false)
		return err
	})
	return r, err
}

// Release ends the lease at once; anybody may claim the run.
func (s *Store) Release(ctx context.Context, f saga.Fence) error {
	return s.write(ctx, "release run "+string(f.Run), func(t *txn) error { return t.lease(ctx, f, time.Time{}) })
}

func (t *txn) lease(ctx context.Context, f saga.Fence, until time.Time) error {
	n, err := t.exec(ctx, `update run set lease_until = $1 where id = $2 and holder = $3 and attempt = $4 and `+runIsLive,
		nanos(until), string(f.Run), f.Holder, f.Attempt)
	if err == nil && n == 0 {
		return errFence(f)
	}
	return err
}

// fence returns the run if f is still its current fence, else Conflict. Until the
// transaction ends nobody else can claim the run.
func (t *txn) fence(ctx context.Context, f saga.Fence) (saga.Run, error) {
	r, err := t.run(ctx, f.Run, true)
	if err != nil {
		return saga.Run{}, err
	}
	if r.Fence() != f || !r.Status.Live() {
		return saga.Run{}, errFence(f)
	}
	return r, nil
}

func errFence(f saga.Fence) error {
	return fault.New(fault.Conflict, "run.lost", "run %s is no longer held by %s (attempt %d)", f.Run, f.Holder, f.Attempt).
		WithHint("another worker goes on with it, or it has ended")
}

// Move changes a run's status; see saga.Journal.
func (s *Store) Move(ctx context.Context, f saga.Fence, to saga.Status, failure *saga.Failure, now time.Time) error {
	return s.write(ctx, "move run "+string(f.Run)+" to "+string(to), func(t *txn) error {
		r, err := t.fence(ctx, f)
		if err != nil {
			return err
		}
		if !r.Status.MayBecome(to) {
			return fault.New(fault.Bug, "run.move", "a run that is %s cannot become %s", r.Status, to)
		}
		doc, err := encodeFailure(failure)
		if err != nil {
			return err
		}
		ended, lease := time.Time{}, r.LeaseUntil
		if !to.Live() {
			ended, lease = now, time.Time{}
		}
		_, err = t.exec(ctx, "update run set status = $1, failure = $2, ended_at = $3, lease_until = $4 where id = $5",
			string(to), doc, nanos(ended), nanos(lease), string(f.Run))
		return err
	})
}

// Cancel asks a live run to stop; see saga.Journal.
func (s *Store) Cancel(ctx context.Context, id saga.RunID, now time.Time) (saga.Run, error) {
	var r saga.Run
	err := s.write(ctx, "cancel run "+string(id), func(t *txn) (err error) {
		if r, err = t.run(ctx, id, true); err != nil {
			return err
		}
		if !r.Status.Live() {
			return errEnded(r)
		}
		if r.CancelRequested.IsZero() {
			r.CancelRequested = now.UTC()
		}
		if r.Status == saga.Pending {
			r.Status, r.Ended = saga.Cancelled, now.UTC()
		}
		_, err = t.exec(ctx, "update run set status = $1, cancel_requested_at = $2, ended_at = $3 where id = $4",
			string(r.Status), nanos(r.CancelRequested), nanos(r.Ended), string(id))
		return err
	})
	return r, err
}

// Live returns every run that has not ended, oldest first.
func (s *Store) Live(ctx context.Context) ([]saga.Run, error) {
	var live []saga.Run
	err := s.read(ctx, "list live runs", func(t *txn) (err error) {
		live, err = t.runs(ctx, "where "+runIsLive+" order by id")
		return err
	})
	return live, err
}

// Run returns one run.
func (s *Store) Run(ctx context.Context, id saga.RunID) (saga.Run, error) {
	var r saga.Run
	err := s.read(ctx, "read run "+string(id), func(t *txn) (err error) {
		r, err = t.run(ctx, id, false)
		return err
	})
	return r, err
}

// RunFilter narrows a list of runs. The zero value is every run.
type RunFilter struct {
	Fabric   fabric.ID
	Statuses []saga.Status
	Before   saga.RunID // cursor: only runs created before this one
	Limit    int        // 1 to 200; 0 is 200
}

// Runs returns runs, newest first. The last one's ID is the cursor of the next
// page; a page shorter than the limit is the last.
func (s *Store) Runs(ctx context.Context, f RunFilter) ([]saga.Run, error) {
	var where []string
	var args []any
	add := func(clause string, value any) {
		args = append(args, value)
		where = append(where, clause+"$"+strconv.Itoa(len(args)))
	}
	if f.Fabric != "" {
		add("fabric_id = ", string(f.Fabric))
	}
	if f.Before != "" {
		add("id < ", string(f.Before))
	}
	if len(f.Statuses) > 0 {
		var marks []string
		for _, status := range f.Statuses {
			args = append(args, string(status))
			marks = append(marks, "$"+strconv.Itoa(len(args)))
		}
		where = append(where, "status in ("+strings.Join(marks, ",")+")")
	}
	tail := ""
	if len(where) > 0 {
		tail = "where " + strings.Join(where, " and ")
	}
	limit := f.Limit
	if limit < 1 || limit > fetchSize {
		limit = fetchSize
	}
	var page []saga.Run
	err := s.read(ctx, "list runs", func(t *txn) (err error) {
		page, err = t.runs(ctx, tail+" order by id desc limit "+strconv.Itoa(limit), args...)
		return err
	})
	return page, err
}

func (t *txn) runs(ctx context.Context, tail string, args ...any) ([]saga.Run, error) {
	var all []saga.Run
	err := t.query(ctx, "select "+runColumns+" from run "+tail, args, func(row scanner) error {
		r, err := scanRun(row)
		all = append(all, r)
		return err
	})
	return all, err
}

// run reads one run; locked keeps it from changing until the transaction ends.
func (t *txn) run(ctx context.Context, id saga.RunID, locked bool) (saga.Run, error) {
	query := "select " + runColumns + " from run where id = $1"
	if locked {
		query += t.dialect.forUpdate
	}
	r, err := scanRun(t.QueryRowContext(ctx, query, string(id)))
	return r, missing(err, "run.missing", "there is no run %s", id)
}

func (t *txn) liveRun(ctx context.Context, id fabric.ID) (saga.Run, bool, error) {
	r, err := scanRun(t.QueryRowContext(ctx, "select "+runColumns+" from run where fabric_id = $1 and "+runIsLive, string(id)))
	if errors.Is(err, sql.ErrNoRows) {
		return saga.Run{}, false, nil
	}
	return r, err == nil, err
}

func scanRun(row scanner) (saga.Run, error) {
	var r saga.Run
	var params, failure []byte
	p := &r.Progress
	err := row.Scan(&r.ID, &r.Fabric, &r.Kind, &r.DefVersion, &r.Status, &r.Reason, &r.RequestedBy, &params, &r.Commit, &r.PlanID,
		&p.Batch, &p.Batches, &p.Done, &p.Total, &failure, clock{&r.Created}, clock{&r.Started}, clock{&r.Ended},
		clock{&r.CancelRequested}, &r.Holder, clock{&r.LeaseUntil}, &r.Attempt)
	if err != nil {
		return saga.Run{}, err
	}
	if len(params) > 0 {
		r.Params = json.RawMessage(params)
	}
	r.Failure, err = decodeFailure(failure)
	return r, err
}
