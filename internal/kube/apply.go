package kube

import (
	"context"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/hedgesync/hedgesync/internal/fabric"
	"github.com/hedgesync/hedgesync/internal/fault"
	"github.com/hedgesync/hedgesync/internal/plan"
)

const (
	firstPause = 250 * time.Millisecond
	longPause  = 4 * time.Second
	goneLimit  = 10 * time.Second // how long a deleted object may take to disappear
)

// ApplyOptions say how to apply. The zero value writes, and asks once.
type ApplyOptions struct {
	// Patience is how long a write is tried again when what is in its way ends by
	// itself and nothing was stored: what the object refers to is not there yet, the
	// controller or the server restarts, the server asks to slow down. Each is tried
	// again after the others of the call.
	Patience time.Duration
	// DryRun has the server check everything and store nothing. Of a Replace only
	// the deletion is tried.
	DryRun bool
	// Progress is called once per change, as soon as its outcome is final; never
	// twice at the same time.
	Progress func(i int, o plan.Outcome)
}

// Apply makes the changes and returns one outcome per change, by index, whatever
// happens. Changes named in another's After are made before it; it is not sent if
// one of them does not succeed. Otherwise the order is open.
//
// A Create is refused with a conflict if there is an object of the name by now, even
// one that is as wanted: what was not created here must not be taken back as if it
// were. An Update, Replace or Delete is refused if the object is no longer exactly Have. A write whose
// outcome is Unseen is not followed by another of the same change.
func (c *Client) Apply(ctx context.Context, changes []plan.Change, o ApplyOptions) []plan.Outcome {
	a := &application{client: c, options: o, tasks: make([]task, len(changes)), byKey: map[fabric.Key]int{}}
	for i, change := range changes {
		a.tasks[i] = task{change: change, began: time.Now(), outcome: plan.Outcome{Key: change.Key}}
		a.byKey[change.Key] = i
	}
	if offer, err := c.known(ctx, a.kinds()); err != nil {
		a.failAll(err)
	} else {
		a.writer = writer{client: c, offer: offer, dry: o.DryRun}
		a.run(ctx)
	}
	outcomes := make([]plan.Outcome, len(a.tasks))
	for i := range a.tasks {
		outcomes[i] = a.tasks[i].outcome
	}
	return outcomes
}

// application is one call of Apply.
type application struct {
	client  *Client
	options ApplyOptions
	writer  writer
	tasks   []task
	byKey   map[fabric.Key]int

	progress sync.Mutex // held while Progress is called
}

// task is one change on its way. Only one goroutine has it at a time.
type task struct {
	change  plan.Change
	began   time.Time
	outcome plan.Outcome
	deleted bool // the first half of a Replace is done
	settled bool
}

func (t *task) succeeded() bool {
	return t.settled && (t.outcome.Result == plan.Applied || t.outcome.Result == plan.Unchanged)
}

func (a *application) kinds() []fabric.Kind {
	keys := make([]fabric.Key, len(a.tasks))
	for i, t := range a.tasks {
		keys[i] = t.change.Key
	}
	return kindsOf(keys)
}

func (a *application) failAll(err error) {
	for i := range a.tasks {
		a.tasks[i].fail(err)
		a.settle(i)
	}
}

// run makes the changes in waves: each wave is what needs nothing unfinished, and
// what was told to come again.
func (a *application) run(ctx context.Context) {
	deadline := time.Now().Add(a.options.Patience)
	pause := firstPause
	pending := make([]int, len(a.tasks))
	for i := range pending {
		pending[i] = i
	}
	for len(pending) > 0 {
		ready, waiting := a.split(pending)
		if len(ready) == 0 {
			a.refuseCycle(waiting)
			return
		}
		a.wave(ctx, ready)
		a.confirm(ctx, ready)
		again := a.again(ready)
		if len(again) > 0 && (ctx.Err() != nil || time.Now().Add(pause).After(deadline)) {
			a.settle(again...)
			again = nil
		}
		if len(again) > 0 {
			wait(ctx, nil, pause)
			pause = min(2*pause, longPause)
		}
		pending = append(again, waiting...)
	}
}

// split settles what can no longer be sent, and divides the rest into what can be
// sent now and what waits for something unfinished.
func (a *application) split(pending []int) (ready, waiting []int) {
	for changed := true; changed; {
		changed = false
		ready, waiting = nil, nil
		for _, i := range pending {
			switch a.before(i) {
			case nothingBefore:
				ready = append(ready, i)
			case unfinishedBefore:
				waiting = append(waiting, i)
			case failedBefore:
				a.tasks[i].fail(fault.New(fault.Unavailable, "kube.dependency", "not sent: something that must come before it did not succeed"))
				a.settle(i)
				changed = true // others may wait for this one
			}
		}
		pending = append(ready, waiting...)
	}
	slices.Sort(ready)
	return ready, waiting
}

type precedence int

const (
	nothingBefore precedence = iota
	unfinishedBefore
	failedBefore
)

func (a *application) before(i int) precedence {
	answer := nothingBefore
	for _, k := range a.tasks[i].change.After {
		j, here := a.byKey[k]
		switch {
		case !here, j == i, a.tasks[j].succeeded():
		case a.tasks[j].settled:
			return failedBefore
		default:
			answer = unfinishedBefore
		}
	}
	return answer
}

func (a *application) refuseCycle(waiting []int) {
	for _, i := range waiting {
		a.tasks[i].fail(fault.New(fault.Bug, "kube.cycle", "not sent: the changes wait for each other in a circle"))
	}
	a.settle(waiting...)
}

// wave makes one attempt at each change, as many at a time as the server bears.
func (a *application) wave(ctx context.Context, indices []int) {
	var g errgroup.Group
	g.SetLimit(maxInFlight)
	for _, i := range indices {
		g.Go(func() error {
			a.attempt(ctx, i)
			return nil
		})
	}
	_ = g.Wait() // outcomes are in the tasks
}

func (a *application) attempt(ctx context.Context, i int) {
	t := &a.tasks[i]
	defer t.survive()
	if !t.change.Action.Writes() {
		t.outcome.Result, t.outcome.Live = plan.Unchanged, t.change.Have
		a.settle(i)
		return
	}
	since, err := a.client.pace.enter(ctx)
	if err != nil {
		t.fail(err)
		a.settle(i)
		return
	}
	t.outcome.Err = nil
	func() {
		defer func() { a.client.pace.leave(since, t.outcome.Err) }()
		a.writer.perform(ctx, t)
	}()
	if comesAgain(t.outcome) || t.unconfirmed() {
		return
	}
	a.settle(i)
}

// survive keeps a defect in one change from taking the others with it.
func (t *task) survive() {
	if p := recover(); p != nil {
		t.outcome.Err = fault.New(fault.Bug, "kube.panic", "panic: %v\n%s", p, debug.Stack())
		t.outcome.Result = plan.FailedTry
		if t.outcome.Writes > 0 {
			t.outcome.Result = plan.Unseen
		}
	}
}

// comesAgain reports whether what was in the way ends by itself and, for certain,
// nothing was stored.
func comesAgain(o plan.Outcome) bool {
	switch fault.CodeOf(o.Err) {
	case CodeNotReady, CodeController, CodeThrottled, CodeStarting, CodeUnreached:
		return o.Result == plan.FailedTry
	}
	return false
}

func (a *application) again(indices []int) []int {
	return slices.DeleteFunc(slices.Clone(indices), func(i int) bool {
		return a.tasks[i].settled || !comesAgain(a.tasks[i].outcome)
	})
}

// settle makes outcomes final and reports them.
func (a *application) settle(indices ...int) {
	for _, i := range indices {
		t := &a.tasks[i]
		t.settled = true
		t.outcome.Elapsed = time.Since(t.began)
		if a.options.Progress != nil {
			a.report(i, t.outcome)
		}
	}
}

func (a *application) report(i int, o plan.Outcome) {
	a.progress.Lock()
	defer a.progress.Unlock()
	a.options.Progress(i, o)
}

// unconfirmed: the server took the deletion, and nobody has looked yet.
func (t *task) unconfirmed() bool {
	return t.change.Action == plan.Delete && t.outcome.Result == plan.Applied
}

// confirm looks whether deleted objects are gone, giving them time to go.
func (a *application) confirm(ctx context.Context, indices []int) {
	open := slices.DeleteFunc(slices.Clone(indices), func(i int) bool { return a.tasks[i].settled || !a.tasks[i].unconfirmed() })
	if !a.options.DryRun {
		a.awaitGone(ctx, open)
	}
	a.settle(open...)
}

func (a *application) awaitGone(ctx context.Context, open []int) {
	deadline := time.Now().Add(min(a.options.Patience, goneLimit))
	for pause := firstPause; len(open) > 0; pause *= 2 {
		keys := make([]fabric.Key, len(open))
		for n, i := range open {
			keys[n] = a.tasks[i].change.Key
		}
		left, err := a.client.Read(ctx, keys)
		if err != nil {
			for _, i := range open {
				t := &a.tasks[i]
				t.outcome.Result = plan.Unseen
				t.outcome.Err = fault.New(fault.Unknown, CodeUnseen, "deleted, but not confirmed: %w", err).WithHint(unseenHint)
			}
			return
		}
		open = slices.DeleteFunc(open, func(i int) bool { return a.tasks[i].gone(left) })
		if ctx.Err() != nil || time.Now().Add(pause).After(deadline) {
			return
		}
		if len(open) > 0 {
			wait(ctx, nil, pause)
		}
	}
}

// gone updates the outcome by what a read found. Another object of the same name
// is not the one that was deleted.
func (t *task) gone(left map[fabric.Key]fabric.Resource) bool {
	r, there := left[t.change.Key]
	if !there || t.change.Have == nil || r.UID != t.change.Have.UID {
		t.outcome.Result, t.outcome.Err, t.outcome.Live = plan.Applied, nil, nil
		return true
	}
	t.outcome.Live = &r
	t.outcome.Result = plan.FailedTry
	t.outcome.Err = heldBack(r)
	return false
}

func heldBack(r fabric.Resource) error {
	names, _ := at(r.Object, "/metadata/finalizers")
	var held []string
	list, _ := names.([]any)
	for _, n := range list {
		if s, ok := n.(string); ok {
			held = append(held, s)
		}
	}
	return fault.New(fault.Unavailable, CodeFinalizer, "deleted, but still there; finalizers: %s", strings.Join(held, ", ")).
		WithHint("the controller that set the finalizer has not released the object yet; check that it runs")
}
