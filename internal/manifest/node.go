package manifest

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v2"
	nodes "go.yaml.in/yaml/v3"

	"github.com/hedgesync/hedgesync/internal/fabric"
)

// outline is a document as the second parser sees it: places, no values.
type outline struct {
	doc  document
	root *nodes.Node
}

func outlineOf(d document) (o outline, err error) {
	defer recovered(&err)
	var n nodes.Node
	if err := nodes.Unmarshal(d.text, &n); err != nil {
		return outline{doc: d}, err
	}
	if n.Kind != nodes.DocumentNode || len(n.Content) != 1 {
		return outline{doc: d}, errors.New("not one document")
	}
	return outline{doc: d, root: n.Content[0]}, nil
}

// recovered turns a panic of a YAML parser into an error: a crafted file in one
// repository must not end the process that serves all of them.
func recovered(err *error) {
	if r := recover(); r != nil {
		*err = fmt.Errorf("the YAML parser gave up: %v", r)
	}
}

// find returns where the value at pointer is written: its key, for a member of a
// mapping. What is not there is found at the nearest parent that is.
func (o outline) find(pointer string) fabric.Origin {
	best := o.doc.origin
	n := o.root
	for _, token := range tokens(pointer) {
		mark, value := member(n, token)
		if mark == nil {
			break
		}
		best = o.doc.at(o.line(mark), mark.Column)
		n = value
	}
	return best
}

func (o outline) line(n *nodes.Node) int { return o.doc.line + n.Line - 1 }

// member finds a child by key or index: the node that marks its place, and the child.
func member(n *nodes.Node, token string) (mark, value *nodes.Node) {
	n = target(n)
	switch {
	case n == nil:
	case n.Kind == nodes.MappingNode:
		return pair(n, token, maxMerges)
	case n.Kind == nodes.SequenceNode:
		if i, err := strconv.Atoi(token); err == nil && i >= 0 && i < len(n.Content) {
			return n.Content[i], n.Content[i]
		}
	}
	return nil, nil
}

// maxMerges ends the search through mappings that merge each other.
const maxMerges = 10

func pair(m *nodes.Node, token string, merges int) (key, value *nodes.Node) {
	var merged []*nodes.Node
	for i := 0; i+1 < len(m.Content); i += 2 {
		k := m.Content[i]
		if isMerge(k) {
			merged = append(merged, sources(m.Content[i+1])...)
		} else if keyOf(k) == token {
			return k, m.Content[i+1]
		}
	}
	if merges == 0 {
		return nil, nil
	}
	for _, source := range merged {
		if k, v := pair(source, token, merges-1); k != nil {
			return k, v
		}
	}
	return nil, nil
}

// sources returns the mappings that a merge key names.
func sources(n *nodes.Node) []*nodes.Node {
	n = target(n)
	if n == nil {
		return nil
	}
	all := []*nodes.Node{n}
	if n.Kind == nodes.SequenceNode {
		all = n.Content
	}
	var maps []*nodes.Node
	for _, s := range all {
		if s = target(s); s != nil && s.Kind == nodes.MappingNode {
			maps = append(maps, s)
		}
	}
	return maps
}

// target follows an alias to what it stands for.
func target(n *nodes.Node) *nodes.Node {
	if n != nil && n.Kind == nodes.AliasNode {
		return n.Alias
	}
	return n
}

func isMerge(n *nodes.Node) bool {
	return n.Kind == nodes.ScalarNode && n.Value == "<<" && n.Style&quoted == 0
}

const quoted = nodes.SingleQuotedStyle | nodes.DoubleQuotedStyle

// keyOf spells a key as the value has it: an unquoted yes is the key "true".
func keyOf(n *nodes.Node) string {
	n = target(n)
	if n == nil || n.Kind != nodes.ScalarNode {
		return ""
	}
	if n.Style&quoted != 0 || !resolvable(n.Value) {
		return n.Value
	}
	var v any
	if err := yaml.Unmarshal([]byte(n.Value), &v); err == nil {
		if text, ok := keyText(v); ok {
			return text
		}
	}
	return n.Value
}

// resolvable reports whether a plain scalar may be something other than text: a
// number, or one of the short words that YAML 1.1 takes for booleans and null.
func resolvable(s string) bool {
	switch {
	case s == "":
		return false
	case strings.IndexByte("+-.~0123456789", s[0]) >= 0:
		return true
	}
	return len(s) <= len("false") && strings.IndexByte("yYnNtTfFoO", s[0]) >= 0
}

// repeats returns the keys that a mapping of the document has twice, with both places.
func (o outline) repeats() []flaw {
	var flaws []flaw
	o.walk(o.root, nil, func(m *nodes.Node, at *trail) {
		seen := map[string]*nodes.Node{}
		for i := 0; i+1 < len(m.Content) && len(flaws) <= maxFlaws; i += 2 {
			k := m.Content[i]
			name := keyOf(k)
			first, twice := seen[name]
			if !twice {
				seen[name] = k
			} else {
				flaws = append(flaws, flaw{pointer: (&trail{parent: at, key: name, keyed: true}).pointer(), rule: "yaml.duplicate-key",
					place:   o.doc.at(o.line(k), k.Column),
					message: fmt.Sprintf("key %q appears twice: here and at line %d, column %d", name, o.line(first), first.Column),
					hint:    "keep one of them"})
			}
		}
	})
	return flaws
}

// lateMerges returns the merge keys that follow other keys: the API server's
// library lets the merged value win there, others let the explicit one.
func (o outline) lateMerges() []flaw {
	var flaws []flaw
	o.walk(o.root, nil, func(m *nodes.Node, at *trail) {
		for i := 2; i+1 < len(m.Content) && len(flaws) <= maxFlaws; i += 2 {
			if k := m.Content[i]; isMerge(k) {
				flaws = append(flaws, flaw{pointer: at.pointer(), rule: "yaml.merge", place: o.doc.at(o.line(k), k.Column),
					message: "a merge key after other keys overrides them for some tools and not for others",
					hint:    "make << the first key of its mapping"})
			}
		}
	})
	return flaws
}

// oddKey returns the first key that is no scalar, or else the document's beginning.
func (o outline) oddKey() fabric.Origin {
	place, found := o.doc.origin, false
	o.walk(o.root, nil, func(m *nodes.Node, _ *trail) {
		for i := 0; i+1 < len(m.Content) && !found; i += 2 {
			if k := target(m.Content[i]); k == nil || k.Kind != nodes.ScalarNode {
				place, found = o.doc.at(o.line(m.Content[i]), m.Content[i].Column), true
			}
		}
	})
	return place
}

// walk calls visit for every mapping that is written out, in order.
func (o outline) walk(n *nodes.Node, at *trail, visit func(*nodes.Node, *trail)) {
	switch n.Kind {
	case nodes.SequenceNode:
		for i, c := range n.Content {
			o.walk(c, &trail{parent: at, index: i}, visit)
		}
	case nodes.MappingNode:
		visit(n, at)
		for i := 0; i+1 < len(n.Content); i += 2 {
			o.walk(n.Content[i+1], &trail{parent: at, key: keyOf(n.Content[i]), keyed: true}, visit)
		}
	}
}

// expansion counts the values and the bytes of text that aliases would add if they
// were written out; it stops counting beyond limit. A value that contains itself
// has no end.
func (o outline) expansion(limit size) size {
	known := map[*nodes.Node]size{}
	return o.aliased(o.root, known, limit)
}

type size struct{ values, bytes int64 }

func (s size) plus(o size) size { return size{s.values + o.values, s.bytes + o.bytes} }

func (s size) exceeds(limit size) bool { return s.values > limit.values || s.bytes > limit.bytes }

// aliased returns what the aliases below n add.
func (o outline) aliased(n *nodes.Node, known map[*nodes.Node]size, limit size) size {
	var added size
	if n.Kind == nodes.AliasNode {
		return o.whole(n.Alias, known, limit)
	}
	for _, c := range n.Content {
		if added = added.plus(o.aliased(c, known, limit)); added.exceeds(limit) {
			break
		}
	}
	return added
}

// whole returns the size of n with its aliases written out.
func (o outline) whole(n *nodes.Node, known map[*nodes.Node]size, limit size) size {
	if s, ok := known[n]; ok {
		return s
	}
	known[n] = size{values: limit.values + 1} // what contains itself meets this
	s := size{values: 1, bytes: int64(len(n.Value))}
	if n.Kind == nodes.AliasNode {
		s = o.whole(n.Alias, known, limit)
	}
	for _, c := range n.Content {
		if s = s.plus(o.whole(c, known, limit)); s.exceeds(limit) {
			break
		}
	}
	known[n] = s
	return s
}
