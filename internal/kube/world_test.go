package kube_test

import (
	"fmt"
	"io/fs"
	"maps"
	"os"
	"testing"

	"go.uber.org/goleak"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"
	"sigs.k8s.io/yaml"

	"github.com/hedgesync/hedgesync/crds"
	"github.com/hedgesync/hedgesync/internal/fabric"
	"github.com/hedgesync/hedgesync/internal/kube"
	"github.com/hedgesync/hedgesync/internal/kubetest"
	"github.com/hedgesync/hedgesync/internal/plan"
)

func TestMain(m *testing.M) {
	code := kubetest.Run(m, crds.FS, testCRDs())
	if err := goleak.Find(); err != nil && code == 0 {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

func testCRDs() fs.FS { return os.DirFS("testdata/crds") }

// The kinds of these tests. Gadget has every list and map type that server-side
// apply knows; Hub is cluster-scoped.
var (
	gadgets = fabric.Kind{Group: "test.hedgesync.dev", Name: "Gadget"}
	hubs    = fabric.Kind{Group: "test.hedgesync.dev", Name: "Hub"}
	vpcs    = fabric.Kind{Group: "vpc.githedgehog.com", Name: "VPC"}
	absent  = fabric.Kind{Group: "nowhere.hedgesync.dev", Name: "Absent"}

	versions = map[fabric.Kind]string{gadgets: "v1", hubs: "v1", vpcs: "v1beta1"}
	plurals  = map[fabric.Kind]string{gadgets: "gadgets", hubs: "hubs", vpcs: "vpcs"}
)

// world is one test's corner of the shared server.
type world struct {
	*testing.T
	server    *kubetest.Server
	namespace string
	client    *kube.Client
}

func newWorld(t *testing.T) world {
	t.Helper()
	s := kubetest.Shared(t)
	return world{t, s, s.Namespace(t), connect(t, s.Kubeconfig)}
}

func connect(tb testing.TB, kubeconfig []byte) *kube.Client {
	tb.Helper()
	c, err := kube.New(clusterOf(kubeconfig), kube.Options{})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(c.Close)
	return c
}

func clusterOf(kubeconfig []byte) fabric.Cluster {
	return fabric.Cluster{Kubeconfig: fabric.NewSecret(string(kubeconfig))}
}

func (w world) key(name string) fabric.Key {
	return fabric.Key{Kind: gadgets, Namespace: w.namespace, Name: name}
}

// gadget is a wanted Gadget with this spec, in YAML.
func (w world) gadget(name, spec string) *fabric.Resource {
	w.Helper()
	return wanted(w, gadgets, w.namespace, name, spec)
}

func wanted(tb testing.TB, k fabric.Kind, namespace, name, spec string) *fabric.Resource {
	tb.Helper()
	tree := map[string]any{
		"apiVersion": k.Group + "/" + versions[k], "kind": k.Name,
		"metadata": map[string]any{"name": name, "namespace": namespace},
		"spec":     treeOf(tb, spec),
	}
	return &fabric.Resource{Key: fabric.Key{Kind: k, Namespace: namespace, Name: name}, Version: versions[k], Object: tree}
}

func treeOf(tb testing.TB, text string) map[string]any {
	tb.Helper()
	j, err := yaml.YAMLToJSON([]byte("x: " + text))
	if err != nil {
		tb.Fatal(err)
	}
	var u unstructured.Unstructured
	if err := u.UnmarshalJSON([]byte(`{"kind":"x","apiVersion":"v1",` + string(j[1:]))); err != nil {
		tb.Fatal(err)
	}
	tree, _ := u.Object["x"].(map[string]any)
	return tree
}

// raw is the administrator's own client, for what happens behind our back.
func (w world) raw() dynamic.ResourceInterface {
	return w.server.Resource(gadgets.Group, "v1", "gadgets", w.namespace)
}

// edit changes a gadget as another actor would, with a merge patch.
func (w world) edit(name, patch string, sub ...string) {
	w.Helper()
	if _, err := w.raw().Patch(w.Context(), name, types.MergePatchType, []byte(patch), metav1.PatchOptions{FieldManager: "kubectl-edit"}, sub...); err != nil {
		w.Fatal(err)
	}
}

// live reads a gadget through the client under test; ok is whether it exists.
func (w world) live(name string) (fabric.Resource, bool) {
	w.Helper()
	found, err := w.client.Read(w.Context(), []fabric.Key{w.key(name)})
	if err != nil {
		w.Fatal(err)
	}
	r, ok := found[w.key(name)]
	return r, ok
}

func (w world) spec(name string) any {
	w.Helper()
	r, _ := w.live(name)
	return r.Object["spec"]
}

// apply makes one change and returns its outcome.
func (w world) apply(c plan.Change, o kube.ApplyOptions) plan.Outcome {
	w.Helper()
	if c.Want != nil {
		c.Key = c.Want.Key
	} else {
		c.Key = c.Have.Key
	}
	out := w.client.Apply(w.Context(), []plan.Change{c}, o)
	if len(out) != 1 {
		w.Fatalf("%d outcomes for one change", len(out))
	}
	return out[0]
}

// created applies a gadget and returns it as it is now.
func (w world) created(name, spec string) *fabric.Resource {
	w.Helper()
	o := w.apply(plan.Change{Action: plan.Create, Want: w.gadget(name, spec)}, kube.ApplyOptions{})
	if o.Result != plan.Applied {
		w.Fatalf("create %s: %s: %v", name, o.Result, o.Err)
	}
	return o.Live
}

func with(tree map[string]any, key string, value any) map[string]any {
	tree = maps.Clone(tree)
	tree[key] = value
	return tree
}

// newWorldOfItsOwn has a server that the test may stop.
func newWorldOfItsOwn(t *testing.T) world {
	t.Helper()
	s := kubetest.Start(t)
	s.Install(t, testCRDs())
	return world{t, s, s.Namespace(t), connect(t, s.Kubeconfig)}
}

func unstructuredOf(r *fabric.Resource) *unstructured.Unstructured {
	return &unstructured.Unstructured{Object: r.Object}
}
