package hedgehog

import (
	"iter"
	"net/netip"
	"strconv"
	"strings"
)

// A node is one value of an object together with the place where it stands, so
// that a rule can complain about it. A node of an absent value knows its place too.
type node struct {
	value   any
	pointer string // JSON pointer from the object's root
}

func (n node) present() bool { return n.value != nil }

// at descends through objects; a missing step yields an absent node.
func (n node) at(path ...string) node {
	for _, key := range path {
		m, _ := n.value.(tree)
		n = node{m[key], pointer(n.pointer, key)}
	}
	return n
}

// items yields the elements of a list in order.
func (n node) items() iter.Seq[node] {
	list, _ := n.value.([]any)
	return func(yield func(node) bool) {
		for i, v := range list {
			if !yield(node{v, pointer(n.pointer, strconv.Itoa(i))}) {
				return
			}
		}
	}
}

// entries yields the members of an object in key order.
func (n node) entries() iter.Seq2[string, node] {
	m, _ := n.value.(tree)
	return func(yield func(string, node) bool) {
		for _, key := range keysOf(m) {
			if !yield(key, node{m[key], pointer(n.pointer, key)}) {
				return
			}
		}
	}
}

// size returns the number of elements or members.
func (n node) size() int {
	switch v := n.value.(type) {
	case []any:
		return len(v)
	case tree:
		return len(v)
	}
	return 0
}

func (n node) text() string {
	s, _ := n.value.(string)
	return s
}

// textOr returns the text, or fallback when it is empty: how the API defaults names.
func (n node) textOr(fallback string) string {
	if s := n.text(); s != "" {
		return s
	}
	return fallback
}

func (n node) flag() bool {
	b, _ := n.value.(bool)
	return b
}

// number returns the whole number, or 0 when there is none.
func (n node) number() int64 {
	i, _ := integer(n.value)
	return i
}

// prefix returns an IPv4 prefix as written, host bits kept.
func (n node) prefix() (netip.Prefix, bool) {
	p, err := netip.ParsePrefix(n.text())
	return p, err == nil && p.Addr().Is4()
}

func (n node) isPrefix() bool {
	_, ok := n.prefix()
	return ok
}

// address returns an IPv4 address.
func (n node) address() (netip.Addr, bool) {
	a, err := netip.ParseAddr(n.text())
	return a, err == nil && a.Is4()
}

func (n node) isAddress() bool {
	_, ok := n.address()
	return ok
}

// texts returns the strings of a list.
func (n node) texts() []string {
	var out []string
	for item := range n.items() {
		if s := item.text(); s != "" {
			out = append(out, s)
		}
	}
	return out
}

// A step leads to a member or element that may not exist; a null does.
type step struct {
	node
	exists bool
}

// step follows one token of a JSON pointer.
func (n node) step(token string) step {
	next := node{pointer: pointer(n.pointer, token)}
	switch v := n.value.(type) {
	case tree:
		var ok bool
		next.value, ok = v[token]
		return step{next, ok}
	case []any:
		i, err := strconv.Atoi(token)
		if err != nil || i < 0 || i >= len(v) {
			return step{next, false}
		}
		next.value = v[i]
		return step{next, true}
	}
	return step{next, false}
}

// follow descends by a JSON pointer that leads from n.
func (n node) follow(to string) node {
	for _, token := range tokens(to) {
		n = n.step(token).node
	}
	return n
}

// tokens splits a JSON pointer and undoes its escapes.
func tokens(pointer string) []string {
	parts := strings.Split(pointer, "/")[1:]
	for i, p := range parts {
		parts[i] = strings.ReplaceAll(strings.ReplaceAll(p, "~1", "/"), "~0", "~")
	}
	return parts
}
