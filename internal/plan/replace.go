package plan

import (
	"github.com/hedgesync/hedgesync/internal/fabric"
	"github.com/hedgesync/hedgesync/internal/hedgehog"
)

// lending is a change made a replacement so that others can be replaced: what it
// was, and who needs it.
type lending struct {
	was Change
	to  map[fabric.Key]bool
}

// replaceable reports whether objects of a kind may be deleted and created anew at
// once. A VPC that comes back can get its old VNI, which wedges switches; a Switch
// or a Gateway is more than an object; and namespaces carry all of it.
func replaceable(k fabric.Kind) bool {
	return isUser(k) && hedgehog.Tier(k) >= hedgehog.Tier(hedgehog.Connection) && k != hedgehog.Gateway
}

// holdReplace makes sure that everything that refers to a replaced object is out
// of the way while it is gone: deleted, moved away, or replaced as well. If one of
// them cannot be, the replacement is held. It reports whether anything changed.
func (s *settler) holdReplace(c *Change) bool {
	chain, blocker, reason := s.dependents(c.Key)
	if reason != "" {
		return s.holdFor(c, blocker, "%s refers to it and must go first, but %s", blocker, reason)
	}
	changed := false
	for _, k := range chain {
		changed = s.lend(k, c.Key) || changed
	}
	return s.holdUnsure(c) || changed
}

// dependents returns what must be replaced with k, nearest first, or what stands
// in the way of that and why.
func (s *settler) dependents(k fabric.Key) (chain []fabric.Key, blocker fabric.Key, reason string) {
	seen := map[fabric.Key]bool{k: true}
	for queue := []fabric.Key{k}; len(queue) > 0; queue = queue[1:] {
		for _, r := range s.world.referrers[queue[0]] {
			if seen[r] || !s.mustGo(r, queue[0]) {
				continue
			}
			if reason := s.notReplaceable(r); reason != "" {
				return nil, r, reason
			}
			seen[r] = true
			chain, queue = append(chain, r), append(queue, r)
		}
	}
	return chain, fabric.Key{}, ""
}

// mustGo reports whether r is there, refers to target, and will still do so.
func (s *settler) mustGo(r, target fabric.Key) bool {
	return s.world.live[r].refersTo(target) && s.next(r).refersTo(target)
}

// notReplaceable says why an object may not be deleted and created anew, or "".
func (s *settler) notReplaceable(k fabric.Key) string {
	c := s.change(k)
	switch {
	case c == nil || c.Base == nil || c.Have == nil || c.Want == nil:
		return "it is not both wanted and ours"
	case c.Action == Replace:
		return ""
	case c.Action == Hold:
		return "it is held: " + c.Reason
	case c.Action != None && (c.Action != Update || c.Cause != Source):
		return "it is not as we left it"
	case !replaceable(c.Key.Kind):
		return "a " + c.Key.Kind.Name + " is not deleted and created at once"
	case !s.in.Settings.Prune:
		return "pruning is off"
	}
	return ""
}

// lend makes k a replacement for the sake of root; false if it is one already.
func (s *settler) lend(k, root fabric.Key) bool {
	c := s.change(k)
	if l, ok := s.lent[k]; ok && c.Action == Replace {
		l.to[root] = true
		return false
	}
	if c.Action == Replace {
		return false
	}
	s.lent[k] = lending{*c, map[fabric.Key]bool{root: true}}
	s.makeReplace(c, "deleted and created anew, because it refers to "+root.String()+", which is")
	return true
}

func (s *settler) makeReplace(c *Change, reason string) {
	if c.Action == None {
		c.Want = canonical(c.Want)
		s.world.addWant(*c.Want)
	}
	c.set(Replace, Source, "%s", reason)
	c.Remove = nil
}

// returnLent undoes lending for changes that turned out not to be replaced.
func (s *settler) returnLent() bool {
	returned := false
	for i := range s.changes {
		c := &s.changes[i]
		l, ok := s.lent[c.Key]
		if !ok || s.needed(l) {
			continue
		}
		*c = l.was
		delete(s.lent, c.Key)
		returned = true
	}
	return returned
}

func (s *settler) needed(l lending) bool {
	for root := range l.to {
		if s.action(root) == Replace {
			return true
		}
	}
	return false
}
