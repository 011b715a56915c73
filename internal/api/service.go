package api

import (
	"context"
	"time"

	"github.com/hedgesync/hedgesync/internal/fabric"
	"github.com/hedgesync/hedgesync/internal/plan"
	"github.com/hedgesync/hedgesync/internal/saga"
	"github.com/hedgesync/hedgesync/internal/status"
)

// Record is a fabric's settings as stored: without secrets, with their names.
type Record struct {
	fabric.Settings
	Version int64
	Secrets []string
}

// Fabrics is the register of fabrics. Errors are classified by fault.
type Fabrics interface {
	List(ctx context.Context) ([]Record, error)
	Get(ctx context.Context, id fabric.ID) (Record, error)
	Add(ctx context.Context, s fabric.Settings) (Record, error)
	// Edit applies change to the settings as stored if version is still current.
	// A secret that change leaves empty stays as it is.
	Edit(ctx context.Context, id fabric.ID, version int64, change func(*fabric.Settings)) (Record, error)
	// Remove forgets a fabric; nothing in its cluster or in Git is touched.
	Remove(ctx context.Context, id fabric.ID) error
	// Test tries everything a sync needs, without changing anything.
	Test(ctx context.Context, id fabric.ID) (Test, error)
}

// Seen is one comparison as made or saved.
type Seen struct {
	ID       string // of the saved plan, if it was saved
	Fabric   fabric.ID
	Commit   Commit
	AsOf     time.Time
	Plan     plan.Plan
	Document plan.Document
	Problems []fabric.Problem
}

// Plans compares and remembers.
type Plans interface {
	Compare(ctx context.Context, id fabric.ID, r PlanRequest) (Seen, error)
	Saved(ctx context.Context, planID string) (Seen, error)
	Evidence(ctx context.Context, id fabric.ID) (status.Evidence, error)
}

// RunQuery narrows a list of runs. Before is a run id: only older ones.
type RunQuery struct {
	Fabric fabric.ID
	Before saga.RunID
	Limit  int
}

// Runs starts and shows runs.
type Runs interface {
	// Start records a run that a worker of this application then makes. If the
	// fabric has a live run it returns that run and fault.Conflict.
	Start(ctx context.Context, id fabric.ID, r SyncRequest) (saga.Run, error)
	// Apply starts a run that applies a saved plan exactly.
	Apply(ctx context.Context, planID string) (saga.Run, error)
	List(ctx context.Context, q RunQuery) ([]saga.Run, error)
	Get(ctx context.Context, id saga.RunID) (saga.Run, error)
	Steps(ctx context.Context, id saga.RunID) ([]saga.StepRecord, error)
	Plan(ctx context.Context, id saga.RunID) ([]plan.Planned, error)
	Cancel(ctx context.Context, id saga.RunID) (saga.Run, error)
}

// Application is everything the routes need.
type Application struct {
	Fabrics Fabrics
	Plans   Plans
	Runs    Runs
	Now     func() time.Time
	Version string
}
