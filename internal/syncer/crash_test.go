package syncer_test

import (
	"context"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/hedgesync/hedgesync/internal/fabric"
	"github.com/hedgesync/hedgesync/internal/hedgehog"
	"github.com/hedgesync/hedgesync/internal/plan"
	"github.com/hedgesync/hedgesync/internal/saga"
	"github.com/hedgesync/hedgesync/internal/syncer"
)

// history is one run under watch: what may never happen fails the test when it does.
type history struct {
	*world
	run     saga.Run
	effects map[string]int // by direction, verb and key
	before  struct {
		contents, recorded map[string]fabric.Hash
		current            map[string]bool // recorded at the very version that is there
	}
}

func (w *world) watch(run saga.Run) *history {
	h := &history{world: w, run: run, effects: map[string]int{}}
	h.before.contents, h.before.recorded, h.before.current = w.cluster.contents(), w.recorded(), w.current()
	w.cluster.onWrite = h.onWrite
	return h
}

// current names the objects whose record is up to date.
func (w *world) current() map[string]bool {
	out := map[string]bool{}
	for _, e := range w.inventory() {
		if s, there := w.cluster.objects[e.Key]; there && s.UID == e.UID && s.ResourceVersion == e.ResourceVersion {
			out[e.Key.String()] = true
		}
	}
	return out
}

// onWrite checks at the instant of each write that the journal knows of it.
func (h *history) onWrite(_ *model, verb string, c plan.Change) {
	run := h.stored(h.run.ID)
	mark := fmt.Sprintf("%s %s %s", run.Status, verb, c.Key)
	if h.effects[mark]++; h.effects[mark] > 1 {
		h.Errorf("%s for the %d. time", mark, h.effects[mark])
	}
	switch {
	case run.Status == saga.Running && !slices.ContainsFunc(h.plan(run.ID), func(p plan.Planned) bool {
		return p.Change.Key == c.Key && p.Change.Action == c.Action && !p.Intended.IsZero() && p.Done.IsZero()
	}):
		h.Errorf("%s without an intent", mark)
	case run.Status == saga.Compensating && !h.undoing(c.Key):
		h.Errorf("%s, which this run did not do", mark)
	case !run.Status.Live():
		h.Errorf("%s after the run's end", mark)
	}
	if verb == "delete" && run.Status == saga.Running && !slices.ContainsFunc(h.inventory(), func(e plan.Entry) bool { return e.Key == c.Key }) {
		h.Errorf("%s, which is not recorded", mark)
	}
}

// undoing reports whether a step under way takes back a change of this object.
func (h *history) undoing(k fabric.Key) bool {
	steps, err := h.store.Steps(h.Context(), h.run.ID)
	h.check(err)
	for _, p := range h.plan(h.run.ID) {
		name := fmt.Sprintf("apply/%04d", p.Batch)
		if p.Change.Key == k && !p.Intended.IsZero() && slices.ContainsFunc(steps, func(s saga.StepRecord) bool {
			return s.Name == name && s.Dir == saga.Undo && s.Status == saga.StepRunning
		}) {
			return true
		}
	}
	return false
}

// live lets one worker after the other work on the run until it ends; each is
// killed after so many points, and the last one is not.
func (h *history) live(kills ...int) saga.Run {
	h.Helper()
	for i, left := range append(slices.Clone(kills), 0) {
		p := &process{left: left}
		s := mortalStore{h.store, p}
		c := h.coordinate(s, mortalCluster{h.cluster, p})
		h.holder = fmt.Sprintf("%s/%d", h.run.ID, i)
		_, err := h.runner(s).Drive(h.Context(), h.run.ID, c.Definition)
		if run := h.stored(h.run.ID); !run.Status.Live() {
			return run
		}
		if !p.dead {
			h.Fatalf("worker %d gave the run up: %v\n%s", i, err, h.report(h.run.ID))
		}
		h.pass(2 * leaseTTL)
	}
	panic("unreachable")
}

// judge checks what an ended run promises.
func (h *history) judge(run saga.Run, want []object) {
	h.Helper()
	switch run.Status {
	case saga.Completed:
		h.holds(want...)
		h.agrees()
	case saga.Compensated:
		h.same(h.before.contents, h.cluster.contents(), "cluster")
		h.same(h.before.recorded, h.recorded(), "record")
		for k := range h.before.current {
			if !h.current()[k] {
				h.Fatalf("the record of %s was up to date before the run and is not after it", k)
			}
		}
	case saga.Partial, saga.Cancelled:
		// What a run leaves behind, its journal included, is no obstacle to the next.
		h.cluster.disturb, h.cluster.onWrite = nil, nil
		h.sync(saga.Completed)
		h.holds(want...)
		h.agrees()
	default:
		h.Fatalf("the run ended as %s: %+v\n%s", run.Status, run.Failure, h.report(run.ID))
	}
}

// TestRunSurvivesOneDeathAnywhere kills the process at points all over a run that
// does a bit of everything, and one that is taken back: before calls and after them.
func TestRunSurvivesOneDeathAnywhere(t *testing.T) {
	t.Parallel()
	for name, bad := range map[string]string{"completed": "", "compensated": keyOf(find(base(), "VPCAttachment", 0)).Name} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			for n := 1; ; n += 23 {
				w.reset(base())
				if !w.oneDeath(n, bad) {
					t.Logf("%d points", n)
					return
				}
			}
		})
	}
}

// reset makes the cluster and the record those of these objects, with some drift.
func (w *world) reset(objects []object) {
	w.Helper()
	w.cluster.disturb, w.cluster.onWrite = nil, nil
	w.commit(objects...)
	w.sync(saga.Completed)
	w.cluster.change(keyOf(find(base(), "VPC", 1)), func(spec object) {
		spec["subnets"].(object)["rogue"] = object{"subnet": "10.9.9.0/24", "vlan": int64(1999)}
	})
	w.commit(upheaval()...)
	w.forget()
}

// oneDeath makes a run in which the server refuses one object for good, kills its
// worker at the n-th point, and reports whether there was one.
func (w *world) oneDeath(n int, bad string) bool {
	w.Helper()
	h := w.watch(w.start(syncer.Params{}))
	w.cluster.disturb = func(c plan.Change) trouble {
		if c.Key.Name == bad && c.Action == plan.Create && w.stored(h.run.ID).Status == saga.Running {
			return refused
		}
		return fine
	}
	run := h.live(n)
	h.judge(run, upheaval())
	if (run.Status == saga.Completed) != (bad == "") {
		w.Fatalf("killed at %d: it ended as %s %+v", n, run.Status, run.Failure)
	}
	return !strings.HasSuffix(run.Holder, "/0")
}

// histories is how many histories are drawn unless -rapid.checks says otherwise:
// each is several runs over a real database.
const histories = "8"

func TestMain(m *testing.M) {
	flag.Parse()
	if checks := flag.Lookup("rapid.checks"); checks.Value.String() == checks.DefValue {
		_ = checks.Value.Set(histories)
	}
	os.Exit(m.Run())
}

// TestRunsSurviveAnything draws runs with deaths, faults and cancellations.
func TestRunsSurviveAnything(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(r *rapid.T) {
		w := newWorld(t, func(s *fabric.Settings) { s.Strategy, s.Adopt = fabric.GitWins, true })
		defer w.store.Close()
		w.tester = r
		w.commit(draw(r)...)
		w.sync(saga.Completed)
		if rapid.Bool().Draw(r, "keep") {
			w.edit(func(s *fabric.Settings) { s.OnFailure = fabric.Keep })
		}
		for range 2 {
			w.oneRun(r)
		}
	})
}

// oneRun makes a run to a drawn state, from wherever the one before it ended.
func (w *world) oneRun(r *rapid.T) {
	want := draw(r)
	w.commit(want...)
	w.cluster.disturb, w.cluster.onWrite = nil, nil
	if rapid.Bool().Draw(r, "drift") {
		w.cluster.meddle(r)
	}
	h := w.watch(w.start(syncer.Params{}))
	h.disturb(r)
	kills := rapid.SliceOfN(rapid.IntRange(1, 90), 0, 4).Draw(r, "kills")
	h.judge(h.live(kills...), want)
}

// draw returns a wanted state between the two worlds: every object from one of
// them, and what needs a missing one left out.
func draw(t *rapid.T) []object {
	other := map[fabric.Key]object{}
	for _, o := range upheaval() {
		other[keyOf(o)] = o
	}
	var want []object
	for _, o := range with(upheaval(), base()...) {
		switch alternative, both := other[keyOf(o)]; {
		case keyOf(o).Kind != hedgehog.Server && keyOf(o).Kind != hedgehog.VPC && keyOf(o).Kind != hedgehog.Connection && keyOf(o).Kind != hedgehog.VPCPeering:
		case keyOf(o).Kind == hedgehog.VPCPeering || keyOf(o).Kind == hedgehog.Server && strings.HasPrefix(keyOf(o).Name, "spare"):
			if rapid.Bool().Draw(t, keyOf(o).String()) {
				continue
			}
			fallthrough
		default:
			if both && rapid.Bool().Draw(t, "other "+keyOf(o).String()) {
				o = alternative
			}
		}
		want = append(want, o)
	}
	return want
}

// meddle changes a few objects behind our back.
func (m *model) meddle(t *rapid.T) {
	for _, k := range keysOf(m.objects) {
		if rapid.IntRange(0, 9).Draw(t, "meddle") > 0 {
			continue
		}
		switch k.Kind {
		case hedgehog.Server:
			if strings.HasPrefix(k.Name, "spare") {
				continue // it may be unwanted, and then a person would have to decide
			}
			m.change(k, func(spec object) { spec["description"] = "rogue" })
		case hedgehog.VPC:
			m.change(k, func(spec object) {
				n := int64(k.Name[len(k.Name)-1] - '0')
				spec["subnets"].(object)["rogue"] = object{"subnet": fmt.Sprintf("10.9.%d.0/24", n), "vlan": 1990 + n}
			})
		case hedgehog.VPCAttachment:
			m.remove(k)
		default:
			m.touch(k)
		}
	}
}

// disturb lets each object's writes go wrong twice at most, so that the tries
// suffice, and one object be refused for good until the run is taken back.
func (h *history) disturb(t *rapid.T) {
	keys := keysOf(h.cluster.objects)
	bad := keys[rapid.IntRange(0, len(keys)-1).Draw(t, "bad")]
	isBad := rapid.IntRange(0, 2).Draw(t, "refuse") == 0
	troubles := rapid.SliceOfN(rapid.SampledFrom([]trouble{fine, fine, fine, busy, lost, deaf, halfway}), 40, 40).Draw(t, "troubles")
	cancel := rapid.IntRange(0, 60).Draw(t, "cancel")
	counts, n := map[fabric.Key]int{}, 0
	h.cluster.disturb = func(c plan.Change) trouble {
		if n++; n == cancel {
			_, err := h.store.Cancel(h.Context(), h.run.ID, h.now())
			h.check(err)
		}
		if isBad && c.Key == bad && h.stored(h.run.ID).Status == saga.Running {
			return refused
		}
		how := troubles[n%len(troubles)]
		if counts[c.Key] == 2 {
			return fine
		}
		if how != fine {
			counts[c.Key]++
		}
		return how
	}
}

// twice does every step and every undo a second time.
type twice struct {
	saga.Definition
	w *world
}

func (d twice) Next(log saga.Log) (saga.Step, bool) {
	step, more := d.Definition.Next(log)
	return d.double(step), more
}

func (d twice) Step(name string) (saga.Step, bool) {
	step, ok := d.Definition.Step(name)
	return d.double(step), ok
}

func (d twice) double(step saga.Step) saga.Step {
	do, undo := step.Do, step.Undo
	step.Do = func(ctx context.Context, try int, last bool) (any, error) {
		out, err := do(ctx, try, last)
		if err != nil {
			return out, err
		}
		again, err := out, error(nil)
		d.unchanged(step.Name, func() { again, err = do(ctx, try, last) })
		return again, err
	}
	if undo != nil {
		step.Undo = func(ctx context.Context) error {
			if err := undo(ctx); err != nil {
				return err
			}
			var err error
			d.unchanged("undo "+step.Name, func() { err = undo(ctx) })
			return err
		}
	}
	return step
}

func (d twice) unchanged(what string, f func()) {
	version, inventory := d.w.cluster.version, d.w.inventory()
	f()
	if d.w.cluster.version != version {
		d.w.Errorf("%s wrote again", what)
	}
	d.w.same(inventory, d.w.inventory(), what+" changed the record")
}

func TestReplayingAStepChangesNothing(t *testing.T) {
	t.Parallel()
	for name, bad := range map[string]string{"completed": "", "compensated": "spare-3"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.reset(base())
			w.cluster.disturb = func(c plan.Change) trouble {
				if c.Key.Name == bad {
					return refused
				}
				return fine
			}
			run := w.start(syncer.Params{})
			before := w.cluster.contents()
			_, err := w.runner(w.store).Drive(t.Context(), run.ID, func(ctx context.Context, r saga.Run) (saga.Definition, error) {
				d, err := w.coordinator.Definition(ctx, r)
				return twice{d, w}, err
			})
			w.check(err)
			if bad == "" {
				w.holds(upheaval()...)
				return
			}
			w.same(before, w.cluster.contents(), "cluster")
		})
	}
}
