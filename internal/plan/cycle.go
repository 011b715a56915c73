package plan

import (
	"fmt"
	"slices"
	"strings"

	"github.com/hedgesync/hedgesync/internal/fabric"
)

// finished marks an op that has its place in the order.
const finished = -1

// dropSoft removes preferences between ops that wait for each other, and releases
// what that frees. It reports whether there were any.
func (g *graph) dropSoft(release func(op)) bool {
	dropped := false
	for _, ring := range g.rings() {
		for _, from := range ring {
			g.after[from] = slices.DeleteFunc(g.after[from], func(e edge) bool {
				if !e.soft || !slices.Contains(ring, e.to) {
					return false
				}
				dropped = true
				if g.waits[e.to]--; g.waits[e.to] == 0 {
					release(e.to)
				}
				return true
			})
		}
	}
	return dropped
}

// cycle returns the first set of ops that wait for each other.
func (g *graph) cycle() []op { return g.rings()[0] }

// rings returns the sets of unfinished ops that wait for each other, directly or
// not (Tarjan's strongly connected components of more than one op).
func (g *graph) rings() [][]op {
	t := tarjan{g: g, index: map[op]int{}, low: map[op]int{}, onStack: map[op]bool{}}
	for _, o := range g.ops {
		if _, seen := t.index[o]; !seen && g.waits[o] != finished {
			t.visit(o)
		}
	}
	for _, ring := range t.rings {
		slices.SortFunc(ring, g.compare)
	}
	slices.SortFunc(t.rings, func(a, b []op) int { return g.compare(a[0], b[0]) })
	return t.rings
}

func (g *graph) compare(a, b op) int {
	if a.change != b.change {
		return g.key(a).Compare(g.key(b))
	}
	return strings.Compare(string(a.phase), string(b.phase))
}

type tarjan struct {
	g          *graph
	index, low map[op]int
	stack      []op
	onStack    map[op]bool
	rings      [][]op
}

func (t *tarjan) visit(o op) {
	t.index[o], t.low[o] = len(t.index), len(t.index)
	t.stack, t.onStack[o] = append(t.stack, o), true
	for _, e := range t.g.after[o] {
		if _, seen := t.index[e.to]; !seen {
			t.visit(e.to)
			t.low[o] = min(t.low[o], t.low[e.to])
		} else if t.onStack[e.to] {
			t.low[o] = min(t.low[o], t.index[e.to])
		}
	}
	if t.low[o] == t.index[o] {
		t.pop(o)
	}
}

func (t *tarjan) pop(root op) {
	at := slices.Index(t.stack, root)
	ring := slices.Clone(t.stack[at:])
	t.stack = t.stack[:at]
	for _, o := range ring {
		t.onStack[o] = false
	}
	if len(ring) > 1 {
		t.rings = append(t.rings, ring)
	}
}

// untangle gets out of a ring: by deleting and creating one member of a mere
// exchange of claims to which nothing refers, or else by holding them all.
func (s *settler) untangle(g *graph, ring []op) {
	knots := g.knots(ring)
	if !slices.ContainsFunc(knots, func(k knot) bool { return k.claim == "" }) {
		if c := s.expendable(ring); c != nil {
			s.makeReplace(c, "deleted and created anew, to end an exchange: "+describeKnots(knots))
			return
		}
	}
	reason := "no order of single writes gets there safely: " + describeKnots(knots)
	for _, o := range ring {
		s.changes[o.change].hold(Unsolvable, "%s", reason)
	}
}

// knot is one edge within a ring.
type knot struct {
	first, then fabric.Key
	claim, why  string
}

func (g *graph) knots(ring []op) []knot {
	var knots []knot
	for _, o := range ring {
		for _, e := range g.after[o] {
			if slices.Contains(ring, e.to) {
				knots = append(knots, knot{g.key(o), g.key(e.to), e.claim, e.why})
			}
		}
	}
	return slices.CompactFunc(knots, func(a, b knot) bool { return a == b })
}

// shownKnots bounds how much of a ring a reason names.
const shownKnots = 4

func describeKnots(knots []knot) string {
	var parts []string
	for _, k := range knots[:min(len(knots), shownKnots)] {
		if k.claim != "" {
			parts = append(parts, fmt.Sprintf("%s takes %s from %s", k.then, k.claim, k.first))
			continue
		}
		parts = append(parts, fmt.Sprintf("%s must come before %s (it %s)", k.first, k.then, k.why))
	}
	if more := len(knots) - shownKnots; more > 0 {
		parts = append(parts, fmt.Sprintf("and %d more", more))
	}
	return strings.Join(parts, "; ")
}

// expendable returns the first update of a ring whose object may be deleted and
// created anew: ours, as we left it, referred to by nothing, within the guard.
func (s *settler) expendable(ring []op) *Change {
	g := guard{s.in.Settings.MaxDeletes, s.in.Settings.MaxDeletePercent, len(s.in.Base)}
	if g.exceeded(count(s.changes, destroys) + 1) {
		return nil
	}
	for _, o := range ring {
		c := &s.changes[o.change]
		if c.Action == Update && s.notReplaceable(c.Key) == "" && len(s.world.referrers[c.Key]) == 0 {
			return c
		}
	}
	return nil
}

// linkAfter records in each change what has to succeed before it.
func (g *graph) linkAfter() {
	for _, o := range g.ops {
		for _, e := range g.after[o] {
			if !e.soft && e.to.change != o.change {
				c := &g.s.changes[e.to.change]
				c.After = append(c.After, g.key(o))
			}
		}
	}
	for i := range g.s.changes {
		g.s.changes[i].After = unique(g.s.changes[i].After)
	}
}
