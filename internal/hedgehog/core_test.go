package hedgehog_test

import (
	"testing"

	"sigs.k8s.io/yaml"

	"github.com/hedgesync/hedgesync/internal/fabric"
	"github.com/hedgesync/hedgesync/internal/hedgehog"
)

// object reads YAML and completes apiVersion from the kind's name.
func object(t testing.TB, text string) map[string]any {
	t.Helper()
	var obj map[string]any
	if err := yaml.UnmarshalStrict([]byte(text), &obj); err != nil {
		t.Fatalf("%v in\n%s", err, text)
	}
	for _, info := range hedgehog.Kinds() {
		if obj["kind"] == info.Kind.Name {
			obj["apiVersion"] = info.Kind.Group + "/" + info.Version
		}
	}
	return obj
}

// spec reads the YAML of a spec into an object called x.
func spec(t testing.TB, kind fabric.Kind, text string) map[string]any {
	t.Helper()
	obj := object(t, "kind: "+kind.Name+"\nmetadata: {name: x, namespace: default}\n")
	var s map[string]any
	if err := yaml.UnmarshalStrict([]byte(text), &s); err != nil {
		t.Fatalf("%v in\n%s", err, text)
	}
	obj["spec"] = s
	return obj
}

func keyed(kind fabric.Kind, name string) fabric.Key {
	return fabric.Key{Kind: kind, Namespace: "default", Name: name}
}

// named wraps the YAML of a spec into a resource.
func named(t testing.TB, kind fabric.Kind, name, text string) fabric.Resource {
	t.Helper()
	obj := spec(t, kind, text)
	obj["metadata"] = map[string]any{"name": name, "namespace": "default"}
	return fabric.Resource{Key: keyed(kind, name), Object: obj}
}
