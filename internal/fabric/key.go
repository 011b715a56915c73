package fabric

import (
	"cmp"
	"strings"
)

// Kind is a kind of object without its version: two versions of one object are
// the same object.
type Kind struct {
	Group string // "wiring.githedgehog.com"; "" is the core group
	Name  string // "Switch"
}

// String returns "Switch.wiring.githedgehog.com", as kubectl spells it.
func (k Kind) String() string {
	if k.Group == "" {
		return k.Name
	}
	return k.Name + "." + k.Group
}

// Compare orders kinds by group, then name.
func (k Kind) Compare(o Kind) int {
	return cmp.Or(strings.Compare(k.Group, o.Group), strings.Compare(k.Name, o.Name))
}

// Key identifies one object of a fabric.
type Key struct {
	Kind      Kind
	Namespace string
	Name      string
}

// String returns "Switch/default/leaf-01": short enough for a table, unique
// within a fabric because no two Hedgehog groups share a kind name.
func (k Key) String() string { return k.Kind.Name + "/" + k.Namespace + "/" + k.Name }

// Compare orders keys by kind, namespace and name.
func (k Key) Compare(o Key) int {
	return cmp.Or(k.Kind.Compare(o.Kind), strings.Compare(k.Namespace, o.Namespace), strings.Compare(k.Name, o.Name))
}
