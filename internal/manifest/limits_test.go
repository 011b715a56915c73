package manifest_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/hedgesync/hedgesync/internal/manifest"
)

// bomb is a document of few bytes whose aliases name levels times ten to the
// power of levels values.
func bomb(levels int) string {
	var b strings.Builder
	b.WriteString(head + "spec:\n  l0: &l0 {x: y}\n")
	for i := 1; i <= levels; i++ {
		fmt.Fprintf(&b, "  l%d: &l%d [%s]\n", i, i, strings.TrimSuffix(strings.Repeat(fmt.Sprintf("*l%d, ", i-1), 10), ", "))
	}
	return b.String()
}

// longText anchors a long text and names it many times.
func longText(bytes, times int) string {
	return head + "spec:\n  a: &a " + strings.Repeat("x", bytes) + "\n  b: [" + strings.Repeat("*a, ", times) + "]\n"
}

func TestLimitsHoldAndTheRestIsKept(t *testing.T) {
	t.Parallel()
	nested := strings.Replace(head, "name: a", "name: deep", 1) + "spec: " + strings.Repeat("{a: ", 40) + strings.Repeat("}", 40) + "\n"
	tests := map[string]struct {
		limits  manifest.Limits
		text    string
		want    string
		partial []string
	}{
		"file bytes":              {manifest.Limits{FileBytes: 500}, strings.Repeat("# long\n", 100), "x.yaml error limit.file-bytes: not read: larger than 500 bytes", allKinds},
		"total bytes":             {manifest.Limits{TotalBytes: 500}, strings.Repeat("# long\n", 100), "x.yaml error limit.total-bytes: not read: all files together are larger than 500 bytes", allKinds},
		"files":                   {manifest.Limits{Files: 1}, server("x"), "x.yaml error limit.files: more than 1 files; this one and 0 others are not read", allKinds},
		"documents":               {manifest.Limits{Documents: 2}, server("x"), "x.yaml:1:0 error limit.documents: too many documents; this one and all that follow are not read", allKinds},
		"depth":                   {manifest.Limits{Depth: 20}, nested, "x.yaml:4:84 error limit.depth: nested more than 20 levels deep", []string{"Server"}},
		"values that aliases add": {manifest.Limits{Expanded: 1000}, bomb(3), "x.yaml:1:1 error limit.aliases: aliases add more than 1000 values or 67108864 bytes", allKinds},
		"a bomb, by default":      {manifest.Limits{}, bomb(9), "x.yaml:1:1 error limit.aliases: aliases add more than 500000 values or 67108864 bytes", allKinds},
		"text that aliases add":   {manifest.Limits{}, longText(100_000, 10_000), "x.yaml:1:1 error limit.aliases: aliases add more than 500000 values or 67108864 bytes", allKinds},
		"a value in itself":       {manifest.Limits{}, head + "spec: &a {b: *a}\n", "x.yaml:1:1 error limit.aliases: aliases add more than 500000 values or 67108864 bytes", allKinds},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := options()
			o.Limits = tt.limits
			set, err := manifest.Read(files("a.yaml", server("a")+"---\n"+server("b"), "x.yaml", tt.text), o)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff([]string{tt.want}, problems(set)); diff != "" {
				t.Errorf("problems (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tt.partial, partial(set)); diff != "" || set.Snapshot.Len() != 2 {
				t.Errorf("%d objects, partial kinds (-want +got):\n%s", set.Snapshot.Len(), diff)
			}
		})
	}
}

func TestTheAliasBudgetIsForAllDocumentsTogether(t *testing.T) {
	t.Parallel()
	fsys := fstest.MapFS{}
	for i := range 20 {
		fsys[fmt.Sprintf("%02d.yaml", i)] = &fstest.MapFile{Data: []byte(strings.Replace(bomb(2), "name: a", fmt.Sprintf("name: a%d", i), 1))}
	}
	o := options()
	o.Limits.Expanded = 1000
	set, err := manifest.Read(fsys, o)
	if err != nil {
		t.Fatal(err)
	}
	// One of these bombs adds 10 x 3 + 10 x 31 values.
	if got := set.Snapshot.Len(); got != 2 || len(set.Problems) != 18 {
		t.Errorf("%d objects and %d problems, want 2 and 18", got, len(set.Problems))
	}
}

func TestHarmlessAnchorsAreRead(t *testing.T) {
	t.Parallel()
	set := read(t, files("a.yaml", bomb(2), "b.yaml", strings.Replace(head, "name: a", `name: b, annotations: {x: "R&D *important*"}`, 1)))
	if set.Snapshot.Len() != 2 || len(set.Problems) > 0 {
		t.Errorf("%d objects, problems %q", set.Snapshot.Len(), problems(set))
	}
}

// Inputs on which a careless reader takes time or memory out of proportion: hours
// where these take milliseconds.
func TestHostileInputsEndSoon(t *testing.T) {
	t.Parallel()
	many := func(format string, n int) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, format, i)
		}
		return b.String()
	}
	const n = 20_000
	tests := map[string]string{
		"open brackets":    strings.Repeat("[", n),
		"open braces":      strings.Repeat("{a: ", n),
		"dashes":           strings.Repeat("- ", n),
		"question marks":   strings.Repeat("? ", n),
		"anchors":          strings.Repeat("&a ", n),
		"tags":             strings.Repeat("!!a ", n),
		"markers":          strings.Repeat("---\n", n),
		"directives":       strings.Repeat("%a\n---\n", n),
		"quotes":           strings.Repeat("\"", n),
		"false labels":     "apiVersion: wiring.githedgehog.com/v1beta1\nkind: Server\nmetadata:\n  name: a\n  labels:\n" + many("    l%d: 1\n", n),
		"repeated keys":    head + "spec:\n" + strings.Repeat("  a: 1\n", n),
		"odd values":       head + "spec:\n" + many("  k%d: .nan\n", n),
		"broken items":     "apiVersion: v1\nkind: List\nitems:\n" + strings.Repeat("- {apiVersion: wiring.githedgehog.com/v1beta1, kind: Server}\n", n/10),
		"repeats in items": "apiVersion: v1\nkind: ServerList\nitems:\n" + strings.Repeat("- {metadata: {name: a}, x: 1, x: 1}\n", n/10),
		"a chain of aliases": head + "spec:\n  a0: &a0 []\n" + func() string {
			var b strings.Builder
			for i := range 5_000 {
				fmt.Fprintf(&b, "  a%d: &a%d [*a%d]\n", i+1, i+1, i)
			}
			return b.String()
		}(),
	}
	for name, text := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			set := read(t, files("a.yaml", server("sound"), "x.yaml", text))
			if _, kept := set.Snapshot.Get(serverKey("sound")); !kept {
				t.Error("the sound neighbour was lost")
			}
		})
	}
}
