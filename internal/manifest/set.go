package manifest

import (
	"io/fs"
	"sync"
	"time"

	"github.com/hedgesync/hedgesync/internal/fabric"
)

// Options say what to read, and as what.
type Options struct {
	Source string    // commit id: the snapshot's source
	AsOf   time.Time // when the source was read
	Limits Limits
	// Kinds are the kinds that the snapshot speaks about: of these, what is not
	// in it is not wanted.
	Kinds []fabric.Kind
	// Accept decides whether a kind belongs in Git. For false the object is left
	// out and the problem, placed at its Pointer or else at the kind, says why;
	// nil accepts every kind.
	Accept func(kind fabric.Kind, version string) (fabric.Problem, bool)
}

// Set is what a directory wants: the sound objects, and every problem in order.
type Set struct {
	Snapshot  *fabric.Snapshot
	Problems  []fabric.Problem
	Files     int                 // files read
	Documents int                 // documents with content, sound or not
	Counts    map[fabric.Kind]int // objects in Snapshot

	places map[fabric.Key]place
	docs   []document

	mu      sync.Mutex // guards the last outline made, which most often serves the next question too
	outline outline
	made    int // index of its document, plus one; 0 is none
}

// place is where an object is written: a document, and the pointer to it there.
type place struct {
	doc     int
	pointer string
}

// Read reads every YAML and JSON file below the root of fsys. Files and
// directories whose names begin with a dot are left alone, and links are not
// followed. It is an error only if a directory cannot be listed; everything else
// is a Problem, and bears on the coverage of the kinds it may concern. The result
// depends on nothing but the files and the options.
func Read(fsys fs.FS, o Options) (*Set, error) {
	limits := o.Limits.withDefaults()
	t, err := readTree(fsys, limits)
	if err != nil {
		return nil, err
	}
	docs, over := splitAll(t.files, limits)
	g := newGathering(o, docs)
	g.unreadable(t.problems)
	g.unreadable(over)
	for i, d := range decodeAll(docs, limits) {
		g.document(i, d)
	}
	return g.set(len(t.files))
}

// splitAll cuts all files, and reports the first document beyond the limit.
func splitAll(files []file, l Limits) ([]document, []fabric.Problem) {
	var docs []document
	for _, f := range files {
		docs = append(docs, split(f)...)
		if len(docs) > l.Documents {
			var t tree
			first := docs[l.Documents].origin
			t.fail(first.File, first.Line, "limit.documents", "too many documents; this one and all that follow are not read", "")
			return docs[:l.Documents], t.problems
		}
	}
	return docs, nil
}

// Position returns where the value at a JSON pointer of an object is written. What
// is not written there, such as a default, is placed at its nearest parent. An
// object that is not in the snapshot has no position: the zero Origin.
func (s *Set) Position(key fabric.Key, pointer string) fabric.Origin {
	r, ok := s.Snapshot.Get(key)
	if !ok {
		return fabric.Origin{}
	}
	at := s.places[key]
	if len(tokens(pointer)) == 0 {
		return r.Origin
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if found := s.outlineOf(at.doc).find(at.pointer + pointer); found != s.docs[at.doc].origin {
		return found
	}
	return r.Origin
}

// outlineOf returns a document's outline; s.mu is held.
func (s *Set) outlineOf(doc int) outline {
	if s.made != doc+1 {
		// A document that only the other parser can read has no inner places.
		s.outline, _ = outlineOf(s.docs[doc])
		s.made = doc + 1
	}
	return s.outline
}
