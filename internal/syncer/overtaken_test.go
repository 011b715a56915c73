package syncer_test

import (
	"testing"

	"github.com/hedgesync/hedgesync/internal/fabric"
	"github.com/hedgesync/hedgesync/internal/hedgehog"
	"github.com/hedgesync/hedgesync/internal/plan"
	"github.com/hedgesync/hedgesync/internal/saga"
	"github.com/hedgesync/hedgesync/internal/syncer"
)

// meet lets something happen to the cluster as a change of this name is first sent,
// and that write go wrong in its way.
func (w *world) meet(name string, how trouble, happen func(m *model)) {
	met := false
	w.cluster.disturb = func(c plan.Change) trouble {
		if c.Key.Name != name || met {
			return fine
		}
		met = true
		happen(w.cluster)
		return how
	}
}

func TestCreateThatMeetsAnotherObjectLeavesItAlone(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		how  trouble
		want saga.Status
	}{
		"and is told so":              {fine, saga.Compensated},
		"and never hears of it":       {lost, saga.CompensationFailed}, // it may have been ours, changed since
		"and is told to come back":    {busy, saga.Compensated},
		"and is refused for good":     {refused, saga.Compensated},
		"and hears nothing of a deed": {deaf, saga.Compensated}, // the write was refused: the answer said so
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := synced(t)
			w.commit(append(upheaval(), server("theirs", "ours"))...)
			before := w.cluster.contents()
			w.meet("theirs", c.how, func(m *model) { m.edit(server("theirs", "theirs")) })
			w.sync(c.want)
			other := newModel()
			other.edit(server("theirs", "theirs"))
			before["Server/default/theirs"] = other.contents()["Server/default/theirs"]
			w.same(before, w.cluster.contents(), "cluster")
			for _, e := range w.inventory() {
				if e.Key.Name == "theirs" {
					t.Fatal("it is recorded as ours")
				}
			}
		})
	}
}

// A status, an annotation of a controller: a new version that says the same.
func TestNewVersionThatSaysTheSameStopsNothing(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"spare-1", "spare-2"} { // changed, deleted
		w := synced(t)
		w.commit(upheaval()...)
		w.meet(name, fine, func(m *model) { m.touch(keyOf(server(name, ""))) })
		w.sync(saga.Completed)
		w.holds(upheaval()...)
		w.agrees()
	}
}

func TestEditUnderWayIsNotOverwritten(t *testing.T) {
	t.Parallel()
	for _, how := range []trouble{fine, lost, busy} {
		for _, name := range []string{"spare-1", "spare-2"} {
			w := synced(t, func(s *fabric.Settings) { s.OnFailure = fabric.Keep })
			w.commit(with(small(), server("spare-1", "changed"))...)
			w.meet(name, how, func(m *model) {
				m.change(keyOf(server(name, "")), func(spec object) { spec["description"] = "theirs" })
			})
			run := w.sync(saga.Partial)
			if got := w.cluster.objects[keyOf(server(name, ""))].Object["spec"].(object)["description"]; got != "theirs" {
				t.Fatalf("trouble %d: %s says %v\n%s", how, name, got, w.report(run.ID))
			}
		}
	}
}

func TestObjectMadeAnewUnderWayIsNotDeleted(t *testing.T) {
	t.Parallel()
	w := synced(t, func(s *fabric.Settings) { s.OnFailure = fabric.Keep })
	w.commit(with(small(), server("spare-1", "one"))...)
	w.meet("spare-2", fine, func(m *model) {
		m.remove(keyOf(server("spare-2", "")))
		m.edit(server("spare-2", "theirs"))
	})
	w.drive(w.start(syncer.Params{}))
	w.written()
	w.holds(with(small(), server("spare-1", "one"), server("spare-2", "theirs"))...)
	for _, e := range w.inventory() {
		if e.Key.Name == "spare-2" {
			t.Fatal("it is recorded as ours")
		}
	}
}

func TestHalfDoneUpdateGoesOnFromThere(t *testing.T) {
	t.Parallel()
	w := synced(t)
	vpc := keyOf(find(base(), "VPC", 1))
	w.cluster.change(vpc, func(spec object) {
		spec["subnets"].(object)["rogue"] = object{"subnet": "10.9.9.0/24", "vlan": int64(1999)}
	})
	w.commit(with(base(), edited(find(base(), "VPC", 1), func(spec object) {
		spec["subnets"].(object)["extra"] = object{"subnet": "10.9.8.0/24", "vlan": int64(1998)}
	}))...)
	w.edit(func(s *fabric.Settings) { s.Strategy = fabric.GitWins })
	w.meet(vpc.Name, halfway, func(*model) {})
	run := w.sync(saga.Completed)
	w.agrees()
	w.same([]string{"update " + vpc.String(), "tidy " + vpc.String()}, w.cluster.log, "effects")
	if p := w.plan(run.ID)[0]; p.Outcome.Writes < 2 || p.Change.Have.Object["spec"].(object)["subnets"].(object)["rogue"] == nil {
		t.Fatalf("%d writes; the pre-image is %v", p.Outcome.Writes, p.Change.Have.Object["spec"])
	}
}

// A finalizer holds a deleted object: it is waited for, not deleted again.
func TestDeleteHeldByAFinalizerIsWaitedFor(t *testing.T) {
	t.Parallel()
	for name, released := range map[string]bool{"released": true, "held": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := synced(t, func(s *fabric.Settings) { s.OnFailure = fabric.Keep })
			w.commit(with(small(), server("spare-1", "one"))...)
			w.meet("spare-2", finalizer, func(*model) {})
			s := &hooked{Store: w.store}
			w.coordinator.Store = s
			tries, want := 0, saga.Partial
			s.after = map[string]func(){"apply/0001 running": func() {
				if tries++; tries == 2 && released {
					w.cluster.remove(keyOf(server("spare-2", "")))
				}
			}}
			if released {
				want = saga.Completed
			}
			w.sync(want)
			w.written("delete Server/default/spare-2")
			if released {
				w.agrees()
			}
		})
	}
}

// What was recorded without a write is taken back with the rest: a run that is
// taken back leaves our record as it was.
func TestRollbackTakesBackAdoption(t *testing.T) {
	t.Parallel()
	w := synced(t)
	w.cluster.edit(server("theirs", "as wanted"))
	w.cluster.remove(keyOf(server("spare-2", "")))
	before := w.recorded()
	w.commit(with(small(), server("spare-1", "changed"), server("theirs", "as wanted"))...)
	w.meet("spare-1", refused, func(*model) {})
	w.sync(saga.Compensated)
	w.same(before, w.recorded(), "record")
}

// An object that was touched, deleted by us and restored is still ours: the next
// run may delete it.
func TestRestoredObjectIsStillOurs(t *testing.T) {
	t.Parallel()
	w := synced(t)
	w.cluster.touch(keyOf(server("spare-2", "")))
	w.commit(with(small(), server("spare-1", "one"))...)
	w.cluster.onWrite = func(m *model, _ string, _ plan.Change) {
		m.onWrite = nil
		m.cover[hedgehog.Server] = fabric.Coverage{State: fabric.Failed, Reason: "timeout"} // the read-back fails
	}
	w.sync(saga.Compensated)
	w.holds(base()...)
	delete(w.cluster.cover, hedgehog.Server)
	w.sync(saga.Completed)
	w.holds(with(small(), server("spare-1", "one"))...)
}
