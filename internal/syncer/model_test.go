package syncer_test

import (
	"context"
	"fmt"
	"maps"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/hedgesync/hedgesync/internal/fabric"
	"github.com/hedgesync/hedgesync/internal/fault"
	"github.com/hedgesync/hedgesync/internal/hedgehog"
	"github.com/hedgesync/hedgesync/internal/plan"
	"github.com/hedgesync/hedgesync/internal/syncer"
	"github.com/hedgesync/hedgesync/internal/wiringtest"
)

type object = map[string]any

// model is a small honest Kubernetes API of one fabric. It stores what admission
// makes of an object; an apply removes what the same applier set before and no
// longer says, and leaves the rest; writes are conditional on uid and resource
// version. It refuses dangling references, both ways, and claims held twice.
type model struct {
	mu      sync.Mutex
	objects map[fabric.Key]stored
	version int

	cover map[fabric.Kind]fabric.Coverage // kinds that cannot be read
	down  error                           // if set, nothing can be read
	// disturb may make one write go wrong.
	disturb func(c plan.Change) trouble
	// empties are objects whose spec is accepted and not kept.
	empties map[fabric.Key]bool
	// onWrite is called before each write that takes effect.
	onWrite func(m *model, verb string, c plan.Change)

	fullReads, lightReads, gets, writes int
	log                                 []string // effects in order: "create Server/default/a"
}

type stored struct {
	fabric.Resource
	applied object // what hedgesync applied last; nil if it never did
}

// trouble is how one write goes wrong.
type trouble int

const (
	fine      trouble = iota
	busy              // refused for now, nothing done
	refused           // refused for good, nothing done
	lost              // not done, and no answer
	deaf              // done, and no answer
	halfway           // the apply is done, the removal after it is refused for now
	finalizer         // a delete that only begins
)

func newModel() *model {
	m := &model{objects: map[fabric.Key]stored{}, cover: map[fabric.Kind]fabric.Coverage{}}
	for _, p := range wiringtest.Profiles() {
		m.edit(p)
	}
	return m
}

func keyOf(obj object) fabric.Key {
	group, _, _ := strings.Cut(obj["apiVersion"].(string), "/")
	meta := obj["metadata"].(object)
	return fabric.Key{Kind: fabric.Kind{Group: group, Name: obj["kind"].(string)}, Namespace: "default", Name: meta["name"].(string)}
}

// edit stores an object as somebody else does it, whole.
func (m *model) edit(obj object) fabric.Resource {
	k := keyOf(obj)
	_, version, _ := strings.Cut(obj["apiVersion"].(string), "/")
	s := m.objects[k]
	return m.store(k, version, clone(obj), s.UID, s.applied)
}

// change edits a copy of a stored object.
func (m *model) change(k fabric.Key, f func(spec object)) {
	s := m.objects[k]
	obj := clone(s.Object)
	f(obj["spec"].(object))
	m.store(k, s.Version, obj, s.UID, s.applied)
}

// touch gives an object a new version without changing what it says.
func (m *model) touch(k fabric.Key) { m.change(k, func(object) {}) }

// remove deletes as somebody else.
func (m *model) remove(k fabric.Key) { delete(m.objects, k) }

func (m *model) store(k fabric.Key, version string, obj object, uid string, applied object) fabric.Resource {
	m.version++
	if uid == "" {
		uid = fmt.Sprintf("uid-%d", m.version)
	}
	full := hedgehog.Expected(hedgehog.Canonical(obj))
	meta := maps.Clone(full["metadata"].(object))
	meta["uid"], meta["resourceVersion"] = uid, fmt.Sprint(m.version)
	full = maps.Clone(full)
	full["metadata"] = meta
	if m.empties[k] {
		full["spec"] = object{}
	}
	r := fabric.Resource{Key: k, Version: version, Object: full, UID: uid, ResourceVersion: fmt.Sprint(m.version)}
	m.objects[k] = stored{r, applied}
	return r
}

func (m *model) Observe(_ context.Context, r syncer.Reading) (*fabric.Snapshot, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.down != nil {
		return nil, m.down
	}
	coverage := map[fabric.Kind]fabric.Coverage{}
	var resources []fabric.Resource
	for _, k := range r.Kinds {
		coverage[k] = fabric.Coverage{State: fabric.Full}
		if c, faulty := m.cover[k]; faulty {
			coverage[k] = c
			continue
		}
		light := r.Light[k]
		if light {
			m.lightReads++
			light = m.unmoved(k, r.Known)
		}
		if !light {
			m.fullReads++
		}
		for _, s := range m.objects {
			if s.Key.Kind == k {
				if light {
					s.Object = nil
				}
				resources = append(resources, s.Resource)
			}
		}
	}
	return fabric.NewSnapshot("model", time.Unix(int64(m.version), 0).UTC(), resources, coverage)
}

func (m *model) unmoved(k fabric.Kind, known map[fabric.Key]plan.Seen) bool {
	there, same := 0, 0
	for key, s := range m.objects {
		if key.Kind == k {
			there++
			if known[key] == (plan.Seen{UID: s.UID, ResourceVersion: s.ResourceVersion}) {
				same++
			}
		}
	}
	n := 0
	for key := range known {
		if key.Kind == k {
			n++
		}
	}
	return there == same && n == there
}

func (m *model) Predictor(context.Context, []fabric.Kind) (plan.Predictor, error) {
	return func(have *fabric.Resource, want fabric.Resource) (fabric.Resource, error) {
		r := want
		r.Object = hedgehog.Expected(hedgehog.Canonical(merged(m.objects[have.Key], have.Object, want.Object)))
		return r, nil
	}, nil
}

func (m *model) Attribute(object, string) (string, time.Time) { return "", time.Time{} }

func (m *model) Read(_ context.Context, keys []fabric.Key) (map[fabric.Key]fabric.Resource, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.down != nil {
		return nil, m.down
	}
	m.gets++
	found := map[fabric.Key]fabric.Resource{}
	for _, k := range keys {
		if s, ok := m.objects[k]; ok {
			found[k] = s.Resource
		}
	}
	return found, nil
}

func (m *model) Apply(_ context.Context, changes []plan.Change, done func(int, plan.Outcome)) []plan.Outcome {
	outcomes := make([]plan.Outcome, len(changes))
	for i, c := range changes {
		outcomes[i] = m.write(c, func() bool { return false })
		if done != nil {
			done(i, outcomes[i])
		}
	}
	return outcomes
}

// write makes one change; between its two requests cut may end it.
func (m *model) write(c plan.Change, cut func() bool) plan.Outcome {
	m.mu.Lock()
	defer m.mu.Unlock()
	how := fine
	if m.disturb != nil {
		how = m.disturb(c)
	}
	o := plan.Outcome{Key: c.Key}
	switch how {
	case busy:
		o.Result, o.Err = plan.FailedTry, fault.New(fault.Unavailable, "kube.throttled", "busy")
		return o
	case refused:
		o.Result, o.Err = plan.Refused, fault.New(fault.Invalid, "kube.admission", "denied the request")
		return o
	case lost:
		return unseen(c.Key)
	}
	m.perform(c, &o, how, cut)
	if how == deaf && o.Writes > 0 {
		return unseen(c.Key)
	}
	return o
}

func unseen(k fabric.Key) plan.Outcome {
	return plan.Outcome{Key: k, Result: plan.Unseen, Writes: 1, Err: fault.New(fault.Unknown, "kube.unseen", "no answer was seen")}
}

func (m *model) perform(c plan.Change, o *plan.Outcome, how trouble, cut func() bool) {
	s, there := m.objects[c.Key]
	pinned := there && c.Have != nil && s.UID == c.Have.UID && s.ResourceVersion == c.Have.ResourceVersion
	switch {
	case c.Action == plan.Delete && !there:
		o.Result = plan.Unchanged
	case c.Action == plan.Create && there && m.clashes(s, c.Want.Object), c.Action != plan.Create && !pinned:
		o.Result, o.Err = plan.FailedTry, fault.New(fault.Conflict, "kube.conflict", "%s is not what was read", c.Key)
	case c.Action == plan.Delete:
		m.drop(c, s, o, how)
	default:
		m.put(c, s, o, how, cut)
	}
}

// clashes: an unforced apply sets a value that somebody else set otherwise.
func (m *model) clashes(s stored, want object) bool {
	return !reflect.DeepEqual(overlay(clone(s.Object), want), clone(s.Object)) && s.applied == nil
}

func (m *model) drop(c plan.Change, s stored, o *plan.Outcome, how trouble) {
	if user := m.user(c.Key); user != "" {
		o.Result, o.Err = plan.Refused, fault.New(fault.Invalid, "kube.admission", "%s refers to %s", user, c.Key)
		return
	}
	m.effect("delete", c)
	o.Writes++
	if how == finalizer {
		r := m.store(c.Key, s.Version, s.Object, s.UID, s.applied)
		r.Object["metadata"].(object)["deletionTimestamp"] = "2030-01-01T00:00:00Z"
		o.Live, o.Result, o.Err = &r, plan.FailedTry, fault.New(fault.Unavailable, "kube.finalizer", "deleted, but still there")
		return
	}
	delete(m.objects, c.Key)
	o.Result = plan.Applied
}

func (m *model) put(c plan.Change, s stored, o *plan.Outcome, how trouble, cut func() bool) {
	want := clone(c.Want.Object)
	obj := want
	if s.Object != nil {
		obj = merged(s, s.Object, want)
	}
	full := hedgehog.Expected(hedgehog.Canonical(obj))
	if err := m.admit(c.Key, full, s); err != nil {
		o.Result, o.Err = plan.FailedTry, err
		if fault.KindOf(err) == fault.Invalid {
			o.Result = plan.Refused
		}
		return
	}
	verb := "create"
	if s.Object != nil {
		verb = "update"
	}
	r := s.Resource
	o.Writes++
	if o.Result = plan.Unchanged; s.Object == nil || len(hedgehog.Difference(full, s.Object))+len(hedgehog.Difference(s.Object, full)) > 0 || !reflect.DeepEqual(metadata(full), metadata(s.Object)) {
		m.effect(verb, c)
		r = m.store(c.Key, c.Want.Version, obj, s.UID, want)
		o.Result = plan.Applied
	}
	o.Live = &r
	m.tidy(c, o, how, cut)
}

// metadata returns what an object's metadata says, without what the server wrote.
func metadata(obj object) any { return hedgehog.Canonical(obj)["metadata"] }

// tidy removes what nobody wants, in a request of its own.
func (m *model) tidy(c plan.Change, o *plan.Outcome, how trouble, cut func() bool) {
	obj := clone(o.Live.Object)
	found := false
	for _, p := range c.Remove {
		found = drop(obj, p) || found
	}
	if !found || cut() {
		return
	}
	if how == halfway {
		o.Result, o.Err = plan.FailedTry, fault.New(fault.Unavailable, "kube.throttled", "busy")
		return
	}
	if err := m.admit(c.Key, hedgehog.Expected(hedgehog.Canonical(obj)), m.objects[c.Key]); err != nil {
		o.Result, o.Err = plan.Refused, err
		return
	}
	m.effect("tidy", c)
	r := m.store(c.Key, o.Live.Version, obj, o.Live.UID, m.objects[c.Key].applied)
	o.Live, o.Result = &r, plan.Applied
	o.Writes++
}

func (m *model) effect(verb string, c plan.Change) {
	if m.onWrite != nil {
		m.onWrite(m, verb, c)
	}
	m.writes++
	m.log = append(m.log, verb+" "+c.Key.String())
}

// user returns an object that refers to k.
func (m *model) user(k fabric.Key) string {
	for _, s := range m.objects {
		for _, ref := range hedgehog.References(s.Resource) {
			if ref.To == k && s.Key != k {
				return s.Key.String()
			}
		}
	}
	return ""
}

// admit refuses what the fabric's admission refuses. What may still come is
// Unavailable, as the real client says it.
func (m *model) admit(k fabric.Key, obj object, before stored) error {
	r := fabric.Resource{Key: k, Object: obj}
	for _, ref := range hedgehog.References(r) {
		target, there := m.objects[ref.To]
		if !there || ref.To.Kind == hedgehog.VPC && ref.Part != "" && !hasSubnet(target.Object, ref.Part) {
			return fault.New(fault.Unavailable, "kube.not-ready", "%s %s not found", ref.To, ref.Part)
		}
	}
	for _, claim := range hedgehog.Claims(r) {
		for _, other := range m.objects {
			if other.Key != k && slices.ContainsFunc(hedgehog.Claims(other.Resource), func(o hedgehog.Claim) bool { return collide(claim, o) }) {
				return fault.New(fault.Invalid, "kube.admission", "%s %s belongs to %s", claim.Scope, claim.Value, other.Key)
			}
		}
	}
	if before.Object == nil {
		return nil
	}
	if fixed := hedgehog.Immutable(before.Object, obj); len(fixed) > 0 {
		return fault.New(fault.Invalid, "kube.admission", "%v cannot be changed", fixed)
	}
	for _, other := range m.objects {
		for _, ref := range hedgehog.References(other.Resource) {
			if ref.To == k && k.Kind == hedgehog.VPC && ref.Part != "" && !hasSubnet(obj, ref.Part) {
				return fault.New(fault.Invalid, "kube.admission", "subnet %s is used by %s", ref.Part, other.Key)
			}
		}
	}
	return nil
}

func hasSubnet(vpc object, name string) bool {
	subnets, _ := vpc["spec"].(object)["subnets"].(object)
	_, ok := subnets[name]
	return ok
}

func collide(a, b hedgehog.Claim) bool {
	if a.Scope != b.Scope {
		return false
	}
	if p, err := netip.ParsePrefix(a.Value); err == nil && strings.HasPrefix(a.Scope, hedgehog.ScopeSubnet) {
		return p.Overlaps(netip.MustParsePrefix(b.Value))
	}
	return a.Value == b.Value
}

// merged is a server-side apply: what was applied before and is no longer said
// goes, what is said is set, the rest stays.
func merged(s stored, live, want object) object {
	return overlay(without(clone(live), s.applied, want), want)
}

func without(live, applied, want object) object {
	for k, was := range applied {
		next, wanted := want[k]
		wasMap, ok1 := was.(object)
		liveMap, ok2 := live[k].(object)
		nextMap, _ := next.(object)
		switch {
		case ok1 && ok2:
			if without(liveMap, wasMap, nextMap); len(liveMap) == 0 && !wanted {
				delete(live, k)
			}
		case !wanted:
			delete(live, k)
		}
	}
	return live
}

func overlay(live, want object) object {
	for k, v := range want {
		next, ok1 := v.(object)
		was, ok2 := live[k].(object)
		if ok1 && ok2 {
			overlay(was, next)
			continue
		}
		live[k] = cloneValue(v)
	}
	return live
}

func drop(obj object, pointer string) bool {
	tokens := strings.Split(strings.TrimPrefix(pointer, "/"), "/")
	for _, t := range tokens[:len(tokens)-1] {
		next, ok := obj[unescape(t)].(object)
		if !ok {
			return false
		}
		obj = next
	}
	last := unescape(tokens[len(tokens)-1])
	_, there := obj[last]
	delete(obj, last)
	return there
}

func unescape(token string) string { return strings.NewReplacer("~1", "/", "~0", "~").Replace(token) }

func clone(obj object) object {
	c, _ := cloneValue(obj).(object)
	return c
}

func cloneValue(v any) any {
	switch v := v.(type) {
	case object:
		out := make(object, len(v))
		for k, e := range v {
			out[k] = cloneValue(e)
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, e := range v {
			out[i] = cloneValue(e)
		}
		return out
	}
	return v
}

// contents returns what every user object says, by key, without versions.
func (m *model) contents() map[string]fabric.Hash {
	m.mu.Lock()
	defer m.mu.Unlock()
	out := map[string]fabric.Hash{}
	for k, s := range m.objects {
		out[k.String()] = fabric.HashOf(map[string]any{"spec": s.Object["spec"], "metadata": metadata(s.Object)})
	}
	return out
}
