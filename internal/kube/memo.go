package kube

import (
	"reflect"

	utiljson "k8s.io/apimachinery/pkg/util/json"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"

	"github.com/hedgesync/hedgesync/internal/fabric"
)

// memory is what is known about one wanted object: which fields it claims, and
// the last prediction made of it. It is never changed once it can be found.
type memory struct {
	want  fabric.Resource
	model *model
	claim map[string]any // FieldsV1 that an apply of want records; nil: unknown

	uid, resourceVersion string
	absent               bool
	manager              string
	force                bool
	prediction           *Prediction
}

// recall returns what is known of want, or the beginning of it.
func (s *Schemas) recall(m *model, want fabric.Resource) *memory {
	s.mu.Lock()
	known := s.memo[want.Key]
	s.mu.Unlock()
	if known != nil && known.model == m && sameTree(known.want.Object, want.Object) {
		return known
	}
	known = &memory{want: want, model: m, claim: m.claim(want)}
	s.remember(want.Key, known)
	return known
}

// memories bounds what is remembered; a fabric has fewer objects.
const memories = 50_000

func (s *Schemas) remember(k fabric.Key, known *memory) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.memo) >= memories {
		clear(s.memo)
	}
	s.memo[k] = known
}

// sameTree compares trees, at no cost if they are one and the same.
func sameTree(a, b map[string]any) bool {
	return reflect.ValueOf(a).Pointer() == reflect.ValueOf(b).Pointer() || same(a, b)
}

// with is known plus a prediction. Only an object at a version that the server
// gave can be recognised again.
func (k *memory) with(have *fabric.Resource, manager string, force bool, p Prediction) *memory {
	next := *k
	next.manager, next.force, next.prediction = manager, force, &p
	next.absent, next.uid, next.resourceVersion = have == nil, "", ""
	if have != nil {
		next.uid, next.resourceVersion = have.UID, have.ResourceVersion
		if have.UID == "" || have.ResourceVersion == "" {
			next.prediction = nil
		}
	}
	return &next
}

// answer returns the remembered prediction if it was made of the same question.
func (k *memory) answer(have *fabric.Resource, manager string, force bool) (Prediction, bool) {
	if k.prediction == nil || k.manager != manager || k.force != force || k.absent != (have == nil) {
		return Prediction{}, false
	}
	if have != nil && (k.uid != have.UID || k.resourceVersion != have.ResourceVersion) {
		return Prediction{}, false
	}
	return *k.prediction, true
}

// holds reports that an apply by manager would for certain write nothing: its
// last apply claimed exactly these fields, and every value is there. False means
// that this is not known.
func (k *memory) holds(live map[string]any, manager string) bool {
	if k.claim == nil {
		return false
	}
	entries, _ := at(live, "/metadata/managedFields")
	list, _ := entries.([]any)
	claimed := false
	for _, e := range list {
		m, _ := e.(map[string]any)
		if m["manager"] != manager || m["operation"] != "Apply" || m["subresource"] != nil {
			continue
		}
		if claimed || m["apiVersion"] != live["apiVersion"] || !same(m["fieldsV1"], k.claim) {
			return false
		}
		claimed = true
	}
	return claimed && within(sendable(k.want), live)
}

// within reports whether every value of want is in live: maps by key, everything
// else whole.
func within(want, live map[string]any) bool {
	for key, w := range want {
		l, there := live[key]
		if !there {
			return false
		}
		x, isMap := w.(map[string]any)
		if !isMap {
			if !same(w, l) {
				return false
			}
			continue
		}
		y, isMap := l.(map[string]any)
		if !isMap || !within(x, y) {
			return false
		}
	}
	return true
}

// identity are the fields of an apply that nobody owns.
var identity = fieldpath.NewSet(
	fieldpath.MakePathOrDie("apiVersion"), fieldpath.MakePathOrDie("kind"), fieldpath.MakePathOrDie("metadata"),
	fieldpath.MakePathOrDie("metadata", "name"), fieldpath.MakePathOrDie("metadata", "namespace"),
)

// claim returns the fields that an apply of want would own, or nil if that cannot
// be told.
func (m *model) claim(want fabric.Resource) map[string]any {
	tree, err := roundTrip(sendable(want))
	if err != nil {
		return nil
	}
	typed, err := m.types.ObjectToTyped(&unstructured.Unstructured{Object: tree})
	if err != nil {
		return nil
	}
	set, err := typed.ToFieldSet()
	if err != nil {
		return nil
	}
	b, err := set.Difference(identity).ToJSON()
	if err != nil {
		return nil
	}
	var fields map[string]any
	if err := utiljson.Unmarshal(b, &fields); err != nil {
		return nil
	}
	return fields
}
