package plan

import (
	"fmt"
	"slices"

	"github.com/hedgesync/hedgesync/internal/fabric"
	"github.com/hedgesync/hedgesync/internal/hedgehog"
)

// A Policy narrows a plan: it may hold changes or leave them out, and never adds
// one. It does not write into its argument. Policies run before dependencies are
// settled, so that what needs a held change is held with it.
type Policy func(Plan) Plan

// policies returns a fabric's policies in the order in which they speak. The first
// to hold a change gives the reason, so the more particular come first and the
// guard, which counts what the others leave, comes last.
//
//	Manages  which kinds are ours to look at
//	Foreign  objects that were never ours
//	Contested what Git and the cluster both changed
//	Pruning  deletes at all
//	Guarded  too many deletes
func policies(s fabric.Settings, recorded int) []Policy {
	return []Policy{
		Manages(s.Kinds...),
		Foreigners(s.Adopt),
		Contested(s.Strategy),
		Pruning(s.Prune),
		Guarded(s.MaxDeletes, s.MaxDeletePercent, recorded),
	}
}

// Narrow applies policies one after the other.
func Narrow(p Plan, policies ...Policy) Plan {
	for _, narrow := range policies {
		p = narrow(p)
	}
	return p
}

// Manages leaves out kinds that are not listed, and those that are not the user's;
// no kinds means all of the user's.
func Manages(kinds ...fabric.Kind) Policy {
	ours := map[fabric.Kind]bool{}
	for _, k := range managed(kinds) {
		ours[k] = true
	}
	foreign := func(c Change) bool { return !ours[c.Key.Kind] }
	return func(p Plan) Plan {
		if slices.ContainsFunc(p.Changes, foreign) {
			p.Changes = slices.DeleteFunc(slices.Clone(p.Changes), foreign)
		}
		return p
	}
}

// managed returns the user's kinds among kinds, or all of them if kinds is empty.
func managed(kinds []fabric.Kind) []fabric.Kind {
	return slices.DeleteFunc(hedgehog.UserKinds(), func(k fabric.Kind) bool {
		return len(kinds) > 0 && !slices.Contains(kinds, k)
	})
}

// Foreigners holds the overwriting of objects that were never ours, unless adopt.
func Foreigners(adopt bool) Policy {
	if adopt {
		return unchanged
	}
	return holding(func(c *Change) bool { return c.Cause == Foreign }, Foreign,
		"there, different, and never applied by us: adopt it, or make Git say the same")
}

// Contested holds what Git and the cluster both changed, unless Git wins.
func Contested(s fabric.Strategy) Policy {
	if s == fabric.GitWins {
		return unchanged
	}
	return holding(func(c *Change) bool { return c.Cause == Both }, Both,
		"changed in Git and in the cluster since it was applied: a person decides")
}

// Pruning holds every delete, and every replacement, unless prune.
func Pruning(prune bool) Policy {
	if prune {
		return unchanged
	}
	return holding(destroys, Guard, "pruning is off")
}

// Guarded holds all deletes and replacements if there are more than most of them,
// or more than percent of the recorded objects.
func Guarded(most, percent, recorded int) Policy {
	g := guard{most, percent, recorded}
	return func(p Plan) Plan {
		n := count(p.Changes, destroys)
		if !g.exceeded(n) {
			return p
		}
		return holding(destroys, Guard, "%s", g.reason(n))(p)
	}
}

// guard bounds how much one plan may delete.
type guard struct{ most, percent, recorded int }

func (g guard) exceeded(n int) bool { return n > 0 && (n > g.most || n*100 > g.percent*g.recorded) }

func (g guard) reason(n int) string {
	return fmt.Sprintf("%d of %d recorded objects would be deleted, and the guard allows %d and %d %%", n, g.recorded, g.most, g.percent)
}

// Observing leaves a plan without an order if the fabric is only observed: what a
// sync would do is shown, with its causes, and nothing is written. It comes last.
func Observing(m fabric.Mode) Policy {
	if m == fabric.Enforce {
		return unchanged
	}
	return func(p Plan) Plan {
		p.Mode, p.Order = fabric.Observe, nil
		return p
	}
}

func unchanged(p Plan) Plan { return p }

func destroys(c *Change) bool { return c.Action == Delete || c.Action == Replace }

func count(changes []Change, is func(*Change) bool) int {
	n := 0
	for i := range changes {
		if is(&changes[i]) {
			n++
		}
	}
	return n
}

// holding returns the policy that holds what matches among what is not held yet.
func holding(match func(*Change) bool, cause Cause, format string, args ...any) Policy {
	return func(p Plan) Plan {
		own := false
		for i := range p.Changes {
			if c := &p.Changes[i]; c.Action == Hold || !match(c) {
				continue
			}
			if !own {
				p.Changes, own = slices.Clone(p.Changes), true
			}
			p.Changes[i].hold(cause, format, args...)
		}
		return p
	}
}

func writes(c *Change) bool { return c.Action.Writes() }
