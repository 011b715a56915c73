package plan

import (
	"cmp"
	"iter"
	"slices"

	"github.com/hedgesync/hedgesync/internal/fabric"
	"github.com/hedgesync/hedgesync/internal/hedgehog"
)

// Make decides what a sync would do: it compares every object, lets the policies
// take away, holds what depends on what is held, and orders the rest.
func Make(in Input) Plan {
	in.Settings = in.Settings.WithDefaults()
	p := Plan{Fabric: in.Fabric, Mode: in.Settings.Mode}
	if in.Want != nil {
		p.Commit = in.Want.Source()
	}
	d := newDecider(in)
	p.Changes = d.decide()
	p = Narrow(p, policies(in.Settings, len(in.Base))...)
	slices.SortFunc(p.Changes, byPlace)
	if slices.ContainsFunc(p.Changes, func(c Change) bool { return c.Action.Writes() }) {
		p.Changes, p.Order = newSettler(in, d, p.Changes).settle()
	}
	d.addBlast(p.Changes)
	p = Narrow(p, Observing(in.Settings.Mode))
	p.Needs = d.needed()
	p.Summary = Summarize(p.Changes)
	return p
}

// byPlace orders changes as they are shown: deletes first.
func byPlace(a, b Change) int {
	x, y := intent(a) == Delete, intent(b) == Delete
	switch {
	case x && y:
		return cmp.Or(cmp.Compare(b.Tier, a.Tier), a.Key.Compare(b.Key))
	case x:
		return -1
	case y:
		return 1
	}
	return cmp.Or(cmp.Compare(a.Tier, b.Tier), a.Key.Compare(b.Key))
}

// intent returns what a change does, or would have done.
func intent(c Change) Action {
	if c.Action == Hold {
		return c.Would
	}
	return c.Action
}

// addBlast says what dangerous changes do to the network, the held ones too: a
// person decides about those.
func (d *decider) addBlast(changes []Change) {
	for i := range changes {
		c := &changes[i]
		live, ok := d.liveBody(c)
		if !ok {
			continue
		}
		switch intent(*c) {
		case Delete, Replace:
			c.Blast = hedgehog.Blast(live, nil, c.Key, d.world())
		case Update:
			if c.Want != nil {
				c.Blast = hedgehog.Blast(live, c.Want.Object, c.Key, d.world())
			}
		}
	}
}

// liveBody returns the body of a change's live object, if it is known.
func (d *decider) liveBody(c *Change) (map[string]any, bool) {
	switch {
	case c.Have == nil:
		return nil, false
	case c.Have.Object != nil:
		return c.Have.Object, true
	case c.Base != nil && untouched(c.Have, c.Base):
		return hedgehog.Expected(c.Base.Applied), true
	}
	return nil, false
}

// world yields every live object whose body is known.
func (d *decider) world() iter.Seq[fabric.Resource] {
	return func(yield func(fabric.Resource) bool) {
		for h := range all(d.in.Have) {
			if b := d.base[h.Key]; h.Object == nil && b != nil && untouched(&h, b) {
				h.Object = b.Applied
			}
			if h.Object != nil && !yield(h) {
				return
			}
		}
	}
}

// Summarize counts changes by what they do.
func Summarize(changes []Change) Summary {
	var s Summary
	for _, c := range changes {
		switch c.Action {
		case Create:
			s.Add++
		case Update:
			s.Change++
		case Replace:
			s.Add++
			s.Destroy++
		case Delete:
			s.Destroy++
		case Adopt:
			s.Adopt++
		case Forget:
			s.Forget++
		case Hold:
			s.Held++
		case Extra:
			s.Extra++
		default:
			s.Nothing++
		}
	}
	return s
}
