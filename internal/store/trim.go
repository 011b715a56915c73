package store

import (
	"context"
	"time"
)

// Policy says what history is kept. A zero age keeps it for ever.
type Policy struct {
	RunAge   time.Duration // ended runs older than this go, with their steps and changes
	KeepRuns int           // but never a fabric's newest ones
}

// Trimmed counts what Trim removed.
type Trimmed struct{ Runs, SavedPlans int64 }

// Trim removes history that the policy no longer keeps, and saved plans that have
// expired. Live runs, what we applied, and the audit are never touched.
func (s *Store) Trim(ctx context.Context, p Policy, now time.Time) (Trimmed, error) {
	var n Trimmed
	err := s.write(ctx, "trim history", func(t *txn) (err error) {
		if p.RunAge > 0 {
			n.Runs, err = t.exec(ctx, `delete from run where not (`+runIsLive+`) and ended_at < $1 and id not in (
				select id from (select id, row_number() over (partition by fabric_id order by id desc) as place from run) as ranked
				where place <= $2)`, nanos(now.Add(-p.RunAge)), int64(p.KeepRuns))
		}
		if err == nil {
			n.SavedPlans, err = t.exec(ctx, `delete from saved_plan where expires_at <> 0 and expires_at < $1
				and id not in (select plan_id from run where `+runIsLive+`)`, nanos(now))
		}
		return err
	})
	return n, err
}
