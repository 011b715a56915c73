package kube_test

import (
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/hedgesync/hedgesync/internal/fabric"
	"github.com/hedgesync/hedgesync/internal/fault"
	"github.com/hedgesync/hedgesync/internal/kube"
	"github.com/hedgesync/hedgesync/internal/plan"
)

func TestAttributionNamesWhoOwnsAValue(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.created("a", `{text: one, code: a, tags: [x], atoms: [p], parts: [{id: p1, note: nn}], ports: {one: {vlan: 1, speed: 1G}}, rows: [{a: k1}]}`)
	w.edit("a", `{"metadata":{"labels":{"a.b/c":"theirs"}},"spec":{"code":"b","ports":{"one":{"vlan":2},"two":{"vlan":3}},"tags":["x","y"],"rows":[{"a":"k1"},{"a":"l1"}]}}`)
	if _, err := w.raw().Apply(t.Context(), "a", unstructuredOf(w.gadget("a", `{parts: [{id: p1, weight: 3}, {id: p2}], factor: 2}`)), metav1.ApplyOptions{FieldManager: "rival", Force: true}); err != nil {
		t.Fatal(err)
	}
	live, _ := w.live("a")
	cases := map[string]string{
		"/spec/text": kube.Manager, "/spec/code": "kubectl-edit", "/spec/factor": "rival",
		"/spec/ports/one/vlan": "kubectl-edit", "/spec/ports/one/speed": kube.Manager, "/spec/ports/two": "kubectl-edit", "/spec/ports/two/vlan": "kubectl-edit",
		"/spec/tags/0": kube.Manager, "/spec/tags/1": "kubectl-edit", "/spec/atoms": kube.Manager, "/spec/atoms/0": kube.Manager,
		"/spec/rows": "kubectl-edit", "/spec/rows/1/a": "kubectl-edit",
		"/spec/parts/0/note": kube.Manager, "/spec/parts/0/weight": "rival", "/spec/parts/1/id": "rival",
		"/metadata/labels/a.b~1c": "kubectl-edit",
		"/spec/size":              "", "/spec/nonsense": "", "/spec/tags/7": "", "/spec/text/deeper": kube.Manager, "/nowhere": "",
	}
	for pointer, want := range cases {
		got, at := kube.Attribution(live.Object, pointer)
		if got != want || at.IsZero() != (want == "") {
			t.Errorf("%s: %q at %v, want %q", pointer, got, at, want)
		}
	}
	if got, at := kube.Attribution(nil, "/spec"); got != "" || !at.IsZero() {
		t.Errorf("no object: %q at %v", got, at)
	}
}

func TestReadFindsExactlyTheKeysThatExist(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	few := map[string]bool{}
	for _, n := range []string{"a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k"} {
		want := w.gadget(n, "{text: x}")
		if o := w.apply(plan.Change{Action: plan.Create, Want: want}, kube.ApplyOptions{}); o.Err != nil {
			t.Fatal(o.Err)
		}
		few[n] = true
	}
	for _, ask := range [][]string{{"a", "missing"}, {"a", "b", "c", "d", "e", "f", "g", "h", "i", "missing", "a"}} {
		keys := make([]fabric.Key, len(ask))
		for i, n := range ask {
			keys[i] = w.key(n)
		}
		found, err := w.client.Read(t.Context(), keys)
		if err != nil {
			t.Fatal(err)
		}
		for _, n := range ask {
			if r, ok := found[w.key(n)]; ok != few[n] || ok && (r.Object == nil || r.Key != w.key(n)) {
				t.Errorf("%s: %v", n, ok)
			}
		}
	}
	if _, err := w.client.Read(t.Context(), []fabric.Key{{Kind: absent, Name: "x"}}); fault.KindOf(err) != fault.Missing {
		t.Errorf("a kind that is not served: %v", err)
	}
}
