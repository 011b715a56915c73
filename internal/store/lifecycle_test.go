package store

import (
	"testing"

	"github.com/hedgesync/hedgesync/internal/fabric"
	"github.com/hedgesync/hedgesync/internal/fault"
)

// roads lead from nothing to each state by legal moves.
var roads = map[fabric.Lifecycle][]fabric.Lifecycle{
	fabric.Unborn:    {},
	fabric.Draft:     {fabric.Draft},
	fabric.Committed: {fabric.Committed},
	fabric.Pending:   {fabric.Committed, fabric.Pending},
	fabric.Synced:    {fabric.Committed, fabric.Synced},
	fabric.Drifted:   {fabric.Committed, fabric.Drifted},
	fabric.Orphaned:  {fabric.Orphaned},
}

func TestResourceMovesOnlyAsTheWordsAllow(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		addFabric(t, s, "a")
		for from, road := range roads {
			for _, to := range append([]fabric.Lifecycle{fabric.Unborn}, fabric.Lifecycles...) {
				key := vpc("from-" + string(from) + "-to-" + string(to))
				for _, step := range road {
					must(t, s.Advance(t.Context(), "a", []fabric.Move{{Key: key, To: step, At: t0}}))
				}
				err := s.Advance(t.Context(), "a", []fabric.Move{{Key: key, To: to, At: later(1)}})
				if from != to && !from.MayBecome(to) {
					wantFault(t, err, fault.Conflict, "lifecycle.move")
					continue
				}
				must(t, err)
			}
		}
	})
}

func TestEveryMoveKeepsWhoAndWhy(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		addFabric(t, s, "a")
		moves := []fabric.Move{
			{Key: vpc("v1"), To: fabric.Committed, Cause: "commit", Reason: "in c0ffee", Who: "ada", At: t0},
			{Key: vpc("v1"), To: fabric.Pending, Cause: "plan", Reason: "to be updated", Who: "timer", Run: "r1", At: later(1)},
			{Key: vpc("v2"), To: fabric.Committed, At: later(1)},
			{Key: vpc("v1"), To: fabric.Pending, Cause: "plan", Reason: "again", At: later(2)}, // no move
			{Key: vpc("v1"), To: fabric.Unborn, Cause: "commit", Reason: "removed", Who: "bob", At: later(3)},
		}
		must(t, s.Advance(t.Context(), "a", moves))
		same(t, "standings", got(s.Standings(t.Context(), "a"))(t), []Standing{{vpc("v2"), fabric.Committed, later(1)}})
		want := []fabric.Move{moves[0], moves[1], moves[4]}
		want[1].From, want[2].From = fabric.Committed, fabric.Pending
		same(t, "history", got(s.Moves(t.Context(), "a", vpc("v1")))(t), want)
	})
}

func TestOneIllegalMoveStopsThemAll(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		addFabric(t, s, "a")
		err := s.Advance(t.Context(), "a", []fabric.Move{{Key: vpc("v1"), To: fabric.Draft, At: t0}, {Key: vpc("v2"), To: fabric.Synced, At: t0}})
		wantFault(t, err, fault.Conflict, "lifecycle.move")
		same(t, "standings", got(s.Standings(t.Context(), "a"))(t), nil)
		same(t, "history", got(s.Moves(t.Context(), "a", vpc("v1")))(t), nil)
	})
}
