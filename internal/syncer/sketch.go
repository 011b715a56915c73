package syncer

import (
	"bytes"
	"encoding/gob"
	"fmt"

	"github.com/hedgesync/hedgesync/internal/fabric"
	"github.com/hedgesync/hedgesync/internal/manifest"
)

// sketch is what a commit's files want without the objects themselves: their keys
// and hashes. It is enough to find that nothing differs, and a tenth of the work.
type sketch struct {
	Wanted    []fabric.Resource // without Object
	Coverage  map[fabric.Kind]fabric.Coverage
	Problems  []fabric.Problem
	Files     int
	Documents int
	Counts    map[fabric.Kind]int
}

// sketchKey names the reading: the same key gives the same result.
func (c *Coordinator) sketchKey(l Look) string {
	return fmt.Sprintf("%s %q %v %+v %s", l.Commit.ID, l.Settings.Repository.Path, managed(l.Settings), c.Limits, c.Version)
}

// keepWant remembers what the files were found to want.
func (c *Coordinator) keepWant(l Look) {
	if c.Memory == nil {
		return
	}
	s := sketch{
		Problems: l.Want.Problems, Files: l.Want.Files, Documents: l.Want.Documents, Counts: l.Want.Counts,
		Coverage: map[fabric.Kind]fabric.Coverage{},
	}
	for _, k := range l.Want.Snapshot.Kinds() {
		s.Coverage[k] = l.Want.Snapshot.Coverage(k)
	}
	for r := range l.Want.Snapshot.All() {
		r.Object = nil
		s.Wanted = append(s.Wanted, r)
	}
	var b bytes.Buffer
	if gob.NewEncoder(&b).Encode(s) == nil {
		c.Memory.Keep(string(l.Settings.ID), c.sketchKey(l), b.Bytes())
	}
}

// recallWant returns what the same files were found to want before, or nil.
func (c *Coordinator) recallWant(l Look) *manifest.Set {
	if c.Memory == nil {
		return nil
	}
	kept, ok := c.Memory.Recall(string(l.Settings.ID), c.sketchKey(l))
	if !ok {
		return nil
	}
	var s sketch
	if gob.NewDecoder(bytes.NewReader(kept)).Decode(&s) != nil {
		return nil
	}
	snapshot, err := fabric.NewSnapshot(l.Commit.ID, c.Now(), s.Wanted, s.Coverage)
	if err != nil {
		return nil
	}
	return &manifest.Set{Snapshot: snapshot, Problems: s.Problems, Files: s.Files, Documents: s.Documents, Counts: s.Counts}
}
