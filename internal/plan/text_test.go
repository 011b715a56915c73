package plan_test

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hedgesync/hedgesync/internal/fabric"
	"github.com/hedgesync/hedgesync/internal/hedgehog"
	"github.com/hedgesync/hedgesync/internal/plan"
)

var update = flag.Bool("update", false, "write the golden files anew")

// everything is an input whose plan has a change of every kind.
func everything() plan.Input {
	labelled := append(small(), made(wiringAPI, "SwitchGroup", "gone", object{}), server("old"), server("kept"))
	c, r := applied(labelled...)
	c.put(made(wiringAPI, "SwitchGroup", "stranger", object{}))
	c.put(leaf(2, func(s object) { s["description"] = "touched \x1b[31mby hand" }))
	c.put(describedServer("kept", "changed"))
	c.put(server("adopted"))
	delete(c.objects, keyOf(made(wiringAPI, "SwitchGroup", "gone", object{})))
	new := with(small(),
		vpc("v1", subnet{"default", "10.0.1.0/24", 1001}, subnet{"b", "10.0.3.0/24", 1003}),
		vpc("v3", subnet{"default", "10.0.5.0/24", 1005}),
		bundle("c1", "server-01/e1", "leaf-01/E1/1"), describedServer("kept", "wanted"), server("adopted"),
		peer("bad", "v1", "nowhere"))
	return plan.Input{
		Fabric: "lab", Want: wanted(new...), Have: c.snapshot(nil), Base: r.entries(), Settings: enforced(),
		Problems: []fabric.Problem{{Severity: fabric.Error, Key: keyOf(vpc("v3")), Message: "VLAN 1005 is reserved",
			Origin: fabric.Origin{File: "vpcs.yaml", Line: 12, Column: 9}}},
		Attribute: func(map[string]any, string) (string, time.Time) {
			return "kubectl-edit", time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
		},
	}
}

func TestTextIsGolden(t *testing.T) {
	t.Parallel()
	nothing := func() plan.Input {
		c, r := applied(small()...)
		return plan.Input{Fabric: "lab", Want: wanted(small()...), Have: c.snapshot(nil), Base: r.entries(), Settings: enforced()}
	}
	unread := nothing()
	unread.Have = snapshot("cluster", nil, map[fabric.Kind]fabric.Coverage{hedgehog.VPC: {State: fabric.Forbidden, Reason: "no right to list"}})
	unread.Want, unread.Base = wanted(), nil
	observed := everything()
	observed.Settings.Mode = fabric.Observe
	for name, c := range map[string]struct {
		in plan.Input
		o  plan.TextOptions
	}{
		"everything": {in: everything(), o: plan.TextOptions{All: true}},
		"colour":     {in: everything(), o: plan.TextOptions{Palette: plan.ANSI()}},
		"observed":   {in: observed},
		"nothing":    {in: nothing()},
		"unread":     {in: unread},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var b bytes.Buffer
			if err := plan.Make(c.in).Text(&b, c.o); err != nil {
				t.Fatal(err)
			}
			path := filepath.Join("testdata", name+".txt")
			if *update {
				if err := os.WriteFile(path, b.Bytes(), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), b.String()); diff != "" {
				t.Errorf("(-golden +got)\n%s", diff)
			}
		})
	}
}

func TestTextLetsNoControlCharacterThrough(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	p := plan.Plan{Changes: []plan.Change{{
		Key: fabric.Key{Kind: hedgehog.Server, Namespace: "default", Name: "s"}, Action: plan.Hold, Would: plan.Update,
		Reason: "the server said \x1b[2J", Fields: []plan.Field{{Path: "/spec/\x1b", Old: "\x07", Manager: "\x1b]0;x\x07"}},
	}}}
	if err := p.Text(&b, plan.TextOptions{}); err != nil {
		t.Fatal(err)
	}
	if strings.ContainsAny(b.String(), "\x1b\x07") {
		t.Errorf("got %q", b.String())
	}
}

// Hundreds of changes may wait for one object: a person reads the first few.
func TestTextFoldsHeldChangesOfOneCause(t *testing.T) {
	t.Parallel()
	var p plan.Plan
	for range 14 {
		p.Changes = append(p.Changes, plan.Change{Key: keyOf(server("s")), Action: plan.Hold, Would: plan.Create, Cause: plan.Dependency, Reason: "it needs x"})
	}
	p.Changes = append(p.Changes, plan.Change{Key: keyOf(server("root")), Action: plan.Hold, Would: plan.Create, Cause: plan.Foreign, Reason: "not ours"})
	for all, want := range map[bool]struct{ held, folded int }{false: {11, 1}, true: {15, 0}} {
		var b bytes.Buffer
		if err := p.Text(&b, plan.TextOptions{All: all}); err != nil {
			t.Fatal(err)
		}
		held, folded := strings.Count(b.String(), "\n      held ("), strings.Count(b.String(), "! and 4 more held (dependency); --all lists them")
		if held != want.held || folded != want.folded {
			t.Errorf("all %v: %d listed and %d folded\n%s", all, held, folded, b.String())
		}
	}
}

// Law 2: a commit that could not be read in full is never called the same as the
// cluster, even if nothing else is there.
func TestGitNotReadIsNotNoChanges(t *testing.T) {
	t.Parallel()
	coverage := map[fabric.Kind]fabric.Coverage{}
	for _, k := range hedgehog.UserKinds() {
		coverage[k] = fabric.Coverage{State: fabric.Partial, Reason: "broken.yaml:1:1 could not be taken in"}
	}
	want, err := fabric.NewSnapshot("c1", time.Unix(1, 0), nil, coverage)
	if err != nil {
		t.Fatal(err)
	}
	c, _ := applied()
	p := plan.Make(plan.Input{Fabric: "lab", Want: want, Have: c.snapshot(nil), Settings: enforced()})
	if len(p.Unread) != len(coverage) {
		t.Fatalf("%d kinds unread, want %d", len(p.Unread), len(coverage))
	}
	var b bytes.Buffer
	if err := p.Text(&b, plan.TextOptions{}); err != nil {
		t.Fatal(err)
	}
	if got := b.String(); strings.Contains(got, "No changes") || strings.Count(got, "Not read in full: ") != 1 {
		t.Errorf("it says:\n%s", got)
	}
}
