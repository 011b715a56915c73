package kube

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/objectmeta"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	utiljson "k8s.io/apimachinery/pkg/util/json"

	"github.com/hedgesync/hedgesync/internal/fabric"
	"github.com/hedgesync/hedgesync/internal/fault"
)

// Verdict says what a server-side apply would do.
type Verdict string

// The verdicts.
const (
	Unchanged Verdict = "unchanged" // nothing would be written
	Ownership Verdict = "ownership" // only who owns which field would change
	Changed   Verdict = "changed"   // content would change
	Created   Verdict = "create"    // there is no such object
	Conflict  Verdict = "conflict"  // another manager owns a field that would change, and force is off
	Invalid   Verdict = "invalid"   // the server would refuse it
)

// Prediction is what a server-side apply would do.
type Prediction struct {
	Verdict Verdict
	Object  fabric.Resource // as the server would store it; zero for Conflict and Invalid
	Reason  error           // for Conflict and Invalid: the server's words, classified
}

// Predict tells what the server would do with an apply of want by manager, given
// the object it holds (nil: none), before admission webhooks have their say. It
// changes neither. An error means that it cannot be predicted: the kind is not
// described, or have was read without its content.
func (s *Schemas) Predict(have *fabric.Resource, want fabric.Resource, manager string, force bool) (Prediction, error) {
	m := s.types[gvkOf(want)]
	if m == nil {
		return Prediction{}, fault.New(fault.Missing, CodeKindMissing, "the server does not describe %s in version %q", want.Key.Kind, want.Version)
	}
	if have != nil && have.Object == nil {
		return Prediction{}, fault.New(fault.Bug, "kube.predict", "%s was read without its content", have.Key)
	}
	known := s.recall(m, want)
	if p, ok := known.answer(have, manager, force); ok {
		return p, nil
	}
	if have != nil && have.Version == want.Version && known.holds(have.Object, manager) {
		return Prediction{Verdict: Unchanged, Object: *have}, nil
	}
	p, err := m.merge(have, want, manager, force)
	if err == nil {
		s.remember(want.Key, known.with(have, manager, force, p))
	}
	return p, err
}

func gvkOf(r fabric.Resource) schema.GroupVersionKind {
	return schema.GroupVersionKind{Group: r.Key.Kind.Group, Version: r.Version, Kind: r.Key.Kind.Name}
}

// merge runs the server's code.
func (m *model) merge(have *fabric.Resource, want fabric.Resource, manager string, force bool) (Prediction, error) {
	applied, err := roundTrip(sendable(want))
	if err != nil {
		return Prediction{}, fault.New(fault.Bug, "kube.encode", "%w", err)
	}
	base := map[string]any{"apiVersion": applied["apiVersion"], "kind": applied["kind"]}
	if have != nil {
		base = (&unstructured.Unstructured{Object: have.Object}).DeepCopy().Object
		base["apiVersion"] = applied["apiVersion"]
	}
	merged, err := m.fields.Apply(&unstructured.Unstructured{Object: base}, &unstructured.Unstructured{Object: applied}, manager, force)
	switch {
	case apierrors.IsConflict(err):
		return Prediction{Verdict: Conflict, Reason: fault.New(fault.Conflict, CodeConflict, "%w", err)}, nil
	case err != nil:
		return Prediction{Verdict: Invalid, Reason: fault.New(fault.Invalid, CodeInvalid, "%w", err)}, nil
	}
	next := merged.(*unstructured.Unstructured)
	if err = m.finish(next, have); err == nil {
		err = m.validate(next, have)
	}
	if err != nil {
		return Prediction{Verdict: Invalid, Reason: fault.New(fault.Invalid, CodeInvalid, "%w", err)}, nil
	}
	r := fabric.Resource{Key: want.Key, Version: want.Version, Object: next.Object}
	if have == nil {
		return Prediction{Verdict: Created, Object: r}, nil
	}
	r.UID, r.ResourceVersion = have.UID, have.ResourceVersion
	p := Prediction{Verdict: compare(have.Object, next.Object), Object: r}
	if p.Verdict == Unchanged {
		p.Object = *have
	}
	return p, nil
}

// roundTrip gives numbers the types that the server's decoder would: a float64
// of 1 travels as "1" and arrives as an int64.
func roundTrip(tree map[string]any) (map[string]any, error) {
	b, err := json.Marshal(tree)
	if err != nil {
		return nil, err
	}
	var out map[string]any
	return out, utiljson.Unmarshal(b, &out)
}

// finish does what the server does between merging and storing: give metadata
// its canonical form, keep what a client may not set, and count generations.
func (m *model) finish(next *unstructured.Unstructured, have *fabric.Resource) error {
	metadata, found, err := objectmeta.GetObjectMeta(next.Object, false)
	if err != nil || !found {
		return cmp.Or(err, errors.New("metadata is missing"))
	}
	if err := objectmeta.SetObjectMeta(next.Object, metadata); err != nil {
		return err
	}
	if have == nil {
		if m.status {
			delete(next.Object, "status")
		}
		next.SetGeneration(1)
		return nil
	}
	was := unstructured.Unstructured{Object: have.Object}
	if m.status {
		delete(next.Object, "status")
		if status, ok := have.Object["status"]; ok {
			next.Object["status"] = status
		}
	}
	next.SetUID(was.GetUID())
	next.SetCreationTimestamp(was.GetCreationTimestamp())
	next.SetResourceVersion(was.GetResourceVersion())
	next.SetGeneration(was.GetGeneration())
	if !sameBut(next.Object, have.Object, "metadata", "apiVersion", "status") || !m.status && !same(next.Object["status"], have.Object["status"]) {
		next.SetGeneration(was.GetGeneration() + 1)
	}
	return nil
}

// compare says how next differs from what is there.
func compare(have, next map[string]any) Verdict {
	before, _ := have["metadata"].(map[string]any)
	after, _ := next["metadata"].(map[string]any)
	if !sameBut(have, next, "metadata") || !sameBut(before, after, "managedFields", "resourceVersion", "generation") {
		return Changed
	}
	if !sameOwners(before["managedFields"], after["managedFields"]) {
		return Ownership
	}
	return Unchanged
}

// sameBut compares two maps except for some keys. An absent key and an empty map
// or list differ, as they do for the server's own comparison of content.
func sameBut(a, b map[string]any, skip ...string) bool {
	a, b = maps.Clone(a), maps.Clone(b)
	for _, k := range skip {
		delete(a, k)
		delete(b, k)
	}
	return same(a, b)
}

// sameOwners compares two lists of managed fields but for their times and order.
func sameOwners(a, b any) bool {
	x, y := owners(a), owners(b)
	return slices.EqualFunc(x, y, func(m, n map[string]any) bool { return same(m, n) })
}

func owners(list any) []map[string]any {
	entries, _ := list.([]any)
	out := make([]map[string]any, 0, len(entries))
	for _, e := range entries {
		m, _ := e.(map[string]any)
		m = maps.Clone(m)
		delete(m, "time")
		out = append(out, m)
	}
	slices.SortFunc(out, func(m, n map[string]any) int { return strings.Compare(ownerKey(m), ownerKey(n)) })
	return out
}

func ownerKey(m map[string]any) string {
	return fmt.Sprint(m["manager"], "\x00", m["operation"], "\x00", m["apiVersion"], "\x00", m["subresource"])
}
