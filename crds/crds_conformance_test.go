//go:build conformance

package crds_test

import (
	"bytes"
	"errors"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	apiext "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions"
	apiextv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/pruning"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/validation"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/yaml"

	"github.com/hedgesync/hedgesync/crds"
)

// loose are the kinds of which we define less than the real thing does.
var loose = map[string]bool{
	"agents.agent.githedgehog.com":        true,
	"gatewayagents.gwint.githedgehog.com": true,
}

func shared(t *testing.T) string {
	t.Helper()
	dir := os.Getenv("HEDGESYNC_SHARED")
	if dir == "" {
		t.Fatal("HEDGESYNC_SHARED is not set: it names the folder with hedgehog-crds and samples")
	}
	return dir
}

func TestConformanceNamesEqualTheRealOnes(t *testing.T) {
	t.Parallel()
	ours, real := read(t, crds.FS), read(t, os.DirFS(filepath.Join(shared(t), "hedgehog-crds")))
	if diff := cmp.Diff(slices.Sorted(maps.Keys(real)), slices.Sorted(maps.Keys(ours))); diff != "" {
		t.Fatalf("kinds (-real +ours):\n%s", diff)
	}
	for name := range real {
		if diff := cmp.Diff(surface(real[name]), surface(ours[name])); diff != "" {
			t.Errorf("%s (-real +ours):\n%s", name, diff)
		}
	}
}

// surface is a definition without its schemas and metadata.
func surface(crd *apiextv1.CustomResourceDefinition) apiextv1.CustomResourceDefinitionSpec {
	spec := *crd.Spec.DeepCopy()
	for i := range spec.Versions {
		spec.Versions[i].Schema = nil
		for j := range spec.Versions[i].AdditionalPrinterColumns {
			spec.Versions[i].AdditionalPrinterColumns[j].Description = ""
		}
	}
	return spec
}

func TestConformanceSchemasEqualTheRealOnes(t *testing.T) {
	t.Parallel()
	ours, real := read(t, crds.FS), read(t, os.DirFS(filepath.Join(shared(t), "hedgehog-crds")))
	for name := range real {
		want := paths(real[name])
		got := paths(ours[name])
		if loose[name] {
			maps.DeleteFunc(want, func(path string, _ apiextv1.JSONSchemaProps) bool {
				_, known := got[path]
				return !known
			})
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-real +ours):\n%s", name, diff)
		}
	}
}

// paths flattens a schema to what each path demands, without descriptions.
func paths(crd *apiextv1.CustomResourceDefinition) map[string]apiextv1.JSONSchemaProps {
	out := map[string]apiextv1.JSONSchemaProps{}
	var walk func(path string, s apiextv1.JSONSchemaProps)
	walk = func(path string, s apiextv1.JSONSchemaProps) {
		for name, p := range s.Properties {
			walk(path+"."+name, p)
		}
		if s.Items != nil {
			walk(path+"[]", *s.Items.Schema)
		}
		if s.AdditionalProperties != nil {
			walk(path+"{}", *s.AdditionalProperties.Schema)
		}
		if loose[crd.Name] {
			// Fields we do not look into cannot be demanded either.
			s.Required, s.XPreserveUnknownFields = nil, nil
		}
		s.Description, s.Properties, s.Items, s.AdditionalProperties = "", nil, nil, nil
		slices.Sort(s.Required)
		out[path] = s
	}
	walk("", *crd.Spec.Versions[0].Schema.OpenAPIV3Schema)
	return out
}

func TestConformanceRealObjectsValidateWithNoUnknownField(t *testing.T) {
	t.Parallel()
	ours := byKind(read(t, crds.FS))
	files, err := filepath.Glob(filepath.Join(shared(t), "samples", "*.yaml"))
	if err != nil || len(files) == 0 {
		t.Fatalf("samples: %d files, %v", len(files), err)
	}
	seen := 0
	for _, file := range files {
		for _, obj := range objects(t, file) {
			seen++
			crd, ok := ours[obj.GetAPIVersion()+" "+obj.GetKind()]
			if !ok {
				if !strings.HasPrefix(obj.GetAPIVersion(), "fabricator.") {
					t.Errorf("%s: no definition of %s %s", file, obj.GetAPIVersion(), obj.GetKind())
				}
				continue
			}
			check(t, crd, obj, filepath.Base(file)+" "+obj.GetKind()+"/"+obj.GetName())
		}
	}
	if seen < 1000 {
		t.Errorf("only %d objects found", seen)
	}
}

func check(t *testing.T, crd *apiextv1.CustomResourceDefinition, obj *unstructured.Unstructured, name string) {
	t.Helper()
	var internal apiext.JSONSchemaProps
	if err := apiextv1.Convert_v1_JSONSchemaProps_To_apiextensions_JSONSchemaProps(crd.Spec.Versions[0].Schema.OpenAPIV3Schema, &internal, nil); err != nil {
		t.Fatal(err)
	}
	validator, _, err := validation.NewSchemaValidator(&internal)
	if err != nil {
		t.Fatal(err)
	}
	if errs := validation.ValidateCustomResource(nil, obj.Object, validator); len(errs) > 0 {
		t.Errorf("%s: %v", name, errs.ToAggregate())
	}
	track := schema.UnknownFieldPathOptions{TrackUnknownFieldPaths: true}
	if unknown := pruning.PruneWithOptions(obj.Object, structuralOf(t, crd), true, track); len(unknown) > 0 {
		t.Errorf("%s: unknown fields %v", name, unknown)
	}
}

func byKind(all map[string]*apiextv1.CustomResourceDefinition) map[string]*apiextv1.CustomResourceDefinition {
	out := map[string]*apiextv1.CustomResourceDefinition{}
	for _, crd := range all {
		out[crd.Spec.Group+"/"+crd.Spec.Versions[0].Name+" "+crd.Spec.Names.Kind] = crd
	}
	return out
}

// objects reads every object of a multi-document file, lists taken apart.
func objects(t *testing.T, file string) []*unstructured.Unstructured {
	t.Helper()
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var out []*unstructured.Unstructured
	decoder := yaml.NewYAMLOrJSONDecoder(bytes.NewReader(raw), 4096)
	for {
		obj := &unstructured.Unstructured{}
		err := decoder.Decode(&obj.Object)
		if errors.Is(err, io.EOF) {
			return out
		}
		if err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		out = append(out, flatten(t, obj)...)
	}
}

func flatten(t *testing.T, obj *unstructured.Unstructured) []*unstructured.Unstructured {
	t.Helper()
	if obj.GetKind() == "" {
		return nil
	}
	if !obj.IsList() {
		return []*unstructured.Unstructured{obj}
	}
	var out []*unstructured.Unstructured
	err := obj.EachListItem(func(item runtime.Object) error {
		out = append(out, item.(*unstructured.Unstructured))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}
