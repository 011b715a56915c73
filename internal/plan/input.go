package plan

import (
	"maps"
	"slices"
	"time"

	"github.com/hedgesync/hedgesync/internal/fabric"
)

// Input is everything a plan is made of. The same input gives the same plan.
type Input struct {
	Fabric   fabric.ID
	Want     *fabric.Snapshot // what Git says; a kind that it does not cover is never deleted from
	Have     *fabric.Snapshot // what the cluster holds, of every user kind
	Base     []Entry          // our record
	Settings fabric.Settings
	Problems []fabric.Problem // an Error holds its object; one without a key stops deletes

	Predict   Predictor
	Attribute Attributor
}

// Predictor returns the object that the server would store after a forced
// server-side apply of want, which is canonical, on have.
type Predictor func(have *fabric.Resource, want fabric.Resource) (fabric.Resource, error)

// Attributor returns who last wrote the value at a JSON pointer of a live object,
// and when; zero values if it is not known.
type Attributor func(live map[string]any, pointer string) (manager string, at time.Time)

// FullReads returns the kinds of which metadata cannot be enough to make a plan:
// something is wanted that our record does not say was applied, or recorded that
// is not wanted. It is a hint that saves a second read: Make judges by what was
// read, and says in Plan.Needs what was missing.
func FullReads(want *fabric.Snapshot, base []Entry) []fabric.Kind {
	kinds := map[fabric.Kind]bool{}
	recorded := make(map[fabric.Key]fabric.Hash, len(base))
	for _, e := range base {
		recorded[e.Key] = e.WantHash
		if _, wanted := get(want, e.Key); !wanted {
			kinds[e.Key.Kind] = true
		}
	}
	for w := range all(want) {
		if hash, ok := recorded[w.Key]; !ok || hash != w.Hash {
			kinds[w.Key.Kind] = true
		}
	}
	return slices.SortedFunc(maps.Keys(kinds), fabric.Kind.Compare)
}

// get, all and coverage read a snapshot that may be nil: nothing was read.

func get(s *fabric.Snapshot, k fabric.Key) (fabric.Resource, bool) {
	if s == nil {
		return fabric.Resource{}, false
	}
	return s.Get(k)
}

func all(s *fabric.Snapshot) func(yield func(fabric.Resource) bool) {
	if s == nil {
		return func(func(fabric.Resource) bool) {}
	}
	return s.All()
}

func coverage(s *fabric.Snapshot, k fabric.Kind) fabric.Coverage {
	if s == nil {
		return fabric.Coverage{}
	}
	return s.Coverage(k)
}

// keys returns every key of the input once, in order.
func (in Input) keys() []fabric.Key {
	var union []fabric.Key
	for _, s := range []*fabric.Snapshot{in.Want, in.Have} {
		var next []fabric.Key
		for r := range all(s) {
			next = append(next, r.Key)
		}
		union = merge(union, next)
	}
	recorded := make([]fabric.Key, len(in.Base))
	for i, e := range in.Base {
		recorded[i] = e.Key
	}
	var faulty []fabric.Key
	for _, p := range in.Problems {
		if p.Severity == fabric.Error && p.Key != (fabric.Key{}) {
			faulty = append(faulty, p.Key)
		}
	}
	slices.SortFunc(recorded, fabric.Key.Compare)
	slices.SortFunc(faulty, fabric.Key.Compare)
	return merge(merge(union, recorded), faulty)
}

// merge joins two sorted lists into one without repeats.
func merge(a, b []fabric.Key) []fabric.Key {
	out := make([]fabric.Key, 0, len(a)+len(b))
	for len(a) > 0 || len(b) > 0 {
		switch {
		case len(b) == 0 || len(a) > 0 && a[0].Compare(b[0]) <= 0:
			out, a = append(out, a[0]), a[1:]
		default:
			out, b = append(out, b[0]), b[1:]
		}
	}
	return slices.Compact(out)
}
