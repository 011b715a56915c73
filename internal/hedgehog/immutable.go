package hedgehog

import "slices"

// Immutable returns the pointers, in order, of what changes from old to new and
// the server refuses to change in place. For a Connection, deleting and creating
// it anew gets there, its attachments first. A Switch's breakouts while RoCE is on
// are no reason to delete the switch: RoCE goes off in one write, the breakouts
// change in the next.
func Immutable(old, new map[string]any) []string {
	before, after := child(old, "spec"), child(new, "spec")
	switch kindOf(new) {
	case Connection:
		return connectionImmutable(before, after)
	case Switch:
		roce := flagAt(before, "roce") || flagAt(after, "roce")
		if roce && !same(shapes[Switch].at("portBreakouts"), before["portBreakouts"], after["portBreakouts"]) {
			return []string{"/spec/portBreakouts"}
		}
	}
	return nil
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
