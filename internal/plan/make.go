package plan

import (
	"maps"
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
	p.Changes = arranged(p.Changes)
	if count(p.Changes, writes) > 0 {
		p.Changes, p.Order = newSettler(in, d, p.Changes).settle()
	}
	d.addBlast(p.Changes)
	p = Narrow(p, Observing(in.Settings.Mode))
	p.Needs, p.Unread = d.needed(), gaps(in)
	p.Summary = Summarize(p.Changes)
	return p
}

// gaps lists the managed kinds that were not read in full, in Git or in the
// cluster. One that the server does not serve has no objects: that is no gap.
func gaps(in Input) []Gap {
	var out []Gap
	for _, k := range managed(in.Settings.Kinds) {
		if c := coverage(in.Have, k); c.State != fabric.Full && c.State != fabric.KindMissing {
			out = append(out, Gap{k, c})
		} else if w := coverage(in.Want, k); in.Want != nil && w.State != fabric.Full {
			out = append(out, Gap{k, fabric.Coverage{State: w.State, Reason: "Git: " + w.Reason}})
		}
	}
	return out
}

// arranged puts changes, which come in key order, as they are shown: deletes first,
// from the top tier, then the others from the bottom.
func arranged(changes []Change) []Change {
	const below = -1000 // no tier is as low: deletes lie under everything else
	places := map[int][]int{}
	for i := range changes {
		place := changes[i].Tier
		if intent(&changes[i]) == Delete {
			place = below - place
		}
		places[place] = append(places[place], i)
	}
	out := make([]Change, 0, len(changes))
	for _, place := range slices.Sorted(maps.Keys(places)) {
		for _, i := range places[place] {
			out = append(out, changes[i])
		}
	}
	return out
}

// intent returns what a change does, or would have done.
func intent(c *Change) Action {
	if c.Action == Hold {
		return c.Would
	}
	return c.Action
}

// addBlast says what dangerous changes do to the network, the held ones too: a
// person decides about those.
func (d *decider) addBlast(changes []Change) {
	var world []fabric.Resource
	for i := range changes {
		c := &changes[i]
		would := intent(c)
		if would != Delete && would != Replace && (would != Update || c.Want == nil) {
			continue
		}
		if world == nil {
			world = d.surroundings()
		}
		if live, ok := d.liveBody(c); ok {
			var after map[string]any
			if would == Update {
				after = c.Want.Object
			}
			c.Blast = hedgehog.Blast(live, after, c.Key, slices.Values(world))
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

// surroundings returns every live object whose body is known.
func (d *decider) surroundings() []fabric.Resource {
	var out []fabric.Resource
	for h := range all(d.in.Have) {
		if b := d.base[h.Key]; h.Object == nil && b != nil && untouched(&h, b) {
			h.Object = b.Applied
		}
		if h.Object != nil {
			out = append(out, h)
		}
	}
	return out
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
