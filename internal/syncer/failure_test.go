package syncer_test

import (
	"slices"
	"testing"

	"github.com/hedgesync/hedgesync/internal/fabric"
	"github.com/hedgesync/hedgesync/internal/fault"
	"github.com/hedgesync/hedgesync/internal/hedgehog"
	"github.com/hedgesync/hedgesync/internal/plan"
	"github.com/hedgesync/hedgesync/internal/saga"
	"github.com/hedgesync/hedgesync/internal/syncer"
)

// upheaval creates, changes, replaces and deletes, over several tiers.
func upheaval() []object {
	next := except(base(), server("spare-2", ""), find(base(), "VPCPeering", 0))
	next = with(next, server("spare-1", "changed"), server("spare-3", "three"))
	vpc := edited(find(base(), "VPC", 0), func(spec object) {
		spec["subnets"].(object)["extra"] = object{"subnet": "10.15.9.0/24", "vlan": int64(2999)}
	})
	// Another way of cabling is another connection: it is deleted and created anew,
	// and its attachment with it.
	cable := edited(find(base(), "Connection", 1), func(spec object) {
		link := spec["unbundled"].(object)["link"]
		delete(spec, "unbundled")
		spec["bundled"] = object{"links": []any{link}}
	})
	return with(next, vpc, cable)
}

func TestReplacedObjectsGoBeforeWhatTheyReferTo(t *testing.T) {
	t.Parallel()
	w := synced(t)
	w.commit(upheaval()...)
	run := w.sync(saga.Completed)
	w.holds(upheaval()...)
	w.agrees()
	halves := 0
	for _, p := range w.plan(run.ID) {
		if p.Change.Key.Kind == hedgehog.Connection {
			halves++
		}
	}
	if halves != 2 {
		t.Fatalf("a replacement has %d halves:\n%s", halves, w.report(run.ID))
	}
}

// TestRollbackRestoresWhatWasThere fails every change in turn, each in its way.
// Afterwards content and record are as before, compared by hash.
func TestRollbackRestoresWhatWasThere(t *testing.T) {
	t.Parallel()
	for n := 1; ; n++ {
		w := synced(t)
		w.cluster.edit(server("adopted", "as wanted"))
		w.cluster.change(keyOf(find(base(), "VPC", 1)), func(spec object) {
			spec["subnets"].(object)["rogue"] = object{"subnet": "10.9.9.0/24", "vlan": int64(1999)}
		})
		w.commit(append(upheaval(), server("adopted", "as wanted"))...)
		how := []trouble{refused, busy}[n%2]
		contents, recorded, failed := w.cluster.contents(), w.recorded(), failing(w, how, n)
		run := w.drive(w.start(syncer.Params{}))
		if !*failed {
			return
		}
		if run.Status != saga.Compensated {
			t.Fatalf("trouble %d at write %d: %s %+v\n%s", how, n, run.Status, run.Failure, w.report(run.ID))
		}
		w.same(contents, w.cluster.contents(), "cluster")
		w.same(recorded, w.recorded(), "record")
	}
}

// failing lets the n-th change fail, every time it is sent until it is taken back.
func failing(w *world, how trouble, n int) *bool {
	var key *fabric.Key
	var action plan.Action
	happened, sent, tries := false, map[fabric.Key]bool{}, 0
	w.cluster.disturb = func(c plan.Change) trouble {
		sent[c.Key] = true
		if key == nil && len(sent) == n {
			key, action = &c.Key, c.Action
		}
		if key == nil || c.Key != *key || c.Action != action || tries == 3 {
			return fine
		}
		tries++
		happened = true
		if len(c.Remove) > 0 {
			return halfway
		}
		return how
	}
	return &happened
}

func TestKeepEndsPartialAndSendsNoDependents(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(s *fabric.Settings) { s.OnFailure = fabric.Keep })
	vpc := keyOf(find(base(), "VPC", 0))
	w.commit(base()...)
	w.cluster.disturb = func(c plan.Change) trouble {
		switch {
		case c.Key == vpc:
			return refused
		case slices.ContainsFunc(hedgehog.References(*c.Want), func(r hedgehog.Reference) bool { return r.To == vpc }):
			t.Errorf("%s was sent", c.Key)
		}
		return fine
	}
	run := w.sync(saga.Partial)
	for _, p := range w.plan(run.ID) {
		if p.Outcome.Result == "" || p.Outcome.Result == plan.Refused && p.Outcome.Err == nil {
			t.Fatalf("%s has no outcome:\n%s", p.Change.Key, w.report(run.ID))
		}
	}
	w.agrees()
	w.cluster.disturb = nil
	w.sync(saga.Completed)
	w.holds(base()...)
}

// A delete whose turn comes after one that failed is not sent either.
func TestKeepDeletesNothingThatIsStillUsed(t *testing.T) {
	t.Parallel()
	w := synced(t, func(s *fabric.Settings) { s.OnFailure = fabric.Keep })
	attachment := find(base(), "VPCAttachment", 0)
	var connection object
	for _, o := range base() {
		if o["kind"] == "Connection" && keyOf(o).Name == attachment["spec"].(object)["connection"] {
			connection = o
		}
	}
	w.commit(except(base(), attachment, connection)...)
	w.cluster.disturb = func(c plan.Change) trouble {
		switch c.Key {
		case keyOf(attachment):
			return refused
		case keyOf(connection):
			t.Errorf("%s was sent", c.Key)
		}
		return fine
	}
	w.sync(saga.Partial)
	w.written()
	w.agrees()
}

// Admission stores some invalid input as an empty spec and answers 201: what is
// accepted and not kept is not applied, stays ours, and is never called in sync.
func TestAcceptedIsNotStored(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(s *fabric.Settings) { s.OnFailure = fabric.Keep })
	spare := server("spare-1", "one")
	w.cluster.empties = map[fabric.Key]bool{keyOf(spare): true}
	w.commit(append(small(), spare)...)
	for range 2 {
		run := w.sync(saga.Partial)
		for _, p := range w.plan(run.ID) {
			if p.Change.Key == keyOf(spare) && (p.Outcome.Result != plan.Refused || fault.CodeOf(p.Outcome.Err) != "sync.not-stored") {
				t.Fatalf("outcome %s: %v", p.Outcome.Result, p.Outcome.Err)
			}
		}
		if s := w.look().Plan.Summary; s.Change != 1 {
			t.Fatalf("the next plan says %+v", s)
		}
	}
	w.commit(small()...)
	w.sync(saga.Completed)
	w.holds(small()...)
	w.agrees()
}

func TestAcceptedAndNotStoredIsTakenBack(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	spare := server("spare-1", "one")
	w.cluster.empties = map[fabric.Key]bool{keyOf(spare): true}
	w.commit(append(small(), spare)...)
	w.sync(saga.Compensated)
	w.holds()
	if got := w.inventory(); len(got) > 0 {
		t.Fatalf("still recorded: %v", got)
	}
}

// An API without a fabric's admission computes no defaults: a create that was
// killed there is still recognised as ours.
func TestKilledCreateIsOursWithoutAdmission(t *testing.T) {
	t.Parallel()
	want := find(small(), "Switch", 0)
	bare := fabric.Resource{Key: keyOf(want), Object: hedgehog.Canonical(want), UID: "u", ResourceVersion: "1"}
	got := syncer.Unlike(fabric.Resource{Key: keyOf(want), Object: want}, bare)
	if len(got) > 0 {
		t.Errorf("taken for somebody else's: %v", got)
	}
	other := fabric.Resource{Key: keyOf(want), Object: hedgehog.Expected(hedgehog.Canonical(described(want, "foreign")))}
	if len(syncer.Unlike(fabric.Resource{Key: keyOf(want), Object: want}, other)) == 0 {
		t.Error("somebody else's value is taken for ours")
	}
}

// What a check of a broken commit found is not the whole truth: it says so, and
// every verdict that stands on it is Unknown.
func TestCheckOfABrokenCommitSaysWhatWasNotRead(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.repo.commit(map[string][]byte{"fabric/broken.yaml": []byte("a: [\n")})
	if c := w.look().Check(); len(c.Unread) != len(hedgehog.UserKinds()) {
		t.Fatalf("%d kinds unread", len(c.Unread))
	}
}
