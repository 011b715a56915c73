package syncer

import (
	"context"
	"io/fs"
	"time"

	"github.com/hedgesync/hedgesync/internal/fabric"
	"github.com/hedgesync/hedgesync/internal/plan"
	"github.com/hedgesync/hedgesync/internal/saga"
)

// Repo reads Git. A commit it returned once can be opened until the process ends,
// even when the remote is gone.
type Repo interface {
	// Fetch brings the configured branch up to date and returns its head. An
	// unreachable remote is an error, never an old head.
	Fetch(ctx context.Context, r fabric.Repository) (Commit, error)
	// Resolve finds a commit id, tag or branch among what was fetched before.
	Resolve(ctx context.Context, r fabric.Repository, rev string) (Commit, error)
	// Files opens the fabric's directory at a commit. A directory that is not
	// there is fault.Missing, never an empty tree.
	Files(ctx context.Context, r fabric.Repository, commit string) (fs.FS, error)
}

// Commit is one commit as a person wants to see it.
type Commit struct {
	ID      string
	Branch  string
	Author  string
	When    time.Time
	Subject string
	Rewound bool // the branch was moved to a commit that does not descend from the last one seen
}

// Reading says how much of the cluster to read.
type Reading struct {
	Kinds []fabric.Kind
	// Light lists kinds of which metadata is enough as long as it equals Known.
	Light map[fabric.Kind]bool
	Known map[fabric.Key]Seen
}

// Seen is the version of an object that is known in full.
type Seen struct{ UID, ResourceVersion string }

// Cluster reads and writes one fabric's Kubernetes API.
type Cluster interface {
	// Observe lists the kinds. What could not be read is said in the snapshot's
	// coverage; an error means nothing could be read.
	Observe(ctx context.Context, r Reading) (*fabric.Snapshot, error)
	// Predictor loads what is needed to tell locally what an apply would store.
	Predictor(ctx context.Context, kinds []fabric.Kind) (plan.Predictor, error)
	// Apply makes the changes of one batch and returns one outcome per change, by
	// index, whatever happens. done is called once per change as it ends.
	Apply(ctx context.Context, changes []plan.Change, done func(int, plan.Outcome)) []plan.Outcome
	// Restore takes changes back, each only if the object is still as we left it.
	Restore(ctx context.Context, undo []Undo) []plan.Outcome
	// Read fetches these objects anew, uncached. A key that is not in the result
	// does not exist; if that cannot be told, it is an error.
	Read(ctx context.Context, keys []fabric.Key) (map[fabric.Key]fabric.Resource, error)
}

// Undo is how to take one change back.
type Undo struct {
	Key  fabric.Key
	Left Seen             // the object as we left it; zero if we deleted it
	To   *fabric.Resource // the pre-image; nil if there was none
}

// Planned is one change of a run as the journal holds it.
type Planned struct {
	Seq      int // place in the plan, from 0
	Batch    int // batch it belongs to, from 1; 0 if it writes nothing
	Change   plan.Change
	Intended time.Time // zero: not begun
	Done     time.Time // zero: no outcome yet
	Outcome  plan.Outcome
	Undone   UndoState
	Residue  string // why it could not be taken back
}

// UndoState is what compensation did to one change.
type UndoState string

// The undo states.
const (
	NotUndone UndoState = ""
	Undone    UndoState = "undone"
	UndoLeft  UndoState = "left" // it remains; Residue says why
)

// Done is what one change leaves behind: its outcome and our record of the object.
type Done struct {
	Seq     int
	Outcome plan.Outcome
	Entry   *plan.Entry // new record; nil leaves the record as it is unless Forget
	Forget  bool        // drop the record of the change's key
}

// Reversed is what taking one change back leaves behind.
type Reversed struct {
	Seq     int
	State   UndoState
	Residue string
	Entry   *plan.Entry // the record restored; nil with Forget drops it
	Forget  bool
}

// Store is the durable memory of fabrics, runs and what we applied. Every method
// is one transaction; a fence that is no longer current is fault.Conflict and
// changes nothing.
type Store interface {
	saga.Journal

	// Settings returns a fabric with its credentials.
	Settings(ctx context.Context, id fabric.ID) (fabric.Settings, error)
	// Inventory returns our record of a fabric in key order.
	Inventory(ctx context.Context, id fabric.ID) ([]plan.Entry, error)

	// SavePlan stores a run's changes in order, with their batches, and the commit
	// they bring. It is refused with fault.Conflict if the run has a plan already.
	SavePlan(ctx context.Context, f saga.Fence, commit string, changes []Planned) error
	// Plan returns a run's changes in order; none if it has no plan yet.
	Plan(ctx context.Context, id saga.RunID) ([]Planned, error)
	// Intend marks changes as begun: it commits before their effects are sent.
	Intend(ctx context.Context, f saga.Fence, seqs []int, now time.Time) error
	// Finish stores outcomes, our record and the run's progress together.
	Finish(ctx context.Context, f saga.Fence, done []Done, p saga.Progress, now time.Time) error
	// Reverse stores what compensation did, and our record, together.
	Reverse(ctx context.Context, f saga.Fence, r []Reversed, now time.Time) error

	// PutDesired and PutActual replace what is known of one side, at once; kinds
	// that the snapshot does not cover keep what was known.
	PutDesired(ctx context.Context, id fabric.ID, s *fabric.Snapshot) error
	PutActual(ctx context.Context, id fabric.ID, s *fabric.Snapshot) error
	// PutCheck stores the result of one comparison: when, of what, and every
	// change that it found.
	PutCheck(ctx context.Context, id fabric.ID, c Check) error
}

// Check is one completed comparison of Git with the cluster.
type Check struct {
	At      time.Time // when reading the cluster began
	Commit  string
	Run     saga.RunID // "" if no run made it
	Changes []plan.Change
	Summary plan.Summary
	// Unread says which kinds could not be compared, and why.
	Unread map[fabric.Kind]fabric.Coverage
}
