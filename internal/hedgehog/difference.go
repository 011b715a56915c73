package hedgehog

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/hedgesync/hedgesync/internal/fabric"
)

// Diff is one value that is not as expected. A list is one value.
type Diff struct {
	Pointer string // JSON pointer of the value
	Old     any    // live; nil if absent
	New     any    // expected; nil if absent: something foreign to remove
}

// annotationMark marks the Switch annotations that the controller hands to the
// switch: configuration, whoever wrote them.
const annotationMark = "githedgehog.com/"

// Difference returns what a live object has other than Expected says, ordered by
// pointer; none means in sync. Compared are the whole spec, the expected labels
// and annotations, and on a Switch every annotation that configures it. Absent and
// zero (false, "", 0, {}, []) are the same wherever the API cannot tell them apart.
// Entries that users name count: one that is live and not expected is a
// difference, and so is a changed default.
func Difference(expected, live map[string]any) []Diff {
	kind := kindOf(expected)
	c := comparison{}
	c.spec(kind, expected["spec"], live["spec"])
	for _, section := range []string{"annotations", "labels"} {
		c.texts(kind, section, child(child(expected, "metadata"), section), child(child(live, "metadata"), section))
	}
	slices.SortFunc(c.found, func(a, b Diff) int { return strings.Compare(a.Pointer, b.Pointer) })
	return c.found
}

// comparison collects what differs on a walk over two trees.
type comparison struct {
	found []Diff
	path  []string // of the values being compared
}

func (c *comparison) add(old, new any) {
	c.found = append(c.found, Diff{Pointer: pointer("", c.path...), Old: old, New: new})
}

func (c *comparison) spec(kind fabric.Kind, expected, live any) {
	if kind == GatewayPeering {
		live = respelled(live)
	}
	c.path = append(c.path, "spec")
	c.values(shapes[kind], expected, live)
	c.path = c.path[:0]
}

// respelled returns a live GatewayPeering's spec with durations spelled as we
// send them: the webhook respells them only in writes where it changes something else.
func respelled(spec any) any {
	s, ok := spec.(tree)
	if !ok {
		return spec
	}
	s, _ = copyValue(s, nil).(tree)
	spellGatewayPeering(s)
	return s
}

// texts compares labels or annotations: the expected ones, and foreign ones only
// where they configure a switch.
func (c *comparison) texts(kind fabric.Kind, section string, expected, live tree) {
	foreign := kind == Switch && section == "annotations"
	for key, want := range expected {
		if have, there := live[key]; !there || !same(nil, want, have) {
			c.found = append(c.found, Diff{pointer("/metadata", section, key), have, want})
		}
	}
	for key, have := range live {
		if _, wanted := expected[key]; !wanted && foreign && strings.Contains(key, annotationMark) {
			c.found = append(c.found, Diff{pointer("/metadata", section, key), have, nil})
		}
	}
}

func (c *comparison) values(s *shape, expected, live any) {
	if s != nil && s.counts && (expected == nil) != (live == nil) {
		c.add(live, expected)
		return
	}
	e, okE := expected.(tree)
	l, okL := live.(tree)
	if (okE || expected == nil) && (okL || live == nil) && (okE || okL) {
		c.trees(s, e, l)
		return
	}
	if !same(s, expected, live) {
		c.add(live, expected)
	}
}

func (c *comparison) trees(s *shape, expected, live tree) {
	for key, e := range expected {
		c.path = append(c.path, key)
		c.values(s.at(key), e, live[key])
		c.path = c.path[:len(c.path)-1]
	}
	for key, l := range live {
		if _, both := expected[key]; both {
			continue
		}
		c.path = append(c.path, key)
		c.values(s.at(key), nil, l)
		c.path = c.path[:len(c.path)-1]
	}
}

// same reports whether two values mean the same under s.
func same(s *shape, a, b any) bool {
	if s != nil && s.counts && (a == nil) != (b == nil) {
		return false
	}
	treeA, okA := a.(tree)
	treeB, okB := b.(tree)
	if (okA || a == nil) && (okB || b == nil) {
		return sameTree(s, treeA, treeB)
	}
	listA, okA := a.([]any)
	listB, okB := b.([]any)
	if (okA || a == nil) && (okB || b == nil) {
		return slices.EqualFunc(listA, listB, func(a, b any) bool { return same(s.at("*"), a, b) })
	}
	return sameScalar(a, b) || isZero(a) && isZero(b) && (a == nil || b == nil)
}

func sameTree(s *shape, a, b tree) bool {
	for key, v := range a {
		if !same(s.at(key), v, b[key]) {
			return false
		}
	}
	for key, v := range b {
		if _, both := a[key]; !both && !same(s.at(key), nil, v) {
			return false
		}
	}
	return true
}

// sameScalar compares strings, flags, numbers and null; 1 and 1.0 are one number.
func sameScalar(a, b any) bool {
	switch a := a.(type) {
	case nil:
		return b == nil
	case string:
		s, ok := b.(string)
		return ok && a == s
	case bool:
		f, ok := b.(bool)
		return ok && a == f
	}
	if i, ok := integer(a); ok {
		j, ok := integer(b)
		return ok && i == j
	}
	f, okF := float(a)
	g, okG := float(b)
	return okF && okG && f == g
}

func float(v any) (float64, bool) {
	switch n := v.(type) {
	case float64:
		return n, true
	case json.Number:
		f, err := n.Float64()
		return f, err == nil
	}
	return 0, false
}

// isZero reports whether v is what the API omits: null, false, "", 0, {} or [].
func isZero(v any) bool {
	switch v := v.(type) {
	case nil:
		return true
	case string:
		return v == ""
	case bool:
		return !v
	case tree:
		return len(v) == 0
	case []any:
		return len(v) == 0
	}
	f, ok := float(v)
	i, whole := integer(v)
	return ok && f == 0 || whole && i == 0
}
