package kubetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"testing"
	"time"

	authz "k8s.io/api/authorization/v1"
	rbac "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/tools/clientcmd"
)

// fieldManager is who kubetest writes as: nobody a test should take for its own.
const fieldManager = "kubetest"

const takeEffect = 30 * time.Second

// Resource returns the administrator's client for one plural of a group and
// version, for what a test does behind the back of the code under test. An empty
// namespace means all, or a cluster-scoped kind.
func (s *Server) Resource(group, version, plural, namespace string) dynamic.ResourceInterface {
	r := s.dynamic.Resource(schema.GroupVersionResource{Group: group, Version: version, Resource: plural})
	if namespace == "" {
		return r
	}
	return r.Namespace(namespace)
}

// Namespace creates a namespace for one test and returns its name. It stays when
// the test ends: nothing here would finish deleting it, and the server goes soon.
func (s *Server) Namespace(tb testing.TB) string {
	tb.Helper()
	name := fmt.Sprintf("t%d", s.spaces.Add(1))
	ns := &unstructured.Unstructured{Object: map[string]any{"metadata": map[string]any{
		"name": name, "annotations": map[string]any{"kubetest/test": tb.Name()},
	}}}
	ns.SetGroupVersionKind(schema.GroupVersionKind{Version: "v1", Kind: "Namespace"})
	if _, err := s.Resource("", "v1", "namespaces", "").Create(tb.Context(), ns, metav1.CreateOptions{FieldManager: fieldManager}); err != nil {
		tb.Fatalf("create namespace: %v", err)
	}
	return name
}

// Install creates the custom resource definitions of every *.yaml file in files
// and waits until they are served and described.
func (s *Server) Install(tb testing.TB, files fs.FS) {
	tb.Helper()
	if err := s.install(files); err != nil {
		tb.Fatalf("install definitions: %v", err)
	}
}

func (s *Server) install(files fs.FS) error {
	names, err := fs.Glob(files, "*.yaml")
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), startLimit)
	defer cancel()
	var crds []*unstructured.Unstructured
	for _, name := range names {
		b, err := fs.ReadFile(files, name)
		if err != nil {
			return err
		}
		docs, err := documents(b)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		crds = append(crds, docs...)
	}
	if len(crds) == 0 {
		return errors.New("no definitions found")
	}
	client := s.Resource("apiextensions.k8s.io", "v1", "customresourcedefinitions", "")
	for _, crd := range crds {
		if _, err := client.Apply(ctx, crd.GetName(), crd, metav1.ApplyOptions{FieldManager: fieldManager, Force: true}); err != nil {
			return err
		}
	}
	for _, crd := range crds {
		if err := s.awaitServed(ctx, crd); err != nil {
			return fmt.Errorf("%s: %w", crd.GetName(), err)
		}
	}
	return nil
}

func documents(b []byte) ([]*unstructured.Unstructured, error) {
	var docs []*unstructured.Unstructured
	dec := yaml.NewYAMLOrJSONDecoder(bytes.NewReader(b), 4096)
	for {
		var u unstructured.Unstructured
		switch err := dec.Decode(&u.Object); {
		case errors.Is(err, io.EOF):
			return docs, nil
		case err != nil:
			return nil, err
		case len(u.Object) > 0:
			docs = append(docs, &u)
		}
	}
}

// awaitServed waits until every version of a definition can be listed, is in
// discovery, and is described by OpenAPI: three caches of the server.
func (s *Server) awaitServed(ctx context.Context, crd *unstructured.Unstructured) error {
	group, _, _ := unstructured.NestedString(crd.Object, "spec", "group")
	plural, _, _ := unstructured.NestedString(crd.Object, "spec", "names", "plural")
	versions, _, _ := unstructured.NestedSlice(crd.Object, "spec", "versions")
	for _, v := range versions {
		fields, _ := v.(map[string]any)
		if served, _ := fields["served"].(bool); !served {
			continue
		}
		version, _ := fields["name"].(string)
		if err := poll(ctx, func() (bool, error) { return s.serves(ctx, group, version, plural), nil }); err != nil {
			return fmt.Errorf("%s is not served: %w", version, err)
		}
	}
	return nil
}

func (s *Server) serves(ctx context.Context, group, version, plural string) bool {
	if _, err := s.Resource(group, version, plural, "").List(ctx, metav1.ListOptions{Limit: 1}); err != nil {
		return false
	}
	_, found, err := s.get(ctx, "/apis/"+group+"/"+version, plural)
	if err != nil || !found {
		return false
	}
	_, found, err = s.get(ctx, "/openapi/v3/apis/"+group+"/"+version, "/"+plural+"/")
	return err == nil && found
}

// get fetches a path as the administrator and says whether the answer holds text.
func (s *Server) get(ctx context.Context, path, text string) (body string, found bool, err error) {
	b, err := s.rest.Get().AbsPath(path).Do(ctx).Raw()
	return string(b), strings.Contains(string(b), text), err
}

// create makes an object of the RBAC group as the administrator and deletes it
// when the test ends.
func (s *Server) create(tb testing.TB, kind, plural, namespace string, o runtime.Object) {
	tb.Helper()
	s.createAs(tb, rbac.SchemeGroupVersion.WithKind(kind), plural, namespace, o)
}

func (s *Server) createAs(tb testing.TB, kind schema.GroupVersionKind, plural, namespace string, o runtime.Object) {
	tb.Helper()
	tree, err := runtime.DefaultUnstructuredConverter.ToUnstructured(o)
	if err != nil {
		tb.Fatal(err)
	}
	u := &unstructured.Unstructured{Object: tree}
	u.SetGroupVersionKind(kind)
	client := s.Resource(kind.Group, kind.Version, plural, namespace)
	if _, err := client.Create(tb.Context(), u, metav1.CreateOptions{FieldManager: fieldManager}); err != nil {
		tb.Fatalf("create %s: %v", kind.Kind, err)
	}
	tb.Cleanup(func() {
		// The server may be down by now, which removes it just as well.
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		_ = client.Delete(ctx, u.GetName(), metav1.DeleteOptions{})
	})
}

// awaitRights waits until the server's authoriser has seen the rules.
func (s *Server) awaitRights(tb testing.TB, kubeconfig []byte, namespace string, rules []rbac.PolicyRule) {
	tb.Helper()
	if len(rules) == 0 {
		return
	}
	last := rules[len(rules)-1]
	config, err := clientcmd.RESTConfigFromKubeConfig(kubeconfig)
	if err != nil {
		tb.Fatal(err)
	}
	client, err := dynamic.NewForConfig(config)
	if err != nil {
		tb.Fatal(err)
	}
	ask := &authz.SelfSubjectAccessReview{Spec: authz.SelfSubjectAccessReviewSpec{ResourceAttributes: &authz.ResourceAttributes{
		Namespace: namespace, Verb: last.Verbs[0], Group: last.APIGroups[0], Resource: last.Resources[0],
	}}}
	tree, err := runtime.DefaultUnstructuredConverter.ToUnstructured(ask)
	if err != nil {
		tb.Fatal(err)
	}
	review := &unstructured.Unstructured{Object: tree}
	review.SetGroupVersionKind(authz.SchemeGroupVersion.WithKind("SelfSubjectAccessReview"))
	reviews := client.Resource(authz.SchemeGroupVersion.WithResource("selfsubjectaccessreviews"))
	s.await(tb, "rights", func() bool {
		answer, err := reviews.Create(tb.Context(), review, metav1.CreateOptions{})
		if err != nil {
			return false
		}
		allowed, _, _ := unstructured.NestedBool(answer.Object, "status", "allowed")
		return allowed
	})
}

// await polls until something the test just configured has taken effect.
func (s *Server) await(tb testing.TB, what string, ok func() bool) {
	tb.Helper()
	ctx, cancel := context.WithTimeout(tb.Context(), takeEffect)
	defer cancel()
	if err := poll(ctx, func() (bool, error) { return ok(), nil }); err != nil {
		tb.Fatalf("%s did not take effect: %v", what, err)
	}
}
