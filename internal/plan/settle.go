package plan

import (
	"fmt"

	"github.com/hedgesync/hedgesync/internal/fabric"
	"github.com/hedgesync/hedgesync/internal/hedgehog"
)

// root is the change that others are held because of, and why it is held.
type root struct {
	key    fabric.Key
	reason string
}

// settler holds every change that would leave something without what it needs, and
// finds an order for the rest. It only ever holds more: what it is not sure of, it
// holds with the reason.
type settler struct {
	in      Input
	changes []Change
	at      map[fabric.Key]int
	world   *world
	needs   map[fabric.Kind]bool
	roots   map[fabric.Key]root    // for a dependency hold: where it comes from
	lent    map[fabric.Key]lending // changes made replacements for the sake of another
}

func newSettler(in Input, d *decider, changes []Change) *settler {
	s := &settler{
		in: in, changes: changes, at: make(map[fabric.Key]int, len(changes)), needs: d.needs,
		roots: map[fabric.Key]root{}, lent: map[fabric.Key]lending{},
	}
	for i, c := range changes {
		s.at[c.Key] = i
	}
	s.world = newWorld(in, changes, d.base)
	return s
}

// settle returns the changes with their holds, and the order of what remains to be
// written.
func (s *settler) settle() ([]Change, []Batch) {
	s.holdContended()
	for {
		s.holdDependents()
		g := newGraph(s)
		order, cycle := g.waves()
		if cycle == nil {
			g.linkAfter()
			return s.changes, order
		}
		s.untangle(g, cycle)
	}
}

// holdDependents holds changes until nothing more has to be held. What yields to
// others (deletes, removal of parts) is looked at first.
func (s *settler) holdDependents() {
	for {
		held := s.each(s.yields)
		if !held {
			held = s.each(s.lacks)
		}
		if !held {
			held = s.returnLent() || s.overGuard()
		}
		if !held {
			return
		}
	}
}

func (s *settler) each(look func(*Change) bool) bool {
	held := false
	for i := range s.changes {
		if c := &s.changes[i]; c.Action.Writes() && look(c) {
			held = true
		}
	}
	return held
}

// change returns the change of a key, or nil if the plan has none.
func (s *settler) change(k fabric.Key) *Change {
	if i, ok := s.at[k]; ok {
		return &s.changes[i]
	}
	return nil
}

func (s *settler) action(k fabric.Key) Action {
	if c := s.change(k); c != nil {
		return c.Action
	}
	return None
}

// next returns an object as it is after the plan; nil if it does not exist then.
func (s *settler) next(k fabric.Key) *node {
	switch s.action(k) {
	case Create, Update, Replace:
		return s.world.want[k]
	case Delete:
		return nil
	}
	return s.world.live[k]
}

// yields holds a change that takes away what others still need.
func (s *settler) yields(c *Change) bool {
	switch c.Action {
	case Delete:
		return s.stillReferred(c)
	case Replace:
		return s.holdReplace(c)
	case Update:
		return s.stillUsed(c)
	}
	return false
}

// stillReferred holds the delete of what something that stays refers to, whether
// or not the server would refuse it.
func (s *settler) stillReferred(c *Change) bool {
	for _, k := range s.world.referrers[c.Key] {
		if k != c.Key && s.next(k).refersTo(c.Key) {
			return s.holdFor(c, k, "%s still refers to it", k)
		}
	}
	return s.holdUnsure(c)
}

// stillUsed holds an update that removes what something that stays uses.
func (s *settler) stillUsed(c *Change) bool {
	old, new := s.world.live[c.Key], s.world.want[c.Key]
	for _, k := range s.world.referrers[c.Key] {
		if n := s.next(k); n.refersTo(c.Key) {
			if part := lost(n, old, new); part != "" {
				return s.holdFor(c, k, "%s still uses its %s", k, part)
			}
		}
	}
	if k, ns, ok := s.strandedAttachment(c, old, new); ok {
		return s.holdFor(c, k, "%s still needs VLAN namespace %q on it", k, ns)
	}
	if !shrinks(old, new) {
		return false
	}
	return s.holdUnsure(c)
}

// holdUnsure holds a change that takes something away while objects exist, or may
// exist, of which it is not known whether they refer to it.
func (s *settler) holdUnsure(c *Change) bool {
	for _, kind := range hedgehog.UserKinds() {
		if !mayRefer(kind, c.Key.Kind) {
			continue
		}
		cover := coverage(s.in.Have, kind)
		if cover.State == fabric.Full || cover.State == fabric.KindMissing {
			continue
		}
		c.hold(Unread, "it is not known whether a %s refers to it%s", kind.Name, because(cover))
		return true
	}
	for _, k := range s.world.unknown {
		if mayRefer(k.Kind, c.Key.Kind) && k != c.Key {
			return s.holdUnseen(c, k, "only the metadata of %s was read, and it may refer to it", k)
		}
	}
	return false
}

// mayRefer reports whether objects of kind from can refer to objects of kind to:
// references lead to lower tiers, and from VPC to VPC.
func mayRefer(from, to fabric.Kind) bool {
	return hedgehog.Tier(from) > hedgehog.Tier(to) && isUser(from) || from == hedgehog.VPC && to == hedgehog.VPC
}

func isUser(k fabric.Kind) bool {
	info, ok := hedgehog.Lookup(k)
	return ok && info.Owner == hedgehog.User
}

// lacks holds a write whose object would not find what it needs.
func (s *settler) lacks(c *Change) bool {
	n := s.world.want[c.Key]
	if c.Action == Delete || n == nil {
		return false
	}
	for _, r := range n.refs {
		if s.lacksTarget(c, n, r) {
			return true
		}
	}
	return s.lacksClaim(c, n)
}

func (s *settler) lacksTarget(c *Change, n *node, r hedgehog.Reference) bool {
	if r.To == c.Key {
		if c.Action == Update {
			return false
		}
		c.hold(Unsolvable, "it refers to itself (%s), so it cannot be created in one write", r.Pointer)
		return true
	}
	target := s.next(r.To)
	if target == nil && s.world.live[r.To] == nil {
		return s.lacksObject(c, r)
	}
	if target == nil {
		return false // the delete of what is wanted gives way
	}
	if target.body == nil {
		return s.holdUnseen(c, r.To, "it needs %s, of which only the metadata was read", r.To)
	}
	if part := missing(n, target); part != "" {
		return s.holdFor(c, r.To, "%s has no %s", r.To, part)
	}
	return false
}

func (s *settler) lacksObject(c *Change, r hedgehog.Reference) bool {
	if t := s.change(r.To); t != nil && t.Action == Hold {
		return s.holdFor(c, r.To, "it needs %s", r.To)
	}
	cover := coverage(s.in.Have, r.To.Kind)
	if cover.State == fabric.Full || cover.State == fabric.KindMissing {
		c.hold(Dependency, "it needs %s (%s), which is neither in Git nor in the cluster", r.To, r.Pointer)
		return true
	}
	if !isUser(r.To.Kind) {
		return false // a controller's kind that nobody asked for: the server knows
	}
	c.hold(Dependency, "it needs %s (%s), and it is not known whether it exists%s", r.To, r.Pointer, because(cover))
	return true
}

// lacksClaim holds a write that claims what another object keeps, or claims too.
func (s *settler) lacksClaim(c *Change, n *node) bool {
	for _, claim := range n.claims {
		id := idOf(claim)
		if s.world.live[c.Key].holds(id) {
			continue
		}
		if k, ok := s.keeper(c.Key, id); ok {
			return s.holdFor(c, k, "%s belongs to %s", id, k)
		}
		for _, k := range s.world.unknown {
			if mayRival(k.Kind, c.Key.Kind) {
				return s.holdUnseen(c, k, "it takes %s, and only the metadata of %s was read, which may hold it", id, k)
			}
		}
	}
	return false
}

// mayRival reports whether objects of two kinds can claim the same thing.
func mayRival(a, b fabric.Kind) bool {
	device := func(k fabric.Kind) bool { return k == hedgehog.Switch || k == hedgehog.Gateway }
	return a == b || device(a) && device(b)
}

// holdUnseen holds a change because of an object that has to be read in full first.
func (s *settler) holdUnseen(c *Change, k fabric.Key, format string, args ...any) bool {
	s.needs[k.Kind] = true
	c.hold(Unread, format, args...)
	return true
}

// keeper returns another object that holds a claim, or one that excludes it, after
// the plan.
func (s *settler) keeper(k fabric.Key, id claimID) (fabric.Key, bool) {
	for _, x := range s.world.excluded(id) {
		for _, holder := range s.world.holders[x] {
			if holder != k && s.next(holder).holds(x) {
				return holder, true
			}
		}
	}
	return fabric.Key{}, false
}

// holdContended holds every write that claims what another write claims as well:
// which of them is right is not ours to say. One that has it already keeps it.
func (s *settler) holdContended() {
	type contention struct {
		c   *Change
		id  claimID
		key fabric.Key
	}
	var found []contention
	s.each(func(c *Change) bool {
		for _, claim := range claimsOf(s.next(c.Key)) {
			if id := idOf(claim); !s.world.live[c.Key].holds(id) {
				if k, ok := s.keeper(c.Key, id); ok && s.action(k).Writes() {
					found = append(found, contention{c, id, k})
				}
			}
		}
		return false
	})
	for _, f := range found {
		f.c.hold(Dependency, "%s is claimed by %s as well", f.id, f.key)
	}
}

func claimsOf(n *node) []hedgehog.Claim {
	if n == nil {
		return nil
	}
	return n.claims
}

// holdFor holds c because of the object k, and names the change at the root of it.
func (s *settler) holdFor(c *Change, k fabric.Key, format string, args ...any) bool {
	why := fmt.Sprintf(format, args...)
	if o := s.change(k); o != nil && o.Action == Hold {
		from, passed := s.roots[k]
		if !passed {
			from = root{k, o.Reason}
			why += ", which is held: " + from.reason
		} else {
			why += fmt.Sprintf(", which is held because of %s: %s", from.key, from.reason)
		}
		s.roots[c.Key] = from
	}
	c.hold(Dependency, "%s", why)
	return true
}

// overGuard holds all deletes if replacements for the sake of others made them
// more than the guard allows. What was lent is as it was before.
func (s *settler) overGuard() bool {
	guard := guard{s.in.Settings.MaxDeletes, s.in.Settings.MaxDeletePercent, len(s.in.Base)}
	n := count(s.changes, destroys)
	if !guard.exceeded(n) {
		return false
	}
	for _, l := range s.lent {
		s.changes[s.at[l.was.Key]] = l.was
	}
	clear(s.lent)
	s.changes = holding(destroys, Guard, "%s", guard.reason(n))(Plan{Changes: s.changes}).Changes
	return true
}
