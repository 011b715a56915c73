package hedgehog

import (
	"encoding/json"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/hedgesync/hedgesync/internal/fabric"
)

// A tree is a decoded JSON object. The readers below answer the zero value for
// anything absent or of another type, so that malformed input needs no branches.
type tree = map[string]any

// child returns the object at key, or nil.
func child(m tree, key string) tree {
	c, _ := m[key].(tree)
	return c
}

// descend returns the object at the end of path, or nil.
func descend(m tree, path ...string) tree {
	for _, key := range path {
		m = child(m, key)
	}
	return m
}

// listAt returns the list at key, or nil.
func listAt(m tree, key string) []any {
	l, _ := m[key].([]any)
	return l
}

// textAt returns the string at key, or "".
func textAt(m tree, key string) string {
	s, _ := m[key].(string)
	return s
}

// flagAt returns the bool at key, or false.
func flagAt(m tree, key string) bool {
	b, _ := m[key].(bool)
	return b
}

// integerAt returns the whole number at key.
func integerAt(m tree, key string) (int64, bool) { return integer(m[key]) }

// integer returns v as a whole number, whichever number type decoded it.
func integer(v any) (int64, bool) {
	switch n := v.(type) {
	case int64:
		return n, true
	case int:
		return int64(n), true
	case float64:
		if n == math.Trunc(n) && math.Abs(n) < 1<<53 {
			return int64(n), true
		}
	case json.Number:
		i, err := n.Int64()
		return i, err == nil
	}
	return 0, false
}

// keysOf returns the keys in order.
func keysOf[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// pointer joins tokens into a JSON pointer.
func pointer(base string, tokens ...string) string {
	var b strings.Builder
	b.WriteString(base)
	for _, t := range tokens {
		b.WriteByte('/')
		if strings.ContainsAny(t, "~/") {
			t = strings.ReplaceAll(strings.ReplaceAll(t, "~", "~0"), "/", "~1")
		}
		b.WriteString(t)
	}
	return b.String()
}

// kindOf returns the kind an object tree says it is.
func kindOf(obj tree) fabric.Kind {
	group, _, found := strings.Cut(textAt(obj, "apiVersion"), "/")
	if !found {
		group = ""
	}
	return fabric.Kind{Group: group, Name: textAt(obj, "kind")}
}
