package admission_test

import (
	"cmp"
	"slices"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"github.com/hedgesync/hedgesync/sandbox/admission"
	"github.com/hedgesync/hedgesync/sandbox/profiles"
)

// world is what exists, kept in memory and never behind.
type world map[string]map[string]*unstructured.Unstructured

func (w world) Get(kind, name string) *unstructured.Unstructured { return w[kind][name] }

func (w world) List(kind string) []*unstructured.Unstructured {
	var out []*unstructured.Unstructured
	for _, obj := range w[kind] {
		out = append(out, obj)
	}
	slices.SortFunc(out, func(a, b *unstructured.Unstructured) int { return strings.Compare(a.GetName(), b.GetName()) })
	return out
}

func (w world) put(obj *unstructured.Unstructured) {
	if w[obj.GetKind()] == nil {
		w[obj.GetKind()] = map[string]*unstructured.Unstructured{}
	}
	w[obj.GetKind()][obj.GetName()] = obj
}

// write defaults, checks and, if accepted, stores.
func (w world) write(obj *unstructured.Unstructured) error {
	admission.Default(obj)
	r := admission.Request{Operation: admission.Create, Kind: obj.GetKind(), Namespace: "default", Object: obj, Old: w.Get(obj.GetKind(), obj.GetName())}
	if r.Old != nil {
		r.Operation = admission.Update
	}
	if err := admission.Check(r, w); err != nil {
		return err
	}
	w.put(obj)
	return nil
}

func (w world) remove(kind, name string) error {
	r := admission.Request{Operation: admission.Delete, Kind: kind, Namespace: "default", Old: w.Get(kind, name)}
	if err := admission.Check(r, w); err != nil {
		return err
	}
	delete(w[kind], name)
	return nil
}

// empty is a fabric whose controller has started and nobody has written to.
func empty() world {
	w := world{}
	for name, spec := range profiles.Specs() {
		w.put(&unstructured.Unstructured{Object: map[string]any{
			"kind": "SwitchProfile", "metadata": map[string]any{"name": name}, "spec": spec,
		}})
	}
	return w
}

// parse reads documents of the form kind, name, labels, spec.
func parse(t *testing.T, text string) []*unstructured.Unstructured {
	t.Helper()
	var out []*unstructured.Unstructured
	for _, doc := range strings.Split(text, "\n---\n") {
		raw, err := yaml.YAMLToJSON([]byte(doc))
		if err != nil {
			t.Fatal(err)
		}
		obj := &unstructured.Unstructured{}
		if err := obj.UnmarshalJSON(raw); err != nil {
			t.Fatalf("%v in\n%s", err, doc)
		}
		out = append(out, obj)
	}
	return out
}

// fill writes all of it in an order in which references exist.
func fill(t *testing.T, w world, objs []*unstructured.Unstructured) {
	t.Helper()
	tiers := []string{
		"VLANNamespace", "IPv4Namespace", "SwitchGroup", "Server", "GatewayGroup", "Switch", "VPC", "External", "Connection",
		"Gateway", "VPCAttachment", "VPCPeering", "ExternalAttachment", "ExternalPeering", "GatewayPeering",
	}
	slices.SortStableFunc(objs, func(a, b *unstructured.Unstructured) int {
		return cmp.Compare(slices.Index(tiers, a.GetKind()), slices.Index(tiers, b.GetKind()))
	})
	for _, obj := range objs {
		if err := w.write(obj); err != nil {
			t.Fatalf("%s %s: %v", obj.GetKind(), obj.GetName(), err)
		}
	}
}
