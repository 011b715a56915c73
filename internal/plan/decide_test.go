package plan_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hedgesync/hedgesync/internal/fabric"
	"github.com/hedgesync/hedgesync/internal/hedgehog"
	"github.com/hedgesync/hedgesync/internal/plan"
)

// state is one row of every combination that decides about an object.
type state struct {
	want     string // "", "old" (what was applied), "new"
	have     string // "", "old", "new", "other", "old, unseen" (metadata), "other, unseen"
	base     string // "", "same" (this object), "other" (an object that is gone)
	cover    fabric.CoverState
	git      fabric.CoverState
	invalid  bool
	adopt    bool
	prune    bool
	strategy fabric.Strategy
	mode     fabric.Mode
}

func (s state) String() string {
	return fmt.Sprintf("want=%q have=%q base=%q cover=%q git=%q invalid=%v adopt=%v prune=%v strategy=%s mode=%s",
		s.want, s.have, s.base, s.cover, s.git, s.invalid, s.adopt, s.prune, s.strategy, s.mode)
}

func (s state) input() plan.Input {
	body := map[string]object{}
	for _, text := range []string{"old", "new", "other"} {
		body[text] = describedServer("s", text)
	}
	key := keyOf(body["old"])
	in := plan.Input{Fabric: "lab", Settings: fabric.Settings{
		ID: "lab", Adopt: s.adopt, Prune: s.prune, Strategy: s.strategy, Mode: s.mode, MaxDeletes: 10, MaxDeletePercent: 100,
	}}
	var want, have []fabric.Resource
	if s.want != "" {
		want = append(want, resourceOf(body[s.want]))
	}
	text, unseen := cutUnseen(s.have)
	if text != "" {
		h := fabric.Resource{Key: key, Version: "v1beta1", Object: body[text], UID: "u1", ResourceVersion: "1"}
		if text != "old" {
			h.ResourceVersion = "2"
		}
		if unseen {
			h.Object = nil
		}
		have = append(have, h)
	}
	if s.base != "" {
		old := resourceOf(body["old"])
		e := plan.Entry{Key: key, Version: "v1beta1", UID: "u1", ResourceVersion: "1", WantHash: old.Hash, Applied: hedgehog.Canonical(old.Object)}
		if s.base == "other" {
			e.UID = "u0"
		}
		in.Base = []plan.Entry{e}
	}
	if s.invalid {
		in.Problems = []fabric.Problem{{Severity: fabric.Error, Key: key, Message: "bad"}}
	}
	in.Want = snapshot("c1", want, map[fabric.Kind]fabric.Coverage{hedgehog.Server: {State: s.git}})
	in.Have = snapshot("k", have, map[fabric.Kind]fabric.Coverage{hedgehog.Server: {State: s.cover}})
	return in
}

func cutUnseen(have string) (text string, unseen bool) {
	const mark = ", unseen"
	if len(have) > len(mark) && have[len(have)-len(mark):] == mark {
		return have[:len(have)-len(mark)], true
	}
	return have, false
}

// decision is what a row leads to.
type decision struct {
	Action plan.Action
	Cause  plan.Cause
	Would  plan.Action
}

// expected restates the decision table of the architecture, law by law and on its
// own, for one row; ok is false if nothing is to be said about the object.
func (s state) expected() (d decision, ok bool) {
	text, unseen := cutUnseen(s.have)
	if s.cover != fabric.Full && s.cover != fabric.Partial {
		text = "" // listed in a read that failed: as good as not seen
	}
	if s.want == "" && text == "" && s.base == "" && !s.invalid {
		return decision{}, false
	}
	d = s.free(text, unseen)
	held := func(c plan.Cause) decision {
		if d.Action == plan.Hold {
			return d
		}
		return decision{plan.Hold, c, d.Action}
	}
	if s.invalid && d.Action != plan.None {
		d = held(plan.Invalid)
	}
	if s.want == "" && !s.invalid && s.git != fabric.Full {
		if d.Action == plan.Extra {
			d.Cause = plan.Unread
		} else {
			d = held(plan.Unread)
		}
	}
	if s.cover != fabric.Full && (d.Action.Writes() || d.Action == plan.Forget) {
		d = held(plan.Unread)
	}
	if d.Action == plan.Update && d.Cause == plan.Foreign && !s.adopt {
		d = held(plan.Foreign)
	}
	if d.Action == plan.Update && d.Cause == plan.Both && s.strategy != fabric.GitWins {
		d = held(plan.Both)
	}
	if d.Action == plan.Delete && !s.prune {
		d = held(plan.Guard)
	}
	return d, true
}

// free is the table itself, before anything is held by policy or for want of knowledge.
func (s state) free(have string, unseen bool) decision {
	ours := s.base == "same"
	switch {
	case s.want == "" && s.invalid && have == "":
		return decision{Action: plan.Create, Cause: plan.Source}
	case s.want == "" && s.invalid:
		return decision{Action: plan.Update, Cause: plan.Source}
	case s.want == "" && have == "":
		return decision{Action: plan.Forget, Cause: plan.Source}
	case s.want == "" && s.base == "":
		return decision{Action: plan.Extra, Cause: plan.Unmanaged}
	case s.want == "" && s.base == "other":
		return decision{plan.Hold, plan.Both, plan.Delete}
	case s.want == "" && have == "old":
		return decision{Action: plan.Delete, Cause: plan.Source}
	case s.want == "" && unseen:
		return decision{plan.Hold, plan.Unread, plan.Delete}
	case s.want == "":
		return decision{plan.Hold, plan.Both, plan.Delete}
	case have == "" && s.base != "" && s.want == "old":
		return decision{Action: plan.Create, Cause: plan.Drift}
	case have == "":
		return decision{Action: plan.Create, Cause: plan.Source}
	case ours && have == "old" && s.want == "old":
		return decision{Action: plan.None}
	case unseen:
		return decision{plan.Hold, plan.Unread, plan.Update}
	case have == s.want:
		return decision{Action: plan.Adopt, Cause: plan.Source}
	case !ours:
		return decision{Action: plan.Update, Cause: plan.Foreign}
	case have == "old":
		return decision{Action: plan.Update, Cause: plan.Source}
	case s.want == "old":
		return decision{Action: plan.Update, Cause: plan.Drift}
	}
	return decision{Action: plan.Update, Cause: plan.Both}
}

// states yields every combination.
func states(yield func(state)) {
	covers := []fabric.CoverState{fabric.Full, fabric.Partial, fabric.NotRead, fabric.KindMissing, fabric.Forbidden, fabric.Failed}
	flags := []bool{false, true}
	for _, want := range []string{"", "old", "new"} {
		for _, have := range []string{"", "old", "new", "other", "old, unseen", "other, unseen"} {
			for _, base := range []string{"", "same", "other"} {
				for _, cover := range covers {
					for _, git := range []fabric.CoverState{fabric.Full, fabric.Partial, fabric.NotRead} {
						for i := range 32 {
							s := state{want: want, have: have, base: base, cover: cover, git: git, strategy: fabric.Manual, mode: fabric.Enforce}
							s.invalid, s.adopt, s.prune = flags[i&1], flags[i>>1&1], flags[i>>2&1]
							if i>>3&1 == 1 {
								s.strategy = fabric.GitWins
							}
							if i>>4&1 == 1 {
								s.mode = fabric.Observe
							}
							yield(s)
						}
					}
				}
			}
		}
	}
}

func TestEveryCombinationIsDecidedByTheTable(t *testing.T) {
	t.Parallel()
	n := 0
	states(func(s state) {
		n++
		p := plan.Make(s.input())
		want, ok := s.expected()
		if !ok {
			if len(p.Changes) != 0 {
				t.Errorf("%s: got %d changes, want none", s, len(p.Changes))
			}
			return
		}
		if len(p.Changes) != 1 {
			t.Fatalf("%s: got %d changes, want one", s, len(p.Changes))
		}
		c := p.Changes[0]
		if diff := cmp.Diff(want, decision{c.Action, c.Cause, c.Would}); diff != "" {
			t.Errorf("%s (%s): (-want +got)\n%s", s, c.Reason, diff)
		}
		checkLaws(t, s, p, c)
	})
	if n != 3*6*3*6*3*32 {
		t.Errorf("%d combinations were tried", n)
	}
}

// checkLaws holds what must be true of every row, whatever the table says.
func checkLaws(t *testing.T, s state, p plan.Plan, c plan.Change) {
	t.Helper()
	if c.Action == plan.Delete && (!s.prune || s.base != "same" || s.cover != fabric.Full || s.git != fabric.Full || s.have[:3] != "old") {
		t.Errorf("%s: deleted", s)
	}
	if ordered := len(p.Order) > 0; ordered != (c.Action.Writes() && s.mode == fabric.Enforce) {
		t.Errorf("%s: %s, ordered: %v", s, c.Action, ordered)
	}
	if c.Action.Writes() && s.cover != fabric.Full {
		t.Errorf("%s: written, though the kind was not read in full", s)
	}
	if c.Action != plan.None && c.Reason == "" {
		t.Errorf("%s: %s without a reason", s, c.Action)
	}
	if c.Action == plan.Hold && c.Cause == plan.Unread && s.cover == fabric.Full && s.git == fabric.Full && len(p.Needs) == 0 {
		t.Errorf("%s: held for want of a read that is not asked for", s)
	}
}

func TestBodiesAndMetadataGiveTheSameAnswer(t *testing.T) {
	t.Parallel()
	c, r := applied(small()...)
	full := plan.Input{Fabric: "lab", Want: wanted(small()...), Have: c.snapshot(nil), Base: r.entries(), Settings: enforced()}
	for k, h := range c.objects {
		h.Object = nil
		c.objects[k] = h
	}
	light := full
	light.Have = c.snapshot(nil)
	a, b := plan.Make(full), plan.Make(light)
	if a.Summary != b.Summary || a.Summary.Nothing != len(small()) || len(b.Needs) != 0 {
		t.Errorf("in full %+v, by metadata %+v, needs %v", a.Summary, b.Summary, b.Needs)
	}
}

func TestErrorsWithoutAnObjectStopDeletes(t *testing.T) {
	t.Parallel()
	c, r := applied(server("s1"), server("s2"))
	in := plan.Input{Want: wanted(server("s1")), Have: c.snapshot(nil), Base: r.entries(), Settings: enforced(),
		Problems: []fabric.Problem{{Severity: fabric.Error, Rule: "yaml.syntax", Message: "broken", Origin: fabric.Origin{File: "a.yaml", Line: 3}}}}
	got := find(t, plan.Make(in), hedgehog.Server, "s2")
	if got.Action != plan.Hold || got.Cause != plan.Unread || got.Reason != "Git was not read in full: broken (a.yaml:3:0)" {
		t.Errorf("got %s %s %q", got.Action, got.Cause, got.Reason)
	}
}

func TestWarningsHoldNothing(t *testing.T) {
	t.Parallel()
	in := plan.Input{Want: wanted(server("s1")), Have: newCluster().snapshot(nil), Settings: enforced(),
		Problems: []fabric.Problem{{Severity: fabric.Warning, Key: keyOf(server("s1")), Message: "odd"}}}
	if got := find(t, plan.Make(in), hedgehog.Server, "s1"); got.Action != plan.Create {
		t.Errorf("got %s: %s", got.Action, got.Reason)
	}
}

func TestNamespacesThatAreNotReadAreNotEmpty(t *testing.T) {
	t.Parallel()
	elsewhere := resourceOf(server("s1"))
	elsewhere.Key.Namespace = "elsewhere"
	in := plan.Input{Want: snapshot("c", []fabric.Resource{elsewhere}, nil), Have: newCluster().snapshot(nil), Settings: enforced()}
	got := plan.Make(in).Changes[0]
	if got.Action != plan.Hold || got.Cause != plan.Unread || got.Would != plan.Create {
		t.Errorf("got %s %s %s", got.Action, got.Cause, got.Reason)
	}
}

func TestFieldsSayWhoseDoingEachDifferenceIs(t *testing.T) {
	t.Parallel()
	old := leaf(1, func(s object) { s["description"] = "as applied" })
	c, r := applied(vlanNS("default", 1000, 1999), old)
	drifted := leaf(1, func(s object) { s["description"], s["boot"] = "as applied", object{"serial": "X1"} })
	c.put(drifted)
	want := leaf(1, func(s object) { s["description"] = "as wanted" })
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	in := plan.Input{
		Want: wanted(vlanNS("default", 1000, 1999), want), Have: c.snapshot(nil), Base: r.entries(), Settings: enforced(),
		Predict: func(have *fabric.Resource, want fabric.Resource) (fabric.Resource, error) {
			stored := hedgehog.Expected(want.Object)
			stored["spec"].(object)["boot"] = have.Object["spec"].(object)["boot"]
			return fabric.Resource{Key: want.Key, Object: stored}, nil
		},
		Attribute: func(_ map[string]any, pointer string) (string, time.Time) { return "kubectl-edit", at },
	}
	in.Settings.Strategy = fabric.GitWins
	got := find(t, plan.Make(in), hedgehog.Switch, "leaf-01")
	want2 := []plan.Field{
		{Path: "/spec/boot/serial", Old: "X1", Cause: plan.Drift, Manager: "kubectl-edit", At: at},
		{Path: "/spec/description", Old: "as applied", New: "as wanted", Cause: plan.Source},
	}
	if diff := cmp.Diff(want2, got.Fields); diff != "" {
		t.Errorf("fields (-want +got)\n%s", diff)
	}
	if diff := cmp.Diff([]string{"/spec/boot/serial"}, got.Remove); diff != "" {
		t.Errorf("removed after the apply (-want +got)\n%s", diff)
	}
}

func TestWhatTheServerWouldRefuseIsHeld(t *testing.T) {
	t.Parallel()
	c, r := applied(server("s1"))
	in := plan.Input{Want: wanted(describedServer("s1", "x")), Have: c.snapshot(nil), Base: r.entries(), Settings: enforced(),
		Predict: func(*fabric.Resource, fabric.Resource) (fabric.Resource, error) {
			return fabric.Resource{}, errors.New("field not declared in schema")
		}}
	got := find(t, plan.Make(in), hedgehog.Server, "s1")
	if got.Action != plan.Hold || got.Cause != plan.Invalid || got.Would != plan.Update {
		t.Errorf("got %s %s %s", got.Action, got.Cause, got.Reason)
	}
}

func TestLabelsThatGitDropsAreRemoved(t *testing.T) {
	t.Parallel()
	labelled := server("s1")
	labelled["metadata"].(object)["labels"] = object{"a/b": "1", "keep": "2"}
	c, r := applied(labelled)
	bare := server("s1")
	bare["metadata"].(object)["labels"] = object{"keep": "2"}
	in := plan.Input{Want: wanted(bare), Have: c.snapshot(nil), Base: r.entries(), Settings: enforced()}
	got := find(t, plan.Make(in), hedgehog.Server, "s1")
	want := []plan.Field{{Path: "/metadata/labels/a~1b", Old: "1", Cause: plan.Source}}
	if diff := cmp.Diff(want, got.Fields); diff != "" || got.Action != plan.Update || got.Cause != plan.Source {
		t.Errorf("%s %s (-want +got)\n%s", got.Action, got.Cause, diff)
	}
}

func TestSecretsAreNotShown(t *testing.T) {
	t.Parallel()
	c, r := applied(server("s1"))
	want := server("s1")
	want["metadata"].(object)["annotations"] = object{"example.com/api-token": "hunter2"}
	in := plan.Input{Want: wanted(want), Have: c.snapshot(nil), Base: r.entries(), Settings: enforced()}
	got := find(t, plan.Make(in), hedgehog.Server, "s1")
	if len(got.Fields) != 1 || got.Fields[0].New != "[secret]" {
		t.Errorf("got %+v", got.Fields)
	}
}
