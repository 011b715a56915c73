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
	Known map[fabric.Key]plan.Seen
}

// Cluster reads and writes one fabric's Kubernetes API.
type Cluster interface {
	// Observe lists the kinds. What could not be read is said in the snapshot's
	// coverage; an error means nothing could be read.
	Observe(ctx context.Context, r Reading) (*fabric.Snapshot, error)
	// Predictor loads what is needed to tell locally what an apply would store.
	Predictor(ctx context.Context, kinds []fabric.Kind) (plan.Predictor, error)
	// Attribute says who last wrote a value of a live object, and when.
	Attribute(live map[string]any, pointer string) (manager string, at time.Time)
	// Apply makes the changes of one batch and returns one outcome per change, by
	// index, whatever happens. done is called once per change as it ends.
	Apply(ctx context.Context, changes []plan.Change, done func(int, plan.Outcome)) []plan.Outcome
	// Read fetches these objects anew, uncached. A key that is not in the result
	// does not exist; if that cannot be told, it is an error.
	Read(ctx context.Context, keys []fabric.Key) (map[fabric.Key]fabric.Resource, error)
}

// Memory keeps what files were found to want. Losing it costs time, no more.
type Memory interface {
	// Recall returns what Keep was last given under this name and key.
	Recall(name, key string) ([]byte, bool)
	// Keep replaces what is kept under a name.
	Keep(name, key string, value []byte)
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

	// InventoryIndex is Inventory without the applied objects.
	InventoryIndex(ctx context.Context, id fabric.ID) ([]plan.Entry, error)

	// SavePlan stores a run's changes in order, with their batches, and the commit
	// they bring. It is refused with fault.Conflict if the run has a plan already.
	SavePlan(ctx context.Context, f saga.Fence, commit string, changes []plan.Planned) error
	// Plan returns a run's changes in order; none if it has no plan yet.
	Plan(ctx context.Context, id saga.RunID) ([]plan.Planned, error)
	// Intend marks changes as begun: it commits before their effects are sent.
	Intend(ctx context.Context, f saga.Fence, seqs []int, now time.Time) error
	// Finish stores outcomes, our record and the run's progress together.
	Finish(ctx context.Context, f saga.Fence, done []plan.Done, p saga.Progress, now time.Time) error
	// Reverse stores what compensation did, and our record, together.
	Reverse(ctx context.Context, f saga.Fence, r []plan.Reversed, now time.Time) error

	// Seen returns the version of every object of the actual side as last put.
	Seen(ctx context.Context, id fabric.ID) (map[fabric.Key]plan.Seen, error)
	// PutDesired and PutActual replace what is known of one side, at once; kinds
	// that the snapshot does not cover, and objects without a body, keep what was
	// known of them.
	PutDesired(ctx context.Context, id fabric.ID, s *fabric.Snapshot) error
	PutActual(ctx context.Context, id fabric.ID, s *fabric.Snapshot) error
	// PutCheck stores the result of one comparison: when, of what, and every
	// change that it found.
	PutCheck(ctx context.Context, id fabric.ID, c plan.Check) error
	// SavedPlan returns a plan that was put aside.
	SavedPlan(ctx context.Context, id string) (plan.Saved, error)
}
