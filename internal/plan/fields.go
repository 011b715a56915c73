package plan

import (
	"regexp"
	"slices"
	"strings"

	"github.com/hedgesync/hedgesync/internal/hedgehog"
)

// fields explains each difference: what it was, what it will be, and whose doing
// it is, by asking at which paths each side left the record.
func (d *decider) fields(c *Change, expected map[string]any, diffs []hedgehog.Diff, ours bool) []Field {
	var byGit, byCluster []string
	if ours {
		applied := hedgehog.Expected(c.Base.Applied)
		byGit = pointers(append(hedgehog.Difference(applied, expected), dropped(c.Base.Applied, expected, applied)...))
		byCluster = pointers(hedgehog.Difference(applied, c.Have.Object))
	}
	fields := make([]Field, len(diffs))
	for i, diff := range diffs {
		f := Field{Path: diff.Pointer, Old: masked(diff.Pointer, diff.Old), New: masked(diff.Pointer, diff.New), Cause: Foreign}
		if ours {
			f.Cause = blame(touches(byGit, f.Path), touches(byCluster, f.Path))
		}
		if f.Cause != Source && d.in.Attribute != nil {
			f.Manager, f.At = d.in.Attribute(c.Have.Object, f.Path)
		}
		fields[i] = f
	}
	slices.SortFunc(fields, func(a, b Field) int { return strings.Compare(a.Path, b.Path) })
	return fields
}

// dropped returns the labels and annotations that we applied, that Git no longer
// names, and that live still has. Those of others are none of our business, so
// hedgehog.Difference, which does not know the record, leaves them out.
func dropped(applied, expected, live map[string]any) []hedgehog.Diff {
	var out []hedgehog.Diff
	for _, section := range []string{"annotations", "labels"} {
		ours := object(object(applied, "metadata"), section)
		wanted := object(object(expected, "metadata"), section)
		there := object(object(live, "metadata"), section)
		for _, name := range names(ours) {
			_, stays := wanted[name]
			if value, found := there[name]; found && !stays {
				out = append(out, hedgehog.Diff{Pointer: "/metadata/" + section + "/" + escape.Replace(name), Old: value})
			}
		}
	}
	return out
}

// blame names who moved a value. If nobody left the record, the record itself was
// made by an older reading of Git: that is Git's change.
func blame(git, cluster bool) Cause {
	switch {
	case git && cluster:
		return Both
	case cluster:
		return Drift
	}
	return Source
}

func pointers(diffs []hedgehog.Diff) []string {
	out := make([]string, len(diffs))
	for i, d := range diffs {
		out[i] = d.Pointer
	}
	return out
}

// touches reports whether any of the pointers is path, lies in it or holds it.
func touches(pointers []string, path string) bool {
	return slices.ContainsFunc(pointers, func(p string) bool { return within(p, path) || within(path, p) })
}

// within reports whether pointer p is outer or lies in it.
func within(p, outer string) bool {
	rest, ok := strings.CutPrefix(p, outer)
	return ok && (rest == "" || rest[0] == '/')
}

// predict finds what a server-side apply would leave behind: entries and edits of
// others at paths that Git does not set. They are removed after the apply, which
// makes the server compute its defaults anew.
func (d *decider) predict(c *Change, expected map[string]any) {
	if c.Action != Update || d.in.Predict == nil {
		return
	}
	stored, err := d.in.Predict(c.Have, *c.Want)
	if err != nil {
		c.hold(Invalid, "the server would refuse it: %v", err)
		return
	}
	for _, diff := range hedgehog.Difference(expected, stored.Object) {
		if diff.Old != nil && !sets(c.Want.Object, diff.Pointer) {
			c.Remove = append(c.Remove, diff.Pointer)
		}
	}
	slices.Sort(c.Remove)
}

// sets reports whether tree has a value at pointer, or a scalar or list on the
// way to it, which then is applied whole.
func sets(tree map[string]any, pointer string) bool {
	var at any = tree
	for _, token := range tokens(pointer) {
		m, isMap := at.(map[string]any)
		if !isMap {
			return true
		}
		next, found := m[token]
		if !found {
			return false
		}
		at = next
	}
	return true
}

var escape = strings.NewReplacer("~", "~0", "/", "~1")

var unescape = strings.NewReplacer("~1", "/", "~0", "~")

func tokens(pointer string) []string {
	parts := strings.Split(strings.TrimPrefix(pointer, "/"), "/")
	for i, p := range parts {
		parts[i] = unescape.Replace(p)
	}
	return parts
}

// mask stands for a value that must not be shown.
const mask = "[secret]"

// Hedgehog's user kinds hold no secrets; what others put into annotations or
// unknown fields is judged by its name.
var secretName = regexp.MustCompile(`(?i)passw|token|secret|credential|private.?key|api.?key|hash`)

func masked(pointer string, v any) any {
	if v == nil {
		return nil
	}
	if secretName.MatchString(pointer) {
		return mask
	}
	switch v := v.(type) {
	case map[string]any:
		out := make(map[string]any, len(v))
		for k, e := range v {
			out[k] = masked("/"+k, e)
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, e := range v {
			out[i] = masked("", e)
		}
		return out
	}
	return v
}
