package plan

import (
	"encoding/json"
	"maps"
	"strconv"

	"github.com/hedgesync/hedgesync/internal/fabric"
)

// Document returns the plan as JSON, with the fingerprint of the input that it was
// made from.
func (p Plan) Document(in Input) Document {
	d := Document{
		Schema: Schema, Fabric: p.Fabric, Commit: p.Commit, Mode: p.Mode,
		Summary: SummaryText(p.Summary), Changes: []ChangeText{}, Order: []BatchText{}, Needs: []KindText{}, Unread: []GapText{},
		Fingerprint: FingerprintOf(in),
	}
	index := map[int]int{}
	for i, c := range p.Changes {
		if c.Action != None {
			index[i] = len(d.Changes)
			d.Changes = append(d.Changes, changeText(c))
		}
	}
	for _, b := range p.Order {
		batch := BatchText{Phase: b.Phase, Tier: b.Tier}
		for _, i := range b.Changes {
			batch.Changes = append(batch.Changes, index[i])
		}
		d.Order = append(d.Order, batch)
	}
	for _, k := range p.Needs {
		d.Needs = append(d.Needs, KindText{k.Group, k.Name})
	}
	for _, g := range p.Unread {
		d.Unread = append(d.Unread, GapText{g.Kind.Group, g.Kind.Name, g.Coverage.State, g.Coverage.Reason})
	}
	d.Digest = d.digest()
	return d
}

// Plan returns the plan that the document holds.
func (d Document) Plan() Plan {
	p := Plan{Fabric: d.Fabric, Commit: d.Commit, Mode: d.Mode, Summary: Summary(d.Summary)}
	for _, c := range d.Changes {
		p.Changes = append(p.Changes, c.change())
	}
	for _, b := range d.Order {
		p.Order = append(p.Order, Batch(b))
	}
	for _, k := range d.Needs {
		p.Needs = append(p.Needs, fabric.Kind{Group: k.Group, Name: k.Kind})
	}
	for _, g := range d.Unread {
		p.Unread = append(p.Unread, Gap{fabric.Kind{Group: g.Group, Name: g.Kind}, fabric.Coverage{State: g.State, Reason: g.Reason}})
	}
	return p
}

func changeText(c Change) ChangeText {
	t := ChangeText{
		Key: keyText(c.Key), Action: c.Action, Cause: c.Cause, Would: c.Would, Reason: c.Reason, Tier: c.Tier,
		Remove: c.Remove, Blast: c.Blast,
		Want: resourceText(c.Want), Have: resourceText(c.Have), Base: entryText(c.Base),
	}
	for _, f := range c.Fields {
		t.Fields = append(t.Fields, fieldText(f))
	}
	for _, k := range c.After {
		t.After = append(t.After, keyText(k))
	}
	return t
}

func (t ChangeText) change() Change {
	k := t.Key.key()
	c := Change{
		Key: k, Action: t.Action, Cause: t.Cause, Would: t.Would, Reason: t.Reason, Tier: t.Tier,
		Remove: t.Remove, Blast: t.Blast,
		Want: t.Want.resource(k), Have: t.Have.resource(k), Base: t.Base.entry(k),
	}
	for _, f := range t.Fields {
		c.Fields = append(c.Fields, f.field())
	}
	for _, k := range t.After {
		c.After = append(c.After, k.key())
	}
	return c
}

func fieldText(f Field) FieldText {
	t := FieldText{Path: f.Path, Old: f.Old, New: f.New, Cause: f.Cause, Manager: f.Manager}
	if !f.At.IsZero() {
		at := f.At.UTC()
		t.At = &at
	}
	return t
}

func (t FieldText) field() Field {
	f := Field{Path: t.Path, Old: decoded(t.Old), New: decoded(t.New), Cause: t.Cause, Manager: t.Manager}
	if t.At != nil {
		f.At = *t.At
	}
	return f
}

func resourceText(r *fabric.Resource) *ResourceText {
	if r == nil {
		return nil
	}
	t := &ResourceText{Version: r.Version, Object: withoutManagers(r.Object), Hash: r.Hash, UID: r.UID, ResourceVersion: r.ResourceVersion}
	if r.Origin != (fabric.Origin{}) {
		o := OriginText(r.Origin)
		t.Origin = &o
	}
	return t
}

// withoutManagers copies an object without its managedFields, which are long and
// of no use to a reader.
func withoutManagers(obj map[string]any) map[string]any {
	if object(obj, "metadata")["managedFields"] == nil {
		return obj
	}
	out, meta := maps.Clone(obj), maps.Clone(object(obj, "metadata"))
	delete(meta, "managedFields")
	out["metadata"] = meta
	return out
}

func (t *ResourceText) resource(k fabric.Key) *fabric.Resource {
	if t == nil {
		return nil
	}
	r := &fabric.Resource{Key: k, Version: t.Version, Object: tree(t.Object), Hash: t.Hash, UID: t.UID, ResourceVersion: t.ResourceVersion}
	if t.Origin != nil {
		r.Origin = fabric.Origin(*t.Origin)
	}
	return r
}

func entryText(e *Entry) *EntryText {
	if e == nil {
		return nil
	}
	return &EntryText{
		Version: e.Version, UID: e.UID, ResourceVersion: e.ResourceVersion, WantHash: e.WantHash, Applied: e.Applied,
		Commit: e.Commit, Origin: OriginText(e.Origin), Run: e.Run, At: e.At.UTC(),
	}
}

func (t *EntryText) entry(k fabric.Key) *Entry {
	if t == nil {
		return nil
	}
	return &Entry{
		Key: k, Version: t.Version, UID: t.UID, ResourceVersion: t.ResourceVersion, WantHash: t.WantHash, Applied: tree(t.Applied),
		Commit: t.Commit, Origin: fabric.Origin(t.Origin), Run: t.Run, At: t.At,
	}
}

func tree(m map[string]any) map[string]any {
	t, _ := decoded(m).(map[string]any)
	return t
}

// decoded turns the numbers of a JSON tree into what the API server's decoder
// makes of them: int64 if they are whole and fit, float64 otherwise.
func decoded(v any) any {
	switch v := v.(type) {
	case map[string]any:
		if v == nil {
			return nil
		}
		out := make(map[string]any, len(v))
		for k, e := range v {
			out[k] = decoded(e)
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, e := range v {
			out[i] = decoded(e)
		}
		return out
	case json.Number:
		if i, err := strconv.ParseInt(v.String(), 10, 64); err == nil {
			return i
		}
		f, _ := v.Float64()
		return f
	}
	return v
}
