package fabric

import (
	"iter"
	"maps"
	"slices"
	"time"

	"github.com/hedgesync/hedgesync/internal/fault"
)

// CoverState says how much of one kind a Snapshot has seen. Only Full and
// Partial allow statements about what is there, only Full about what is not.
type CoverState string

// The cover states. "" (the zero value) is NotRead.
const (
	NotRead     CoverState = ""
	Full        CoverState = "full"         // all of it was read; what is not listed does not exist
	Partial     CoverState = "partial"      // what is listed exists; more may exist
	KindMissing CoverState = "kind_missing" // the server does not serve this kind
	Forbidden   CoverState = "forbidden"    // the server refused the read
	Failed      CoverState = "failed"       // time-out, broken answer, server error
)

// Coverage is what a Snapshot knows about its knowledge of one kind.
type Coverage struct {
	State  CoverState
	Reason string // for a person, when State is not Full
}

// Snapshot is an immutable set of objects read at one time from one source,
// together with how much of each kind was read: not read is not empty.
type Snapshot struct {
	source    string
	asOf      time.Time
	resources []Resource
	index     map[Key]int
	coverage  map[Kind]Coverage
}

// NewSnapshot takes ownership of resources and coverage. source is a commit id or
// a cluster's address. Two resources with one key are an Invalid error.
func NewSnapshot(source string, asOf time.Time, resources []Resource, coverage map[Kind]Coverage) (*Snapshot, error) {
	slices.SortFunc(resources, func(a, b Resource) int { return a.Key.Compare(b.Key) })
	s := &Snapshot{source: source, asOf: asOf, resources: resources, index: make(map[Key]int, len(resources)), coverage: maps.Clone(coverage)}
	for i, r := range resources {
		if _, twice := s.index[r.Key]; twice {
			return nil, fault.New(fault.Invalid, "snapshot.duplicate", "%s appears twice in %s", r.Key, source)
		}
		s.index[r.Key] = i
	}
	return s, nil
}

// Source returns the commit id or cluster address that was read.
func (s *Snapshot) Source() string { return s.source }

// AsOf returns when the read began: facts are at least this fresh.
func (s *Snapshot) AsOf() time.Time { return s.asOf }

// Len returns the number of objects.
func (s *Snapshot) Len() int { return len(s.resources) }

// Get returns the object with this key.
func (s *Snapshot) Get(k Key) (Resource, bool) {
	i, ok := s.index[k]
	if !ok {
		return Resource{}, false
	}
	return s.resources[i], true
}

// All yields the objects in key order.
func (s *Snapshot) All() iter.Seq[Resource] { return slices.Values(s.resources) }

// OfKind yields the objects of one kind in key order.
func (s *Snapshot) OfKind(k Kind) iter.Seq[Resource] {
	return func(yield func(Resource) bool) {
		first, _ := slices.BinarySearchFunc(s.resources, k, func(r Resource, k Kind) int { return r.Key.Kind.Compare(k) })
		for _, r := range s.resources[first:] {
			if r.Key.Kind != k || !yield(r) {
				return
			}
		}
	}
}

// Coverage returns what was read of a kind.
func (s *Snapshot) Coverage(k Kind) Coverage { return s.coverage[k] }

// Covers reports whether absence of an object of this kind means it does not exist.
func (s *Snapshot) Covers(k Kind) bool { return s.coverage[k].State == Full }

// Kinds returns the kinds that have a coverage entry, in order.
func (s *Snapshot) Kinds() []Kind {
	return slices.SortedFunc(maps.Keys(s.coverage), Kind.Compare)
}
