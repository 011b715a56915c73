//go:build conformance

package wiringtest_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/pruning"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/validation"
	"sigs.k8s.io/yaml"

	"github.com/hedgesync/hedgesync/internal/wiringtest"
)

// server checks objects of one kind as the API server does.
type server struct {
	validator validation.SchemaValidator
	structure *schema.Structural
}

// servers loads the definitions of the kinds, by apiVersion and kind.
func servers(t *testing.T) map[string]server {
	t.Helper()
	dir := os.Getenv("HEDGESYNC_SHARED")
	if dir == "" {
		t.Fatal("HEDGESYNC_SHARED does not name the folder of shared data")
	}
	names, err := filepath.Glob(filepath.Join(dir, "hedgehog-crds", "*.yaml"))
	if err != nil || len(names) == 0 {
		t.Fatalf("no definitions: %v", err)
	}
	all := map[string]server{}
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		var crd apiextensionsv1.CustomResourceDefinition
		if err := yaml.Unmarshal(text, &crd); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for _, v := range crd.Spec.Versions {
			all[crd.Spec.Group+"/"+v.Name+" "+crd.Spec.Names.Kind] = newServer(t, v.Schema)
		}
	}
	return all
}

func newServer(t *testing.T, served *apiextensionsv1.CustomResourceValidation) server {
	t.Helper()
	var internal apiextensions.CustomResourceValidation
	if err := apiextensionsv1.Convert_v1_CustomResourceValidation_To_apiextensions_CustomResourceValidation(served, &internal, nil); err != nil {
		t.Fatal(err)
	}
	validator, _, err := validation.NewSchemaValidator(internal.OpenAPIV3Schema)
	if err != nil {
		t.Fatal(err)
	}
	structure, err := schema.NewStructural(internal.OpenAPIV3Schema)
	if err != nil {
		t.Fatal(err)
	}
	return server{validator: validator, structure: structure}
}

func TestConformanceFabricsMatchTheServedSchemas(t *testing.T) {
	t.Parallel()
	known := servers(t)
	objects := append(wiringtest.Fabric(everything), wiringtest.Sized(1000)...)
	for _, o := range append(objects, wiringtest.Profiles()...) {
		text, err := json.Marshal(o)
		if err != nil {
			t.Fatal(err)
		}
		s, ok := known[o["apiVersion"].(string)+" "+o["kind"].(string)]
		if !ok {
			t.Fatalf("%v %v is not served", o["apiVersion"], o["kind"])
		}
		for _, e := range validation.ValidateCustomResource(nil, o, s.validator) {
			t.Errorf("%s: %v", text, e)
		}
		if unknown := pruning.PruneWithOptions(o, s.structure, true, schema.UnknownFieldPathOptions{TrackUnknownFieldPaths: true}); len(unknown) > 0 {
			t.Errorf("%s: unknown fields %v", text, unknown)
		}
	}
}
