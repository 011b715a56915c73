package kube

import (
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/hedgesync/hedgesync/internal/fabric"
)

// serverFields are set by the server alone; an object read back and sent again
// must not carry them.
var serverFields = []string{
	"creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds", "generation",
	"managedFields", "resourceVersion", "selfLink", "uid",
}

// sendable returns the object as an apply may carry it: complete type, name and
// namespace, no status, nothing that only the server sets. A status in an apply
// would be ignored, and still make the server write.
func sendable(r fabric.Resource) map[string]any {
	tree := maps.Clone(r.Object)
	if tree == nil {
		tree = map[string]any{}
	}
	delete(tree, "status")
	tree["apiVersion"], tree["kind"] = apiVersion(r.Key.Kind.Group, r.Version), r.Key.Kind.Name
	m, _ := tree["metadata"].(map[string]any)
	m = maps.Clone(m)
	if m == nil {
		m = map[string]any{}
	}
	for _, field := range serverFields {
		delete(m, field)
	}
	m["name"] = r.Key.Name
	if r.Key.Namespace != "" {
		m["namespace"] = r.Key.Namespace
	}
	tree["metadata"] = m
	return tree
}

// pinned makes an apply conditional: the server refuses it with a conflict unless
// the object is still this one at this version. It changes tree.
func pinned(tree map[string]any, have fabric.Resource) map[string]any {
	m := tree["metadata"].(map[string]any)
	m["uid"], m["resourceVersion"] = have.UID, have.ResourceVersion
	return tree
}

// beforeAll is a version that no object has: the store counts from it.
const beforeAll = "1"

// first makes an apply conditional: the server refuses it with a conflict if there
// is an object of the name, whoever made it and whatever is in it. An apply of an
// object that does not exist does not look at the version. It changes tree.
func first(tree map[string]any) map[string]any {
	tree["metadata"].(map[string]any)["resourceVersion"] = beforeAll
	return tree
}

// deleteBody asks for the removal of exactly the object that was read. The server
// ignores every query parameter of a deletion that has a body, so that a dry run
// must be asked for here.
func deleteBody(have fabric.Resource, dry bool) ([]byte, error) {
	options := map[string]any{
		"apiVersion": "v1", "kind": "DeleteOptions", "propagationPolicy": "Background",
		"preconditions": map[string]any{"uid": have.UID, "resourceVersion": have.ResourceVersion},
	}
	if dry {
		options["dryRun"] = []string{"All"}
	}
	return json.Marshal(options)
}

type operation struct {
	Op    string `json:"op"`
	Path  string `json:"path"`
	Value any    `json:"value,omitempty"`
}

// removalBody is the JSON patch that takes the pointers away from live. It sets
// the resource version it was made for, which the server refuses as a conflict if
// the object has moved on.
func removalBody(live fabric.Resource, pointers []string) ([]byte, error) {
	ops := []operation{{"replace", "/metadata/resourceVersion", live.ResourceVersion}}
	// From the back: an earlier list element taken first would move the later ones.
	sorted := slices.SortedFunc(slices.Values(pointers), func(a, b string) int { return comparePointers(b, a) })
	for _, p := range sorted {
		ops = append(ops, operation{Op: "remove", Path: p})
	}
	return json.Marshal(ops)
}

// comparePointers orders JSON pointers by segment, numbers by value, and a parent
// before its children.
func comparePointers(a, b string) int {
	return slices.CompareFunc(strings.Split(a, "/"), strings.Split(b, "/"), func(x, y string) int {
		m, errX := strconv.Atoi(x)
		n, errY := strconv.Atoi(y)
		if errX == nil && errY == nil {
			return m - n
		}
		return strings.Compare(x, y)
	})
}

var unescape = strings.NewReplacer("~1", "/", "~0", "~")

// at returns the value at a JSON pointer of a tree.
func at(tree any, pointer string) (any, bool) {
	if pointer == "" {
		return tree, true
	}
	for segment := range strings.SplitSeq(strings.TrimPrefix(pointer, "/"), "/") {
		var ok bool
		switch v := tree.(type) {
		case map[string]any:
			tree, ok = v[unescape.Replace(segment)]
		case []any:
			if i, err := strconv.Atoi(segment); err == nil && i >= 0 && i < len(v) {
				tree, ok = v[i], true
			}
		}
		if !ok {
			return nil, false
		}
	}
	return tree, true
}

// same compares two decoded JSON trees.
func same(a, b any) bool {
	switch x := a.(type) {
	case map[string]any:
		y, ok := b.(map[string]any)
		if !ok || len(x) != len(y) {
			return false
		}
		for k, v := range x {
			if w, ok := y[k]; !ok || !same(v, w) {
				return false
			}
		}
		return true
	case []any:
		y, ok := b.([]any)
		return ok && slices.EqualFunc(x, y, same)
	}
	return a == b
}
