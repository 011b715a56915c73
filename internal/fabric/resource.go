package fabric

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
)

// Hash is the lower-case hex SHA-256 of an object tree's JSON with sorted keys;
// "" means not computed.
type Hash string

// HashOf hashes a decoded JSON tree. Map order does not matter, list order does.
func HashOf(tree any) Hash {
	b, err := json.Marshal(tree)
	if err != nil {
		// A decoded JSON tree always marshals; anything else is a programming error.
		panic(fmt.Sprintf("fabric: hash of a tree that is not JSON: %v", err))
	}
	sum := sha256.Sum256(b)
	return Hash(hex.EncodeToString(sum[:]))
}

// Origin says where a wanted object was written. Line and Column count from 1;
// Document is the index of its document in the file, from 0.
type Origin struct {
	File     string
	Line     int
	Column   int
	Document int
}

// String returns "dir/file.yaml:12:3", or the file alone when no line is known.
func (o Origin) String() string {
	if o.Line == 0 {
		return o.File
	}
	return fmt.Sprintf("%s:%d:%d", o.File, o.Line, o.Column)
}

// Resource is one object, wanted or had.
type Resource struct {
	Key     Key
	Version string // API version within the group: "v1beta1"
	// Object is the whole tree (apiVersion, kind, metadata, spec, status) as the
	// API server's JSON decoder yields it: map[string]any, []any, string, bool,
	// int64, float64, nil. It is nil for a live object that a metadata read
	// proved unmoved since it was last read in full.
	Object map[string]any
	Hash   Hash   // of Object as written, for a wanted object
	Origin Origin // of a wanted object

	UID             string // of a live object
	ResourceVersion string // of a live object
}
