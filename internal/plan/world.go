package plan

import (
	"cmp"
	"net/netip"
	"slices"
	"strings"

	"github.com/hedgesync/hedgesync/internal/fabric"
	"github.com/hedgesync/hedgesync/internal/hedgehog"
)

// node is one object in one state, with what it needs and what it occupies.
type node struct {
	key    fabric.Key
	body   map[string]any // as the server stores it; nil if it was not read
	refs   []hedgehog.Reference
	claims []hedgehog.Claim
}

func newNode(r fabric.Resource) *node {
	return &node{key: r.Key, body: r.Object, refs: hedgehog.References(r), claims: hedgehog.Claims(r)}
}

func (n *node) refersTo(k fabric.Key) bool {
	return n != nil && slices.ContainsFunc(n.refs, func(r hedgehog.Reference) bool { return r.To == k })
}

func (n *node) holds(id claimID) bool {
	return n != nil && slices.ContainsFunc(n.claims, func(c hedgehog.Claim) bool { return idOf(c) == id })
}

// claimID is what two objects cannot have at once.
type claimID struct{ scope, value string }

func idOf(c hedgehog.Claim) claimID { return claimID{c.Scope, c.Value} }

func (id claimID) String() string { return id.scope + " " + id.value }

// world holds both ends of a plan: every live object, and every wanted object that
// may be written.
type world struct {
	live, want map[fabric.Key]*node
	// referrers lists who refers to a key, in either state, in key order.
	referrers map[fabric.Key][]fabric.Key
	// holders lists who claims a thing, in either state, in key order.
	holders map[claimID][]fabric.Key
	rivals  map[claimID][]claimID // other claims that exclude this one: overlapping prefixes
	unknown []fabric.Key          // live objects whose body was not read
}

func newWorld(in Input, changes []Change, base map[fabric.Key]*Entry) *world {
	w := &world{
		live: map[fabric.Key]*node{}, want: map[fabric.Key]*node{},
		referrers: map[fabric.Key][]fabric.Key{}, holders: map[claimID][]fabric.Key{}, rivals: map[claimID][]claimID{},
	}
	for h := range all(in.Have) {
		if state := coverage(in.Have, h.Key.Kind).State; state == fabric.Full || state == fabric.Partial {
			w.addLive(h, base[h.Key])
		}
	}
	for i := range changes {
		if c := &changes[i]; c.Action.Writes() && c.Want != nil {
			w.addWant(*c.Want)
		}
	}
	w.index()
	return w
}

// addLive records a live object. One that is the very object we left is what we
// applied, even if its body was not read again.
func (w *world) addLive(h fabric.Resource, base *Entry) {
	if h.Object == nil && base != nil && untouched(&h, base) {
		h.Object = hedgehog.Expected(base.Applied)
	}
	if h.Object == nil {
		w.unknown = append(w.unknown, h.Key)
	}
	w.live[h.Key] = newNode(h)
}

func (w *world) addWant(r fabric.Resource) {
	r.Object = hedgehog.Expected(r.Object)
	w.want[r.Key] = newNode(r)
}

func (w *world) index() {
	for _, side := range []map[fabric.Key]*node{w.live, w.want} {
		for k, n := range side {
			for _, r := range n.refs {
				w.referrers[r.To] = append(w.referrers[r.To], k)
			}
			for _, c := range n.claims {
				w.holders[idOf(c)] = append(w.holders[idOf(c)], k)
			}
		}
	}
	for k, list := range w.referrers {
		w.referrers[k] = unique(list)
	}
	for id, list := range w.holders {
		w.holders[id] = unique(list)
	}
	w.findRivals()
	slices.SortFunc(w.unknown, fabric.Key.Compare)
}

func unique(keys []fabric.Key) []fabric.Key {
	slices.SortFunc(keys, fabric.Key.Compare)
	return slices.Compact(keys)
}

// findRivals links every claimed prefix with the claimed prefixes that hold it: it
// looks up each of its at most 32 enclosing ones.
func (w *world) findRivals() {
	for id := range w.holders {
		p, err := netip.ParsePrefix(id.value)
		if err != nil || !strings.HasPrefix(id.scope, hedgehog.ScopeSubnet) {
			continue
		}
		for bits := range p.Bits() {
			outer, _ := p.Addr().Prefix(bits)
			if o := (claimID{id.scope, outer.String()}); len(w.holders[o]) > 0 {
				w.rivals[id] = append(w.rivals[id], o)
				w.rivals[o] = append(w.rivals[o], id)
			}
		}
	}
	for _, list := range w.rivals {
		slices.SortFunc(list, func(a, b claimID) int {
			return cmp.Or(strings.Compare(a.scope, b.scope), strings.Compare(a.value, b.value))
		})
	}
}

// excluded yields every claim that cannot stand beside id: itself, and its rivals.
func (w *world) excluded(id claimID) []claimID {
	return append([]claimID{id}, w.rivals[id]...)
}
