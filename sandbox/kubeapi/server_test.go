package kubeapi_test

import (
	"context"
	"encoding/json"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	authorizationv1 "k8s.io/api/authorization/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/hedgesync/hedgesync/sandbox/kubeapi"
)

var servers = schema.GroupVersionResource{Group: "wiring.githedgehog.com", Version: "v1beta1", Resource: "servers"}

func TestMain(m *testing.M) {
	kubeapi.LogTo(io.Discard)
	m.Run()
}

func start(t *testing.T, dir string) *kubeapi.Server {
	t.Helper()
	s, err := kubeapi.Start(t.Context(), kubeapi.Config{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Stop(); err != nil {
			t.Errorf("stop: %v", err)
		}
	})
	return s
}

func server(name, description string) *unstructured.Unstructured {
	return &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "wiring.githedgehog.com/v1beta1",
		"kind":       "Server",
		"metadata":   map[string]any{"name": name, "namespace": "default"},
		"spec":       map[string]any{"description": description},
	}}
}

func apply(ctx context.Context, t *testing.T, config *rest.Config, obj *unstructured.Unstructured) *unstructured.Unstructured {
	t.Helper()
	client, err := dynamic.NewForConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	got, err := client.Resource(servers).Namespace("default").Apply(ctx, obj.GetName(), obj, metav1.ApplyOptions{FieldManager: "test"})
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func TestApplyingTheSameTwiceWritesOnce(t *testing.T) {
	t.Parallel()
	s := start(t, "")
	first := apply(t.Context(), t, s.Client(), server("server-1", "one"))
	second := apply(t.Context(), t, s.Client(), server("server-1", "one"))
	if first.GetResourceVersion() != second.GetResourceVersion() {
		t.Errorf("resource version moved from %s to %s", first.GetResourceVersion(), second.GetResourceVersion())
	}
	third := apply(t.Context(), t, s.Client(), server("server-1", "two"))
	if third.GetGeneration() != 2 {
		t.Errorf("generation %d after one change, want 2", third.GetGeneration())
	}
}

func TestDiscoveryNamesEveryKindInBothForms(t *testing.T) {
	t.Parallel()
	s := start(t, "")
	client := discovery.NewDiscoveryClientForConfigOrDie(s.Client())
	_, lists, err := client.ServerGroupsAndResources()
	if err != nil {
		t.Fatal(err)
	}
	client.UseLegacyDiscovery = true
	_, legacy, err := client.ServerGroupsAndResources()
	if err != nil {
		t.Fatal(err)
	}
	if got, old := kinds(lists), kinds(legacy); got["Switch"] != "switches" || old["Switch"] != "switches" || len(got) != len(old) || got["Namespace"] == "" {
		t.Errorf("aggregated %v\nlegacy %v", got, old)
	}
	if version, err := client.ServerVersion(); err != nil || version.Major != "1" {
		t.Errorf("version %v, %v", version, err)
	}
}

func kinds(lists []*metav1.APIResourceList) map[string]string {
	out := map[string]string{}
	for _, list := range lists {
		for _, r := range list.APIResources {
			if !strings.Contains(r.Name, "/") {
				out[r.Kind] = r.Name
			}
		}
	}
	return out
}

func TestAccessIsGrantedToTheTokenAndNobodyElse(t *testing.T) {
	t.Parallel()
	s := start(t, "")
	review := &authorizationv1.SelfSubjectAccessReview{Spec: authorizationv1.SelfSubjectAccessReviewSpec{
		ResourceAttributes: &authorizationv1.ResourceAttributes{Verb: "patch", Group: "vpc.githedgehog.com", Resource: "vpcs", Namespace: "default"},
	}}
	client := kubernetes.NewForConfigOrDie(s.Client())
	got, err := client.AuthorizationV1().SelfSubjectAccessReviews().Create(t.Context(), review, metav1.CreateOptions{})
	if err != nil || !got.Status.Allowed {
		t.Errorf("review %+v, %v", got, err)
	}
	if ns, err := client.CoreV1().Namespaces().List(t.Context(), metav1.ListOptions{}); err != nil || len(ns.Items) != 1 {
		t.Errorf("namespaces %v, %v", ns, err)
	}
	stranger := s.Client()
	stranger.BearerToken = "guess"
	if _, err := kubernetes.NewForConfigOrDie(stranger).CoreV1().Namespaces().Get(t.Context(), "default", metav1.GetOptions{}); err == nil {
		t.Error("a wrong token was accepted")
	}
}

func TestASecondStartServesTheSameObjectsToTheSameClient(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	kubeconfig := filepath.Join(dir, "kubeconfig")
	first, err := kubeapi.Start(t.Context(), kubeapi.Config{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	want := apply(t.Context(), t, first.Client(), server("server-1", "kept"))
	port := portOf(t, first)
	if err := first.WriteKubeconfig(kubeconfig, "lab"); err != nil {
		t.Fatal(err)
	}
	if err := first.Stop(); err != nil {
		t.Fatal(err)
	}

	second, err := kubeapi.Start(t.Context(), kubeapi.Config{Dir: dir, Port: port})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := second.Stop(); err != nil {
			t.Errorf("stop: %v", err)
		}
	}()
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		t.Fatal(err)
	}
	client := dynamic.NewForConfigOrDie(config)
	got, err := client.Resource(servers).Namespace("default").Get(t.Context(), "server-1", metav1.GetOptions{})
	if err != nil || got.GetUID() != want.GetUID() {
		t.Errorf("got %v, %v, want uid %s", got, err, want.GetUID())
	}
	if info, err := os.Stat(kubeconfig); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("kubeconfig %v, %v, want mode 0600", info, err)
	}
}

func TestSeveralServersDoNotSeeEachOther(t *testing.T) {
	t.Parallel()
	a, b := start(t, ""), start(t, "")
	apply(t.Context(), t, a.Client(), server("server-1", "only here"))
	list, err := dynamic.NewForConfigOrDie(b.Client()).Resource(servers).List(t.Context(), metav1.ListOptions{})
	if err != nil || len(list.Items) != 0 {
		t.Errorf("got %v, %v, want nothing", list, err)
	}
}

func TestUnknownFieldsAreRefusedWhenAskedTo(t *testing.T) {
	t.Parallel()
	s := start(t, "")
	obj := server("server-1", "")
	obj.Object["spec"].(map[string]any)["colour"] = "red"
	raw, err := json.Marshal(obj)
	if err != nil {
		t.Fatal(err)
	}
	err = dynamicREST(t, s.Client()).Post().AbsPath("/apis/wiring.githedgehog.com/v1beta1/namespaces/default/servers").
		Param("fieldValidation", "Strict").SetHeader("Content-Type", "application/json").Body(raw).Do(t.Context()).Error()
	if err == nil {
		t.Error("accepted")
	}
}

func dynamicREST(t *testing.T, config *rest.Config) rest.Interface {
	t.Helper()
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	return client.RESTClient()
}

func portOf(t *testing.T, s *kubeapi.Server) int {
	t.Helper()
	u, err := url.Parse(s.URL())
	if err != nil {
		t.Fatal(err)
	}
	port, err := strconv.Atoi(u.Port())
	if err != nil {
		t.Fatal(err)
	}
	return port
}
