package fabric

import (
	"slices"
	"time"
)

// Lifecycle is where one resource stands between an edit and the cluster.
type Lifecycle string

// The states. The zero value is a resource that is not known yet, or no more.
const (
	Unborn    Lifecycle = ""
	Draft     Lifecycle = "draft"     // edited here, not in Git
	Committed Lifecycle = "committed" // in Git, not compared with the cluster
	Pending   Lifecycle = "pending"   // in Git and planned, not applied
	Synced    Lifecycle = "synced"    // read back from the cluster as Git has it
	Drifted   Lifecycle = "drifted"   // the cluster has something else
	Orphaned  Lifecycle = "orphaned"  // in the cluster, no longer in Git
)

// Lifecycles lists the states that are stored, for constraints and tests.
var Lifecycles = []Lifecycle{Draft, Committed, Pending, Synced, Drifted, Orphaned}

// A resource reaches Synced only by a comparison, so never straight from Draft,
// and is orphaned only once the cluster may have it.
var lifecycleMoves = map[Lifecycle][]Lifecycle{
	Unborn:    {Draft, Committed, Orphaned},
	Draft:     {Committed, Unborn},
	Committed: {Draft, Pending, Synced, Drifted, Orphaned, Unborn},
	Pending:   {Draft, Committed, Synced, Drifted, Orphaned, Unborn},
	Synced:    {Draft, Committed, Pending, Drifted, Orphaned, Unborn},
	Drifted:   {Draft, Committed, Pending, Synced, Orphaned, Unborn},
	Orphaned:  {Draft, Committed, Unborn},
}

// MayBecome reports whether a resource may move from l to next.
func (l Lifecycle) MayBecome(next Lifecycle) bool { return slices.Contains(lifecycleMoves[l], next) }

// Move is one step of a resource's life, and who caused it.
type Move struct {
	Key    Key
	From   Lifecycle // set by the store
	To     Lifecycle
	Cause  string // what triggered it: "edit", "commit", "plan", "check", "sync"
	Reason string // one sentence for a person
	Who    string
	Run    string // "" if no run caused it
	At     time.Time
}
