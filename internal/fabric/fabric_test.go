package fabric_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/yaml"

	"github.com/hedgesync/hedgesync/internal/fabric"
	"github.com/hedgesync/hedgesync/internal/fault"
)

// Law 8: no way of printing a value shows a secret in it.
func TestSecretCannotBePrintedLoggedOrMarshalled(t *testing.T) {
	t.Parallel()
	const value = "canary-7c21"
	s := fabric.NewSecret(value)
	holder := struct{ Settings fabric.Settings }{fabric.Settings{
		Repository: fabric.Repository{Credential: fabric.Credential{Password: s, SSHKey: s, SSHKeyPass: s}},
		Cluster:    fabric.Cluster{Kubeconfig: s},
	}}
	var out bytes.Buffer
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d"} {
		fmt.Fprintf(&out, verb+"\n", s)
		fmt.Fprintf(&out, verb+"\n", &s)
		fmt.Fprintf(&out, verb+"\n", holder)
	}
	log := slog.New(slog.NewJSONHandler(&out, nil))
	log.Info("x", "secret", s, "holder", holder)
	slog.New(slog.NewTextHandler(&out, nil)).Info("x", "secret", s, "holder", holder)
	for _, marshal := range []func(any) ([]byte, error){json.Marshal, yaml.Marshal} {
		b, err := marshal(map[string]any{"s": s, "h": holder, "k": map[string]fabric.Secret{"a": s}})
		if err != nil {
			t.Fatal(err)
		}
		out.Write(b)
	}
	fmt.Fprintln(&out, fault.New(fault.Invalid, "", "with %v and %s", s, s))
	for _, form := range []string{value, fmt.Sprintf("%x", value), fmt.Sprintf("%X", value), fmt.Sprint([]byte(value))} {
		if strings.Contains(out.String(), form) {
			t.Errorf("%q is in the output", form)
		}
	}
	if s.Reveal() != value {
		t.Error("Reveal does not")
	}
}

// Law 2: what was not read in full says nothing of what is absent.
func TestOnlyAFullReadCovers(t *testing.T) {
	t.Parallel()
	kind := func(n string) fabric.Kind { return fabric.Kind{Group: "g", Name: n} }
	states := map[fabric.Kind]fabric.Coverage{
		kind("full"): {State: fabric.Full}, kind("partial"): {State: fabric.Partial}, kind("missing"): {State: fabric.KindMissing},
		kind("forbidden"): {State: fabric.Forbidden}, kind("failed"): {State: fabric.Failed}, kind("unread"): {},
	}
	s, err := fabric.NewSnapshot("here", time.Unix(1, 0), nil, states)
	if err != nil {
		t.Fatal(err)
	}
	for k := range states {
		if got, want := s.Covers(k), k.Name == "full"; got != want {
			t.Errorf("%s covers: %v", k.Name, got)
		}
	}
	if s.Covers(kind("never named")) {
		t.Error("a kind nobody named is covered")
	}
}

func TestSnapshotKeepsOrderAndFindsByKind(t *testing.T) {
	t.Parallel()
	r := func(kind, name string) fabric.Resource {
		return fabric.Resource{Key: fabric.Key{Kind: fabric.Kind{Group: "g", Name: kind}, Namespace: "default", Name: name}}
	}
	given := []fabric.Resource{r("B", "2"), r("A", "1"), r("B", "1"), r("C", "1")}
	s, err := fabric.NewSnapshot("here", time.Unix(1, 0), slices.Clone(given), nil)
	if err != nil {
		t.Fatal(err)
	}
	names := func(rs []fabric.Resource) (out []string) {
		for _, r := range rs {
			out = append(out, r.Key.String())
		}
		return out
	}
	if d := cmp.Diff([]string{"A/default/1", "B/default/1", "B/default/2", "C/default/1"}, names(slices.Collect(s.All()))); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff([]string{"B/default/1", "B/default/2"}, names(slices.Collect(s.OfKind(given[0].Key.Kind)))); d != "" {
		t.Error(d)
	}
	if _, ok := s.Get(given[3].Key); !ok {
		t.Error("an object is not found by its key")
	}
	if _, err := fabric.NewSnapshot("here", time.Unix(1, 0), []fabric.Resource{given[0], given[0]}, nil); fault.KindOf(err) != fault.Invalid {
		t.Errorf("one key twice: %v", err)
	}
}

func TestSettingsAreCheckedFieldByField(t *testing.T) {
	t.Parallel()
	good := fabric.Settings{ID: "lab", Repository: fabric.Repository{URL: "https://git.example/r.git"}}.WithDefaults()
	if err := good.Check(); err != nil {
		t.Fatal(err)
	}
	for field, spoil := range map[string]func(*fabric.Settings){
		"name":               func(s *fabric.Settings) { s.ID = "Lab_1" },
		"mode":               func(s *fabric.Settings) { s.Mode = "write" },
		"on_failure":         func(s *fabric.Settings) { s.OnFailure = "ignore" },
		"strategy":           func(s *fabric.Settings) { s.Strategy = "newest" },
		"max_deletes":        func(s *fabric.Settings) { s.MaxDeletes = -1 },
		"max_delete_percent": func(s *fabric.Settings) { s.MaxDeletePercent = 101 },
		"batch_size":         func(s *fabric.Settings) { s.BatchSize = 9 },
		"repository.path":    func(s *fabric.Settings) { s.Repository.Path = "a/../../b" },
	} {
		s := good
		spoil(&s)
		if err := s.Check(); fault.KindOf(err) != fault.Invalid || !strings.Contains(fault.CodeOf(err), field) {
			t.Errorf("%s: %v (%s)", field, err, fault.CodeOf(err))
		}
	}
}

func TestHashIgnoresMapOrderAndNotListOrder(t *testing.T) {
	t.Parallel()
	a := fabric.HashOf(map[string]any{"x": int64(1), "y": []any{"p", "q"}})
	b := fabric.HashOf(map[string]any{"y": []any{"p", "q"}, "x": int64(1)})
	c := fabric.HashOf(map[string]any{"y": []any{"q", "p"}, "x": int64(1)})
	if a != b || a == c {
		t.Errorf("%s %s %s", a, b, c)
	}
}
