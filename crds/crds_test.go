package crds_test

import (
	"io/fs"
	"strings"
	"testing"

	apiext "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions"
	apiextv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema"
	"sigs.k8s.io/yaml"

	"github.com/hedgesync/hedgesync/crds"
)

func TestEveryDefinitionIsStructural(t *testing.T) {
	t.Parallel()
	ours := read(t, crds.FS)
	if len(ours) != 22 {
		t.Errorf("%d definitions, want 22", len(ours))
	}
	for name, crd := range ours {
		structural := structuralOf(t, crd)
		if errs := schema.ValidateStructural(nil, structural); len(errs) > 0 {
			t.Errorf("%s: %v", name, errs.ToAggregate())
		}
	}
}

func TestFilesAreNamedAfterTheirKind(t *testing.T) {
	t.Parallel()
	for name, crd := range read(t, crds.FS) {
		group, _, _ := strings.Cut(crd.Spec.Group, ".")
		file := group + "_" + crd.Spec.Names.Plural + ".yaml"
		if _, err := fs.Stat(crds.FS, file); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// read returns the definitions in fsys by name.
func read(t *testing.T, fsys fs.FS) map[string]*apiextv1.CustomResourceDefinition {
	t.Helper()
	files, err := fs.Glob(fsys, "*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]*apiextv1.CustomResourceDefinition{}
	for _, file := range files {
		raw, err := fs.ReadFile(fsys, file)
		if err != nil {
			t.Fatal(err)
		}
		crd := &apiextv1.CustomResourceDefinition{}
		if err := yaml.UnmarshalStrict(raw, crd); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		out[crd.Name] = crd
	}
	return out
}

// structuralOf returns the schema of a definition's only version.
func structuralOf(t *testing.T, crd *apiextv1.CustomResourceDefinition) *schema.Structural {
	t.Helper()
	if len(crd.Spec.Versions) != 1 {
		t.Fatalf("%s: %d versions, want 1", crd.Name, len(crd.Spec.Versions))
	}
	var internal apiext.JSONSchemaProps
	if err := apiextv1.Convert_v1_JSONSchemaProps_To_apiextensions_JSONSchemaProps(crd.Spec.Versions[0].Schema.OpenAPIV3Schema, &internal, nil); err != nil {
		t.Fatal(err)
	}
	structural, err := schema.NewStructural(&internal)
	if err != nil {
		t.Fatalf("%s: %v", crd.Name, err)
	}
	return structural
}
