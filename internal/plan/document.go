package plan

import (
	"bytes"
	"encoding/json"
	"io"
	"time"

	"github.com/hedgesync/hedgesync/internal/fabric"
	"github.com/hedgesync/hedgesync/internal/fault"
)

// Schema names the form of a Document. A form that older readers would misread
// gets another name.
const Schema = "hedgesync.plan/v1"

// Document is a plan as JSON: for -o json, and for a file to be applied later. It
// leaves out objects to which nothing happens; Summary counts them.
type Document struct {
	Schema      string       `json:"schema"`
	Fabric      fabric.ID    `json:"fabric"`
	Commit      string       `json:"commit"`
	Mode        fabric.Mode  `json:"mode"`
	Summary     SummaryText  `json:"summary"`
	Changes     []ChangeText `json:"changes"`
	Order       []BatchText  `json:"order"`
	Needs       []KindText   `json:"needs"`
	Unread      []GapText    `json:"unread"`
	Fingerprint Fingerprint  `json:"fingerprint"`
	Digest      fabric.Hash  `json:"digest"` // of everything above: a file that was edited is refused
}

// SummaryText is a Summary as JSON.
type SummaryText struct {
	Add     int `json:"add"`
	Change  int `json:"change"`
	Destroy int `json:"destroy"`
	Adopt   int `json:"adopt"`
	Forget  int `json:"forget"`
	Held    int `json:"held"`
	Extra   int `json:"extra"`
	Nothing int `json:"nothing"`
}

// KindText is a fabric.Kind as JSON.
type KindText struct {
	Group string `json:"group"`
	Kind  string `json:"kind"`
}

// GapText is a Gap as JSON.
type GapText struct {
	Group  string            `json:"group"`
	Kind   string            `json:"kind"`
	State  fabric.CoverState `json:"state"`
	Reason string            `json:"reason,omitempty"`
}

// KeyText is a fabric.Key as JSON.
type KeyText struct {
	Group     string `json:"group"`
	Kind      string `json:"kind"`
	Namespace string `json:"namespace"`
	Name      string `json:"name"`
}

// String returns the key as fabric.Key does.
func (k KeyText) String() string { return k.key().String() }

func (k KeyText) key() fabric.Key {
	return fabric.Key{Kind: fabric.Kind{Group: k.Group, Name: k.Kind}, Namespace: k.Namespace, Name: k.Name}
}

func keyText(k fabric.Key) KeyText { return KeyText{k.Kind.Group, k.Kind.Name, k.Namespace, k.Name} }

// ChangeText is a Change as JSON.
type ChangeText struct {
	Key    KeyText       `json:"key"`
	Action Action        `json:"action"`
	Cause  Cause         `json:"cause,omitempty"`
	Would  Action        `json:"would,omitempty"`
	Reason string        `json:"reason,omitempty"`
	Tier   int           `json:"tier"`
	Fields []FieldText   `json:"fields,omitempty"`
	Remove []string      `json:"remove,omitempty"`
	Blast  []string      `json:"blast,omitempty"`
	After  []KeyText     `json:"after,omitempty"`
	Want   *ResourceText `json:"want,omitempty"`
	Have   *ResourceText `json:"have,omitempty"`
	Base   *EntryText    `json:"base,omitempty"`
}

// FieldText is a Field as JSON.
type FieldText struct {
	Path    string     `json:"path"`
	Old     any        `json:"old"`
	New     any        `json:"new"`
	Cause   Cause      `json:"cause"`
	Manager string     `json:"manager,omitempty"`
	At      *time.Time `json:"at,omitempty"`
}

// OriginText is a fabric.Origin as JSON.
type OriginText struct {
	File     string `json:"file"`
	Line     int    `json:"line,omitempty"`
	Column   int    `json:"column,omitempty"`
	Document int    `json:"document,omitempty"`
}

// ResourceText is a fabric.Resource as JSON. A live object comes without its
// managedFields.
type ResourceText struct {
	Version         string         `json:"version"`
	Object          map[string]any `json:"object"`
	Hash            fabric.Hash    `json:"hash,omitempty"`
	Origin          *OriginText    `json:"origin,omitempty"`
	UID             string         `json:"uid,omitempty"`
	ResourceVersion string         `json:"resource_version,omitempty"`
}

// EntryText is an Entry as JSON.
type EntryText struct {
	Version         string         `json:"version"`
	UID             string         `json:"uid"`
	ResourceVersion string         `json:"resource_version"`
	WantHash        fabric.Hash    `json:"want_hash"`
	Applied         map[string]any `json:"applied"`
	Commit          string         `json:"commit"`
	Origin          OriginText     `json:"origin"`
	Run             string         `json:"run"`
	At              time.Time      `json:"at"`
}

// BatchText is a Batch as JSON; its changes are indices into Document.Changes.
type BatchText struct {
	Phase   Phase `json:"phase"`
	Tier    int   `json:"tier"`
	Changes []int `json:"changes"`
}

// Encode writes the document, indented, with its digest.
func (d Document) Encode(w io.Writer) error {
	d.Digest = d.digest()
	b, err := json.MarshalIndent(d, "", "  ")
	if err != nil {
		return fault.Wrap("write plan", err)
	}
	_, err = w.Write(append(b, '\n'))
	return err
}

// digest hashes what a reader of the file gets: what JSON cannot carry, such as
// broken UTF-8, is as it will be after reading.
func (d Document) digest() fabric.Hash {
	d.Digest = ""
	b, err := json.Marshal(d)
	if err != nil {
		return "" // cannot be encoded either: Encode reports it
	}
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.UseNumber()
	var read any
	if err := dec.Decode(&read); err != nil {
		return ""
	}
	return fabric.HashOf(read)
}

// largestDocument bounds what Parse reads, in bytes: a plan for 5,000 objects
// with both sides of each is a tenth of it.
const largestDocument = 256 << 20

// Parse reads a document that Encode wrote. Anything else, and one that was
// changed since, is an Invalid error.
func Parse(r io.Reader) (Document, error) {
	b, err := io.ReadAll(io.LimitReader(r, largestDocument+1))
	if err != nil {
		return Document{}, fault.Wrap("read plan", err)
	}
	if len(b) > largestDocument {
		return Document{}, unreadable("it is larger than %d bytes", largestDocument)
	}
	var d Document
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.UseNumber()
	dec.DisallowUnknownFields()
	if err := dec.Decode(&d); err != nil {
		return Document{}, unreadable("%w", err)
	}
	if _, err := dec.Token(); err != io.EOF {
		return Document{}, unreadable("something follows it")
	}
	return d, d.check()
}

func (d Document) check() error {
	switch {
	case d.Schema != Schema:
		return unreadable("its schema is %q, not %q", d.Schema, Schema)
	case d.Digest != d.digest():
		return unreadable("it was changed after it was written")
	case d.Fingerprint.Hash != d.Fingerprint.hash():
		return unreadable("its fingerprint does not match its inputs")
	}
	for _, b := range d.Order {
		for _, i := range b.Changes {
			if i < 0 || i >= len(d.Changes) || !d.Changes[i].Action.Writes() {
				return unreadable("its order names change %d, which it does not have or does not write", i)
			}
		}
	}
	return nil
}

func unreadable(format string, args ...any) error {
	e := fault.New(fault.Invalid, "plan.document", format, args...)
	e.Op, e.Hint = "read plan", "make the plan anew with hedgesync plan"
	return e
}

// Check names every input that is not what the plan was made from; none means that
// the plan still holds.
func (d Document) Check(now Input) []Move { return d.Fingerprint.moved(FingerprintOf(now)) }
