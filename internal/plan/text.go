package plan

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/hedgesync/hedgesync/internal/fabric"
)

// TextOptions say how a plan is written for a person. The zero value writes plain
// text of what needs attention.
type TextOptions struct {
	Palette Palette
	All     bool // list everything: also what only changes our record, and every held change
}

// Palette holds what is written before each kind of line, and after it. The zero
// value is plain text.
type Palette struct{ Add, Change, Destroy, Hold, Note, Reset string }

// ANSI returns the palette of a colour terminal.
func ANSI() Palette {
	return Palette{Add: "\x1b[32m", Change: "\x1b[33m", Destroy: "\x1b[31m", Hold: "\x1b[35m", Note: "\x1b[2m", Reset: "\x1b[0m"}
}

// Text writes the plan: one block per change with what differs and why, and ends
// with the counts.
//
//   - delete   + create   ~ update   -/+ replace   ! held   ? not in Git   = record
func (p Plan) Text(w io.Writer, o TextOptions) error {
	t := &text{o: o, held: map[Cause]int{}}
	for _, c := range p.Changes {
		t.change(c)
	}
	t.folded()
	if t.b.Len() > 0 {
		t.b.WriteByte('\n')
	}
	t.footer(p)
	_, err := io.WriteString(w, t.b.String())
	return err
}

type text struct {
	o    TextOptions
	b    strings.Builder
	held map[Cause]int // held changes by cause
}

// mostHeld is how many held changes of one cause are listed: hundreds may wait for
// one object, and the first few name it.
const mostHeld = 10

// fold counts a held change, and reports whether to leave it out.
func (t *text) fold(c Change) bool {
	t.held[c.Cause]++
	return !t.o.All && t.held[c.Cause] > mostHeld
}

// folded says how many held changes were left out.
func (t *text) folded() {
	if t.o.All {
		return
	}
	for _, cause := range slices.Sorted(maps.Keys(t.held)) {
		if more := t.held[cause] - mostHeld; more > 0 {
			t.line(t.o.Palette.Hold, "! and %d more held (%s); --all lists them", more, cause)
		}
	}
}

// line writes one line in a colour. Whatever came from a cluster or from Git loses
// its control characters: it must not reach the terminal.
func (t *text) line(colour, format string, args ...any) {
	s := strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return '\uFFFD'
		}
		return r
	}, fmt.Sprintf(format, args...))
	if colour == "" {
		t.b.WriteString(s + "\n")
		return
	}
	t.b.WriteString(colour + s + t.o.Palette.Reset + "\n")
}

func (t *text) change(c Change) {
	switch c.Action {
	case None:
		return
	case Hold:
		if t.fold(c) {
			return
		}
		t.line(t.o.Palette.Hold, "! %s%s", prefix(c.Would), c.Key)
		t.line(t.o.Palette.Hold, "      held (%s): %s", c.Cause, c.Reason)
	case Adopt, Forget:
		if t.o.All {
			t.line(t.o.Palette.Note, "= %s  %s", c.Key, c.Reason)
		}
		return
	default:
		t.line(t.colour(c.Action), "%s%s%s", prefix(c.Action), c.Key, remark(c))
	}
	t.details(c)
}

// remark explains a change in the words of its cause, with where Git says so.
func remark(c Change) string {
	var words []string
	if c.Reason != "" {
		words = append(words, c.Reason)
	}
	if c.Want != nil && c.Want.Origin.File != "" {
		words = append(words, c.Want.Origin.String())
	}
	if len(words) == 0 {
		return ""
	}
	return "  (" + strings.Join(words, "; ") + ")"
}

func prefix(a Action) string {
	switch a {
	case Create:
		return "+ "
	case Update:
		return "~ "
	case Replace:
		return "-/+ "
	case Delete:
		return "- "
	case Extra:
		return "? "
	}
	return ""
}

func (t *text) colour(a Action) string {
	switch a {
	case Create:
		return t.o.Palette.Add
	case Update:
		return t.o.Palette.Change
	case Extra:
		return t.o.Palette.Note
	}
	return t.o.Palette.Destroy
}

func (t *text) details(c Change) {
	for _, f := range c.Fields {
		t.line("", "      %s", field(f))
	}
	for _, pointer := range c.Remove {
		if !slices.ContainsFunc(c.Fields, func(f Field) bool { return f.Path == pointer }) {
			t.line("", "      - %s", pointer)
		}
	}
	for _, b := range c.Blast {
		t.line(t.o.Palette.Destroy, "      * %s", b)
	}
}

func field(f Field) string {
	var s string
	switch {
	case f.Old == nil:
		s = fmt.Sprintf("+ %s: %s", f.Path, value(f.New))
	case f.New == nil:
		s = fmt.Sprintf("- %s: %s", f.Path, value(f.Old))
	default:
		s = fmt.Sprintf("~ %s: %s -> %s", f.Path, value(f.Old), value(f.New))
	}
	note := string(f.Cause)
	if f.Manager != "" {
		note += " by " + f.Manager
	}
	if !f.At.IsZero() {
		note += " at " + f.At.UTC().Format(time.RFC3339)
	}
	return s + "  (" + note + ")"
}

// longestValue bounds a value on one line, in characters.
const longestValue = 160

func value(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		return fmt.Sprint(v)
	}
	if runes := []rune(string(b)); len(runes) > longestValue {
		return string(runes[:longestValue]) + "…"
	}
	return string(b)
}

// unread names the kinds that were not read in full, those with one reason together.
func (t *text) unread(gaps []Gap) {
	kinds := map[fabric.Coverage][]string{}
	var reasons []fabric.Coverage
	for _, g := range gaps {
		if kinds[g.Coverage] == nil {
			reasons = append(reasons, g.Coverage)
		}
		kinds[g.Coverage] = append(kinds[g.Coverage], g.Kind.Name)
	}
	for _, r := range reasons {
		t.line(t.o.Palette.Hold, "Not read in full: %s%s.", strings.Join(kinds[r], ", "), because(r))
	}
}

func (t *text) footer(p Plan) {
	s := p.Summary
	switch {
	case s.Add+s.Change+s.Destroy > 0:
		t.line("", "Plan: %d to add, %d to change, %d to destroy.", s.Add, s.Change, s.Destroy)
	case s.Held > 0 || len(p.Unread) > 0:
		t.line("", "Plan: 0 to add, 0 to change, 0 to destroy.")
	default:
		t.line("", "No changes. The cluster is as Git says: %d objects compared.", s.Nothing+s.Adopt)
	}
	t.unread(p.Unread)
	if p.Mode == fabric.Observe && s.Add+s.Change+s.Destroy > 0 {
		t.line("", "The fabric is in observe mode: nothing will be written.")
	}
	for _, line := range []struct {
		n    int
		what string
	}{
		{s.Held, "held for a person to decide"},
		{s.Extra, "in the cluster, not in Git and never ours: left alone"},
		{s.Adopt, "as wanted already: recorded"},
		{s.Forget, "gone: forgotten"},
	} {
		if line.n > 0 {
			t.line("", "%d %s.", line.n, line.what)
		}
	}
}
