package saga

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hedgesync/hedgesync/internal/fault"
)

// Step is one named piece of work, idempotent: a worker that takes a run over
// does a step again that was begun and not completed.
type Step struct {
	Name   string
	Budget time.Duration // hard limit of one try
	// Do does the work. What it returns is kept in the log as JSON. try counts
	// from 1; last says that no further try follows.
	Do func(ctx context.Context, try int, last bool) (any, error)
	// Undo takes back what a completed, failed or interrupted Do left behind. Nil:
	// there is nothing to take back.
	Undo func(ctx context.Context) error
}

// Definition is a kind of run. It may keep in memory what its steps read: Next is
// asked with the log and what this worker has in hand.
type Definition interface {
	// Next returns the step to do, or false when all is done.
	Next(log Log) (Step, bool)
	// Step finds a logged step by its name, to take it back.
	Step(name string) (Step, bool)
	// TakeBack says whether to compensate what was done after this failure.
	TakeBack(log Log, f *Failure) bool
	// End returns the status of a run whose steps are all done.
	End(log Log) (Status, *Failure)
}

// Log is the journal of one run in order of first start.
type Log []StepRecord

// Completed returns the record of a step that was completed.
func (l Log) Completed(name string) (StepRecord, bool) {
	i := slices.IndexFunc(l, func(s StepRecord) bool {
		return s.Name == name && s.Dir == Do && s.Status == StepCompleted
	})
	if i < 0 {
		return StepRecord{}, false
	}
	return l[i], true
}

func (l Log) find(name string, dir Direction) (int, bool) {
	i := slices.IndexFunc(l, func(s StepRecord) bool { return s.Name == name && s.Dir == dir })
	return i, i >= 0
}

// Runner drives runs for one worker.
type Runner struct {
	Journal Journal
	Holder  string           // this worker: unique among all that are alive
	Dead    func() []string  // holders known to have died, whose leases need not expire; may be nil
	Now     func() time.Time // the clock
	Wait    func(ctx context.Context, d time.Duration) error
	Backoff func(try int) time.Duration // pause before the next try, from 1
	Tries   int                         // tries of one step
	TTL     time.Duration               // of a lease; renewed at a third of it
	Grace   time.Duration               // how long a step may go on after a request to cancel
}

// ErrCancelled is the cause of a step that was cut short by a request to cancel.
var ErrCancelled = fault.New(fault.Unknown, "run.cancelled", "cancelled on request")

// errLost is the cause of a step whose run was taken over by another worker.
var errLost = fault.New(fault.Conflict, "run.lost", "another worker took the run over")

// Prepare makes a run's definition for the worker that claimed it.
type Prepare func(ctx context.Context, run Run) (Definition, error)

// Drive claims a run and works on it until it ends, is lost to another worker, or
// ctx ends. When ctx ends, or the run cannot be prepared although a step of it was
// begun, it is given back where it stands: whoever claims it next continues it. It
// returns the run as last stored.
func (r *Runner) Drive(ctx context.Context, id RunID, prepare Prepare) (Run, error) {
	var dead []string
	if r.Dead != nil {
		dead = r.Dead()
	}
	run, err := r.Journal.Claim(ctx, id, r.Holder, dead, r.Now(), r.TTL)
	if err != nil {
		return run, fault.Wrap("claim run", err)
	}
	steps, err := r.Journal.Steps(ctx, id)
	if err != nil {
		return run, fault.Wrap("read run log", err)
	}
	w := &work{Runner: r, run: run, log: steps, cut: make(chan struct{})}
	return w.drive(ctx, prepare)
}

// work is one worker's hold on one run.
type work struct {
	*Runner
	run       Run
	log       Log
	def       Definition
	looked    time.Time     // when the journal was last asked whether to stop
	cancelled atomic.Bool   // a person asked to stop
	cut       chan struct{} // closed when the step in hand had its grace after that
}

func (w *work) drive(parent context.Context, prepare Prepare) (Run, error) {
	ctx, stop := context.WithCancelCause(parent)
	var background sync.WaitGroup
	fence := w.run.Fence()
	w.cancelled.Store(!w.run.CancelRequested.IsZero())
	background.Go(func() { w.renew(ctx, fence, stop, &background) })
	err := w.prepared(ctx, prepare)
	if err == nil {
		err = w.advance(ctx)
	}
	stop(nil)
	background.Wait()
	switch {
	case errors.Is(context.Cause(ctx), errLost):
		return w.run, errLost
	case err != nil && parent.Err() != nil:
		// The process is stopping: give the run back so that nobody waits for the lease.
		release, done := context.WithTimeout(context.WithoutCancel(parent), 5*time.Second)
		defer done()
		return w.run, errors.Join(err, w.Journal.Release(release, w.run.Fence()))
	}
	return w.run, err
}

// prepared gets the definition. A run of which no step was begun ends if it cannot
// be prepared; any other is given back for a worker that can.
func (w *work) prepared(ctx context.Context, prepare Prepare) (err error) {
	if w.def, err = prepare(ctx, w.run); err == nil || ctx.Err() != nil {
		return err
	}
	begun := len(w.log) > 0
	switch {
	case !begun && w.asked(ctx):
		return errors.Join(err, w.move(ctx, Cancelled, FailureOf("", ErrCancelled)))
	case !begun && !fault.KindOf(err).Retryable():
		return errors.Join(err, w.move(ctx, Failed, FailureOf("", err)))
	}
	// Whatever the reason, it is this worker that cannot: trying again at once, as
	// after a conflict over the lease, would change nothing.
	stuck := &fault.Error{Kind: fault.Unavailable, Code: fault.CodeOf(err), Op: "prepare run", Hint: fault.HintOf(err), Err: err}
	return errors.Join(stuck, w.Journal.Release(ctx, w.run.Fence()))
}

// renew keeps the lease and watches for a request to cancel. A lease that could
// not be renewed before it ran out is lost: somebody else may hold the run.
func (w *work) renew(ctx context.Context, fence Fence, stop context.CancelCauseFunc, background *sync.WaitGroup) {
	until := w.Now().Add(w.TTL)
	for w.Wait(ctx, w.TTL/3) == nil {
		next := w.Now().Add(w.TTL)
		run, err := w.Journal.Renew(ctx, fence, next)
		switch {
		case fault.KindOf(err) == fault.Conflict, err != nil && w.Now().After(until):
			stop(errLost)
			return
		case err != nil:
			continue
		case !run.CancelRequested.IsZero() && w.cancelled.CompareAndSwap(false, true):
			background.Go(func() { w.cutShort(ctx) })
		}
		until = next
	}
}

// cutShort ends a step that does not reach a safe point in time.
func (w *work) cutShort(ctx context.Context) {
	if w.Wait(ctx, w.Grace) == nil {
		close(w.cut)
	}
}

// lookAgain is how long an answer of the journal serves: steps may take a few
// milliseconds, and asking costs as much.
const lookAgain = 250 * time.Millisecond

// asked reports, at a safe point, whether somebody asked the run to stop. If the
// journal does not answer, renew deals with that.
func (w *work) asked(ctx context.Context) bool {
	if now := w.Now(); !w.cancelled.Load() && now.Sub(w.looked) >= lookAgain {
		w.looked = now
		run, err := w.Journal.Renew(ctx, w.run.Fence(), w.Now().Add(w.TTL))
		w.cancelled.CompareAndSwap(false, err == nil && !run.CancelRequested.IsZero())
	}
	return w.cancelled.Load()
}

// advance does one step after the other until the run ends.
func (w *work) advance(ctx context.Context) error {
	for w.run.Status == Running {
		if w.asked(ctx) {
			return w.fail(ctx, FailureOf("", ErrCancelled))
		}
		step, more := w.def.Next(w.log)
		if !more {
			status, failure := w.def.End(w.log)
			return w.move(ctx, status, failure)
		}
		if err := w.do(ctx, step); err != nil {
			if ctx.Err() != nil {
				return err
			}
			return w.fail(ctx, FailureOf(step.Name, err))
		}
	}
	if w.run.Status == Compensating {
		return w.compensate(ctx)
	}
	return nil
}

// do tries one step until it is completed or may not be tried again.
func (w *work) do(ctx context.Context, step Step) error {
	for try := 1; ; try++ {
		last := try >= w.Tries
		rec := w.record(step.Name, Do)
		rec.Try, rec.Status, rec.Failure, rec.Started, rec.Done = try, StepRunning, nil, w.Now(), time.Time{}
		if err := w.put(ctx, rec); err != nil {
			return err
		}
		out, err := w.call(ctx, step, w.cut, try, last)
		if err == nil {
			return w.completed(ctx, rec, out)
		}
		if ctx.Err() != nil {
			return err
		}
		again := fault.KindOf(err).Retryable() && !last && !w.cancelled.Load()
		if again {
			if w.Wait(ctx, w.Backoff(try)) == nil {
				continue
			}
		}
		rec.Status, rec.Failure, rec.Done = StepFailed, FailureOf(step.Name, err), w.Now()
		return errors.Join(err, w.put(context.WithoutCancel(ctx), rec))
	}
}

// call runs one try within its budget. A panic is this program's defect: it
// fails the step and leaves the process alive for the other fabrics.
// Closing cut ends it early.
func (w *work) call(ctx context.Context, step Step, cut <-chan struct{}, try int, last bool) (out any, err error) {
	ctx, cancel := context.WithTimeoutCause(ctx, step.Budget,
		fault.New(fault.Unavailable, "run.budget", "%s did not finish within %s", step.Name, step.Budget))
	defer cancel()
	ctx, cutShort := context.WithCancelCause(ctx)
	finished := make(chan struct{})
	defer close(finished)
	go func() {
		select {
		case <-cut:
			cutShort(ErrCancelled)
		case <-finished:
			cutShort(nil)
		}
	}()
	defer func() {
		if p := recover(); p != nil {
			err = fault.New(fault.Bug, "run.panic", "%s: %v", step.Name, p)
		}
		if err != nil && ctx.Err() != nil {
			err = errors.Join(context.Cause(ctx), err)
		}
	}()
	return step.Do(ctx, try, last)
}

func (w *work) completed(ctx context.Context, rec StepRecord, out any) error {
	if out != nil {
		b, err := json.Marshal(out)
		if err != nil {
			return fault.New(fault.Bug, "run.output", "output of %s: %w", rec.Name, err)
		}
		rec.Output = b
	}
	rec.Status, rec.Done = StepCompleted, w.Now()
	return w.put(context.WithoutCancel(ctx), rec)
}

// fail ends the run, by way of compensation if there is something to take back.
func (w *work) fail(ctx context.Context, f *Failure) error {
	if !w.undoable() || !w.def.TakeBack(w.log, f) {
		end := Failed
		if f.Code == ErrCancelled.Code {
			end = Cancelled
		}
		return w.move(ctx, end, f)
	}
	if err := w.move(ctx, Compensating, f); err != nil {
		return err
	}
	return w.compensate(ctx)
}

func (w *work) undoable() bool {
	return slices.ContainsFunc(w.log, func(s StepRecord) bool {
		step, ok := w.def.Step(s.Name)
		return s.Dir == Do && ok && step.Undo != nil
	})
}

// compensate takes back every step that was begun, the last one first. A step
// that cannot be taken back does not keep the others from it.
func (w *work) compensate(ctx context.Context) error {
	var residue error
	for _, rec := range slices.Backward(slices.Clone(w.log)) {
		step, ok := w.def.Step(rec.Name)
		if rec.Dir != Do || !ok || step.Undo == nil || w.takenBack(rec.Name) {
			continue
		}
		err := w.undo(ctx, step)
		if ctx.Err() != nil {
			return err
		}
		residue = errors.Join(residue, err)
	}
	if residue == nil {
		return w.move(ctx, Compensated, w.run.Failure)
	}
	f := *w.run.Failure
	f.Message = fmt.Sprintf("%s; could not be taken back: %v", f.Message, residue)
	return w.move(ctx, CompensationFailed, &f)
}

func (w *work) takenBack(name string) bool {
	i, ok := w.log.find(name, Undo)
	return ok && w.log[i].Status == StepCompensated
}

func (w *work) undo(ctx context.Context, step Step) error {
	rec := w.record(step.Name, Undo)
	for try := 1; ; try++ {
		rec.Try, rec.Status, rec.Failure, rec.Started, rec.Done = try, StepRunning, nil, w.Now(), time.Time{}
		if err := w.put(ctx, rec); err != nil {
			return err
		}
		err := w.callUndo(ctx, step)
		if err == nil {
			rec.Status, rec.Done = StepCompensated, w.Now()
			return w.put(context.WithoutCancel(ctx), rec)
		}
		if ctx.Err() != nil {
			return err
		}
		if try < w.Tries && fault.KindOf(err).Retryable() && w.Wait(ctx, w.Backoff(try)) == nil {
			continue
		}
		rec.Status, rec.Failure, rec.Done = StepCompensationFailed, FailureOf(step.Name, err), w.Now()
		return errors.Join(err, w.put(context.WithoutCancel(ctx), rec))
	}
}

func (w *work) callUndo(ctx context.Context, step Step) error {
	undo := Step{Name: step.Name, Budget: step.Budget, Do: func(ctx context.Context, _ int, _ bool) (any, error) {
		return nil, step.Undo(ctx)
	}}
	_, err := w.call(ctx, undo, nil, 1, false)
	return err
}

// record returns the log line of a step, new if it has none yet.
func (w *work) record(name string, dir Direction) StepRecord {
	if i, ok := w.log.find(name, dir); ok {
		return w.log[i]
	}
	return StepRecord{Run: w.run.ID, Seq: len(w.log) + 1, Name: name, Dir: dir}
}

func (w *work) put(ctx context.Context, rec StepRecord) error {
	if err := w.Journal.PutStep(ctx, w.run.Fence(), rec); err != nil {
		return fault.Wrap("write run log", err)
	}
	if i, ok := w.log.find(rec.Name, rec.Dir); ok {
		w.log[i] = rec
	} else {
		w.log = append(w.log, rec)
	}
	return nil
}

func (w *work) move(ctx context.Context, to Status, f *Failure) error {
	now := w.Now()
	if err := w.Journal.Move(ctx, w.run.Fence(), to, f, now); err != nil {
		return fault.Wrap("end run", err)
	}
	w.run.Status, w.run.Failure = to, f
	if !to.Live() {
		w.run.Ended = now
	}
	return nil
}
