package hedgehog

import (
	"fmt"
	"iter"
	"strings"

	"github.com/hedgesync/hedgesync/internal/fabric"
)

// Context is what Validate may know besides the wanted state. The zero Context
// knows nothing: what cannot be checked then is said, not guessed.
type Context struct {
	// Live is what the fabric's API holds, or nil. With it, what Git does not name
	// is looked up there: Git may hold only a part of a fabric.
	Live     *fabric.Snapshot
	Profiles Profiles
	Site     Site
}

// Validate returns everything that is wrong with the wanted state, in one pass
// and in a stable order. An Error is what the fabric would refuse, or would accept
// and then not do; the rules are in docs/rules.md.
//
// References to an object in neither want nor Live are Errors if its absence is
// certain: Live covers the kind, or Live is nil and want has objects of the kind,
// and no part of want that may hold it was unreadable. Otherwise one Warning per
// such object says that it was not checked.
func Validate(want *fabric.Snapshot, in Context) []fabric.Problem {
	w := newWorld(want, in)
	var found []fabric.Problem
	for r := range want.All() {
		found = append(found, w.validate(r)...)
	}
	return fabric.SortProblems(append(found, w.notChecked()...))
}

// A holder is a place in an object that claims something.
type holder struct {
	key     fabric.Key
	pointer string
	wanted  bool // in the wanted state, not only in the cluster
}

func (h holder) String() string {
	if h.wanted {
		return h.key.String()
	}
	return h.key.String() + " (in the cluster, not in this directory)"
}

// world is everything the rules look at: the wanted objects laid over the live
// ones, and indexes over both.
type world struct {
	want, live *fabric.Snapshot
	profiles   Profiles
	site       Site

	taken     map[slot][]holder               // claims that exclude each other
	overlaps  map[fabric.Key][][2]holder      // wanted VPC subnets that overlap another
	attached  map[fabric.Key][]fabric.Key     // switch -> live-only attachments over it
	usedPorts map[fabric.Key][]liveEnd        // switch -> ends of live-only connections
	liveUses  map[fabric.Key][]Reference      // VPC -> subnets that live-only objects need
	redundant map[string]int                  // redundancy group -> wanted switches in it
	sides     map[string][]fabric.Key         // side of a gateway peering -> peerings
	missing   map[fabric.Key]*uncheckedObject // referred to, and nobody knows
	unknown   map[string]*uncheckedObject     // profiles nobody knows
}

// An uncheckedObject is referred to from at least one place.
type uncheckedObject struct {
	first fabric.Resource
	place string
	count int
}

func newWorld(want *fabric.Snapshot, in Context) *world {
	w := &world{
		want: want, live: in.Live, profiles: in.Profiles, site: in.Site.withDefaults(),
		missing: map[fabric.Key]*uncheckedObject{}, unknown: map[string]*uncheckedObject{},
	}
	w.taken = w.claims()
	w.overlaps = w.subnetOverlaps()
	w.redundant = w.redundancyGroups()
	w.sides = w.peeringSides()
	w.attached = w.liveAttachments()
	w.usedPorts = w.livePorts()
	w.liveUses = w.liveReferences()
	return w
}

// each yields the objects of a kind: the wanted ones, then those only live.
func (w *world) each(kind fabric.Kind) iter.Seq2[fabric.Resource, bool] {
	return func(yield func(fabric.Resource, bool) bool) {
		for r := range w.want.OfKind(kind) {
			if !yield(r, true) {
				return
			}
		}
		for r := range w.liveOnly(kind) {
			if !yield(r, false) {
				return
			}
		}
	}
}

// liveOnly yields the live objects of a kind that are not wanted.
func (w *world) liveOnly(kind fabric.Kind) iter.Seq[fabric.Resource] {
	return func(yield func(fabric.Resource) bool) {
		if w.live == nil {
			return
		}
		for r := range w.live.OfKind(kind) {
			if _, wanted := w.want.Get(r.Key); wanted || r.Object == nil {
				continue
			}
			if !yield(r) {
				return
			}
		}
	}
}

// presence says whether an object exists, as far as can be known.
type presence int

const (
	unsure presence = iota
	there
	absent
)

// find looks an object up, in Git and then in the cluster.
func (w *world) find(key fabric.Key) (fabric.Resource, presence) {
	if r, ok := w.want.Get(key); ok {
		return r, there
	}
	if w.live != nil {
		if r, ok := w.live.Get(key); ok {
			return r, there
		}
	}
	if w.knownAbsent(key.Kind) {
		return fabric.Resource{}, absent
	}
	return fabric.Resource{}, unsure
}

// knownAbsent reports whether an object of this kind that was not found does not
// exist. What stands in a part of the directory that could not be read may be it:
// that part has its own problem already.
func (w *world) knownAbsent(kind fabric.Kind) bool {
	if w.want.Coverage(kind).State == fabric.Partial {
		return false
	}
	if w.live != nil {
		return w.live.Covers(kind)
	}
	for range w.want.OfKind(kind) {
		return true
	}
	return false
}

func keyOf(kind fabric.Kind, name string) fabric.Key {
	return fabric.Key{Kind: kind, Namespace: DefaultNamespace, Name: name}
}

// spec returns the spec of an object by name.
func (w *world) spec(kind fabric.Kind, name string) (node, bool) {
	r, p := w.find(keyOf(kind, name))
	if p != there || r.Object == nil {
		return node{}, false
	}
	return specOf(r), true
}

func specOf(r fabric.Resource) node { return node{r.Object, ""}.at("spec") }

// validate checks one wanted object: first whether it belongs here at all, then
// its schema, then what the rules know. What the schema refuses is not looked at
// by the rules again.
func (w *world) validate(r fabric.Resource) []fabric.Problem {
	if p, ok := Accept(r.Key.Kind, r.Version); !ok {
		p.Key, p.Origin = r.Key, r.Origin
		return []fabric.Problem{p}
	}
	c := &check{world: w, object: r, spec: specOf(r), claimed: Claims(r)}
	for _, f := range schemas()[r.Key.Kind].check(r.Key.Kind, r.Object) {
		c.refuse(f)
	}
	for i := range rules {
		if c.rule = &rules[i]; c.rule.applies(r.Key.Kind) {
			c.rule.Check(c)
		}
	}
	return c.found
}

// check is one object under examination, and what was found wrong with it.
type check struct {
	*world
	object  fabric.Resource
	spec    node
	claimed []Claim
	rule    *Rule
	muted   []string // pointers the schema refused
	found   []fabric.Problem
}

// refuse records a flaw and silences the rules about that value.
func (c *check) refuse(f flaw) {
	c.muted = append(c.muted, f.pointer)
	c.found = append(c.found, fabric.Problem{
		Rule: f.rule, Severity: fabric.Error, Origin: c.object.Origin, Key: c.object.Key,
		Pointer: nearest(c.object.Object, f.pointer), Message: f.message, Hint: schemaHints[f.rule],
	})
}

// say complains about the value at n in the rule's own severity.
func (c *check) say(n node, format string, args ...any) {
	severity := c.rule.Severity
	if c.rule.Convention && !c.site.Known {
		severity = fabric.Warning
	}
	c.add(severity, n, fmt.Sprintf(format, args...))
}

// warn complains in at most a Warning: what the fabric may accept.
func (c *check) warn(n node, format string, args ...any) {
	c.add(fabric.Warning, n, fmt.Sprintf(format, args...))
}

func (c *check) add(severity fabric.Severity, n node, message string) {
	if c.isMuted(n) {
		return
	}
	c.found = append(c.found, fabric.Problem{
		Rule: c.rule.Name, Severity: severity, Origin: c.object.Origin, Key: c.object.Key,
		Pointer: nearest(c.object.Object, n.pointer), Message: message, Hint: c.rule.Hint,
	})
}

// isMuted reports whether the schema already complained about the value at n, or
// about what holds it; or, for an absent value, about a sibling spelt almost alike.
func (c *check) isMuted(n node) bool {
	for _, m := range c.muted {
		if n.pointer == m || strings.HasPrefix(n.pointer, m+"/") {
			return true
		}
		if !n.present() && alike(n.pointer, m) {
			return true
		}
	}
	return false
}

// alike reports whether two pointers name siblings that one could be a misspelling of.
func alike(a, b string) bool {
	i, j := strings.LastIndexByte(a, '/'), strings.LastIndexByte(b, '/')
	return i >= 0 && j >= 0 && a[:i] == b[:j] && similar(a[i+1:], b[j+1:])
}

// nearest returns the pointer of the deepest value that exists on the way to
// pointer: a place in the file that can be shown.
func nearest(obj tree, to string) string {
	at := node{obj, ""}
	for _, token := range tokens(to) {
		next := at.step(token)
		if !next.exists {
			break
		}
		at = next.node
	}
	return at.pointer
}

// notChecked says what was referred to and could not be looked up.
func (w *world) notChecked() []fabric.Problem {
	var out []fabric.Problem
	for key, u := range w.missing {
		out = append(out, u.problem("reference.unchecked", fabric.Warning, fmt.Sprintf("%s %s is not in %s: not checked", key.Kind.Name, key.Name, w.readPart(key.Kind))))
	}
	for name, u := range w.unknown {
		out = append(out, u.problem("profile.unknown", fabric.Note, fmt.Sprintf("ports of profile %s unknown: not checked", name)))
	}
	return out
}

// readPart names what was searched for an object of this kind.
func (w *world) readPart(kind fabric.Kind) string {
	switch {
	case w.want.Coverage(kind).State == fabric.Partial:
		return "the part of this directory that could be read"
	case w.live != nil:
		return "this directory, and could not be looked up in the cluster"
	}
	return "this directory"
}

func (u *uncheckedObject) problem(rule string, severity fabric.Severity, message string) fabric.Problem {
	if u.count > 1 {
		message += fmt.Sprintf(" (needed in %d places)", u.count)
	}
	return fabric.Problem{Rule: rule, Severity: severity, Origin: u.first.Origin, Key: u.first.Key, Pointer: u.place, Message: message}
}
