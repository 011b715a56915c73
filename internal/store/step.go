package store

import (
	"context"
	"encoding/json"

	"github.com/hedgesync/hedgesync/internal/fault"
	"github.com/hedgesync/hedgesync/internal/saga"
)

// Steps returns a run's log in Seq order.
func (s *Store) Steps(ctx context.Context, id saga.RunID) ([]saga.StepRecord, error) {
	var log []saga.StepRecord
	err := s.read(ctx, "read log of run "+string(id), func(t *txn) error {
		return t.query(ctx, `select seq, name, dir, try, status, output, failure, started_at, done_at from step
			where run_id = $1 order by seq, dir`, []any{string(id)}, func(row scanner) error {
			r, err := scanStep(row)
			r.Run = id
			log = append(log, r)
			return err
		})
	})
	return log, err
}

func scanStep(row scanner) (saga.StepRecord, error) {
	var r saga.StepRecord
	var output, failure []byte
	err := row.Scan(&r.Seq, &r.Name, &r.Dir, &r.Try, &r.Status, &output, &failure, clock{&r.Started}, clock{&r.Done})
	if err != nil {
		return r, err
	}
	if len(output) > 0 {
		r.Output = json.RawMessage(output)
	}
	r.Failure, err = decodeFailure(failure)
	return r, err
}

// PutStep inserts or updates one line of the log. A step that is completed or
// compensated stays so: another status for it is refused with Bug.
func (s *Store) PutStep(ctx context.Context, f saga.Fence, r saga.StepRecord) error {
	failure, err := encodeFailure(r.Failure)
	if err != nil {
		return err
	}
	return s.write(ctx, "write log of run "+string(f.Run), func(t *txn) error {
		if _, err := t.fence(ctx, f); err != nil {
			return err
		}
		n, err := t.exec(ctx, `insert into step (run_id, seq, name, dir, try, status, output, failure, started_at, done_at)
			values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
			on conflict (run_id, name, dir) do update set try = excluded.try, status = excluded.status, output = excluded.output,
				failure = excluded.failure, started_at = excluded.started_at, done_at = excluded.done_at
			where step.status not in ('completed', 'compensated') or step.status = excluded.status`,
			string(f.Run), r.Seq, r.Name, string(r.Dir), r.Try, string(r.Status), string(r.Output), failure, nanos(r.Started), nanos(r.Done))
		if err == nil && n == 0 {
			return fault.New(fault.Bug, "run.step", "step %s (%s) is done and cannot become %s", r.Name, r.Dir, r.Status)
		}
		return err
	})
}
