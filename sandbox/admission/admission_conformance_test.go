//go:build conformance

package admission_test

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/yaml"

	"github.com/hedgesync/hedgesync/sandbox/admission"
)

func TestConformanceDefaultsAreThoseOfTheRealController(t *testing.T) {
	t.Parallel()
	live := map[string]*unstructured.Unstructured{}
	for _, obj := range sample(t, "04-user-kinds.live.yaml") {
		live[obj.GetKind()+" "+obj.GetName()] = obj
		again := obj.DeepCopy()
		admission.Default(again)
		if diff := cmp.Diff(obj.Object, again.Object); diff != "" {
			t.Errorf("%s %s changes when written again:\n%s", obj.GetKind(), obj.GetName(), diff)
		}
	}
	for _, obj := range sample(t, "04-spine-leaf-gateway-externals.hydrated.yaml") {
		admission.Default(obj)
		want := live[obj.GetKind()+" "+obj.GetName()]
		if diff := cmp.Diff(want.Object["spec"], obj.Object["spec"]); diff != "" {
			t.Errorf("%s %s spec (-real +ours):\n%s", obj.GetKind(), obj.GetName(), diff)
		}
		if diff := cmp.Diff(want.GetLabels(), obj.GetLabels()); diff != "" {
			t.Errorf("%s %s labels (-real +ours):\n%s", obj.GetKind(), obj.GetName(), diff)
		}
	}
}

func TestConformanceWhatTheRealControllerAcceptsIsAccepted(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob(filepath.Join(shared(t), "samples", "*.hydrated.yaml"))
	if err != nil || len(files) < 5 {
		t.Fatalf("%d samples, %v", len(files), err)
	}
	for _, file := range append(files, filepath.Join(shared(t), "samples", "04-user-kinds.live.yaml")) {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".yaml"), func(t *testing.T) {
			t.Parallel()
			fill(t, empty(), sample(t, filepath.Base(file)))
		})
	}
}

func shared(t *testing.T) string {
	t.Helper()
	dir := os.Getenv("HEDGESYNC_SHARED")
	if dir == "" {
		t.Fatal("HEDGESYNC_SHARED is not set: it names the folder with samples")
	}
	return dir
}

func sample(t *testing.T, name string) []*unstructured.Unstructured {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(shared(t), "samples", name))
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
			t.Fatal(err)
		}
		switch {
		case obj.IsList():
			if err := obj.EachListItem(func(item runtime.Object) error {
				out = append(out, item.(*unstructured.Unstructured))
				return nil
			}); err != nil {
				t.Fatal(err)
			}
		case obj.GetKind() != "":
			out = append(out, obj)
		}
	}
}
