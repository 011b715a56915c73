package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/hedgesync/hedgesync/internal/fault"
	"github.com/hedgesync/hedgesync/internal/saga"
	"github.com/hedgesync/hedgesync/internal/store"
	"github.com/hedgesync/hedgesync/internal/syncer"
)

// workers make the runs of this process, each in a goroutine of its own.
type workers struct {
	coordinator *syncer.Coordinator
	store       *store.Store
	runner      saga.Runner
	log         *slog.Logger
	ctx         context.Context // ends when the process stops
	stopAll     context.CancelFunc
	busy        sync.WaitGroup

	mu   sync.Mutex
	held map[saga.RunID]bool // runs this process works on
}

// Timing of the runs of one process. A lease outlives two missed heartbeats.
const (
	leaseTTL    = 9 * time.Second
	cancelGrace = 5 * time.Second
	stepTries   = 3
	heldPause   = time.Second // between looks at a run that another worker holds
	firstPause  = time.Second
	longPause   = 60 * time.Second
)

func newWorkers(c *syncer.Coordinator, s *store.Store, log *slog.Logger) *workers {
	ctx, stop := context.WithCancel(context.Background())
	w := &workers{coordinator: c, store: s, log: log, ctx: ctx, stopAll: stop, held: map[saga.RunID]bool{}}
	w.runner = saga.Runner{
		Journal: s, Holder: holder(os.Getpid()), Dead: w.dead, Now: time.Now, Wait: wait, Backoff: backoff,
		Tries: stepTries, TTL: leaseTTL, Grace: cancelGrace,
	}
	return w
}

// start works on a run until it ends or the process stops. A run that this
// process already works on is left alone.
func (w *workers) start(id saga.RunID) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.held[id] || w.ctx.Err() != nil {
		return
	}
	w.held[id] = true
	w.busy.Go(func() {
		w.work(id)
		w.mu.Lock()
		defer w.mu.Unlock()
		delete(w.held, id)
	})
}

// work drives a run until it ends or the process stops. A run that another worker
// holds is asked for again, because that worker may die; so is one that could not
// be worked on now.
func (w *workers) work(id saga.RunID) {
	for try := 1; ; try++ {
		_, err := w.runner.Drive(w.ctx, id, w.coordinator.Definition)
		run, readErr := w.store.Run(w.ctx, id)
		if w.ctx.Err() != nil || readErr == nil && !run.Status.Live() || fault.KindOf(readErr) == fault.Missing && readErr != nil {
			return // what became of the run is in the journal, where everybody reads it
		}
		pause := heldPause
		if err = errors.Join(err, readErr); fault.KindOf(err) != fault.Conflict {
			pause = backoff(try)
			w.log.Warn("run cannot be worked on now", "run", id, "error", err)
		}
		if wait(w.ctx, pause) != nil {
			return
		}
	}
}

// stop gives the runs back where they stand.
func (w *workers) stop() {
	w.stopAll()
	w.busy.Wait()
}

// dead returns the holders of live runs whose process is known to have ended on
// this machine, so that nobody waits for their leases.
func (w *workers) dead() []string {
	live, err := w.store.Live(w.ctx)
	if err != nil {
		return nil
	}
	var gone []string
	for _, r := range live {
		if r.Holder != "" && died(r.Holder) {
			gone = append(gone, r.Holder)
		}
	}
	return gone
}

// holder names a process so that nobody else ever has the name: its machine's
// boot, its pid and when it started.
func holder(pid int) string {
	host, err := os.Hostname()
	if err != nil {
		host = "localhost"
	}
	return fmt.Sprintf("%s/%s/%d/%s", host, bootID(), pid, startTime(pid))
}

// died reports whether a holder of this machine and boot has ended. Of another
// machine nothing is known until its lease runs out.
func died(h string) bool {
	parts := strings.Split(h, "/")
	if len(parts) != 4 {
		return false
	}
	pid, err := strconv.Atoi(parts[2])
	if err != nil {
		return false
	}
	mine := strings.Split(holder(pid), "/")
	return mine[0] == parts[0] && mine[1] == parts[1] && parts[1] != "" && mine[3] != parts[3]
}

// bootID names the machine's current boot, or is "" where the system does not say.
func bootID() string {
	b, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(b))
}

// startTime is when a process started, in ticks since boot: with the pid it names
// one process. It is "" if there is none.
func startTime(pid int) string {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return ""
	}
	// The command name may hold anything, so count fields after its closing bracket.
	fields := strings.Fields(string(b)[strings.LastIndexByte(string(b), ')')+1:])
	const startField, stateField = 19, 0
	if len(fields) <= startField || fields[stateField] == "Z" {
		return ""
	}
	return fields[startField]
}

// backoff doubles from a second up to a minute, each with full jitter.
func backoff(try int) time.Duration {
	d := min(firstPause<<min(try-1, 10), longPause)
	return time.Duration(rand.Int64N(int64(d)) + 1)
}

func wait(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
