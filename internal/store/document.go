package store

import (
	"bytes"
	"encoding/json"
	"time"

	kjson "sigs.k8s.io/json"

	"github.com/hedgesync/hedgesync/internal/fabric"
	"github.com/hedgesync/hedgesync/internal/fault"
	"github.com/hedgesync/hedgesync/internal/plan"
	"github.com/hedgesync/hedgesync/internal/saga"
)

// The shapes below are the stored ones. They are apart from the words they carry
// so that a renamed field does not make old rows unreadable.

type resourceDoc struct {
	Key             *fabric.Key    `json:"key,omitempty"`
	Version         string         `json:"version,omitempty"`
	Object          map[string]any `json:"object,omitempty"`
	Hash            fabric.Hash    `json:"hash,omitempty"`
	Origin          *fabric.Origin `json:"origin,omitempty"`
	UID             string         `json:"uid,omitempty"`
	ResourceVersion string         `json:"resourceVersion,omitempty"`
}

type entryDoc struct {
	Version         string         `json:"version,omitempty"`
	UID             string         `json:"uid,omitempty"`
	ResourceVersion string         `json:"resourceVersion,omitempty"`
	WantHash        fabric.Hash    `json:"wantHash,omitempty"`
	Applied         map[string]any `json:"applied,omitempty"`
	Commit          string         `json:"commit,omitempty"`
	Origin          fabric.Origin  `json:"origin"`
	Run             string         `json:"run,omitempty"`
	At              time.Time      `json:"at"`
}

type changeDoc struct {
	Would  plan.Action  `json:"would,omitempty"`
	Reason string       `json:"reason,omitempty"`
	Fields []fieldDoc   `json:"fields,omitempty"`
	Remove []string     `json:"remove,omitempty"`
	Blast  []string     `json:"blast,omitempty"`
	After  []fabric.Key `json:"after,omitempty"`
}

type fieldDoc struct {
	Path    string     `json:"path"`
	Old     any        `json:"old,omitempty"`
	New     any        `json:"new,omitempty"`
	Cause   plan.Cause `json:"cause,omitempty"`
	Manager string     `json:"manager,omitempty"`
	At      time.Time  `json:"at,omitzero"`
	Onset   time.Time  `json:"onset,omitzero"`
}

type failureDoc struct {
	Kind    string `json:"kind"`
	Code    string `json:"code,omitempty"`
	Message string `json:"message"`
	Hint    string `json:"hint,omitempty"`
	Step    string `json:"step,omitempty"`
}

type coverDoc struct {
	Kind   fabric.Kind       `json:"kind"`
	State  fabric.CoverState `json:"state"`
	Reason string            `json:"reason,omitempty"`
	Read   time.Time         `json:"read,omitzero"` // when the kind was last read in full
}

// encode returns v as JSON. What reaches it is made of JSON values.
func encode(v any) (string, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return "", fault.New(fault.Bug, "store.encode", "%w", err)
	}
	return string(bytes.TrimSuffix(b.Bytes(), []byte("\n"))), nil
}

// decode reads JSON as the API server does: whole numbers are int64. "" leaves v alone.
func decode(s []byte, v any) error {
	if len(s) == 0 {
		return nil
	}
	if err := kjson.UnmarshalCaseSensitivePreserveInts(s, v); err != nil {
		return fault.New(fault.Invalid, "store.damaged", "a stored document cannot be read: %w", err)
	}
	return nil
}

func encodeResource(r *fabric.Resource, of fabric.Key) (string, error) {
	if r == nil {
		return "", nil
	}
	d := resourceDoc{Version: r.Version, Object: r.Object, Hash: r.Hash, UID: r.UID, ResourceVersion: r.ResourceVersion}
	if r.Key != of {
		d.Key = &r.Key
	}
	if r.Origin != (fabric.Origin{}) {
		d.Origin = &r.Origin
	}
	return encode(d)
}

func decodeResource(s []byte, of fabric.Key) (*fabric.Resource, error) {
	if len(s) == 0 {
		return nil, nil
	}
	d := resourceDoc{Key: &of}
	if err := decode(s, &d); err != nil {
		return nil, err
	}
	r := &fabric.Resource{Key: *d.Key, Version: d.Version, Object: d.Object, Hash: d.Hash, UID: d.UID, ResourceVersion: d.ResourceVersion}
	if d.Origin != nil {
		r.Origin = *d.Origin
	}
	return r, nil
}

func encodeEntry(e *plan.Entry) (string, error) {
	if e == nil {
		return "", nil
	}
	return encode(entryDoc{Version: e.Version, UID: e.UID, ResourceVersion: e.ResourceVersion, WantHash: e.WantHash,
		Applied: e.Applied, Commit: e.Commit, Origin: e.Origin, Run: e.Run, At: e.At})
}

func decodeEntry(s []byte, of fabric.Key) (*plan.Entry, error) {
	if len(s) == 0 {
		return nil, nil
	}
	var d entryDoc
	if err := decode(s, &d); err != nil {
		return nil, err
	}
	return &plan.Entry{Key: of, Version: d.Version, UID: d.UID, ResourceVersion: d.ResourceVersion, WantHash: d.WantHash,
		Applied: d.Applied, Commit: d.Commit, Origin: d.Origin, Run: d.Run, At: d.At}, nil
}

func changeDetail(c plan.Change) changeDoc {
	d := changeDoc{Would: c.Would, Reason: c.Reason, Remove: c.Remove, Blast: c.Blast, After: c.After}
	for _, f := range c.Fields {
		d.Fields = append(d.Fields, fieldDoc{Path: f.Path, Old: f.Old, New: f.New, Cause: f.Cause, Manager: f.Manager, At: f.At})
	}
	return d
}

// fill puts what the document holds into c.
func (d changeDoc) fill(c *plan.Change) {
	c.Would, c.Reason, c.Remove, c.Blast, c.After = d.Would, d.Reason, d.Remove, d.Blast, d.After
	for _, f := range d.Fields {
		c.Fields = append(c.Fields, plan.Field{Path: f.Path, Old: f.Old, New: f.New, Cause: f.Cause, Manager: f.Manager, At: f.At})
	}
}

func encodeFailure(f *saga.Failure) (string, error) {
	if f == nil {
		return "", nil
	}
	return encode(failureDoc{Kind: f.Kind.String(), Code: f.Code, Message: f.Message, Hint: f.Hint, Step: f.Step})
}

func decodeFailure(s []byte) (*saga.Failure, error) {
	if len(s) == 0 {
		return nil, nil
	}
	var d failureDoc
	if err := decode(s, &d); err != nil {
		return nil, err
	}
	return &saga.Failure{Kind: fault.ParseKind(d.Kind), Code: d.Code, Message: d.Message, Hint: d.Hint, Step: d.Step}, nil
}
