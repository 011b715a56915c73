package syncer

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hedgesync/hedgesync/internal/fabric"
	"github.com/hedgesync/hedgesync/internal/fault"
	"github.com/hedgesync/hedgesync/internal/plan"
	"github.com/hedgesync/hedgesync/internal/saga"
)

// execution is one worker's hold on one run: what it read is in memory, what it
// did is in the journal. A worker that takes the run over reads again.
//
//	fetch -> observe -> plan -> apply/0001 .. apply/n -> verify
type execution struct {
	*Coordinator
	run      saga.Run
	params   Params
	settings fabric.Settings
	cluster  Cluster

	look    Look
	planned []plan.Planned // nil until planned here or read from the journal
	// resend holds, by place, the object that a change which was begun is sent to
	// again: the plan keeps the pre-image as it was decided on.
	resend map[int]fabric.Resource
	// slowest is what an object took in the slowest batch that this worker sent.
	slowest time.Duration
}

// The steps' names; batches are stepApply plus their number.
const (
	stepFetch   = "fetch"
	stepObserve = "observe"
	stepPlan    = "plan"
	stepApply   = "apply/"
	stepVerify  = "verify"
)

// Budgets of the steps: the hard limit of one try.
const (
	fetchBudget   = 20 * time.Second
	observeBudget = 30 * time.Second
	planBudget    = 30 * time.Second
	batchBudget   = 30 * time.Second
	verifyBudget  = 60 * time.Second
)

// Planning is what the plan step leaves in the log.
type Planning struct {
	Commit  string `json:"commit"`
	Batches int    `json:"batches"`
	Writes  int    `json:"writes"` // changes that send something
	Held    int    `json:"held"`   // changes that wait for a person
	Errors  int    `json:"errors"` // of the commit's files, of which no object is known
}

// Batching is what a batch leaves in the log.
type Batching struct {
	Applied   int `json:"applied"`
	Unchanged int `json:"unchanged"`
	Failed    int `json:"failed"`
}

// Next implements saga.Definition.
func (e *execution) Next(log saga.Log) (saga.Step, bool) {
	planning, planned := e.planning(log)
	if !planned {
		return e.reading(log), true
	}
	for i := 1; i <= planning.Batches; i++ {
		if _, done := log.Completed(batchName(i)); !done {
			return e.batchStep(i), true
		}
	}
	if _, done := log.Completed(stepVerify); !done && planning.Writes > 0 {
		return saga.Step{Name: stepVerify, Budget: verifyBudget, Do: e.verify}, true
	}
	return saga.Step{}, false
}

// reading returns the next step before there is a plan.
func (e *execution) reading(log saga.Log) saga.Step {
	if _, done := log.Completed(stepFetch); !done {
		return saga.Step{Name: stepFetch, Budget: fetchBudget, Do: e.fetch}
	}
	if _, done := log.Completed(stepObserve); !done {
		return saga.Step{Name: stepObserve, Budget: observeBudget, Do: e.observe}
	}
	return e.planStep()
}

func (e *execution) planStep() saga.Step {
	return saga.Step{Name: stepPlan, Budget: planBudget, Do: e.plan, Undo: e.unrecord}
}

// Step implements saga.Definition.
func (e *execution) Step(name string) (saga.Step, bool) {
	if n, ok := strings.CutPrefix(name, stepApply); ok {
		i, err := strconv.Atoi(n)
		return e.batchStep(i), err == nil
	}
	if name == stepPlan {
		return e.planStep(), true
	}
	return saga.Step{Name: name}, true
}

// TakeBack implements saga.Definition: there is something to take back once a
// batch was begun. A fabric that is only observed by now is not written again.
func (e *execution) TakeBack(log saga.Log, _ *saga.Failure) bool {
	begun := slices.ContainsFunc(log, func(s saga.StepRecord) bool { return strings.HasPrefix(s.Name, stepApply) })
	return begun && e.settings.OnFailure == fabric.Rollback && e.settings.Mode == fabric.Enforce
}

// End implements saga.Definition: a run is complete only if Git was read whole,
// nothing failed, nothing was held and the read-back found nothing left to do.
func (e *execution) End(log saga.Log) (saga.Status, *saga.Failure) {
	planning, _ := e.planning(log)
	failed := 0
	for i := 1; i <= planning.Batches; i++ {
		var b Batching
		rec, _ := log.Completed(batchName(i))
		if json.Unmarshal(rec.Output, &b) == nil {
			failed += b.Failed
		}
	}
	var parts []string
	for _, p := range []struct {
		n    int
		what string
	}{{failed, "failed"}, {planning.Held, "held"}, {planning.Errors, "errors in Git"}} {
		if p.n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", p.n, p.what))
		}
	}
	if len(parts) == 0 {
		return saga.Completed, nil
	}
	return saga.Partial, &saga.Failure{Kind: fault.Invalid, Code: "sync.partial", Message: strings.Join(parts, ", "),
		Hint: fmt.Sprintf("hedgesync runs get %s lists them with the reason", e.run.ID)}
}

func (e *execution) planning(log saga.Log) (Planning, bool) {
	rec, done := log.Completed(stepPlan)
	if !done {
		return Planning{}, false
	}
	var p Planning
	return p, json.Unmarshal(rec.Output, &p) == nil
}

func batchName(i int) string { return fmt.Sprintf("%s%04d", stepApply, i) }

func (e *execution) batchStep(i int) saga.Step {
	return saga.Step{
		Name: batchName(i), Budget: batchBudget,
		Do:   func(ctx context.Context, _ int, last bool) (any, error) { return e.apply(ctx, i, last) },
		Undo: func(ctx context.Context) error { return e.takeBack(ctx, i) },
	}
}

// fetch brings the commit and reads its files.
func (e *execution) fetch(ctx context.Context, _ int, _ bool) (any, error) {
	if err := e.permitted(ctx); err != nil {
		return nil, err
	}
	if err := e.want(ctx); err != nil {
		return nil, err
	}
	want := e.look.Want
	return map[string]any{"commit": e.look.Commit.ID, "objects": want.Snapshot.Len(), "problems": len(want.Problems)}, nil
}

// want reads what Git says, unless this worker has it. A run that has a plan keeps
// the commit that the plan was made for.
func (e *execution) want(ctx context.Context) error {
	if e.look.Want != nil {
		return nil
	}
	l := Look{Settings: e.settings}
	var err error
	if l.Commit, err = e.commit(ctx, e.settings, cmp.Or(e.run.Commit, e.params.Rev)); err != nil {
		return err
	}
	if err := e.read(ctx, &l); err != nil {
		return err
	}
	e.look = l
	return nil
}

// observe reads the cluster and decides.
func (e *execution) observe(ctx context.Context, _ int, _ bool) (any, error) {
	if err := e.have(ctx); err != nil {
		return nil, err
	}
	return map[string]any{"objects": e.look.Have.Len(), "as_of": e.look.At}, nil
}

// have compares with the cluster, unless this worker did: one that takes the run
// over reads both sides again.
func (e *execution) have(ctx context.Context) error {
	if e.look.Have != nil {
		return nil
	}
	if err := e.want(ctx); err != nil {
		return err
	}
	l, err := e.compared(ctx, false)
	if err != nil {
		return err
	}
	e.look = l
	return nil
}

// compared compares what Git says with the cluster and our record as they are
// now, reading every object if full.
func (e *execution) compared(ctx context.Context, full bool) (Look, error) {
	l := Look{Settings: e.settings, Commit: e.look.Commit, Want: e.look.Want, sketch: e.look.sketch}
	err := e.compare(ctx, e.cluster, &l, full)
	return l, err
}

// plan records what was seen and what will be done: from here on the journal,
// not memory, says what this run is.
func (e *execution) plan(ctx context.Context, _ int, _ bool) (any, error) {
	if err := e.have(ctx); err != nil {
		return nil, err
	}
	stored, err := e.stored(ctx)
	if err != nil {
		return nil, err
	}
	e.planned, e.run.Commit = stored, e.look.Commit.ID
	if err := e.record(ctx); err != nil {
		return nil, err
	}
	return e.outline(), nil
}

// stored returns the plan of this run as the journal has it, deciding first if it
// has none. A worker that died after storing a plan left it there with nothing
// sent: that plan stands, because a person may have seen it.
func (e *execution) stored(ctx context.Context) ([]plan.Planned, error) {
	if e.run.Commit != "" {
		return e.Store.Plan(ctx, e.run.ID)
	}
	planned, err := e.decide(ctx)
	if fault.CodeOf(err) == codePlanned {
		return e.Store.Plan(ctx, e.run.ID)
	}
	return planned, err
}

// codePlanned is how a store says that the run has a plan already: an earlier try
// of ours stored it and did not see that it had.
const codePlanned = "run.planned"

// decide stores the plan of this run: the saved one it was asked to apply, or
// what the comparison asks for.
func (e *execution) decide(ctx context.Context) ([]plan.Planned, error) {
	if err := e.remember(ctx, e.look, e.run.ID); err != nil {
		return nil, err
	}
	decided := e.look.Plan
	if e.params.Plan != "" {
		saved, err := e.saved(ctx)
		if err != nil {
			return nil, err
		}
		decided = saved
	}
	planned := number(decided, fitting(e.settings.BatchSize, e.pace(e.settings.ID)))
	return planned, e.Store.SavePlan(ctx, e.run.Fence(), e.look.Commit.ID, planned)
}

// record settles what needs no write to the cluster: objects that are as wanted
// and enter our record, and records of objects that are gone.
func (e *execution) record(ctx context.Context) error {
	var done []plan.Done
	for _, p := range e.planned {
		if p.Batch == 0 && p.Done.IsZero() && (p.Change.Action == plan.Adopt || p.Change.Action == plan.Forget) {
			p.Outcome = plan.Outcome{Key: p.Change.Key, Result: plan.Unchanged, Live: p.Change.Have}
			done = append(done, e.result(p))
		}
	}
	if len(e.planned) == 0 {
		return nil
	}
	return e.finish(ctx, done)
}

func (e *execution) outline() Planning {
	out := Planning{Commit: e.commitID()}
	for _, p := range e.planned {
		out.Batches = max(out.Batches, p.Batch)
		if p.Batch > 0 {
			out.Writes++
		}
		if p.Change.Action == plan.Hold {
			out.Held++
		}
	}
	for _, p := range e.look.Problems {
		if p.Severity == fabric.Error && p.Key == (fabric.Key{}) {
			out.Errors++
		}
	}
	return out
}
