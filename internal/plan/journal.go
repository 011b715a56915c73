package plan

import (
	"encoding/json"
	"time"

	"github.com/hedgesync/hedgesync/internal/fabric"
)

// Planned is one change of a run as the journal holds it.
type Planned struct {
	Seq      int // place in the plan, from 0
	Batch    int // batch it belongs to, from 1; 0 if it writes nothing
	Change   Change
	Intended time.Time // zero: not begun
	Done     time.Time // zero: no outcome yet
	Outcome  Outcome
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
	Outcome Outcome
	Entry   *Entry // new record; nil leaves the record as it is unless Forget
	Forget  bool   // drop the record of the change's key
}

// Reversed is what taking one change back leaves behind.
type Reversed struct {
	Seq     int
	State   UndoState
	Residue string
	Entry   *Entry // the record restored; nil leaves the record as it is unless Forget
	Forget  bool
}

// Seen is the version of an object that is known in full.
type Seen struct{ UID, ResourceVersion string }

// Check is one completed comparison of Git with the cluster.
type Check struct {
	At      time.Time // when reading the cluster began
	Commit  string
	Run     string // "" if no run made it
	Changes []Change
	Summary Summary
	// Unread says which kinds could not be compared, and why.
	Unread map[fabric.Kind]fabric.Coverage
}

// Saved is a plan that was put aside to be applied exactly as it is.
type Saved struct {
	ID       string
	Fabric   fabric.ID
	Commit   string
	Hash     string // of the plan
	Inputs   json.RawMessage
	Created  time.Time
	Expires  time.Time // zero: never
	Document []byte    // the plan, byte for byte
}
