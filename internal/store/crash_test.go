package store

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hedgesync/hedgesync/internal/fabric"
	"github.com/hedgesync/hedgesync/internal/fault"
	"github.com/hedgesync/hedgesync/internal/plan"
	"github.com/hedgesync/hedgesync/internal/saga"
)

// writerEnv makes a test binary write to the store it names until it is killed.
const writerEnv = "HEDGESYNC_TEST_WRITER"

const crashChanges = 30

func TestKilledWriterLeavesNoHalfFact(t *testing.T) {
	t.Parallel()
	for name, make := range databases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			location, o := make(t)
			s := got(Open(t.Context(), location, o))(t)
			addFabric(t, s, "a")
			keyfile := s.keyfile
			must(t, s.Close())
			moments := rand.New(rand.NewPCG(1, 2))
			for round := range 9 {
				killWriter(t, location, keyfile, round%3, time.Duration(moments.Int64N(int64(100*time.Millisecond))))
				s := got(Open(t.Context(), location, o))(t)
				checkFacts(t, s, round)
				must(t, s.Close())
			}
			s = reopen(t, location, o)
			if n := len(got(s.InventoryIndex(t.Context(), "a"))(t)); n == 0 {
				t.Error("no writer lived long enough to finish anything: this test shows nothing")
			}
		})
	}
}

func TestKilledMakerLeavesADatabaseThatOpens(t *testing.T) {
	t.Parallel()
	for name, make := range databases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			moments := rand.New(rand.NewPCG(3, 4))
			for range 5 {
				location, o := make(t)
				if o.Keyfile == "" {
					o.Keyfile = filepath.Join(t.TempDir(), "key")
				}
				killWriter(t, location, o.Keyfile, -1, time.Duration(moments.Int64N(int64(150*time.Millisecond))))
				s := got(Open(t.Context(), location, o))(t)
				got(s.Fabrics(t.Context()))(t)
				must(t, s.Close())
			}
		})
	}
}

// killWriter starts a writer, waits until it has made some runs and a while
// longer, and kills it.
func killWriter(t *testing.T, location, keyfile string, runs int, after time.Duration) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), writerEnv+"="+location+"\n"+keyfile)
	out := got(cmd.StdoutPipe())(t)
	cmd.Stderr = os.Stderr
	must(t, cmd.Start())
	if _, err := io.ReadFull(out, make([]byte, 1+runs)); err != nil {
		t.Errorf("the writer did not begin: %v", err)
	}
	<-time.After(after)
	must(t, cmd.Process.Kill())
	_ = cmd.Wait()
}

// checkFacts holds what no crash may break.
func checkFacts(t *testing.T, s *Store, round int) {
	t.Helper()
	var want []string
	live := 0
	for _, r := range got(s.Runs(t.Context(), RunFilter{}))(t) {
		if r.Status.Live() {
			live++
		}
		changes := got(s.Plan(t.Context(), r.ID))(t)
		if len(changes) != 0 && len(changes) != crashChanges {
			t.Errorf("round %d: run %s has %d changes, not all of them", round, r.ID, len(changes))
		}
		outcomes := 0
		for _, c := range changes {
			if !c.Done.IsZero() {
				outcomes++
				if c.Intended.IsZero() {
					t.Errorf("round %d: %s has an outcome without an intent", round, c.Change.Key)
				}
			}
			if c.Outcome.Result == plan.Applied && c.Undone != plan.Undone {
				want = append(want, c.Change.Key.Name+" "+string(r.ID))
			}
		}
		if r.Progress.Done != outcomes {
			t.Errorf("round %d: run %s says %d are done, %d have an outcome", round, r.ID, r.Progress.Done, outcomes)
		}
	}
	if live > 1 {
		t.Errorf("round %d: %d live runs of one fabric", round, live)
	}
	var recorded []string
	for _, e := range got(s.InventoryIndex(t.Context(), "a"))(t) {
		recorded = append(recorded, e.Key.Name+" "+e.Run)
	}
	slices.Sort(want)
	slices.Sort(recorded)
	same(t, fmt.Sprintf("round %d: inventory and outcomes", round), recorded, want)
}

// writeUntilKilled makes run after run; the first thing it does is to end what
// the killed one before it has left.
func writeUntilKilled(target string) {
	location, keyfile, _ := strings.Cut(target, "\n")
	ctx := context.Background()
	s := try(Open(ctx, location, Options{Keyfile: keyfile}))
	if _, err := s.CreateFabric(ctx, settings("a"), "ada", time.Now()); fault.CodeOf(err) != "fabric.exists" {
		check(err)
	}
	for _, r := range try(s.Live(ctx)) {
		mine := try(s.Claim(ctx, r.ID, "next", []string{r.Holder}, time.Now(), time.Minute))
		check(s.Move(ctx, mine.Fence(), end[mine.Status], nil, time.Now()))
	}
	for {
		_, _ = os.Stdout.Write([]byte{'.'})
		writeRun(ctx, s, saga.RunID(fmt.Sprintf("%020d", time.Now().UnixNano())))
	}
}

var end = map[saga.Status]saga.Status{saga.Running: saga.Failed, saga.Compensating: saga.CompensationFailed}

func writeRun(ctx context.Context, s *Store, id saga.RunID) {
	now := time.Now()
	try(s.Create(ctx, pendingRun(id, fabric.ID("a"))))
	f := try(s.Claim(ctx, id, "writer", nil, now, time.Minute)).Fence()
	var changes []plan.Planned
	for i := range crashChanges {
		changes = append(changes, update(i, fmt.Sprintf("v%s-%d", id, i)))
	}
	check(s.SavePlan(ctx, f, "c0ffee", changes))
	progress := saga.Progress{Total: crashChanges}
	for batch := range slices.Chunk(changes, 10) {
		var seqs []int
		var done []plan.Done
		for _, c := range batch {
			seqs, done = append(seqs, c.Seq), append(done, applied(c, id))
		}
		progress.Done += len(batch)
		check(s.Intend(ctx, f, seqs, now))
		check(s.Finish(ctx, f, done, progress, now))
	}
	check(s.Move(ctx, f, saga.Compensating, nil, now))
	var back []plan.Reversed
	for _, c := range changes[:15] {
		back = append(back, plan.Reversed{Seq: c.Seq, State: plan.Undone, Forget: true})
	}
	check(s.Reverse(ctx, f, back, now))
	check(s.Move(ctx, f, saga.Compensated, nil, now))
}

func try[T any](v T, err error) T {
	check(err)
	return v
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}
