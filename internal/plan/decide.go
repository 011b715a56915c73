package plan

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/hedgesync/hedgesync/internal/fabric"
	"github.com/hedgesync/hedgesync/internal/hedgehog"
)

// decider compares want, have and base of one object at a time. It finds the most
// that could be done; policies and dependencies take away from that.
//
//	want | have     | base | decision
//	-----+----------+------+-----------------------------------------------
//	yes  | = want   | same | None
//	yes  | = want   | else | Adopt: only the record changes
//	yes  | differs  | none | Update, Foreign: held unless adoption is on
//	yes  | = base   | yes  | Update, Source
//	yes  | differs  | = w  | Update, Drift
//	yes  | differs  | else | Update, Both: held unless Git wins
//	yes  | no       | any  | Create
//	no   | = base   | yes  | Delete: held unless pruning is on
//	no   | differs  | yes  | Hold, Both
//	no   | yes      | none | Extra
//	no   | no       | yes  | Forget
//
// A base whose UID is not that of the live object counts as "differs" when nothing
// is wanted, and as "none" otherwise: somebody made a new object of that name.
// What was not read in full is held as Unread, and what validation refuses as Invalid.
type decider struct {
	in         Input
	base       map[fabric.Key]*Entry
	namespaces map[string]bool
	problems   map[fabric.Key]fabric.Problem
	unplaced   *fabric.Problem // an Error that no object could be named for
	needs      map[fabric.Kind]bool
}

func newDecider(in Input) *decider {
	d := &decider{
		in:         in,
		base:       make(map[fabric.Key]*Entry, len(in.Base)),
		namespaces: map[string]bool{},
		problems:   map[fabric.Key]fabric.Problem{},
		needs:      map[fabric.Kind]bool{},
	}
	for i := range in.Base {
		d.base[in.Base[i].Key] = &in.Base[i]
	}
	for _, n := range in.Settings.Cluster.Namespaces {
		d.namespaces[n] = true
	}
	for _, p := range fabric.SortProblems(slices.Clone(in.Problems)) {
		d.addProblem(p)
	}
	return d
}

func (d *decider) addProblem(p fabric.Problem) {
	if p.Severity != fabric.Error {
		return
	}
	if p.Key == (fabric.Key{}) {
		if d.unplaced == nil {
			d.unplaced = &p
		}
		return
	}
	if _, known := d.problems[p.Key]; !known {
		d.problems[p.Key] = p
	}
}

// decide returns one change per key, in key order.
func (d *decider) decide() []Change {
	keys := d.in.keys()
	changes := make([]Change, 0, len(keys))
	for _, k := range keys {
		changes = append(changes, Change{Key: k, Tier: hedgehog.Tier(k.Kind), Base: d.base[k]})
		if !d.one(&changes[len(changes)-1]) {
			changes = changes[:len(changes)-1]
		}
	}
	return changes
}

func (d *decider) needed() []fabric.Kind {
	return slices.SortedFunc(maps.Keys(d.needs), fabric.Kind.Compare)
}

// one decides about one object; false if nothing can be said about it.
func (d *decider) one(c *Change) bool {
	if w, ok := get(d.in.Want, c.Key); ok {
		c.Want = &w
	}
	state := coverage(d.in.Have, c.Key.Kind).State
	if h, ok := get(d.in.Have, c.Key); ok && (state == fabric.Full || state == fabric.Partial) {
		c.Have = &h
	}
	problem, faulty := d.problems[c.Key]
	switch {
	case c.Want == nil && !faulty && c.Have == nil && c.Base == nil:
		return false // listed in a read that failed
	case c.Want == nil && faulty:
		c.Action, c.Cause = presence(c.Have), Source
	case c.Want == nil:
		d.unwanted(c)
	case c.Have == nil:
		d.absent(c)
	default:
		d.compare(c)
	}
	if faulty && c.Action != None {
		c.hold(Invalid, "%s", describe(problem))
	}
	d.holdUnread(c)
	return true
}

func presence(have *fabric.Resource) Action {
	if have == nil {
		return Create
	}
	return Update
}

func describe(p fabric.Problem) string {
	if at := p.Origin.String(); at != "" {
		return p.Message + " (" + at + ")"
	}
	return p.Message
}

// unwanted decides about an object that Git does not name.
func (d *decider) unwanted(c *Change) {
	switch {
	case c.Have == nil:
		c.set(Forget, Source, "neither in Git nor in the cluster any more")
	case c.Base == nil:
		c.set(Extra, Unmanaged, "in the cluster, not in Git, and never applied by us")
	case recreated(c.Have, c.Base):
		c.set(Delete, Source, "")
		c.hold(Both, "no longer in Git, and somebody made a new object of this name since we applied ours")
	case untouched(c.Have, c.Base):
		c.set(Delete, Source, "no longer in Git")
	case c.Have.Object == nil:
		d.unreadBody(c, Delete)
	case !sameAsApplied(c.Have, c.Base):
		c.set(Delete, Source, "")
		c.hold(Both, "no longer in Git, but changed in the cluster since we applied it")
	default:
		c.set(Delete, Source, "no longer in Git")
	}
	d.holdHalfRead(c)
}

// holdHalfRead holds what stands on the absence from Git when Git was not read whole.
func (d *decider) holdHalfRead(c *Change) {
	why := ""
	switch cover := coverage(d.in.Want, c.Key.Kind); {
	case cover.State != fabric.Full:
		why = "Git was not read in full" + because(cover)
	case d.unplaced != nil:
		why = "Git was not read in full: " + describe(*d.unplaced)
	default:
		return
	}
	if c.Action == Extra {
		c.set(Extra, Unread, "in the cluster and never applied by us; %s", why)
		return
	}
	c.hold(Unread, "%s", why)
}

// absent decides about a wanted object that was not found.
func (d *decider) absent(c *Change) {
	c.Want = canonical(c.Want)
	if c.Base != nil && sameWant(c.Want, c.Base) {
		c.set(Create, Drift, "deleted from the cluster since we applied it")
		return
	}
	c.set(Create, Source, "in Git, not in the cluster")
}

// compare decides about an object that is wanted and there.
func (d *decider) compare(c *Change) {
	if proven(c.Want, c.Have, c.Base) {
		c.Action = None
		return
	}
	if c.Have.Object == nil {
		c.Want = canonical(c.Want)
		d.unreadBody(c, Update)
		return
	}
	c.Want = canonical(c.Want)
	expected := hedgehog.Expected(c.Want.Object)
	diffs := hedgehog.Difference(expected, c.Have.Object)
	if c.Base != nil && !recreated(c.Have, c.Base) {
		diffs = append(diffs, dropped(c.Base.Applied, expected, c.Have.Object)...)
	}
	if len(diffs) == 0 {
		c.set(Adopt, Source, "%s", recordReason(c.Have, c.Base))
		return
	}
	d.different(c, expected, diffs)
}

func recordReason(have *fabric.Resource, base *Entry) string {
	if base == nil || recreated(have, base) {
		return "there exactly as wanted: only our record is made"
	}
	return "there exactly as wanted: only our record is renewed"
}

// different decides about a wanted object whose live state is not as wanted.
func (d *decider) different(c *Change, expected map[string]any, diffs []hedgehog.Diff) {
	ours := c.Base != nil && !recreated(c.Have, c.Base)
	switch {
	case !ours:
		c.set(Update, Foreign, "there, different, and never applied by us")
	case untouched(c.Have, c.Base) || sameAsApplied(c.Have, c.Base):
		c.set(Update, Source, "changed in Git")
	case sameWant(c.Want, c.Base):
		c.set(Update, Drift, "changed in the cluster")
	default:
		c.set(Update, Both, "changed in Git and in the cluster")
	}
	c.Fields = d.fields(c, expected, diffs, ours)
	d.replace(c)
	d.predict(c, expected)
}

// replace turns an update of what cannot be changed in place into a delete and a
// create. As a delete it needs an object that is ours and as we left it.
func (d *decider) replace(c *Change) {
	if lockedBreakouts(c) {
		c.hold(Unsolvable, "breakouts cannot change while RoCE is on: turn it off in one commit, and change them in the next")
		return
	}
	fixed := hedgehog.Immutable(c.Have.Object, c.Want.Object)
	if len(fixed) == 0 {
		return
	}
	cause, what := c.Cause, strings.Join(fixed, ", ")
	c.set(Replace, cause, "%s cannot be changed in place", what)
	if cause != Source {
		c.hold(cause, "%s cannot be changed in place, and the object is not as we left it", what)
	}
}

func lockedBreakouts(c *Change) bool {
	roce, _ := object(c.Have.Object, "spec")["roce"].(bool)
	return roce && c.Key.Kind == hedgehog.Switch && slices.ContainsFunc(c.Fields, func(f Field) bool {
		return within(f.Path, "/spec/portBreakouts")
	})
}

// holdUnread holds everything that would act on a kind that was not read in full.
// What only states that an object is there needs no more than that object.
func (d *decider) holdUnread(c *Change) {
	if !c.Action.Writes() && c.Action != Forget {
		return
	}
	if why := d.uncovered(c.Key); why != "" {
		c.hold(Unread, "%s", why)
	}
}

// uncovered says why absence of k proves nothing, or "".
func (d *decider) uncovered(k fabric.Key) string {
	if cover := coverage(d.in.Have, k.Kind); cover.State != fabric.Full {
		return fmt.Sprintf("%s was not read in full%s", k.Kind.Name, because(cover))
	}
	if k.Namespace != "" && !d.namespaces[k.Namespace] {
		return fmt.Sprintf("namespace %q is not among those that are read", k.Namespace)
	}
	return ""
}

func because(c fabric.Coverage) string {
	word := map[fabric.CoverState]string{
		fabric.NotRead:     "it was not asked for",
		fabric.Partial:     "only a part was read",
		fabric.KindMissing: "the server does not serve it",
		fabric.Forbidden:   "the server refused",
		fabric.Failed:      "the read failed",
	}[c.State]
	if c.Reason != "" {
		return ": " + word + ", " + c.Reason
	}
	return ": " + word
}

func (d *decider) unreadBody(c *Change, would Action) {
	d.needs[c.Key.Kind] = true
	c.set(would, Source, "")
	c.hold(Unread, "changed since we applied it, and only its metadata was read")
}

// proven reports that want and have are equal without looking at have: it is the
// very object that we left after applying this very want.
func proven(want, have *fabric.Resource, base *Entry) bool {
	return base != nil && want.Hash != "" && want.Hash == base.WantHash && untouched(have, base)
}

func untouched(have *fabric.Resource, base *Entry) bool {
	return have.UID != "" && have.UID == base.UID && have.ResourceVersion != "" && have.ResourceVersion == base.ResourceVersion
}

func recreated(have *fabric.Resource, base *Entry) bool { return have.UID != base.UID }

func sameAsApplied(have *fabric.Resource, base *Entry) bool {
	return len(hedgehog.Difference(hedgehog.Expected(base.Applied), have.Object)) == 0
}

// sameWant reports whether Git still says what base applied; want is canonical.
func sameWant(want *fabric.Resource, base *Entry) bool {
	if want.Hash != "" && want.Hash == base.WantHash {
		return true
	}
	wanted, applied := hedgehog.Expected(want.Object), hedgehog.Expected(base.Applied)
	return want.Version == base.Version && len(hedgehog.Difference(wanted, applied)) == 0 &&
		len(dropped(base.Applied, wanted, applied)) == 0
}

func canonical(r *fabric.Resource) *fabric.Resource {
	c := *r
	c.Object = hedgehog.Canonical(r.Object)
	return &c
}

func (c *Change) set(a Action, cause Cause, format string, args ...any) {
	c.Action, c.Cause, c.Reason = a, cause, fmt.Sprintf(format, args...)
}

// hold keeps what would have been done, and the reason for a person to decide. The
// first hold stays.
func (c *Change) hold(cause Cause, format string, args ...any) {
	if c.Action == Hold {
		return
	}
	would := c.Action
	c.set(Hold, cause, format, args...)
	c.Would = would
}
