package kube_test

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	rbac "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/hedgesync/hedgesync/internal/fabric"
	"github.com/hedgesync/hedgesync/internal/fault"
	"github.com/hedgesync/hedgesync/internal/kube"
	"github.com/hedgesync/hedgesync/internal/kubetest"
	"github.com/hedgesync/hedgesync/internal/plan"
)

func states(s *fabric.Snapshot) map[string]fabric.CoverState {
	out := map[string]fabric.CoverState{}
	for _, k := range s.Kinds() {
		out[k.Name] = s.Coverage(k).State
	}
	return out
}

func names(s *fabric.Snapshot) []string {
	var out []string
	for r := range s.All() {
		out = append(out, r.Key.String())
	}
	return out
}

func TestMissingForbiddenAndEmptyAreThreeAnswers(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.created("a", "{text: one}")
	c := connect(t, w.server.User(t,
		rbac.PolicyRule{APIGroups: []string{"test.hedgesync.dev"}, Resources: []string{"gadgets"}, Verbs: []string{"list"}}))
	twins := fabric.Kind{Group: gadgets.Group, Name: "Twin"}
	s, err := c.Observe(t.Context(), []fabric.Kind{gadgets, twins, absent, vpcs}, kube.ObserveOptions{Namespaces: []string{w.namespace}})
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]fabric.CoverState{"Gadget": fabric.Full, "Twin": fabric.Forbidden, "Absent": fabric.KindMissing, "VPC": fabric.Forbidden}
	if d := cmp.Diff(want, states(s)); d != "" {
		t.Errorf("coverage (-want +got):\n%s", d)
	}
	empty, err := w.client.Observe(t.Context(), []fabric.Kind{twins}, kube.ObserveOptions{Namespaces: []string{w.namespace}})
	if err != nil || !empty.Covers(twins) || empty.Len() != 0 {
		t.Errorf("empty: %v, %v", states(empty), err)
	}
}

func TestAnObjectIsReadAsTheServerHoldsIt(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.created("a", "{text: one, factor: 1.5, high: 3}")
	s, err := w.client.Observe(t.Context(), []fabric.Kind{gadgets}, kube.ObserveOptions{Namespaces: []string{w.namespace}})
	if err != nil {
		t.Fatal(err)
	}
	live, err := w.raw().Get(t.Context(), "a", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	want := fabric.Resource{Key: w.key("a"), Version: "v1", Object: live.Object, UID: string(live.GetUID()), ResourceVersion: live.GetResourceVersion()}
	got, _ := s.Get(w.key("a"))
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("resource (-want +got):\n%s", d)
	}
}

func TestOnlyTheNamespacesAskedForAreRead(t *testing.T) {
	t.Parallel()
	w, other := newWorld(t), newWorld(t)
	w.created("a", "{text: one}")
	other.created("a", "{text: one}")
	s, err := w.client.Observe(t.Context(), []fabric.Kind{gadgets, hubs}, kube.ObserveOptions{Namespaces: []string{w.namespace, other.namespace, w.namespace}})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"Gadget/" + other.namespace + "/a", "Gadget/" + w.namespace + "/a"}
	slices.Sort(want)
	if d := cmp.Diff(want, names(s)); d != "" || !s.Covers(gadgets) || !s.Covers(hubs) {
		t.Errorf("objects (-want +got):\n%s%v", d, states(s))
	}
	everywhere, err := w.client.Observe(t.Context(), []fabric.Kind{gadgets}, kube.ObserveOptions{})
	if err != nil || everywhere.Len() < 2 {
		t.Errorf("all namespaces: %d objects, %v", everywhere.Len(), err)
	}
}

func TestAnUnreadNamespaceLeavesTheKindPartial(t *testing.T) {
	t.Parallel()
	w, other := newWorld(t), newWorld(t)
	other.created("a", "{text: one}")
	c := connect(t, w.server.KubeconfigFor(other.server.UserIn(t, other.namespace,
		rbac.PolicyRule{APIGroups: []string{"test.hedgesync.dev"}, Resources: []string{"gadgets"}, Verbs: []string{"list"}})))
	s, err := c.Observe(t.Context(), []fabric.Kind{gadgets}, kube.ObserveOptions{Namespaces: []string{w.namespace, other.namespace}})
	if err != nil {
		t.Fatal(err)
	}
	if got := s.Coverage(gadgets); got.State != fabric.Partial || !strings.HasPrefix(got.Reason, w.namespace+": ") || s.Len() != 1 {
		t.Errorf("%+v with %d objects", got, s.Len())
	}
}

func TestUnmovedObjectsAreNotReadInFull(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a, b := w.created("a", "{text: one}"), w.created("b", "{text: one}")
	known := map[fabric.Key]plan.Seen{a.Key: {UID: a.UID, ResourceVersion: a.ResourceVersion}, b.Key: {UID: b.UID, ResourceVersion: b.ResourceVersion}}
	read := func(known map[fabric.Key]plan.Seen) (full []bool) {
		t.Helper()
		s, err := w.client.Observe(t.Context(), []fabric.Kind{gadgets}, kube.ObserveOptions{
			Namespaces: []string{w.namespace}, MetadataOnly: map[fabric.Kind]bool{gadgets: true}, Known: known,
		})
		if err != nil || !s.Covers(gadgets) {
			t.Fatal(states(s), err)
		}
		for r := range s.All() {
			if r.UID == "" || r.ResourceVersion == "" || r.Version != "v1" {
				t.Errorf("%+v", r)
			}
			full = append(full, r.Object != nil)
		}
		return full
	}
	if d := cmp.Diff([]bool{false, false}, read(known)); d != "" {
		t.Errorf("unmoved:\n%s", d)
	}
	w.edit("a", `{"metadata":{"labels":{"x":"y"}}}`)
	if d := cmp.Diff([]bool{true, true}, read(known)); d != "" {
		t.Errorf("one moved:\n%s", d)
	}
	delete(known, a.Key)
	if d := cmp.Diff([]bool{true, true}, read(known)); d != "" {
		t.Errorf("one appeared:\n%s", d)
	}
	known = map[fabric.Key]plan.Seen{}
	if d := cmp.Diff([]bool{true, true}, read(known)); d != "" {
		t.Errorf("none known:\n%s", d)
	}
}

func TestAVersionIsReadAsAskedIfItIsServed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	twins := fabric.Kind{Group: gadgets.Group, Name: "Twin"}
	want := wanted(t, gadgets, w.namespace, "a", "{text: x}")
	want.Key.Kind, want.Version = twins, "v1alpha1"
	if o := w.apply(plan.Change{Action: plan.Create, Want: want}, kube.ApplyOptions{}); o.Err != nil {
		t.Fatal(o.Err)
	}
	for ask, get := range map[string]string{"v1alpha1": "v1alpha1", "v1": "v1", "v7": "v1", "": "v1"} {
		s, err := w.client.Observe(t.Context(), []fabric.Kind{twins}, kube.ObserveOptions{Namespaces: []string{w.namespace}, Versions: map[fabric.Kind]string{twins: ask}})
		if err != nil {
			t.Fatal(err)
		}
		r, _ := s.Get(want.Key)
		if r.Version != get || r.Object["apiVersion"] != "test.hedgesync.dev/"+get {
			t.Errorf("asked for %q, got %s with %v", ask, r.Version, r.Object["apiVersion"])
		}
	}
}

func TestALongListIsReadInPages(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var want []string
	for i := range 7 {
		name := fmt.Sprintf("g%d", i)
		w.created(name, "{text: x}")
		want = append(want, w.key(name).String())
	}
	c, err := kube.New(clusterOf(w.server.Kubeconfig), kube.Options{PageSize: 3})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	s, err := c.Observe(t.Context(), []fabric.Kind{gadgets}, kube.ObserveOptions{Namespaces: []string{w.namespace}})
	if err != nil || !s.Covers(gadgets) {
		t.Fatal(states(s), err)
	}
	if d := cmp.Diff(want, names(s)); d != "" {
		t.Errorf("objects (-want +got):\n%s", d)
	}
}

func TestAnAnswerTooLongIsNotRead(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for i := range 10 {
		w.created(fmt.Sprintf("g%d", i), "{free: {x: "+strings.Repeat("x", 10_000)+"}}")
	}
	c, err := kube.New(clusterOf(w.server.Kubeconfig), kube.Options{MaxBytes: 60_000})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	s, err := c.Observe(t.Context(), []fabric.Kind{gadgets, hubs}, kube.ObserveOptions{Namespaces: []string{w.namespace}})
	if err != nil {
		t.Fatal(err)
	}
	if got := s.Coverage(gadgets); got.State != fabric.Failed || s.Len() != 0 {
		t.Errorf("%+v with %d objects", got, s.Len())
	}
}

func TestAnObserveSaysWhyNothingCouldBeRead(t *testing.T) {
	t.Parallel()
	s := kubetest.Shared(t)
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed.Close()
	cases := map[string]struct {
		kubeconfig []byte
		kind       fault.Kind
		code       string
	}{
		"nobody listens":    {redirected(t, s.Kubeconfig, "https://"+closed.Addr().String()), fault.Unavailable, "kube.tcp"},
		"no such name":      {redirected(t, s.Kubeconfig, "https://nowhere.invalid:6443"), fault.Unavailable, "kube.dns"},
		"not TLS":           {redirected(t, s.Kubeconfig, "https://"+plainServer(t)), fault.Unavailable, "kube.tls"},
		"another authority": {otherAuthority(t, s), fault.Denied, "kube.tls"},
		"refused token":     {s.KubeconfigFor("stranger"), fault.Denied, "kube.auth"},
		"not Kubernetes":    {redirected(t, s.Kubeconfig, "http://"+plainServer(t)), fault.Unavailable, "kube.discovery"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := connect(t, c.kubeconfig).Observe(t.Context(), []fabric.Kind{gadgets}, kube.ObserveOptions{})
			if fault.KindOf(err) != c.kind || fault.CodeOf(err) != c.code || fault.HintOf(err) == "" {
				t.Errorf("%s %s: %v", fault.KindOf(err), fault.CodeOf(err), err)
			}
			if err != nil && strings.Contains(err.Error(), kubetest.TokenPrefix) {
				t.Errorf("the error holds the token: %v", err)
			}
		})
	}
}

func TestAHangingServerIsATimeout(t *testing.T) {
	t.Parallel()
	w := newWorldOfItsOwn(t)
	w.server.Pause(t)
	c, err := kube.New(clusterOf(w.server.Kubeconfig), kube.Options{Timeout: 500 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := c.Observe(t.Context(), []fabric.Kind{gadgets}, kube.ObserveOptions{}); fault.KindOf(err) != fault.Unavailable || !strings.HasPrefix(fault.CodeOf(err), "kube.t") {
		t.Errorf("%s: %v", fault.CodeOf(err), err)
	}
	w.server.Resume(t)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	for err = context.Canceled; err != nil && ctx.Err() == nil; {
		_, err = c.Observe(ctx, []fabric.Kind{gadgets}, kube.ObserveOptions{})
	}
	if err != nil {
		t.Errorf("resumed: %v", err)
	}
}

// redirected is the kubeconfig with another server address.
func redirected(tb testing.TB, kubeconfig []byte, server string) []byte {
	tb.Helper()
	c, err := clientcmd.Load(kubeconfig)
	if err != nil {
		tb.Fatal(err)
	}
	c.Clusters["kubetest"].Server = server
	if strings.HasPrefix(server, "http:") {
		c.Clusters["kubetest"].CertificateAuthorityData = nil
	}
	b, err := clientcmd.Write(*c)
	if err != nil {
		tb.Fatal(err)
	}
	return b
}

// otherAuthority trusts the CA of nobody.
func otherAuthority(tb testing.TB, s *kubetest.Server) []byte {
	tb.Helper()
	c, err := clientcmd.Load(s.Kubeconfig)
	if err != nil {
		tb.Fatal(err)
	}
	c.Clusters["kubetest"].CertificateAuthorityData = nil // leaves the system's
	b, err := clientcmd.Write(*c)
	if err != nil {
		tb.Fatal(err)
	}
	return b
}

// plainServer is a web server that is no Kubernetes API.
func plainServer(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &http.Server{ReadHeaderTimeout: time.Minute, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprintln(w, "<html>welcome") })}
	done := make(chan struct{})
	go func() { defer close(done); _ = s.Serve(l) }()
	t.Cleanup(func() { _ = s.Close(); <-done })
	return l.Addr().String()
}
