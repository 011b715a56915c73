// Package saga runs one long piece of work as named steps that survive the death
// of the process, and takes them back when it cannot be finished.
//
// The journal is the truth: which step comes next is a function of the log and
// the definition, so any worker can continue where another one died.
//
//	pending -> running -> completed | partial | failed | cancelled
//	               \-> compensating -> compensated | compensation_failed
package saga

import (
	"context"
	"encoding/json"
	"slices"
	"time"

	"github.com/hedgesync/hedgesync/internal/fabric"
	"github.com/hedgesync/hedgesync/internal/fault"
)

// RunID names one run; ids sort by creation time (UUIDv7).
type RunID string

// Status is where a run stands.
type Status string

// The run statuses: the only ones a store accepts.
const (
	Pending            Status = "pending"             // created, nobody works on it
	Running            Status = "running"             // a worker holds its lease
	Compensating       Status = "compensating"        // its effects are being taken back
	Completed          Status = "completed"           // everything done and read back
	Partial            Status = "partial"             // done but for what the run names
	Failed             Status = "failed"              // stopped by an error, nothing to take back or told to keep it
	Compensated        Status = "compensated"         // every effect was taken back
	CompensationFailed Status = "compensation_failed" // some effects remain: a person must look
	Cancelled          Status = "cancelled"           // stopped on request at a safe point
)

// Statuses lists every Status, for constraints and tests.
var Statuses = []Status{Pending, Running, Compensating, Completed, Partial, Failed, Compensated, CompensationFailed, Cancelled}

var moves = map[Status][]Status{
	Pending:      {Running, Cancelled},
	Running:      {Compensating, Completed, Partial, Failed, Cancelled},
	Compensating: {Compensated, CompensationFailed, Cancelled},
}

// MayBecome reports whether a run may move from s to next.
func (s Status) MayBecome(next Status) bool { return slices.Contains(moves[s], next) }

// Live reports whether the run still has work to do.
func (s Status) Live() bool { return len(moves[s]) > 0 }

// Direction says whether a step is done or taken back.
type Direction string

// The directions.
const (
	Do   Direction = "do"
	Undo Direction = "undo"
)

// StepStatus is where one step in one direction stands.
type StepStatus string

// The step statuses: the only ones a store accepts.
const (
	StepPending            StepStatus = "pending"
	StepRunning            StepStatus = "running"
	StepCompleted          StepStatus = "completed"
	StepFailed             StepStatus = "failed"
	StepCompensated        StepStatus = "compensated"
	StepCompensationFailed StepStatus = "compensation_failed"
)

// StepStatuses lists every StepStatus, for constraints and tests.
var StepStatuses = []StepStatus{StepPending, StepRunning, StepCompleted, StepFailed, StepCompensated, StepCompensationFailed}

// Failure is an error as a run remembers it. It holds no secret.
type Failure struct {
	Kind    fault.Kind
	Code    string
	Message string
	Hint    string
	Step    string // the step it happened in, "" before the first
}

// FailureOf records err; it returns nil for nil.
func FailureOf(step string, err error) *Failure {
	if err == nil {
		return nil
	}
	return &Failure{Kind: fault.KindOf(err), Code: fault.CodeOf(err), Message: err.Error(), Hint: fault.HintOf(err), Step: step}
}

// Progress is how far a run has come. Percent never moves backwards.
type Progress struct {
	Batch, Batches int // current batch, counted from 1; 0 before the first
	Done, Total    int // changes with an outcome, changes to make
}

// Percent returns the share of changes done, 0 to 100.
func (p Progress) Percent() int {
	if p.Total == 0 {
		return 0
	}
	return p.Done * 100 / p.Total
}

// Run is one execution of one piece of work for one fabric.
type Run struct {
	ID          RunID
	Fabric      fabric.ID
	Kind        string // which definition: "sync"
	DefVersion  int    // version of the definition it started with
	Status      Status
	Reason      string          // what triggered it, for a person: "cli", "plan 0193…"
	RequestedBy string          // who
	Params      json.RawMessage // the definition's own parameters
	Commit      string          // the commit it brings, once known
	PlanID      string          // saved plan it applies, if any
	Progress    Progress
	Failure     *Failure

	Created         time.Time
	Started         time.Time
	Ended           time.Time
	CancelRequested time.Time // zero: nobody asked

	Holder     string    // worker that holds the lease: host/pid/start
	LeaseUntil time.Time // after this anybody may claim it
	Attempt    int       // counts claims; with Holder it fences every write
}

// Fence returns the proof of ownership that every journal write carries.
func (r Run) Fence() Fence { return Fence{Run: r.ID, Holder: r.Holder, Attempt: r.Attempt} }

// Fence proves that the writer still holds the run. A journal write with a fence
// that is no longer the run's fails with fault.Conflict and changes nothing.
type Fence struct {
	Run     RunID
	Holder  string
	Attempt int
}

// StepRecord is one line of the log: one step in one direction. There is one
// line for each (run, name, direction); a further try updates it.
type StepRecord struct {
	Run     RunID
	Seq     int // order of first start, from 1
	Name    string
	Dir     Direction
	Try     int // from 1
	Status  StepStatus
	Output  json.RawMessage // what the step wants remembered
	Failure *Failure
	Started time.Time
	Done    time.Time // zero while running
}

// Journal is the durable memory of runs.
//
// Every method is one transaction. Methods that take a Fence change nothing and
// return fault.Conflict if the fence is not the run's current one. Status moves
// that MayBecome forbids are refused with fault.Bug.
type Journal interface {
	// Create stores a pending run. If the fabric has a live run it returns that
	// run and fault.Conflict.
	Create(ctx context.Context, r Run) (Run, error)
	// Claim makes holder the owner of a pending run, or of a live one whose lease
	// expired before now (or is holder's own, or whose holder is in dead), until
	// now+ttl, and raises Attempt. A pending run becomes running. It returns
	// fault.Conflict if somebody else holds it.
	Claim(ctx context.Context, id RunID, holder string, dead []string, now time.Time, ttl time.Duration) (Run, error)
	// Renew extends the lease and returns the run as stored, so that the worker
	// sees a request to cancel.
	Renew(ctx context.Context, f Fence, until time.Time) (Run, error)
	// Release gives a live run back: its lease ends at once, nothing else changes.
	Release(ctx context.Context, f Fence) error
	// Steps returns the log in Seq order.
	Steps(ctx context.Context, id RunID) ([]StepRecord, error)
	// PutStep inserts or updates one line of the log.
	PutStep(ctx context.Context, f Fence, s StepRecord) error
	// Move changes the run's status, with the failure that caused it if any; a
	// status that is not live ends the run at now and drops the lease.
	Move(ctx context.Context, f Fence, to Status, failure *Failure, now time.Time) error
	// Cancel asks a live run to stop at the next safe point. A pending run is
	// cancelled at once. An ended run is fault.Conflict.
	Cancel(ctx context.Context, id RunID, now time.Time) (Run, error)
	// Live returns every run that is not ended.
	Live(ctx context.Context) ([]Run, error)
}
