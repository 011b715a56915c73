package main_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/tools/clientcmd"
	clientapi "k8s.io/client-go/tools/clientcmd/api"
	"sigs.k8s.io/yaml"

	"github.com/hedgesync/hedgesync/internal/api"
	"github.com/hedgesync/hedgesync/internal/hedgehog"
	"github.com/hedgesync/hedgesync/internal/wiringtest"
)

// plurals of what fabric rbac prints.
var plurals = map[string]string{"ServiceAccount": "serviceaccounts", "Secret": "secrets", "Role": "roles", "RoleBinding": "rolebindings"}

// account makes the account that fabric rbac prints, and returns the file of a
// kubeconfig with a token of it.
func (w *world) account(t testing.TB, flags ...string) string {
	t.Helper()
	name := "account-" + strings.ToLower(strings.ReplaceAll(t.Name(), "/", "-"))
	r := w.ok(t, append([]string{"fabric", "rbac", "--account", name}, flags...)...)
	for _, text := range strings.Split(r.out, "---\n") {
		o := parse(t, text)
		gv := o.GroupVersionKind()
		client := w.kube.Resource(gv.Group, gv.Version, plurals[gv.Kind], o.GetNamespace())
		if _, err := client.Apply(t.Context(), o.GetName(), o, metav1.ApplyOptions{FieldManager: "admin", Force: true}); err != nil {
			t.Fatal(err)
		}
	}
	ask := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "metadata": map[string]any{"name": name},
		"spec": map[string]any{"expirationSeconds": int64(3600)},
	}}
	got, err := w.kube.Resource("", "v1", "serviceaccounts", namespace).Create(t.Context(), ask, metav1.CreateOptions{}, "token")
	if err != nil {
		t.Fatal(err)
	}
	token, _, _ := unstructured.NestedString(got.Object, "status", "token")
	config, err := clientcmd.Load(w.kube.Kubeconfig)
	if err != nil {
		t.Fatal(err)
	}
	for user := range config.AuthInfos {
		config.AuthInfos[user] = &clientapi.AuthInfo{Token: token}
	}
	b, err := clientcmd.Write(*config)
	if err != nil {
		t.Fatal(err)
	}
	return write(t, filepath.Dir(w.kubeconfig), name, string(b))
}

func parse(t testing.TB, text string) *unstructured.Unstructured {
	t.Helper()
	o := &unstructured.Unstructured{}
	if err := yaml.Unmarshal([]byte(text), &o.Object); err != nil {
		t.Fatal(err)
	}
	return o
}

// K8S-06: the account that fabric rbac prints can do all that its mode needs: a
// sync, a rollback of it, and pruning.
func TestPrintedRightsAreEnoughToEnforce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.kubeconfig = w.account(t, "--mode", "enforce")
	objects := wiringtest.Fabric(smallFabric)
	w.commit(t, "first", objects)
	w.add(t, "--mode", "enforce", "--prune", "--max-deletes", "100", "--max-delete-percent", "100")
	tried := decode[api.Test](t, w.ok(t, "fabric", "test", "lab", "-o", "json"))
	for _, s := range tried.Stages {
		if s.State != "ok" {
			t.Errorf("%+v", s)
		}
	}
	w.ok(t, "sync", "lab")
	w.touch(t, hedgehog.Server, "server-0001", `{"spec":{"description":"by hand"}}`)
	w.ok(t, "sync", "lab")
	w.tracked(t)
}

// And not more: an account for observing may not write, and either may see nothing
// else. fabric test says what is missing before a sync meets it.
func TestPrintedRightsAreTheLeast(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.kubeconfig = w.account(t)
	w.commit(t, "first", wiringtest.Fabric(smallFabric))
	w.add(t)
	w.ok(t, "fabric", "test", "lab")
	w.exits(t, 1, "plan", "lab")
	w.ok(t, "fabric", "edit", "lab", "--mode", "enforce")
	has(t, w.exits(t, 1, "fabric", "test", "lab").out, "kubernetes rights", "failed", "may not write", "delete Server", "hedgesync fabric rbac lab prints")
	has(t, w.exits(t, 1, "sync", "lab").out, "refused")
	if got := w.versions(t); len(got) != 0 {
		t.Errorf("an account that may read wrote %d objects", len(got))
	}
	b, err := os.ReadFile(w.kubeconfig)
	if err != nil {
		t.Fatal(err)
	}
	config, err := clientcmd.RESTConfigFromKubeConfig(b)
	if err != nil {
		t.Fatal(err)
	}
	client, err := dynamic.NewForConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	info, _ := hedgehog.Lookup(hedgehog.Switch)
	switches := schema.GroupVersionResource{Group: hedgehog.Switch.Group, Version: info.Version, Resource: info.Plural}
	secrets := schema.GroupVersionResource{Version: "v1", Resource: "secrets"}
	for name, list := range map[string]dynamic.ResourceInterface{
		"secrets":                client.Resource(secrets).Namespace(namespace),
		"another namespace":      client.Resource(switches).Namespace("kube-system"),
		"all namespaces at once": client.Resource(switches),
	} {
		if _, err := list.List(t.Context(), metav1.ListOptions{}); !apierrors.IsForbidden(err) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Each stage of a connection that cannot work is said on its own, with the next
// move.
func TestConnectionTestNamesTheStageThatFails(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.commit(t, "first", wiringtest.Fabric(smallFabric))
	w.add(t)
	stranger := write(t, filepath.Dir(w.kubeconfig), "stranger", string(w.kube.KubeconfigFor("stranger")))
	nobody := write(t, filepath.Dir(w.kubeconfig), "nobody", string(w.kube.KubeconfigFor("nobody")))
	down := write(t, filepath.Dir(w.kubeconfig), "down", strings.ReplaceAll(string(w.kube.Kubeconfig), w.kube.Address, "https://127.0.0.1:1"))
	wrong := write(t, filepath.Dir(w.kubeconfig), "wrong-token", canary+"-wrong")
	for _, c := range []struct {
		name   string
		edit   []string
		states map[string]string
		hint   string
		plan   int // exit code: what cannot be read is held, what cannot be reached not compared
	}{
		{"unknown token", []string{"--kubeconfig", stranger}, map[string]string{"git path": "ok", "kubernetes reach": "ok", "kubernetes login": "failed", "kubernetes rights": "not reached"}, "", 2},
		{"no rights", []string{"--kubeconfig", nobody}, map[string]string{"kubernetes login": "ok", "kubernetes rights": "failed", "kubernetes read": "failed"}, "fabric rbac lab", 1},
		{"down", []string{"--kubeconfig", down}, map[string]string{"kubernetes reach": "failed", "kubernetes login": "not reached", "kubernetes read": "not reached"}, "", 2},
		{"wrong git token", []string{"--git-token-file", wrong}, map[string]string{"git auth": "failed", "git path": "not reached"}, "", 2},
	} {
		w.ok(t, append([]string{"fabric", "edit", "lab"}, c.edit...)...)
		got := decode[api.Test](t, w.exits(t, 1, "fabric", "test", "lab", "-o", "json"))
		hints := ""
		for _, s := range got.Stages {
			if want, ok := c.states[s.Name]; ok && s.State != want || s.State == "failed" && s.Detail == "" {
				t.Errorf("%s: %+v, want %s", c.name, s, want)
			}
			hints += s.Hint
		}
		if !strings.Contains(hints, c.hint) || hints == "" {
			t.Errorf("%s: hints %q", c.name, hints)
		}
		w.exits(t, c.plan, "plan", "lab")
	}
}
