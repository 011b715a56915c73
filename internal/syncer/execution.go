package syncer

import (
	"context"
	"encoding/json"
	"fmt"
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
	base    map[fabric.Key]plan.Entry
	planned []plan.Planned // nil until planned here or read from the journal
	// resend holds, by place, what is still to be sent of a change that was begun:
	// the plan keeps the change and its pre-image as they were decided.
	resend map[int]plan.Change
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
		return e.reading(), true
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

// reading returns the next step before there is a plan: each needs what the one
// before it has put into memory.
func (e *execution) reading() saga.Step {
	switch {
	case e.look.Want == nil:
		return saga.Step{Name: stepFetch, Budget: fetchBudget, Do: e.fetch}
	case e.look.Have == nil:
		return saga.Step{Name: stepObserve, Budget: observeBudget, Do: e.observe}
	}
	return saga.Step{Name: stepPlan, Budget: planBudget, Do: e.plan}
}

// Step implements saga.Definition.
func (e *execution) Step(name string) (saga.Step, bool) {
	if n, ok := strings.CutPrefix(name, stepApply); ok {
		i, err := strconv.Atoi(n)
		return e.batchStep(i), err == nil
	}
	return saga.Step{Name: name}, true
}

// TakeBack implements saga.Definition.
func (e *execution) TakeBack(saga.Log, *saga.Failure) bool {
	return e.settings.OnFailure == fabric.Rollback
}

// End implements saga.Definition: a run is complete only if nothing failed,
// nothing was held and the read-back found nothing left to do.
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
	held := planning.Held
	if failed == 0 && held == 0 {
		return saga.Completed, nil
	}
	var parts []string
	if failed > 0 {
		parts = append(parts, fmt.Sprintf("%d failed", failed))
	}
	if held > 0 {
		parts = append(parts, fmt.Sprintf("%d held", held))
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
	l := Look{Settings: e.settings}
	var err error
	if l.Commit, err = e.commit(ctx, e.settings, e.params.Rev); err != nil {
		return nil, err
	}
	if l.Want, err = e.load(ctx, e.settings, l.Commit); err != nil {
		return nil, err
	}
	e.look = l
	return map[string]any{"commit": l.Commit.ID, "objects": l.Want.Snapshot.Len(), "problems": len(l.Want.Problems)}, nil
}

// observe reads the cluster and decides.
func (e *execution) observe(ctx context.Context, _ int, _ bool) (any, error) {
	l := e.look
	var err error
	if l.Base, err = e.Store.Inventory(ctx, e.settings.ID); err != nil {
		return nil, err
	}
	if err := e.compare(ctx, e.cluster, &l); err != nil {
		return nil, err
	}
	e.look = l
	return map[string]any{"objects": l.Have.Len(), "as_of": l.At}, nil
}

// plan records what was seen and what will be done: from here on the journal,
// not memory, says what this run is.
func (e *execution) plan(ctx context.Context, _ int, _ bool) (any, error) {
	stored, err := e.Store.Plan(ctx, e.run.ID)
	if err != nil {
		return nil, err
	}
	// A worker that died after storing the plan left it there with nothing sent:
	// that plan stands, because a person may have seen it.
	if len(stored) == 0 {
		if stored, err = e.decide(ctx); err != nil {
			return nil, err
		}
	}
	e.planned = stored
	if err := e.record(ctx); err != nil {
		return nil, err
	}
	return outline(e.look.Commit.ID, stored), nil
}

// decide stores the plan of this run: the saved one it was asked to apply, or
// what the comparison asks for.
func (e *execution) decide(ctx context.Context) ([]plan.Planned, error) {
	if err := e.remember(ctx, e.look); err != nil {
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
	planned := number(decided, e.settings.BatchSize)
	return planned, e.Store.SavePlan(ctx, e.run.Fence(), e.look.Commit.ID, planned)
}

// record settles what needs no write to the cluster: objects that are as wanted
// and enter our record, and records of objects that are gone.
func (e *execution) record(ctx context.Context) error {
	var done []plan.Done
	for _, p := range e.planned {
		if p.Batch == 0 && p.Done.IsZero() {
			if d, ok := settled(p, e.entry(p)); ok {
				done = append(done, d)
			}
		}
	}
	if len(done) == 0 {
		return nil
	}
	return e.finish(ctx, done)
}

func settled(p plan.Planned, entry plan.Entry) (plan.Done, bool) {
	unchanged := plan.Outcome{Key: p.Change.Key, Result: plan.Unchanged, Live: p.Change.Have}
	switch p.Change.Action {
	case plan.Adopt, plan.None:
		return plan.Done{Seq: p.Seq, Outcome: unchanged, Entry: &entry}, true
	case plan.Forget:
		return plan.Done{Seq: p.Seq, Outcome: unchanged, Forget: true}, true
	}
	return plan.Done{}, false
}

func outline(commit string, planned []plan.Planned) Planning {
	out := Planning{Commit: commit}
	for _, p := range planned {
		out.Batches = max(out.Batches, p.Batch)
		if p.Batch > 0 {
			out.Writes++
		}
		if p.Change.Action == plan.Hold {
			out.Held++
		}
	}
	return out
}
