package main_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hedgesync/hedgesync/internal/api"
	"github.com/hedgesync/hedgesync/internal/wiringtest"
)

// large is a world with a fabric that takes some thirty batches.
func large(t testing.TB, flags ...string) (*world, int) {
	t.Helper()
	w := newWorld(t)
	objects := wiringtest.Sized(300)
	w.commit(t, "large", objects)
	w.add(t, append([]string{"--mode", "enforce"}, flags...)...)
	return w, len(objects)
}

// batch is the last batch that a sync said it makes; 0 before the first.
func (p *process) batch() int {
	text := p.err.String()
	n := 0
	_, _ = fmt.Sscanf(text[strings.LastIndex(text, "batch ")+1:], "atch %d", &n)
	return n
}

// writing reports whether a sync has begun to write.
func (p *process) writing() bool { return p.batch() > 0 }

// Ctrl-C stops at a safe point and says what is and is not done.
func TestCtrlCSaysWhatIsAndIsNotDone(t *testing.T) {
	t.Parallel()
	w, all := large(t, "--on-failure", "keep")
	p := w.start(t, "sync", "lab")
	p.await(t, "a batch", p.writing)
	signal(t, p, os.Interrupt)
	r := p.wait(t)
	if r.code != 1 {
		t.Errorf("%v", r)
	}
	has(t, r.err, "stopping at the next safe point")
	has(t, r.out, "cancelled", "applied", "not sent")
	runs := decode[[]api.Run](t, w.ok(t, "runs", "list", "-o", "json"))
	if got := len(w.versions(t)); got != runs[0].Progress.Done || got == all {
		t.Errorf("%d objects in the cluster, the run says %d of %d", got, runs[0].Progress.Done, all)
	}
	w.ok(t, "sync", "lab")
	if got := len(w.versions(t)); got != all {
		t.Errorf("%d objects at the end, want %d", got, all)
	}
}

func signal(t testing.TB, p *process, s os.Signal) {
	t.Helper()
	if err := p.cmd.Process.Signal(s); err != nil {
		t.Fatal(err)
	}
}

// By default a run that is stopped is taken back: the cluster is as it was.
func TestCtrlCTakesBackWhatWasApplied(t *testing.T) {
	t.Parallel()
	w, _ := large(t)
	p := w.start(t, "sync", "lab")
	p.await(t, "a batch", p.writing)
	signal(t, p, os.Interrupt)
	r := p.wait(t)
	has(t, r.out, "compensated", "taken back")
	if got := w.versions(t); len(got) != 0 {
		t.Errorf("%d objects left behind", len(got))
	}
}

// SIGTERM, as a second Ctrl-C, leaves the run where it stands for the next one.
func TestTerminatedSyncIsFinishedByTheNext(t *testing.T) {
	t.Parallel()
	w, all := large(t)
	p := w.start(t, "sync", "lab")
	p.await(t, "a batch", p.writing)
	signal(t, p, syscall.SIGTERM)
	r := p.wait(t)
	if r.code != 2 {
		t.Errorf("%v", r)
	}
	has(t, r.err, "interrupted: run ", "changes are done", "hedgesync sync lab")
	elsewhere := write(t, filepath.Dir(w.kubeconfig), "elsewhere", strings.ReplaceAll(string(w.kube.Kubeconfig), "127.0.0.1", "localhost"))
	has(t, w.exits(t, 2, "fabric", "edit", "lab", "--kubeconfig", elsewhere).err, "is not finished", "hedgesync sync lab")
	has(t, w.ok(t, "status", "lab").out, "Stalled", "it was interrupted")
	w.finished(t, all)
}

// A second Ctrl-C does not wait for the safe point's rollback either.
func TestSecondCtrlCLeavesTheRunAsItStands(t *testing.T) {
	t.Parallel()
	w, all := large(t)
	p := w.start(t, "sync", "lab")
	p.await(t, "a batch", p.writing)
	signal(t, p, os.Interrupt)
	p.await(t, "the first Ctrl-C", func() bool { return strings.Contains(p.err.String(), "stopping at") })
	signal(t, p, os.Interrupt)
	if r := p.wait(t); r.code != 2 || !strings.Contains(r.err, "is not finished") {
		t.Errorf("%v", r)
	}
	w.finished(t, all)
}

// finished insists that one more sync brings everything, once, and that then
// nothing is left to do.
func (w *world) finished(t testing.TB, all int) {
	t.Helper()
	w.ok(t, "sync", "lab")
	got := w.versions(t)
	if len(got) != all {
		t.Errorf("%d objects, want %d", len(got), all)
	}
	w.ok(t, "sync", "lab")
	if d := cmp.Diff(got, w.versions(t)); d != "" {
		t.Errorf("the sync after it wrote (-before +after):\n%s", d)
	}
}

// SAG-05: kill -9 at any instant; a later sync finishes the run, with nothing
// lost, doubled or untracked.
func TestKilledSyncIsFinishedByTheNext(t *testing.T) {
	t.Parallel()
	w, all := large(t, "--prune")
	for range 8 {
		p := w.start(t, "sync", "lab")
		kill(t, p, rand.N(1200*time.Millisecond))
	}
	w.finished(t, all)
	w.tracked(t)
}

// kill ends a process after a while, as a power cut would.
func kill(t testing.TB, p *process, after time.Duration) {
	t.Helper()
	select {
	case <-p.done:
	case <-time.After(after):
		signal(t, p, os.Kill)
		<-p.done
	}
}

// tracked insists that every object is in our record: what Git no longer names is
// deleted to the last one.
func (w *world) tracked(t testing.TB) {
	t.Helper()
	w.repo.Commit(t, map[string]string{"fabric/all.yaml": "# nothing is left\n"}, "nothing")
	w.ok(t, "sync", "lab", "--allow-deletes", "1000")
	if got := w.versions(t); len(got) != 0 {
		t.Errorf("%d objects are not in our record", len(got))
	}
}

// A run that is killed while it is taken back is taken back by the next sync,
// which then brings everything anew.
func TestKilledRollbackIsFinishedByTheNext(t *testing.T) {
	t.Parallel()
	w, all := large(t, "--prune")
	p := w.start(t, "sync", "lab")
	p.await(t, "a third of the batches", func() bool { return p.batch() > 10 })
	signal(t, p, os.Interrupt)
	p.await(t, "the rollback", func() bool { return strings.Contains(p.err.String(), "taking back") })
	kill(t, p, rand.N(200*time.Millisecond))
	for range 3 {
		kill(t, w.start(t, "sync", "lab"), rand.N(800*time.Millisecond))
	}
	w.finished(t, all)
	w.tracked(t)
}

// One writer per fabric, across processes: the second one waits for the first,
// and takes over at once when it dies.
func TestSecondProcessFollowsTheFirst(t *testing.T) {
	t.Parallel()
	w, all := large(t)
	first := w.start(t, "sync", "lab")
	first.await(t, "a batch", first.writing)
	second := w.start(t, "sync", "lab")
	second.await(t, "the first", func() bool { return strings.Contains(second.err.String(), "it goes first") })
	signal(t, first, os.Kill)
	r := second.wait(t)
	if r.code != 0 {
		t.Errorf("%v", r)
	}
	if got := w.versions(t); len(got) != all {
		t.Errorf("%d objects, want %d", len(got), all)
	}
	runs := decode[[]api.Run](t, w.ok(t, "runs", "list", "-o", "json"))
	if len(runs) != 2 || runs[0].Progress.Total != 0 || runs[1].Progress.Done != all || runs[1].Status != "completed" {
		t.Errorf("runs %+v", runs)
	}
}
