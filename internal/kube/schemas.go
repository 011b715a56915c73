package kube

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"sync"

	apiext "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions"
	apiextv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	structural "k8s.io/apiextensions-apiserver/pkg/apiserver/schema"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/cel"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/defaulting"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/validation"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/managedfields"
	celconfig "k8s.io/apiserver/pkg/apis/cel"
	"k8s.io/kube-openapi/pkg/validation/spec"
	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"

	"github.com/hedgesync/hedgesync/internal/fabric"
)

// Schemas predict what the server would store. They hold the server's own merge
// code over the schemas it published when they were made, and remember what they
// predicted. Safe for concurrent use.
//
// Only custom resources without conversion webhooks are predicted exactly, which
// all of a Hedgehog fabric's are. What admission webhooks would change is not
// known here: whoever finds a change asks the server before believing it.
type Schemas struct {
	kinds []fabric.Kind
	pages map[string]*description
	types map[schema.GroupVersionKind]*model

	mu   sync.Mutex
	memo map[fabric.Key]*memory
}

// model is one kind at one version.
type model struct {
	fields    *managedfields.FieldManager
	types     managedfields.TypeConverter
	shape     *structural.Structural
	validator validation.SchemaValidator
	rules     *cel.Validator
	status    bool // the status is written on a path of its own
}

func newSchemas(kinds []fabric.Kind, pages map[string]*description) (*Schemas, error) {
	s := &Schemas{kinds: kinds, pages: pages, types: map[schema.GroupVersionKind]*model{}, memo: map[fabric.Key]*memory{}}
	converters := map[string]managedfields.TypeConverter{}
	for _, k := range kinds {
		converter, ok := converters[k.Group]
		if !ok {
			var err error
			if converter, err = s.converter(k.Group); err != nil {
				return nil, fmt.Errorf("%s: %w", k.Group, err)
			}
			converters[k.Group] = converter
		}
		for gv, page := range pages {
			group, version, _ := strings.Cut(gv, "/")
			d, described := page.kinds[k.Name]
			if group != k.Group || !described {
				continue
			}
			gvk := schema.GroupVersionKind{Group: group, Version: version, Kind: k.Name}
			m, err := newModel(gvk, converter, page.models[d.model], d.status)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", gvk, err)
			}
			s.types[gvk] = m
		}
	}
	return s, nil
}

// converter knows every version of a group: ownership recorded at one version is
// read when another one is applied.
func (s *Schemas) converter(group string) (managedfields.TypeConverter, error) {
	models := map[string]*spec.Schema{}
	for gv, page := range s.pages {
		if g, _, _ := strings.Cut(gv, "/"); g == group {
			maps.Copy(models, page.models)
		}
	}
	return managedfields.NewTypeConverter(models, false)
}

func newModel(gvk schema.GroupVersionKind, types managedfields.TypeConverter, published *spec.Schema, status bool) (*model, error) {
	props, err := definition(published)
	if err != nil {
		return nil, err
	}
	m := &model{types: types, status: status}
	if m.shape, err = structural.NewStructural(props); err != nil {
		return nil, err
	}
	if m.validator, _, err = validation.NewSchemaValidator(props); err != nil {
		return nil, err
	}
	m.rules = cel.NewValidator(m.shape, true, celconfig.PerCallLimit)
	reset := map[fieldpath.APIVersion]*fieldpath.Set{}
	if status {
		reset[fieldpath.APIVersion(gvk.GroupVersion().String())] = fieldpath.NewSet(fieldpath.MakePathOrDie("status"))
	}
	m.fields, err = managedfields.NewDefaultCRDFieldManager(types, unconverted{}, defaults{m.shape}, blank{},
		gvk, gvk.GroupVersion(), "", fieldpath.NewExcludeFilterSetMap(reset))
	return m, err
}

// definition turns a published schema back into the one of the definition. The
// server adds references to the metadata of objects; a definition leaves those out.
func definition(published *spec.Schema) (*apiext.JSONSchemaProps, error) {
	b, err := json.Marshal(published)
	if err != nil {
		return nil, err
	}
	var tree map[string]any
	if err := json.Unmarshal(b, &tree); err != nil {
		return nil, err
	}
	dereference(tree)
	if b, err = json.Marshal(tree); err != nil {
		return nil, err
	}
	var v1 apiextv1.JSONSchemaProps
	if err := json.Unmarshal(b, &v1); err != nil {
		return nil, err
	}
	var props apiext.JSONSchemaProps
	err = apiextv1.Convert_v1_JSONSchemaProps_To_apiextensions_JSONSchemaProps(&v1, &props, nil)
	return &props, err
}

// dereference replaces every property that refers to another model, which in a
// custom resource is metadata alone, by a plain object.
func dereference(node any) {
	switch v := node.(type) {
	case []any:
		for _, e := range v {
			dereference(e)
		}
	case map[string]any:
		properties, _ := v["properties"].(map[string]any)
		for name, p := range properties {
			if refers(p) {
				properties[name] = map[string]any{"type": "object"}
			}
		}
		for _, key := range slices.Sorted(maps.Keys(v)) {
			dereference(v[key])
		}
	}
}

func refers(node any) bool {
	p, ok := node.(map[string]any)
	if !ok {
		return false
	}
	if _, ok := p["$ref"].(string); ok {
		return true
	}
	all, _ := p["allOf"].([]any)
	return len(all) == 1 && refers(all[0])
}

// unconverted is the conversion of a custom resource without a webhook: another
// apiVersion, the same content.
type unconverted struct{}

func (unconverted) Convert(in, out, _ any) error {
	reflect.ValueOf(out).Elem().Set(reflect.ValueOf(in).Elem())
	return nil
}

func (unconverted) ConvertToVersion(in runtime.Object, to runtime.GroupVersioner) (runtime.Object, error) {
	from := in.GetObjectKind().GroupVersionKind()
	gvk, ok := to.KindForGroupVersionKinds([]schema.GroupVersionKind{from})
	if !ok || gvk == from {
		return in, nil
	}
	out := in.DeepCopyObject()
	out.GetObjectKind().SetGroupVersionKind(gvk)
	return out, nil
}

func (unconverted) ConvertFieldLabel(_ schema.GroupVersionKind, label, value string) (string, string, error) {
	return label, value, nil
}

// defaults fills what the schema has a default for.
type defaults struct{ shape *structural.Structural }

func (d defaults) Default(in runtime.Object) {
	defaulting.Default(in.(*unstructured.Unstructured).Object, d.shape)
}

// blank makes the empty object that a first apply is merged into.
type blank struct{}

func (blank) New(gvk schema.GroupVersionKind) (runtime.Object, error) {
	u := &unstructured.Unstructured{}
	u.SetGroupVersionKind(gvk)
	return u, nil
}
