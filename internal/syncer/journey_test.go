package syncer_test

import (
	"bytes"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/hedgesync/hedgesync/internal/fabric"
	"github.com/hedgesync/hedgesync/internal/fault"
	"github.com/hedgesync/hedgesync/internal/hedgehog"
	"github.com/hedgesync/hedgesync/internal/plan"
	"github.com/hedgesync/hedgesync/internal/saga"
	"github.com/hedgesync/hedgesync/internal/syncer"
	"github.com/hedgesync/hedgesync/internal/wiringtest"
)

func TestFirstSyncMakesTheClusterAsGitSays(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.commit(small()...)
	w.sync(saga.Completed)
	w.holds(small()...)
	w.agrees()
}

func TestSecondSyncDoesNothing(t *testing.T) {
	t.Parallel()
	w := synced(t)
	full := w.cluster.fullReads
	run := w.sync(saga.Completed)
	w.written()
	if w.cluster.fullReads != full || w.cluster.lightReads == 0 {
		t.Fatalf("%d full reads, %d light ones", w.cluster.fullReads-full, w.cluster.lightReads)
	}
	if p := w.plan(run.ID); len(p) > 0 {
		t.Fatalf("it planned %s", w.report(run.ID))
	}
}

// NUM-03: what is known of a commit is not read again, until something differs.
func TestUnchangedCommitIsNotReadAgain(t *testing.T) {
	t.Parallel()
	w := synced(t)
	before := w.repo.opened
	w.sync(saga.Completed)
	w.look()
	if n := w.repo.opened - before; n > 0 {
		t.Fatalf("files were read %d times", n)
	}
	w.cluster.edit(server("spare-1", "foreign"))
	w.sync(saga.Completed)
	w.holds(base()...)
	if w.repo.opened == before {
		t.Fatal("drift was put back from what was remembered")
	}
	w.repo.kept = map[string]string{}
	w.sync(saga.Completed)
	w.commit(append(base(), server("spare-9", "new"))...)
	w.sync(saga.Completed)
	w.holds(append(base(), server("spare-9", "new"))...)
}

// What a memory gives back is believed only if it can be read.
func TestBrokenMemoryIsForgotten(t *testing.T) {
	t.Parallel()
	w := synced(t)
	for k, v := range w.repo.kept {
		w.repo.kept[k] = v[:len(v)/2]
	}
	w.sync(saga.Completed)
	w.written()
	w.agrees()
}

// synced is a world in which the small fabric and two servers are applied.
func synced(t *testing.T, change ...func(*fabric.Settings)) *world {
	t.Helper()
	w := newWorld(t, change...)
	w.commit(base()...)
	w.sync(saga.Completed)
	w.forget()
	return w
}

// base is the small fabric and two servers to which nothing refers.
func base() []object { return append(small(), server("spare-1", "one"), server("spare-2", "two")) }

func TestAddChangeDelete(t *testing.T) {
	t.Parallel()
	w := synced(t)
	next := except(with(base(), server("spare-1", "changed"), server("spare-3", "three")), server("spare-2", ""))
	w.commit(next...)
	w.sync(saga.Completed)
	w.written("update Server/default/spare-1", "create Server/default/spare-3", "delete Server/default/spare-2")
	w.holds(next...)
	w.agrees()
}

func TestPruneOffHoldsDeletes(t *testing.T) {
	t.Parallel()
	w := synced(t, func(s *fabric.Settings) { s.Prune = false })
	w.commit(small()...)
	w.sync(saga.Partial)
	w.written()
	w.edit(func(s *fabric.Settings) { s.Prune = true })
	w.sync(saga.Completed)
	w.holds(small()...)
}

func TestDeleteGuardHoldsUntilLifted(t *testing.T) {
	t.Parallel()
	w := synced(t, func(s *fabric.Settings) { s.MaxDeletes = 1 })
	w.commit(small()...)
	w.sync(saga.Partial)
	w.written()
	w.sync(saga.Completed, syncer.Params{AllowDeletes: 2})
	w.written("delete Server/default/spare-1", "delete Server/default/spare-2")
}

func TestObserveModeRefusesToStart(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(s *fabric.Settings) { s.Mode = fabric.Observe })
	w.commit(small()...)
	_, err := w.coordinator.Start(t.Context(), lab, syncer.Params{}, "test", "test")
	if fault.KindOf(err) != fault.Denied {
		t.Fatalf("got %v", err)
	}
	if l := w.look(); l.Plan.Summary.Add == 0 {
		t.Fatalf("a look shows %+v", l.Plan.Summary)
	}
	w.written()
}

func TestObserveModeStopsARunThatWaits(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.commit(small()...)
	run := w.start(syncer.Params{})
	w.edit(func(s *fabric.Settings) { s.Mode = fabric.Observe })
	if got := w.drive(run); got.Status != saga.Failed || got.Failure.Code != "sync.observe" {
		t.Fatalf("got %s %+v", got.Status, got.Failure)
	}
	w.written()
}

// Who sees a run go wrong turns the fabric to observe: from then on nothing is
// written, not even to take something back.
func TestObserveModeStopsARunBetweenBatches(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.commit(small()...)
	w.cluster.onWrite = func(m *model, _ string, _ plan.Change) {
		m.onWrite = nil
		w.edit(func(s *fabric.Settings) { s.Mode = fabric.Observe })
	}
	run := w.sync(saga.Failed)
	if run.Failure.Code != "sync.observe" {
		t.Fatalf("got %+v", run.Failure)
	}
	for _, p := range w.plan(run.ID) {
		if p.Batch > 1 && !p.Intended.IsZero() || p.Undone != "" {
			t.Fatalf("batch %d was begun, or undone: %s", p.Batch, p.Undone)
		}
	}
}

func TestEqualObjectsAreAdopted(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, o := range small() {
		w.cluster.edit(o)
	}
	w.commit(small()...)
	w.sync(saga.Completed)
	w.written()
	w.agrees()
}

func TestForeignObjectIsHeld(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.cluster.edit(server("spare-1", "theirs"))
	w.commit(base()...)
	run := w.sync(saga.Partial)
	if w.cluster.objects[keyOf(server("spare-1", ""))].Object["spec"].(object)["description"] != "theirs" {
		t.Fatalf("it was overwritten: %s", w.report(run.ID))
	}
	w.edit(func(s *fabric.Settings) { s.Adopt = true })
	w.sync(saga.Completed)
	w.holds(base()...)
}

func TestObjectThatWasNeverOursIsNeverTouched(t *testing.T) {
	t.Parallel()
	w := synced(t)
	w.cluster.edit(server("theirs", "x"))
	w.sync(saga.Completed)
	w.written()
}

func TestDriftIsPutBack(t *testing.T) {
	t.Parallel()
	vpc := keyOf(find(base(), "VPC", 0))
	for name, drift := range map[string]func(m *model){
		"changed value": func(m *model) {
			m.change(keyOf(server("spare-1", "")), func(spec object) { spec["description"] = "rogue" })
		},
		"rogue subnet": func(m *model) {
			m.change(vpc, func(spec object) {
				spec["subnets"].(object)["rogue"] = object{"subnet": "10.9.9.0/24", "vlan": int64(1999)}
			})
		},
		"edited default": func(m *model) {
			m.change(vpc, func(spec object) {
				for _, s := range spec["subnets"].(object) {
					s.(object)["gateway"] = "10.9.9.9"
				}
			})
		},
		"deleted object": func(m *model) { m.remove(keyOf(server("spare-1", ""))) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := synced(t)
			drift(w.cluster)
			w.sync(saga.Completed)
			w.holds(base()...)
			w.agrees()
		})
	}
}

// A look records the versions it saw. They must not make the next one take the
// drift for what was applied.
func TestDriftThatWasSeenOnceIsStillDrift(t *testing.T) {
	t.Parallel()
	w := synced(t)
	w.cluster.change(keyOf(server("spare-1", "")), func(spec object) { spec["description"] = "rogue" })
	for range 3 {
		if l := w.look(); l.Plan.Summary.Change != 1 || l.Plan.Summary.Held != 0 {
			t.Fatalf("the look finds %+v", l.Plan.Summary)
		}
	}
	w.sync(saga.Completed)
	w.holds(base()...)
}

func TestRenameIsCreateAndDelete(t *testing.T) {
	t.Parallel()
	w := synced(t)
	next := except(with(base(), server("renamed", "one")), server("spare-1", ""))
	w.commit(next...)
	w.sync(saga.Completed)
	w.written("create Server/default/renamed", "delete Server/default/spare-1")
	w.agrees()
}

func TestBrokenFileNeverDeletes(t *testing.T) {
	t.Parallel()
	w := synced(t)
	files := wiringtest.Files(small(), 20)
	files["fabric/broken.yaml"] = []byte("kind: [Server\n")
	w.repo.commit(files)
	w.sync(saga.Partial)
	w.written()
}

// A file that cannot be read may hold anything: a run past it is not complete.
func TestBrokenFileIsNeverComplete(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	files := wiringtest.Files(small(), 20)
	files["fabric/broken.yaml"] = []byte("kind: [Server\n")
	w.repo.commit(files)
	w.sync(saga.Partial)
}

func TestKindThatCannotBeReadIsNeverWritten(t *testing.T) {
	t.Parallel()
	for _, state := range []fabric.CoverState{fabric.Forbidden, fabric.KindMissing, fabric.Failed} {
		t.Run(string(state), func(t *testing.T) {
			t.Parallel()
			w := synced(t)
			w.cluster.cover[hedgehog.Server] = fabric.Coverage{State: state, Reason: "test"}
			w.commit(with(small(), server("spare-1", "changed"))...)
			w.sync(saga.Partial)
			w.written()
			delete(w.cluster.cover, hedgehog.Server)
			w.sync(saga.Completed)
			w.written("update Server/default/spare-1", "delete Server/default/spare-2")
		})
	}
}

func TestUnreachableClusterChangesNothing(t *testing.T) {
	t.Parallel()
	w := synced(t)
	w.cluster.down = fault.New(fault.Unavailable, "kube.tcp", "connection refused")
	w.commit(small()...)
	w.sync(saga.Failed)
	w.cluster.down = nil
	w.written()
}

func TestUnreachableGitChangesNothing(t *testing.T) {
	t.Parallel()
	w := synced(t)
	w.repo.down = true
	w.sync(saga.Failed)
	w.written()
}

func TestVerifyFailsOnConcurrentEdit(t *testing.T) {
	t.Parallel()
	w := synced(t)
	before := w.recorded()
	w.commit(with(base(), server("spare-1", "changed"), server("spare-3", "three"))...)
	w.cluster.onWrite = func(m *model, _ string, c plan.Change) {
		if c.Key.Name == "spare-3" && len(m.log) > 0 {
			m.onWrite = nil
			m.change(keyOf(server("spare-1", "")), func(spec object) { spec["description"] = "theirs" })
		}
	}
	run := w.sync(saga.CompensationFailed)
	if run.Failure.Step != "verify" || run.Failure.Code != "sync.left" {
		t.Fatalf("got %+v", run.Failure)
	}
	// What is theirs stays and is named; what is ours is taken back.
	w.holds(with(base(), server("spare-1", "theirs"))...)
	delete(before, "Server/default/spare-1")
	after := w.recorded()
	delete(after, "Server/default/spare-1")
	w.same(before, after, "record")
}

// Success is read back: what cannot be read back has not succeeded.
func TestVerifyFailsWhenTheKindCannotBeRead(t *testing.T) {
	t.Parallel()
	w := synced(t, func(s *fabric.Settings) { s.OnFailure = fabric.Keep })
	w.commit(with(base(), server("spare-1", "changed"))...)
	w.cluster.onWrite = func(m *model, _ string, _ plan.Change) {
		m.cover[hedgehog.Server] = fabric.Coverage{State: fabric.Failed, Reason: "timeout"}
	}
	if run := w.sync(saga.Failed); run.Failure.Code != "sync.unverified" {
		t.Fatalf("got %+v", run.Failure)
	}
}

func TestCancelStopsAtASafePointAndTakesBack(t *testing.T) {
	t.Parallel()
	for _, policy := range []fabric.OnFailure{fabric.Rollback, fabric.Keep} {
		t.Run(string(policy), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, func(s *fabric.Settings) { s.OnFailure = policy })
			w.commit(base()...)
			before := w.cluster.contents()
			run := w.start(syncer.Params{})
			w.cluster.onWrite = func(m *model, _ string, _ plan.Change) {
				m.onWrite = nil
				_, err := w.store.Cancel(t.Context(), run.ID, w.now())
				w.check(err)
				w.beat <- struct{}{}
				w.beat <- struct{}{} // the first renewal, which saw the request, is over
			}
			run = w.drive(run)
			if policy == fabric.Keep {
				w.agrees()
				if run.Status != saga.Cancelled || len(w.inventory()) == 0 || len(w.inventory()) == len(base()) {
					t.Fatalf("%s with %d objects", run.Status, len(w.inventory()))
				}
				return
			}
			if run.Status != saga.Compensated {
				t.Fatalf("%s %+v", run.Status, run.Failure)
			}
			w.same(before, w.cluster.contents(), "cluster")
			w.same(map[string]fabric.Hash{}, w.recorded(), "record")
		})
	}
}

// save puts the plan of a look aside, as hedgesync plan --save does.
func (w *world) save(id string, l syncer.Look) {
	w.Helper()
	var b bytes.Buffer
	w.check(l.Document().Encode(&b))
	w.check(w.store.PutSavedPlan(w.Context(), plan.Saved{ID: id, Fabric: lab, Commit: l.Commit.ID, Created: w.now(),
		Expires: w.now().Add(time.Hour), Document: b.Bytes()}))
}

func TestSavedPlanIsAppliedExactly(t *testing.T) {
	t.Parallel()
	w := synced(t)
	first := w.commit(upheaval()...)
	l := w.look()
	w.save("p1", l)
	w.commit(small()...) // Git moves on; the plan names its commit
	run := w.sync(saga.Completed, syncer.Params{Plan: "p1", Rev: first})
	w.holds(upheaval()...)
	if run.Commit != first || run.PlanID != "p1" {
		t.Fatalf("the run brought %s by plan %s", run.Commit, run.PlanID)
	}
}

func TestSavedPlanIsRefusedWhenAnythingMoved(t *testing.T) {
	t.Parallel()
	for name, move := range map[string]func(w *world){
		"commit":   func(w *world) { w.commit(with(upheaval(), server("more", "x"))...) },
		"object":   func(w *world) { w.cluster.touch(keyOf(server("spare-1", ""))) },
		"gone":     func(w *world) { w.cluster.remove(keyOf(server("spare-1", ""))) },
		"settings": func(w *world) { w.edit(func(s *fabric.Settings) { s.Prune = false }) },
		"coverage": func(w *world) { w.cluster.cover[hedgehog.VPC] = fabric.Coverage{State: fabric.Forbidden} },
		"time":     func(w *world) { w.pass(2 * time.Hour) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := synced(t)
			w.commit(upheaval()...)
			w.save("p1", w.look())
			w.forget()
			move(w)
			run := w.sync(saga.Failed, syncer.Params{Plan: "p1"})
			if run.Failure.Kind != fault.Conflict {
				t.Fatalf("got %+v", run.Failure)
			}
			w.written()
		})
	}
}

func TestBatchesAreBoundedOrderedAndReported(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	objects := wiringtest.Sized(1000)
	w.commit(objects...)
	began := time.Now()
	run := w.sync(saga.Completed)
	t.Logf("%d objects in %s", len(objects), time.Since(began))
	w.agrees()
	sizes, tier := map[int]int{}, 0
	for _, p := range w.plan(run.ID) {
		sizes[p.Batch]++
		if p.Change.Tier < tier {
			t.Fatalf("%s of tier %d comes after tier %d", p.Change.Key, p.Change.Tier, tier)
		}
		tier = p.Change.Tier
	}
	if largest := slices.Max(slices.Collect(maps.Values(sizes))); largest > fabric.DefaultBatchSize {
		t.Fatalf("a batch has %d changes", largest)
	}
	requireForward(t, w.progress)
	if p := run.Progress; p.Done != 1000 || p.Total != 1000 || p.Batch != len(sizes) || p.Batches != len(sizes) || p.Percent() != 100 {
		t.Fatalf("it ends at %+v of %d batches", p, len(sizes))
	}
}

func requireForward(t *testing.T, all []saga.Progress) {
	t.Helper()
	for i := 1; i < len(all); i++ {
		if a, b := all[i-1], all[i]; b.Done < a.Done || b.Batch < a.Batch || b.Percent() < a.Percent() || b.Total != a.Total {
			t.Fatalf("progress went from %+v to %+v", a, b)
		}
	}
}

func TestProgressNeverGoesBackWhenTriesAreRepeated(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.commit(base()...)
	sent := map[fabric.Key]int{}
	w.cluster.disturb = func(c plan.Change) trouble {
		sent[c.Key]++
		return []trouble{fine, lost, busy, deaf, fine}[min(sent[c.Key]+len(c.Key.Name)%3-1, 4)]
	}
	w.sync(saga.Completed)
	w.holds(base()...)
	w.agrees()
	requireForward(t, w.progress)
}

func TestOneBadItemDoesNotLoseTheOthers(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(s *fabric.Settings) { s.OnFailure = fabric.Keep })
	w.commit(base()...)
	w.cluster.disturb = func(c plan.Change) trouble {
		if c.Key.Name == "spare-1" {
			return refused
		}
		return fine
	}
	w.sync(saga.Partial)
	w.agrees()
	w.holds(except(base(), server("spare-1", ""))...)
}

func TestRunNeverBeginsBesideAnother(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.commit(base()...)
	first := w.start(syncer.Params{})
	second, err := w.coordinator.Start(t.Context(), lab, syncer.Params{}, "test", "test")
	if fault.KindOf(err) != fault.Conflict || second.ID != first.ID {
		t.Fatalf("got %s, %v", second.ID, err)
	}
}

func TestRevBringsABranchTagOrCommit(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	first := w.commit(base()...)
	w.commit(upheaval()...)
	w.sync(saga.Completed, syncer.Params{Rev: first})
	w.holds(base()...)
	w.sync(saga.Completed, syncer.Params{Rev: "main"})
	w.holds(upheaval()...)
	w.repo.down = true // what was fetched before can be brought without the remote
	w.sync(saga.Completed, syncer.Params{Rev: first})
	w.holds(base()...)
}
