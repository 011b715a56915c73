// Package syncer coordinates one run of one fabric: want, have, plan, batches,
// apply, read back.
//
// It owns the order of things and nothing else: Git, Kubernetes and the database
// are behind the small interfaces of ports.go, and every decision is a pure
// function of rooms below. A run is a saga; what was begun is in the journal
// before it is sent, so any worker can finish it or take it back.
package syncer

import (
	"context"
	"encoding/json"
	"time"

	"github.com/google/uuid"

	"github.com/hedgesync/hedgesync/internal/fabric"
	"github.com/hedgesync/hedgesync/internal/fault"
	"github.com/hedgesync/hedgesync/internal/manifest"
	"github.com/hedgesync/hedgesync/internal/saga"
)

// Coordinator knows how to look at a fabric and how to bring it to a commit. It
// holds no state of its own and is safe for concurrent use.
type Coordinator struct {
	Store   Store
	Repo    Repo
	Connect func(fabric.Settings) (Cluster, error) // no I/O until the Cluster is used
	Now     func() time.Time
	Limits  manifest.Limits // of a commit's files; zero values are the defaults
	Memory  Memory          // spares reading a commit's files again; nil reads them each time
	Version string          // of the program: another one may read files differently
}

// Kind of run this package defines, and the version of its steps.
const (
	RunKind    = "sync"
	runVersion = 1
)

// Params say what one run is asked to do.
type Params struct {
	Rev  string `json:"rev,omitempty"`  // commit, tag or branch to bring instead of the branch's head
	Plan string `json:"plan,omitempty"` // saved plan to apply exactly
	// AllowDeletes lifts the delete guard of this run to so many deletes; 0
	// leaves the fabric's own guard.
	AllowDeletes int `json:"allow_deletes,omitempty"`
}

// Start records a new pending run. If the fabric has a live run it returns that
// run and fault.Conflict. A fabric in observe mode is fault.Denied.
func (c *Coordinator) Start(ctx context.Context, id fabric.ID, p Params, by, reason string) (saga.Run, error) {
	s, err := c.Store.Settings(ctx, id)
	if err != nil {
		return saga.Run{}, err
	}
	if s.Mode != fabric.Enforce {
		return saga.Run{}, observed(id)
	}
	params, err := json.Marshal(p)
	if err != nil {
		return saga.Run{}, fault.New(fault.Bug, "sync.params", "parameters of a run: %w", err)
	}
	runID, err := uuid.NewV7()
	if err != nil {
		return saga.Run{}, fault.New(fault.Unavailable, "sync.id", "draw a run id: %w", err)
	}
	return c.Store.Create(ctx, saga.Run{
		ID: saga.RunID(runID.String()), Fabric: id, Kind: RunKind, DefVersion: runVersion,
		Status: saga.Pending, Reason: reason, RequestedBy: by, Params: params, PlanID: p.Plan, Created: c.Now(),
	})
}

func observed(id fabric.ID) error {
	return fault.New(fault.Denied, "sync.observe", "fabric %s is in observe mode: it is compared, never written", id).
		WithHint("hedgesync plan %s shows what a sync would do; hedgesync fabric edit %s --mode enforce permits it", id, id)
}

// Definition prepares the steps of a stored run for this worker.
func (c *Coordinator) Definition(ctx context.Context, run saga.Run) (saga.Definition, error) {
	if run.Kind != RunKind || run.DefVersion != runVersion {
		return nil, fault.New(fault.Conflict, "sync.version", "run %s is a %s of version %d, which this program does not know", run.ID, run.Kind, run.DefVersion).
			WithHint("the program that began it can finish it, or cancel it there")
	}
	var p Params
	if err := json.Unmarshal(run.Params, &p); err != nil {
		return nil, fault.New(fault.Bug, "sync.params", "parameters of run %s: %w", run.ID, err)
	}
	s, err := c.Store.Settings(ctx, run.Fabric)
	if err != nil {
		return nil, err
	}
	if p.AllowDeletes > 0 {
		s.MaxDeletes, s.MaxDeletePercent = p.AllowDeletes, 100
	}
	cluster, err := c.Connect(s)
	if err != nil {
		return nil, err
	}
	e := &execution{Coordinator: c, run: run, params: p, settings: s, cluster: cluster, resend: map[int]fabric.Resource{}}
	e.settle(ctx)
	return e, nil
}
