package syncer_test

import (
	"context"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hedgesync/hedgesync/internal/fabric"
	"github.com/hedgesync/hedgesync/internal/fault"
	"github.com/hedgesync/hedgesync/internal/hedgehog"
	"github.com/hedgesync/hedgesync/internal/plan"
	"github.com/hedgesync/hedgesync/internal/saga"
	"github.com/hedgesync/hedgesync/internal/store"
	"github.com/hedgesync/hedgesync/internal/syncer"
	"github.com/hedgesync/hedgesync/internal/wiringtest"
)

// memory is a Repo of commits in memory.
type memory struct {
	mu      sync.Mutex
	commits map[string]fstest.MapFS
	head    string
	down    bool
	opened  int // how often files were read
	kept    map[string]string
}

// Keep and Recall make it a Memory too: what is known of its commits.
func (m *memory) Keep(name, key string, value []byte) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for k := range m.kept {
		if strings.HasPrefix(k, name+" ") {
			delete(m.kept, k)
		}
	}
	m.kept[name+" "+key] = string(value)
}

func (m *memory) Recall(name, key string) ([]byte, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	v, ok := m.kept[name+" "+key]
	return []byte(v), ok
}

func (m *memory) commit(files map[string][]byte) string {
	m.mu.Lock()
	defer m.mu.Unlock()
	tree := fstest.MapFS{}
	for name, text := range files {
		tree[name] = &fstest.MapFile{Data: text}
	}
	m.head = fmt.Sprintf("commit-%03d", len(m.commits)+1)
	m.commits[m.head] = tree
	return m.head
}

func (m *memory) Fetch(context.Context, fabric.Repository) (syncer.Commit, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.down {
		return syncer.Commit{}, fault.New(fault.Unavailable, "git.unreachable", "no route to host")
	}
	return syncer.Commit{ID: m.head, Branch: "main"}, nil
}

func (m *memory) Resolve(_ context.Context, _ fabric.Repository, rev string) (syncer.Commit, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if rev == "main" {
		rev = m.head
	}
	if _, ok := m.commits[rev]; !ok {
		return syncer.Commit{}, fault.New(fault.Missing, "git.rev", "no %s", rev)
	}
	return syncer.Commit{ID: rev}, nil
}

func (m *memory) Files(_ context.Context, r fabric.Repository, commit string) (fs.FS, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.opened++
	return fs.Sub(m.commits[commit], r.Path)
}

// tester is a *testing.T or a *rapid.T.
type tester interface {
	Helper()
	Context() context.Context
	Errorf(format string, args ...any)
	Fatalf(format string, args ...any)
}

// world is one fabric with its repository, its cluster and a real store.
type world struct {
	tester
	store       *store.Store
	repo        *memory
	cluster     *model
	coordinator *syncer.Coordinator
	holder      string
	clock       time.Time
	mu          sync.Mutex    // guards clock
	beat        chan struct{} // lets a worker renew its lease now
	progress    []saga.Progress
}

const lab fabric.ID = "lab"

const leaseTTL = 30 * time.Second

// newWorld makes a fabric that is enforced with everything allowed, but for what
// change says.
func newWorld(t *testing.T, change ...func(*fabric.Settings)) *world {
	t.Helper()
	s, err := store.Open(t.Context(), t.TempDir(), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	w := &world{tester: t, store: s, holder: "w1", beat: make(chan struct{}),
		repo: &memory{commits: map[string]fstest.MapFS{}, kept: map[string]string{}}, cluster: newModel(), clock: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)}
	settings := fabric.Settings{ID: lab, Repository: fabric.Repository{URL: "https://git.example/lab.git", Path: "fabric"},
		Mode: fabric.Enforce, Prune: true, MaxDeletes: 1000, MaxDeletePercent: 100}
	for _, f := range change {
		f(&settings)
	}
	if _, err := s.CreateFabric(t.Context(), settings, "test", w.now()); err != nil {
		t.Fatal(err)
	}
	w.coordinator = w.coordinate(watched{s, w}, w.cluster)
	return w
}

func (w *world) coordinate(s syncer.Store, c syncer.Cluster) *syncer.Coordinator {
	return &syncer.Coordinator{Store: s, Repo: w.repo, Memory: w.repo, Now: w.now,
		Connect: func(fabric.Settings) (syncer.Cluster, error) { return c, nil }}
}

// watched notes every progress that is stored.
type watched struct {
	syncer.Store
	w *world
}

func (s watched) Finish(ctx context.Context, f saga.Fence, done []plan.Done, p saga.Progress, now time.Time) error {
	s.w.progress = append(s.w.progress, p)
	return s.Store.Finish(ctx, f, done, p, now)
}

// now moves on by a second with every look at it.
func (w *world) now() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.clock = w.clock.Add(time.Second)
	return w.clock
}

func (w *world) pass(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.clock = w.clock.Add(d)
}

// edit changes the fabric's settings.
func (w *world) edit(change func(*fabric.Settings)) {
	w.Helper()
	f, err := w.store.Fabric(w.Context(), lab)
	if err == nil {
		change(&f.Settings)
		_, err = w.store.UpdateFabric(w.Context(), f.Settings, f.Version, nil, "test", w.now())
	}
	w.check(err)
}

func (w *world) check(err error) {
	w.Helper()
	if err != nil {
		w.Fatalf("%v", err)
	}
}

// commit writes objects to Git.
func (w *world) commit(objects ...object) string { return w.repo.commit(wiringtest.Files(objects, 20)) }

// runner works with no pauses; its lease is renewed when the world beats.
func (w *world) runner(j saga.Journal) *saga.Runner {
	return &saga.Runner{Journal: j, Holder: w.holder, Now: w.now, TTL: leaseTTL, Grace: time.Hour, Tries: 3,
		Backoff: func(int) time.Duration { return time.Second },
		Wait: func(ctx context.Context, d time.Duration) error {
			if d < leaseTTL/3 {
				return ctx.Err()
			}
			select {
			case <-w.beat:
				return ctx.Err()
			case <-ctx.Done():
				return ctx.Err()
			}
		}}
}

func (w *world) start(p syncer.Params) saga.Run {
	w.Helper()
	run, err := w.coordinator.Start(w.Context(), lab, p, "test", "test")
	w.check(err)
	return run
}

func (w *world) drive(run saga.Run) saga.Run {
	w.Helper()
	_, _ = w.runner(w.coordinator.Store).Drive(w.Context(), run.ID, w.coordinator.Definition)
	return w.stored(run.ID)
}

func (w *world) stored(id saga.RunID) saga.Run {
	w.Helper()
	run, err := w.store.Run(w.Context(), id)
	w.check(err)
	return run
}

// sync makes a run and requires how it ends.
func (w *world) sync(want saga.Status, p ...syncer.Params) saga.Run {
	w.Helper()
	run := w.drive(w.start(append(p, syncer.Params{})[0]))
	if run.Status != want {
		w.Fatalf("the run ended as %s, not %s: %+v\n%s", run.Status, want, run.Failure, w.report(run.ID))
	}
	return run
}

// plan returns the changes of a run.
func (w *world) plan(id saga.RunID) []plan.Planned {
	w.Helper()
	planned, err := w.store.Plan(w.Context(), id)
	w.check(err)
	return planned
}

func (w *world) report(id saga.RunID) (text string) {
	for _, p := range w.plan(id) {
		text += fmt.Sprintf("%d %s %s %s (%s) -> %s %v; %s %s\n", p.Batch, p.Change.Action, p.Change.Key, p.Change.Cause, p.Change.Reason, p.Outcome.Result, p.Outcome.Err, p.Undone, p.Residue)
	}
	return text
}

func (w *world) look() syncer.Look {
	w.Helper()
	l, err := w.coordinator.Look(w.Context(), lab, "")
	w.check(err)
	return l
}

func (w *world) inventory() []plan.Entry {
	w.Helper()
	entries, err := w.store.Inventory(w.Context(), lab)
	w.check(err)
	return entries
}

// recorded is our record without versions and times.
func (w *world) recorded() map[string]fabric.Hash {
	out := map[string]fabric.Hash{}
	for _, e := range w.inventory() {
		out[e.Key.String()] = fabric.HashOf([]any{string(e.WantHash), e.Applied, e.Commit, e.Run})
	}
	return out
}

// agrees requires that the record names exactly the cluster's objects as they are.
func (w *world) agrees() {
	w.Helper()
	have, want := map[string]plan.Seen{}, map[string]plan.Seen{}
	for _, e := range w.inventory() {
		have[e.Key.String()] = plan.Seen{UID: e.UID, ResourceVersion: e.ResourceVersion}
	}
	for k, s := range w.cluster.objects {
		if k.Kind != hedgehog.SwitchProfile {
			want[k.String()] = plan.Seen{UID: s.UID, ResourceVersion: s.ResourceVersion}
		}
	}
	if diff := cmp.Diff(want, have); diff != "" {
		w.Fatalf("record against cluster (-cluster +record):\n%s", diff)
	}
}

// holds requires that the cluster says exactly these objects.
func (w *world) holds(objects ...object) {
	w.Helper()
	other := newModel()
	for _, o := range objects {
		other.edit(o)
	}
	w.same(other.contents(), w.cluster.contents(), "cluster")
}

func (w *world) same(want, got any, what string) {
	w.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		w.Fatalf("%s (-want +got):\n%s", what, diff)
	}
}

// written requires the effects in the cluster since the last time, in any order.
func (w *world) written(want ...string) {
	w.Helper()
	got := slices.Sorted(slices.Values(w.cluster.log))
	slices.Sort(want)
	if !slices.Equal(got, want) {
		w.Fatalf("the cluster was written %q, want %q", got, want)
	}
	w.cluster.log = nil
}

func (w *world) forget() { w.cluster.log, w.progress = nil, nil }

// small is a whole fabric of about 20 objects.
func small() []object {
	return wiringtest.Fabric(wiringtest.Spec{Spines: 1, Leaves: 1, Servers: 2, VPCs: 2, Subnets: 2, Attachments: 2, Peerings: 1})
}

func find(objects []object, kind string, n int) object {
	for _, o := range objects {
		if o["kind"] == kind {
			if n--; n < 0 {
				return o
			}
		}
	}
	panic("no such " + kind)
}

// server is one object that nothing refers to.
func server(name, text string) object {
	return object{"apiVersion": "wiring.githedgehog.com/v1beta1", "kind": "Server",
		"metadata": object{"name": name, "namespace": "default"}, "spec": object{"description": text}}
}

// with replaces objects of the same key, and adds the others.
func with(objects []object, change ...object) []object {
	return append(except(objects, change...), change...)
}

func except(objects []object, gone ...object) []object {
	return slices.DeleteFunc(slices.Clone(objects), func(o object) bool {
		return slices.ContainsFunc(gone, func(g object) bool { return keyOf(g) == keyOf(o) })
	})
}

// edited returns a copy of an object with another spec.
func edited(o object, f func(spec object)) object {
	c := clone(o)
	f(c["spec"].(object))
	return c
}

func described(o object, text string) object {
	return edited(o, func(spec object) { spec["description"] = text })
}

func keysOf(m map[fabric.Key]stored) []fabric.Key {
	return slices.SortedFunc(maps.Keys(m), fabric.Key.Compare)
}
