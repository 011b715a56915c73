// Package plan decides what a sync would do: want, have and base in, changes out.
//
// Everything here is pure: no I/O, no clock, no logger, and the same input gives
// the same plan in the same order. A drift report, a preview and a dry run are
// this plan without the apply.
package plan

import (
	"time"

	"github.com/hedgesync/hedgesync/internal/fabric"
)

// Action is what a change does to one object.
type Action string

// The actions. Only Create, Update, Replace and Delete touch the cluster.
const (
	None    Action = "none"    // equal on all sides
	Create  Action = "create"  // wanted, not there
	Update  Action = "update"  // wanted, there, different
	Replace Action = "replace" // delete, then create: what differs cannot be changed in place
	Delete  Action = "delete"  // ours, unchanged since, no longer wanted, and pruning is on
	Adopt   Action = "adopt"   // there exactly as wanted, not in our record: record it
	Forget  Action = "forget"  // in our record, neither wanted nor there: drop the record
	Hold    Action = "hold"    // something should happen, and a person decides
	Extra   Action = "extra"   // there, not wanted, never ours: reported, never touched
)

// Writes reports whether the action sends anything to the cluster.
func (a Action) Writes() bool { return a == Create || a == Update || a == Replace || a == Delete }

// Cause is why want and have differ, or why a change is held.
type Cause string

// The causes.
const (
	Source     Cause = "source"     // Git changed
	Drift      Cause = "drift"      // the cluster changed behind our back
	Both       Cause = "both"       // Git and the cluster changed
	Foreign    Cause = "foreign"    // there, different, and never ours
	Unmanaged  Cause = "unmanaged"  // there, not wanted, never ours
	Unread     Cause = "unread"     // the kind, or part of Git, was not read
	Invalid    Cause = "invalid"    // validation refuses it, or something it needs
	Guard      Cause = "guard"      // more deletes than the guard allows, or pruning is off
	Dependency Cause = "dependency" // something still refers to it, or what it needs is held
	Unsolvable Cause = "unsolvable" // no order of single writes gets there safely
	Moved      Cause = "moved"      // an input moved since the saved plan was made
)

// Change is what to do about one object.
type Change struct {
	Key    fabric.Key
	Action Action
	Cause  Cause
	Would  Action // for Hold: what would have been done
	Reason string // one sentence for a person: why, or why not
	Tier   int    // apply order, see hedgehog.Tier; deletes run in reverse

	Want *fabric.Resource // what to send, canonical; as Git said it for None; nil for Delete, Forget, Extra
	Have *fabric.Resource // the live object the decision was made on: the pre-image
	Base *Entry           // what our record said

	Fields []Field  // what differs, in path order
	Remove []string // JSON pointers of live values nobody wants, removed after the apply
	Blast  []string // what a dangerous change does to the network, one sentence each

	// After lists the changes that must have succeeded before this one is sent, in
	// key order. A Replace names what either of its halves needs.
	After []fabric.Key
}

// Field is one differing value.
type Field struct {
	Path    string // JSON pointer, "/spec/subnets/default/vlan"
	Old     any    // live value, nil if absent
	New     any    // value after the change, nil if removed
	Cause   Cause  // Source, Drift, Both, or Foreign when there is no record to compare with
	Manager string // unless Source: the field manager that last wrote it, if known
	At      time.Time
}

// Plan is a full decision about one fabric. Its zero value plans nothing.
type Plan struct {
	Fabric  fabric.ID
	Commit  string      // what was wanted
	Mode    fabric.Mode // in Observe, Order is empty: nothing is ever written
	Changes []Change    // deletes first, in reverse tier order, then by tier and key
	Order   []Batch     // how to apply them; see Batches
	Summary Summary
	// Needs lists the kinds of which more than metadata must be read before this
	// plan is complete. What depends on them is held as Unread.
	Needs []fabric.Kind
	// Unread lists the managed kinds that were not read in full, in order. A plan
	// with gaps says nothing about what lies in them.
	Unread []Gap
}

// Gap is one kind that was not read in full, and why.
type Gap struct {
	Kind     fabric.Kind
	Coverage fabric.Coverage
}

// Summary counts a plan. Replace counts once in Add and once in Destroy.
type Summary struct {
	Add, Change, Destroy                int
	Adopt, Forget, Held, Extra, Nothing int
}

// Result is how one attempt at a change ended.
type Result string

// The results. Unknown is read before it is written again.
const (
	Applied   Result = "applied"   // written, and the answer said so
	Unchanged Result = "unchanged" // it was as wanted already
	Refused   Result = "refused"   // the server will never accept this: schema, admission, permission
	FailedTry Result = "failed"    // it may succeed later
	Unseen    Result = "unknown"   // sent, but no answer was seen
)

// Outcome is what became of one change.
type Outcome struct {
	Key     fabric.Key
	Result  Result
	Live    *fabric.Resource // the object after the write, as the server answered; nil after Delete
	Err     error            // for Refused, FailedTry and Unseen
	Writes  int              // requests sent that may have had an effect
	Elapsed time.Duration
}

// Entry is our record of one object that we applied or adopted: the only source
// of deletes, and the base of every three-way decision.
type Entry struct {
	Key             fabric.Key
	Version         string         // API version it was applied at
	UID             string         // of the object we left
	ResourceVersion string         // of the object we left; equal means untouched since
	WantHash        fabric.Hash    // Resource.Hash of what Git said
	Applied         map[string]any // the canonical object we applied
	Commit          string
	Origin          fabric.Origin
	Run             string // the run that applied it
	At              time.Time
}
