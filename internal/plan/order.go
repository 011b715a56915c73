package plan

import (
	"cmp"
	"slices"

	"github.com/hedgesync/hedgesync/internal/fabric"
	"github.com/hedgesync/hedgesync/internal/hedgehog"
)

// Phase is which way a batch goes.
type Phase string

// The phases. A Replace is in one batch of each: its delete, then its create.
const (
	Removing Phase = "delete"
	Writing  Phase = "write"
)

// Batch is a set of changes that do not depend on each other, so that they may be
// sent at once. Batches are sent one after the other.
type Batch struct {
	Phase   Phase
	Tier    int
	Changes []int // indices into Plan.Changes, ascending
}

// Batches returns how to apply a plan: in Plan.Order, at most size changes at a
// time. No batch mixes tiers or phases.
func Batches(p Plan, size int) []Batch {
	var out []Batch
	for _, b := range p.Order {
		for chunk := range slices.Chunk(b.Changes, max(size, 1)) {
			out = append(out, Batch{b.Phase, b.Tier, chunk})
		}
	}
	return out
}

// Step returns the i-th change of the plan as a batch of this phase sends it: half
// of a Replace is a Delete or a Create.
func (p Plan) Step(phase Phase, i int) Change {
	c := p.Changes[i]
	switch {
	case c.Action == Replace && phase == Removing:
		c.Action, c.Want = Delete, nil
	case c.Action == Replace:
		c.Action, c.Have = Create, nil
	}
	return c
}

// op is one write: of a change's object, or its delete. A Replace has both.
type op struct {
	change int
	phase  Phase
}

// edge says that one op has to be done before another.
type edge struct {
	to    op
	soft  bool   // only preferred: the lower tier first
	claim string // what one frees for the other; "" if the edge is not about a claim
	why   string
}

// graph is what has to come before what.
type graph struct {
	s     *settler
	ops   []op
	after map[op][]edge // from an op to what waits for it
	waits map[op]int    // how many edges an op waits for
}

// newGraph finds the edges between the writes of a settled plan.
//
//	create T            before  a write that refers to T, or needs a new part of it
//	a write that moves  before  the delete of what it referred to, or the update
//	off, or a delete            that takes away the part it used
//	free a claim        before  take it
//	update T            before  a write that refers to T, if nothing else decides
func newGraph(s *settler) *graph {
	g := &graph{s: s, after: map[op][]edge{}, waits: map[op]int{}}
	for i := range s.changes {
		if a := s.changes[i].Action; a == Delete || a == Replace {
			g.ops = append(g.ops, op{i, Removing})
		}
		if a := s.changes[i].Action; a.Writes() && a != Delete {
			g.ops = append(g.ops, op{i, Writing})
		}
	}
	for _, o := range g.ops {
		if o.phase == Removing {
			g.addDelete(o)
			continue
		}
		g.addWrite(o)
	}
	g.addSoft()
	return g
}

func (g *graph) key(o op) fabric.Key { return g.s.changes[o.change].Key }

func (g *graph) add(from op, e edge) {
	if from == e.to {
		return
	}
	g.after[from] = append(g.after[from], e)
	g.waits[e.to]++
}

// leaving returns the op by which an object stops being what it is.
func (g *graph) leaving(k fabric.Key) (op, bool) {
	i, planned := g.s.at[k]
	if !planned {
		return op{}, false
	}
	switch g.s.changes[i].Action {
	case Delete, Replace:
		return op{i, Removing}, true
	case Update:
		return op{i, Writing}, true
	}
	return op{}, false
}

// arriving returns the op by which an object becomes what is wanted.
func (g *graph) arriving(k fabric.Key) (op, bool) {
	i, planned := g.s.at[k]
	if !planned || !g.s.changes[i].Action.Writes() || g.s.changes[i].Action == Delete {
		return op{}, false
	}
	return op{i, Writing}, true
}

// addDelete lets everything that refers to an object leave it first.
func (g *graph) addDelete(o op) {
	k := g.key(o)
	for _, r := range g.s.world.referrers[k] {
		if from, ok := g.leaving(r); ok && r != k && g.s.world.live[r].refersTo(k) {
			g.add(from, edge{to: o, why: "refers to it"})
		}
	}
	if g.s.changes[o.change].Action == Replace {
		g.add(o, edge{to: op{o.change, Writing}, why: "is deleted first"})
	}
}

func (g *graph) addWrite(o op) {
	k := g.key(o)
	n := g.s.world.want[k]
	for _, t := range allTargets(n) {
		g.addTarget(o, n, t)
	}
	g.addClaims(o, k, n)
	if g.s.changes[o.change].Action == Update {
		g.addUsers(o, k)
		g.addMembers(o, k)
	}
}

func allTargets(n *node) []fabric.Key {
	keys := make([]fabric.Key, len(n.refs))
	for i, r := range n.refs {
		keys[i] = r.To
	}
	return unique(keys)
}

// addTarget lets what an object needs be there before it.
func (g *graph) addTarget(o op, n *node, target fabric.Key) {
	from, ok := g.arriving(target)
	if !ok {
		return
	}
	action := g.s.changes[from.change].Action
	fresh := action != Update || lost(n, g.s.world.want[target], g.s.world.live[target]) != ""
	if fresh {
		g.add(from, edge{to: o, why: "brings what it needs"})
	}
}

// addUsers lets users of a part leave it before an update takes it away.
func (g *graph) addUsers(o op, k fabric.Key) {
	old, new := g.s.world.live[k], g.s.world.want[k]
	for _, r := range g.s.world.referrers[k] {
		user := g.s.world.live[r]
		from, ok := g.leaving(r)
		if !ok || !user.refersTo(k) {
			continue
		}
		if part := lost(user, old, new); part != "" {
			g.add(from, edge{to: o, why: "uses its " + part})
		}
	}
}

// addMembers orders a switch's VLAN namespaces against the attachments on it.
func (g *graph) addMembers(o op, k fabric.Key) {
	if k.Kind != hedgehog.Switch {
		return
	}
	w := g.s.world
	live := func(k fabric.Key) *node { return w.live[k] }
	for link, ns := range g.s.chains(live, k, left(w.live[k], w.want[k])) {
		for _, user := range []fabric.Key{link.attachment, link.connection, link.vpc} {
			if from, ok := g.leaving(user); ok {
				g.add(from, edge{to: o, why: "needs VLAN namespace " + ns.Name + " on it"})
			}
		}
	}
	for link, ns := range g.s.chains(g.s.next, k, gained(w.live[k], w.want[k])) {
		for _, user := range []fabric.Key{link.attachment, link.vpc} {
			if to, ok := g.arriving(user); ok {
				g.add(o, edge{to: to, why: "brings VLAN namespace " + ns.Name})
			}
		}
	}
}

// addClaims lets the present holder of a claim free it before it is taken.
func (g *graph) addClaims(o op, k fabric.Key, n *node) {
	w := g.s.world
	for _, c := range n.claims {
		id := idOf(c)
		if w.live[k].holds(id) && g.s.changes[o.change].Action == Update {
			continue
		}
		for _, x := range w.excluded(id) {
			for _, holder := range w.holders[x] {
				if from, ok := g.leaving(holder); ok && holder != k && w.live[holder].holds(x) {
					g.add(from, edge{to: o, claim: id.String(), why: "frees " + x.String()})
				}
			}
		}
	}
}

// addSoft prefers updates of what is referred to before writes that refer to it,
// unless something asks for the contrary.
func (g *graph) addSoft() {
	for _, o := range g.ops {
		n := g.s.world.want[g.key(o)]
		if o.phase == Removing || n == nil {
			continue
		}
		for _, t := range allTargets(n) {
			from, ok := g.arriving(t)
			if ok && !g.joins(o, from) && !g.joins(from, o) {
				g.add(from, edge{to: o, soft: true})
			}
		}
	}
}

func (g *graph) joins(from, to op) bool {
	return slices.ContainsFunc(g.after[from], func(e edge) bool { return e.to == to })
}

// class is the rank of an op among those that could be done now: writes by tier,
// then deletes that something waits for, then the other deletes, from the top tier.
type class struct{ rank, tier int }

func (a class) compare(b class) int {
	return cmp.Or(cmp.Compare(a.rank, b.rank), cmp.Compare(a.tier, b.tier))
}

func (g *graph) classOf(o op, awaited map[op]bool) class {
	tier := g.s.changes[o.change].Tier
	switch {
	case o.phase == Writing:
		return class{0, tier}
	case awaited[o]:
		return class{1, -tier}
	}
	return class{2, -tier}
}

// awaited returns the deletes that some write waits for, directly or not.
func (g *graph) awaited() map[op]bool {
	before := map[op][]op{}
	var queue []op
	for _, o := range g.ops {
		for _, e := range g.after[o] {
			before[e.to] = append(before[e.to], o)
		}
		if o.phase == Writing {
			queue = append(queue, o)
		}
	}
	seen := map[op]bool{}
	for ; len(queue) > 0; queue = queue[1:] {
		for _, o := range before[queue[0]] {
			if !seen[o] {
				seen[o] = true
				queue = append(queue, o)
			}
		}
	}
	return seen
}

// waves returns the ops in batches of one class, each after everything it waits
// for. If some wait for each other, it returns those instead.
func (g *graph) waves() (order []Batch, cycle []op) {
	awaited := g.awaited()
	ready := map[class][]op{}
	done := 0
	release := func(o op) {
		c := g.classOf(o, awaited)
		ready[c] = append(ready[c], o)
	}
	for _, o := range g.ops {
		if g.waits[o] == 0 {
			release(o)
		}
	}
	for done < len(g.ops) {
		best, ok := first(ready)
		if !ok {
			if g.dropSoft(release) {
				continue
			}
			return nil, g.cycle()
		}
		wave := ready[best]
		delete(ready, best)
		done += len(wave)
		order = append(order, batchOf(wave, g.s.changes[wave[0].change].Tier))
		for _, o := range wave {
			g.finish(o, release)
		}
	}
	return order, nil
}

func first(ready map[class][]op) (best class, ok bool) {
	for c := range ready {
		if !ok || c.compare(best) < 0 {
			best, ok = c, true
		}
	}
	return best, ok
}

func batchOf(wave []op, tier int) Batch {
	b := Batch{Phase: wave[0].phase, Tier: tier}
	for _, o := range wave {
		b.Changes = append(b.Changes, o.change)
	}
	slices.Sort(b.Changes)
	return b
}

func (g *graph) finish(o op, release func(op)) {
	g.waits[o] = finished
	for _, e := range g.after[o] {
		if g.waits[e.to]--; g.waits[e.to] == 0 {
			release(e.to)
		}
	}
}
