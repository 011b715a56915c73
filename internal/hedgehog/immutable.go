package hedgehog

import "slices"

// Immutable returns the pointers, in order, of what changes from old to new and
// the server refuses to change in place. Deleting the object and creating it anew
// gets there, what refers to it first. Only a Connection has such values. That a
// Switch keeps its breakouts while RoCE is on is not one of them: RoCE goes off in
// one write and the breakouts change in the next, and no switch is deleted for it.
func Immutable(old, new map[string]any) []string {
	if kindOf(new) != Connection {
		return nil
	}
	return connectionImmutable(child(old, "spec"), child(new, "spec"))
}

func connectionImmutable(old, new tree) []string {
	before, okOld := connectionTypeOf(old)
	after, okNew := connectionTypeOf(new)
	switch {
	case !okOld || !okNew:
		return nil
	case before.key != after.key:
		pointers := []string{"/spec/" + before.key, "/spec/" + after.key}
		slices.Sort(pointers)
		return pointers
	case before.key == "staticExternal" &&
		textAt(child(old, before.key), "withinVPC") != textAt(child(new, after.key), "withinVPC"):
		return []string{"/spec/staticExternal/withinVPC"}
	}
	return nil
}
