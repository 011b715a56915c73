package hedgehog

import (
	"strings"
	"testing"
	"time"

	utiljson "k8s.io/apimachinery/pkg/util/json"
	"sigs.k8s.io/yaml"

	"github.com/hedgesync/hedgesync/internal/fabric"
)

// parse reads YAML documents, and Lists in them, into resources.
func parse(t testing.TB, text string) []fabric.Resource {
	t.Helper()
	var out []fabric.Resource
	for _, doc := range strings.Split("\n"+text, "\n---") {
		raw, err := yaml.YAMLToJSON([]byte(doc))
		if err != nil {
			t.Fatal(err)
		}
		var obj map[string]any
		if err := utiljson.Unmarshal(raw, &obj); err != nil {
			t.Fatal(err)
		}
		for _, item := range listAt(obj, "items") {
			out = append(out, resource(item.(tree)))
		}
		if obj["items"] == nil && obj != nil {
			out = append(out, resource(obj))
		}
	}
	return out
}

func resource(obj tree) fabric.Resource {
	metadata := child(obj, "metadata")
	_, version, _ := strings.Cut(textAt(obj, "apiVersion"), "/")
	ns := textAt(metadata, "namespace")
	if ns == "" {
		ns = DefaultNamespace
	}
	return fabric.Resource{
		Key:     fabric.Key{Kind: kindOf(obj), Namespace: ns, Name: textAt(metadata, "name")},
		Version: version, Object: obj,
	}
}

// wanted makes a snapshot of YAML documents, without coverage as Git has.
func wanted(t testing.TB, text string) *fabric.Snapshot {
	t.Helper()
	return snapshot(t, parse(t, text), nil)
}

// live makes a snapshot that covers every kind.
func live(t testing.TB, text string) *fabric.Snapshot {
	t.Helper()
	cover := map[fabric.Kind]fabric.Coverage{}
	for _, k := range Kinds() {
		cover[k.Kind] = fabric.Coverage{State: fabric.Full}
	}
	return snapshot(t, parse(t, text), cover)
}

func snapshot(t testing.TB, resources []fabric.Resource, cover map[fabric.Kind]fabric.Coverage) *fabric.Snapshot {
	t.Helper()
	s, err := fabric.NewSnapshot("test", time.Time{}, resources, cover)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// ofSeverity keeps the problems of one severity.
func ofSeverity(problems []fabric.Problem, severity fabric.Severity) []fabric.Problem {
	var out []fabric.Problem
	for _, p := range problems {
		if p.Severity == severity {
			out = append(out, p)
		}
	}
	return out
}
