package plan_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/hedgesync/hedgesync/internal/fabric"
	"github.com/hedgesync/hedgesync/internal/fault"
	"github.com/hedgesync/hedgesync/internal/hedgehog"
	"github.com/hedgesync/hedgesync/internal/plan"
)

func encode(t testing.TB, d plan.Document) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := d.Encode(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestSavedPlanIsThePlan(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		s := drawScene(rt)
		p := plan.Make(s.in)
		d, err := plan.Parse(bytes.NewReader(encode(t, p.Document(s.in))))
		if err != nil {
			rt.Fatal(err)
		}
		got := d.Plan()
		if diff := cmp.Diff(sent(p), sent(got), cmpopts.EquateEmpty()); diff != "" {
			rt.Fatalf("sent (-made +saved)\n%s", diff)
		}
		if diff := cmp.Diff(notable(p), got.Changes, cmpopts.EquateEmpty()); diff != "" {
			rt.Fatalf("changes (-made +saved)\n%s", diff)
		}
		if diff := cmp.Diff([]any{p.Needs, p.Unread}, []any{got.Needs, got.Unread}, cmpopts.EquateEmpty()); diff != "" {
			rt.Fatalf("gaps (-made +saved)\n%s", diff)
		}
		if p.Summary != got.Summary || p.Commit != got.Commit || p.Fabric != got.Fabric || p.Mode != got.Mode {
			rt.Fatalf("got %+v", got.Summary)
		}
		if moved := d.Check(s.in); len(moved) != 0 {
			rt.Fatalf("moved, though nothing did: %v", moved)
		}
	})
}

// sent lists the steps of a plan, whole.
func sent(p plan.Plan) []plan.Change {
	var out []plan.Change
	for _, b := range plan.Batches(p, 3) {
		for _, i := range b.Changes {
			out = append(out, p.Step(b.Phase, i))
		}
	}
	return out
}

func notable(p plan.Plan) []plan.Change {
	var out []plan.Change
	for _, c := range p.Changes {
		if c.Action != plan.None {
			out = append(out, c)
		}
	}
	return out
}

func TestEveryInputThatMovesIsNamed(t *testing.T) {
	t.Parallel()
	saved := plan.Make(everything()).Document(everything())
	for name, c := range map[string]struct {
		move func(*plan.Input)
		what string
		of   string
	}{
		"commit": {func(in *plan.Input) {
			in.Want = snapshot("commit-2", []fabric.Resource{}, nil)
		}, "commit", ""},
		"wanted": {func(in *plan.Input) { in.Want = wanted(server("x")) }, "want", ""},
		"live object": {func(in *plan.Input) {
			all := []fabric.Resource{}
			for h := range in.Have.All() {
				if h.Key.Name == "leaf-01" {
					h.ResourceVersion = "999"
				}
				all = append(all, h)
			}
			in.Have = snapshot("cluster", all, nil)
		}, "object", "Switch/default/leaf-01"},
		"record":   {func(in *plan.Input) { in.Base = in.Base[1:] }, "record", "IPv4Namespace/default/default"},
		"problems": {func(in *plan.Input) { in.Problems = nil }, "problems", ""},
		"policy":   {func(in *plan.Input) { in.Settings.Prune = false }, "setting", "prune"},
		"mode":     {func(in *plan.Input) { in.Settings.Mode = fabric.Observe }, "setting", "mode"},
		"coverage": {func(in *plan.Input) {
			in.Have = snapshot("cluster", collect(in.Have), map[fabric.Kind]fabric.Coverage{hedgehog.Server: {State: fabric.Partial}})
		}, "kind", "Server.wiring.githedgehog.com"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			now := everything()
			c.move(&now)
			moved := saved.Check(now)
			if len(moved) == 0 || moved[0].What != c.what || moved[0].Name != c.of || moved[0].String() == "" {
				t.Errorf("got %v", moved)
			}
		})
	}
}

func collect(s *fabric.Snapshot) []fabric.Resource {
	var out []fabric.Resource
	for r := range s.All() {
		out = append(out, r)
	}
	return out
}

func TestAlteredPlansAreRefused(t *testing.T) {
	t.Parallel()
	good := string(encode(t, plan.Make(everything()).Document(everything())))
	for name, text := range map[string]string{
		"nothing":        "",
		"not JSON":       "hello",
		"another schema": strings.Replace(good, plan.Schema, "hedgesync.plan/v9", 1),
		"another action": strings.Replace(good, `"action": "update"`, `"action": "delete"`, 1),
		"another value":  strings.Replace(good, `"vlan": 1003`, `"vlan": 1004`, 1),
		"a new member":   strings.Replace(good, `"schema"`, `"also": 1, "schema"`, 1),
		"a tail":         good + "{}",
		"cut short":      good[:len(good)/2],
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if text == good {
				t.Fatal("nothing was altered")
			}
			_, err := plan.Parse(strings.NewReader(text))
			if e, ok := errors.AsType[*fault.Error](err); !ok || e.Kind != fault.Invalid || e.Hint == "" {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestPolicyOrderHoldsTheMoreParticularReason(t *testing.T) {
	t.Parallel()
	in := everything()
	in.Settings.Prune, in.Settings.MaxDeletes = false, 1
	for _, c := range plan.Make(in).Changes {
		if c.Would == plan.Delete && c.Reason != "pruning is off" {
			t.Errorf("%s: got %q", c.Key, c.Reason)
		}
	}
}

func TestPoliciesDoNotWriteIntoTheirArgument(t *testing.T) {
	t.Parallel()
	p := plan.Make(everything())
	before := encode(t, p.Document(everything()))
	plan.Narrow(p, plan.Manages(hedgehog.Server), plan.Foreigners(false), plan.Contested(fabric.Manual),
		plan.Pruning(false), plan.Guarded(1, 1, 1), plan.Observing(fabric.Observe))
	if after := encode(t, p.Document(everything())); !bytes.Equal(before, after) {
		t.Error("the plan that was narrowed changed")
	}
}

func FuzzParse(f *testing.F) {
	c, r := applied(server("s1"))
	in := plan.Input{Fabric: "lab", Want: wanted(describedServer("s1", "new"), server("s2")), Have: c.snapshot(nil), Base: r.entries(), Settings: enforced()}
	f.Add(encode(f, plan.Make(in).Document(in)))
	f.Add(encode(f, plan.Plan{}.Document(plan.Input{})))
	f.Add([]byte(`{"schema":"hedgesync.plan/v1"}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		d, err := plan.Parse(bytes.NewReader(b))
		if err != nil {
			if fault.KindOf(err) != fault.Invalid {
				t.Fatalf("%v is not Invalid", err)
			}
			// The digest stops nearly everything: seal it anew to get behind it.
			d = plan.Document{}
			if json.Unmarshal(b, &d) != nil {
				return
			}
		}
		again, err := plan.Parse(bytes.NewReader(encode(t, d)))
		if err != nil {
			if fault.KindOf(err) != fault.Invalid {
				t.Fatal(err)
			}
			return
		}
		third, err := plan.Parse(bytes.NewReader(encode(t, again)))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(sent(again.Plan()), sent(third.Plan()), cmpopts.EquateEmpty()); diff != "" {
			t.Fatal(diff)
		}
		textOf(again.Plan())
	})
}
