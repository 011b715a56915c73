package admission

import (
	"cmp"
	"iter"
	"maps"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// A tree is decoded JSON. Reading a path that is not there yields the zero value.
type tree = map[string]any

func at(t tree, path ...string) any {
	var v any = t
	for _, key := range path {
		m, ok := v.(tree)
		if !ok {
			return nil
		}
		v = m[key]
	}
	return v
}

func str(t tree, path ...string) string {
	s, _ := at(t, path...).(string)
	return s
}

func num(t tree, path ...string) int64 {
	switch n := at(t, path...).(type) {
	case int64:
		return n
	case float64:
		return int64(n)
	}
	return 0
}

func flag(t tree, path ...string) bool {
	b, _ := at(t, path...).(bool)
	return b
}

func sub(t tree, path ...string) tree {
	m, _ := at(t, path...).(tree)
	return m
}

func list(t tree, path ...string) []any {
	l, _ := at(t, path...).([]any)
	return l
}

func strs(t tree, path ...string) []string {
	var out []string
	for _, v := range list(t, path...) {
		if s, ok := v.(string); ok {
			out = append(out, s)
		}
	}
	return out
}

// trees yields the maps of a list by index.
func trees(t tree, path ...string) iter.Seq2[int, tree] {
	return func(yield func(int, tree) bool) {
		for i, v := range list(t, path...) {
			if m, ok := v.(tree); ok && !yield(i, m) {
				return
			}
		}
	}
}

func keys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

func specOf(obj *unstructured.Unstructured) tree {
	if obj == nil {
		return nil
	}
	return sub(obj.Object, "spec")
}

// wholeSpec is specOf for writing: a missing spec is put in.
func wholeSpec(obj *unstructured.Unstructured) tree { return child(obj.Object, "spec") }

// child returns t[key], putting an empty map there first if there is none.
func child(t tree, key string) tree {
	m, ok := t[key].(tree)
	if !ok {
		m = tree{}
		t[key] = m
	}
	return m
}

func orElse(t tree, key string, fallback any) {
	if v, ok := t[key]; !ok || v == nil || v == "" {
		t[key] = fallback
	}
}

func sortStrings(t tree, key string) {
	if l, ok := t[key].([]any); ok {
		slices.SortStableFunc(l, func(a, b any) int {
			x, _ := a.(string)
			y, _ := b.(string)
			return strings.Compare(x, y)
		})
	}
}

func sortTreesBy(t tree, key, field string) {
	if l, ok := t[key].([]any); ok {
		slices.SortStableFunc(l, func(a, b any) int {
			x, _ := a.(tree)
			y, _ := b.(tree)
			return cmp.Or(cmp.Compare(num(x, field), num(y, field)), strings.Compare(str(x, field), str(y, field)))
		})
	}
}
