package manifest

import (
	"slices"
	"strconv"
	"strings"
)

// trail is a place in a tree, linked to its parent so that descending costs
// nothing; nil is the root.
type trail struct {
	parent *trail
	key    string
	keyed  bool
	index  int
}

// pointer returns the JSON pointer of the place.
func (p *trail) pointer() string {
	var tokens []string
	for ; p != nil; p = p.parent {
		if p.keyed {
			tokens = append(tokens, escape.Replace(p.key))
		} else {
			tokens = append(tokens, strconv.Itoa(p.index))
		}
	}
	if len(tokens) == 0 {
		return ""
	}
	slices.Reverse(tokens)
	return "/" + strings.Join(tokens, "/")
}

var (
	escape   = strings.NewReplacer("~", "~0", "/", "~1")
	unescape = strings.NewReplacer("~1", "/", "~0", "~")
)

// join appends a key to a pointer.
func join(pointer, key string) string { return pointer + "/" + escape.Replace(key) }

// tokens splits a JSON pointer.
func tokens(pointer string) []string {
	if pointer == "" {
		return nil
	}
	parts := strings.Split(strings.TrimPrefix(pointer, "/"), "/")
	for i, t := range parts {
		parts[i] = unescape.Replace(t)
	}
	return parts
}

// within returns the rest of pointer below base, if it lies there.
func within(pointer, base string) (rest string, ok bool) {
	rest, ok = strings.CutPrefix(pointer, base)
	return rest, ok && (rest == "" || rest[0] == '/')
}
