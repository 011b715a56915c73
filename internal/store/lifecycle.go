package store

import (
	"context"
	"time"

	"github.com/hedgesync/hedgesync/internal/fabric"
	"github.com/hedgesync/hedgesync/internal/fault"
)

// Standing is where one resource stands in its life.
type Standing struct {
	Key   fabric.Key
	State fabric.Lifecycle
	Since time.Time
}

// Advance moves resources through their lives and keeps every move with its
// trigger, reason, user and run. All moves are made or none: one that the words
// do not allow is refused with Conflict. A move to the state a resource is in
// already is no move.
func (s *Store) Advance(ctx context.Context, id fabric.ID, moves []fabric.Move) error {
	return s.write(ctx, "move resources of "+string(id), func(t *txn) error {
		standings, err := t.standings(ctx, id, t.dialect.forUpdate)
		if err != nil {
			return err
		}
		states := map[fabric.Key]fabric.Lifecycle{}
		for _, st := range standings {
			states[st.Key] = st.State
		}
		var history [][]any
		for _, m := range moves {
			from := states[m.Key]
			if m.To == from {
				continue
			}
			if !from.MayBecome(m.To) {
				return fault.New(fault.Conflict, "lifecycle.move", "%s is %q and cannot become %q", m.Key, from, m.To).
					WithHint("read the resource again: it was moved by somebody else, or a step was left out")
			}
			states[m.Key] = m.To
			history = append(history, append(append([]any{string(id)}, keyValues(m.Key)...),
				string(from), string(m.To), plain(m.Cause), plain(m.Reason), plain(m.Who), m.Run, nanos(m.At)))
			if err := t.stand(ctx, id, m); err != nil {
				return err
			}
		}
		return t.insert(ctx, "insert into lifecycle_move (fabric_id, "+keyColumns+", was, state, cause, reason, who, run_id, at)", "", history)
	})
}

func (t *txn) stand(ctx context.Context, id fabric.ID, m fabric.Move) error {
	where := append([]any{string(id)}, keyValues(m.Key)...)
	if m.To == fabric.Unborn {
		_, err := t.exec(ctx, "delete from lifecycle where fabric_id = $1 and kind_group = $2 and kind = $3 and namespace = $4 and name = $5", where...)
		return err
	}
	_, err := t.exec(ctx, "insert into lifecycle (fabric_id, "+keyColumns+`, state, since) values ($1, $2, $3, $4, $5, $6, $7)
		on conflict (fabric_id, `+keyColumns+`) do update set state = excluded.state, since = excluded.since`,
		append(where, string(m.To), nanos(m.At))...)
	return err
}

// Standings returns where every resource of a fabric stands, in key order.
func (s *Store) Standings(ctx context.Context, id fabric.ID) ([]Standing, error) {
	var all []Standing
	err := s.read(ctx, "read where the resources of "+string(id)+" stand", func(t *txn) (err error) {
		all, err = t.standings(ctx, id, "")
		return err
	})
	return all, err
}

func (t *txn) standings(ctx context.Context, id fabric.ID, lock string) ([]Standing, error) {
	var all []Standing
	err := t.query(ctx, "select "+keyColumns+", state, since from lifecycle where fabric_id = $1"+t.dialect.orderByKey()+lock,
		[]any{string(id)}, func(row scanner) error {
			var st Standing
			err := row.Scan(append(keyTargets(&st.Key), &st.State, clock{&st.Since})...)
			all = append(all, st)
			return err
		})
	return all, err
}

// Moves returns the history of one resource, oldest first.
func (s *Store) Moves(ctx context.Context, id fabric.ID, key fabric.Key) ([]fabric.Move, error) {
	var all []fabric.Move
	err := s.read(ctx, "read the history of "+key.String(), func(t *txn) error {
		return t.query(ctx, `select was, state, cause, reason, who, run_id, at from lifecycle_move
			where fabric_id = $1 and kind_group = $2 and kind = $3 and namespace = $4 and name = $5 order by seq`,
			append([]any{string(id)}, keyValues(key)...), func(row scanner) error {
				m := fabric.Move{Key: key}
				err := row.Scan(&m.From, &m.To, &m.Cause, &m.Reason, &m.Who, &m.Run, clock{&m.At})
				all = append(all, m)
				return err
			})
	})
	return all, err
}
