package store

import (
	"strings"
	"testing"
	"time"

	"github.com/hedgesync/hedgesync/internal/fabric"
	"github.com/hedgesync/hedgesync/internal/fault"
	"github.com/hedgesync/hedgesync/internal/plan"
)

func TestSavedPlanComesBackByteForByte(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		addFabric(t, s, "a")
		p := plan.Saved{ID: "p1", Fabric: "a", Commit: "c0ffee", Hash: "h", Inputs: []byte(`{"vpc":"41"}`), Created: t0, Expires: later(60),
			Document: []byte("{\"x\": \"\x00\xff <&> \", \"n\": 1.0}\r\n")}
		must(t, s.PutSavedPlan(t.Context(), p))
		same(t, "saved", got(s.SavedPlan(t.Context(), "p1"))(t), p)
		wantFault(t, s.PutSavedPlan(t.Context(), p), fault.Conflict, "store.duplicate")
		_, err := s.SavedPlan(t.Context(), "p2")
		wantFault(t, err, fault.Missing, "plan.missing")

		q := plan.Saved{ID: "p0", Fabric: "a", Created: later(1)}
		must(t, s.PutSavedPlan(t.Context(), q))
		p.Document = nil
		same(t, "list", got(s.SavedPlans(t.Context(), "a"))(t), []plan.Saved{q, p})
	})
}

func TestBrokenDocumentIsSaidToBeDamaged(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		addFabric(t, s, "a")
		must(t, s.PutSavedPlan(t.Context(), plan.Saved{ID: "p1", Fabric: "a", Created: t0, Document: []byte("plan")}))
		must(t, s.PutActual(t.Context(), "a", snapshot(t, "c", t0, full, live("v1", 1, "7"))))
		for _, q := range []string{"update saved_plan set document = fabric_bytes", "update document set object = '{'"} {
			_, err := s.db.ExecContext(t.Context(), strings.Replace(q, "fabric_bytes", map[string]string{"sqlite": "x'00'", "postgres": `'\x00'`}[s.dialect.name], 1))
			must(t, err)
		}
		_, err := s.SavedPlan(t.Context(), "p1")
		wantFault(t, err, fault.Invalid, "store.damaged")
		_, err = s.Side(t.Context(), "a", Actual)
		wantFault(t, err, fault.Invalid, "store.damaged")
	})
}

func found(name string, fields ...plan.Field) plan.Change {
	return plan.Change{Key: vpc(name), Action: plan.Update, Cause: plan.Drift, Reason: "edited", Tier: 3, Fields: fields}
}

func TestNeverCheckedIsNotInSync(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		addFabric(t, s, "a")
		if c := got(s.Check(t.Context(), "a"))(t); !c.At.IsZero() {
			t.Errorf("a fabric nobody checked has the check %+v", c)
		}
		must(t, s.PutCheck(t.Context(), "a", plan.Check{At: t0}))
		if c := got(s.Check(t.Context(), "a"))(t); !c.At.Equal(t0) || len(c.Changes) != 0 {
			t.Errorf("got %+v", c)
		}
	})
}

func TestDifferenceKeepsItsOnsetWhileItLasts(t *testing.T) {
	onBoth(t, func(t *testing.T, s *Store) {
		addFabric(t, s, "a")
		vlan := plan.Field{Path: "/spec/vlan", Old: int64(1), New: int64(2), Cause: plan.Drift, Manager: "kubectl-edit", At: later(-90)}
		mtu := plan.Field{Path: "/spec/mtu", Old: nil, New: int64(9000), Cause: plan.Source}
		check := plan.Check{At: t0, Commit: "c0ffee", Run: "r1", Summary: plan.Summary{Change: 1, Held: 2, Nothing: 3},
			Changes: []plan.Change{found("v1", vlan), {Key: vpc("quiet"), Action: plan.None}},
			Unread:  map[fabric.Kind]fabric.Coverage{sws: {State: fabric.Forbidden, Reason: "no rights"}}}
		must(t, s.PutCheck(t.Context(), "a", check))
		want := check
		want.Changes = check.Changes[:1]
		same(t, "first", got(s.Check(t.Context(), "a"))(t), Checked{want, []Onset{{later(-90), []time.Time{later(-90)}}}})

		vlan.Old, vlan.At = int64(3), later(50) // edited once more, still different
		check.At, check.Changes = later(60), []plan.Change{found("v1", mtu, vlan), found("v2", mtu)}
		must(t, s.PutCheck(t.Context(), "a", check))
		same(t, "second", got(s.Check(t.Context(), "a"))(t), Checked{check, []Onset{
			{later(-90), []time.Time{later(60), later(-90)}}, {later(60), []time.Time{later(60)}}}})

		check.At, check.Changes = later(120), nil
		must(t, s.PutCheck(t.Context(), "a", check))
		check.At, check.Changes = later(180), []plan.Change{found("v1", mtu)}
		must(t, s.PutCheck(t.Context(), "a", check))
		same(t, "back again", got(s.Check(t.Context(), "a"))(t).Onsets, []Onset{{later(180), []time.Time{later(180)}}})
	})
}

func TestStoredShapesDoNotFollowRenames(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		v    any
		want string
	}{
		"summary": {plan.Summary{Add: 1, Change: 2, Destroy: 3, Adopt: 4, Forget: 5, Held: 6, Extra: 7, Nothing: 8},
			`{"Add":1,"Change":2,"Destroy":3,"Adopt":4,"Forget":5,"Held":6,"Extra":7,"Nothing":8}`},
		"key":    {vpc("v1"), `{"Kind":{"Group":"vpc.githedgehog.com","Name":"VPC"},"Namespace":"default","Name":"v1"}`},
		"origin": {fabric.Origin{File: "f", Line: 1, Column: 2, Document: 3}, `{"File":"f","Line":1,"Column":2,"Document":3}`},
	}
	for name, c := range cases {
		same(t, name, got(encode(c.v))(t), c.want)
	}
}
