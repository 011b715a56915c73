package manifest_test

import (
	"errors"
	"io/fs"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/hedgesync/hedgesync/internal/fabric"
	"github.com/hedgesync/hedgesync/internal/fault"
	"github.com/hedgesync/hedgesync/internal/manifest"
)

const head = "apiVersion: wiring.githedgehog.com/v1beta1\nkind: Server\nmetadata: {name: a}\n"

var allKinds = func() []string {
	var names []string
	for _, k := range slices.SortedFunc(slices.Values(userKinds), fabric.Kind.Compare) {
		names = append(names, k.Name)
	}
	return names
}()

// Every way in which a document can be wrong: what is said about it, and of which
// kinds nothing can be concluded any more. A sound neighbour is always kept.
func TestEveryProblemIsSaidAndTheValidRestIsKept(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		text     string
		problems []string
		partial  []string
	}{
		"tab": {text: head + "spec:\n\tdescription: x\n",
			problems: []string{"x.yaml:5:1 error yaml.syntax: found character that cannot start any token"}, partial: allKinds},
		"missing colon": {text: "apiVersion: v1\nkind\nmetadata: {}\n",
			problems: []string{"x.yaml:3:1 error yaml.syntax: could not find expected ':'"}, partial: allKinds},
		"bad indentation": {text: head + "spec:\n  a: 1\n b: 2\n",
			problems: []string{"x.yaml:6:2 error yaml.syntax: did not find expected key"}, partial: allKinds},
		"bad indentation on the first line": {text: " a: 1\nb: 2\n",
			problems: []string{"x.yaml:2:1 error yaml.syntax: did not find expected <document start>"}, partial: allKinds},
		"unclosed flow": {text: head + "spec: {a: [1, 2}\n",
			problems: []string{"x.yaml:4:1 error yaml.syntax: did not find expected ',' or ']'"}, partial: allKinds},
		"unclosed quote": {text: head + "spec: {a: \"x}\n",
			problems: []string{"x.yaml:4:1 error yaml.syntax: found unexpected end of stream"}, partial: allKinds},
		"merge conflict": {text: "<<<<<<< HEAD\n" + head,
			problems: []string{"x.yaml:2:1 error yaml.syntax: mapping values are not allowed in this context"}, partial: allKinds},
		"template": {text: head + "spec: {{ .Values.spec }}\n",
			problems: []string{"x.yaml:4:8 error yaml.syntax: a mapping or a list is no key"}, partial: allKinds},
		"control character": {text: head + "spec: {a: \"\x07\"}\n",
			problems: []string{"x.yaml:4:12 error yaml.syntax: control character 0x7"}, partial: allKinds},
		"unknown anchor": {text: head + "spec: *nothing\n",
			problems: []string{"x.yaml:4:7 error yaml.syntax: unknown anchor 'nothing' referenced"}, partial: allKinds},
		"text after JSON": {text: `{"apiVersion":"wiring.githedgehog.com/v1beta1","kind":"Server","metadata":{"name":"a"}} {"b":1}`,
			problems: []string{"x.yaml:1:1 error yaml.syntax: did not find expected <document start>"}, partial: allKinds},
		"plain text": {text: "please delete me\n",
			problems: []string{"x.yaml:1:1 error yaml.text: the whole document is text"}, partial: allKinds},
		"sequence of objects": {text: "- apiVersion: v1\n  kind: X\n",
			problems: []string{"x.yaml:1:1 error yaml.sequence: objects in a bare sequence"}, partial: allKinds},
		"duplicate key": {text: head + "spec:\n  description: x\n  profile: y\n  description: z\n",
			problems: []string{`x.yaml:7:3 error yaml.duplicate-key: key "description" appears twice: here and at line 5, column 3`}, partial: []string{"Server"}},
		"duplicate key in another spelling": {text: head + "spec: {1: a, '1': b}\n",
			problems: []string{`x.yaml:4:8 error yaml.duplicate-key: key "1" appears twice, spelled differently`}, partial: []string{"Server"}},
		"duplicate kind": {text: head + "kind: Switch\n",
			problems: []string{`x.yaml:4:1 error yaml.duplicate-key: key "kind" appears twice: here and at line 2, column 1`}, partial: allKinds},
		"merge key after others": {text: "x: &b {description: y}\n" + head + "spec:\n  description: z\n  <<: *b\n",
			problems: []string{"x.yaml:7:3 error yaml.merge: a merge key after other keys overrides them for some tools and not for others"}, partial: []string{"Server"}},
		"null key":     {text: head + "spec: {~: 1}\n", problems: []string{"x.yaml:4:1 error yaml.key: key <nil> is neither text, number nor boolean"}, partial: []string{"Server"}},
		"not a number": {text: head + "spec: {a: .nan}\n", problems: []string{"x.yaml:4:8 error yaml.number: JSON has no infinity and no NaN"}, partial: []string{"Server"}},
		"binary":       {text: head + "spec: {a: !!binary gIGC}\n", problems: []string{"x.yaml:4:8 error yaml.binary: binary data that is not text"}, partial: []string{"Server"}},
		"no kind": {text: "apiVersion: v1\nmetadata: {name: a}\n",
			problems: []string{"x.yaml:1:1 error object.kind: kind is missing"}, partial: allKinds},
		"no apiVersion": {text: "kind: Server\nmetadata: {name: a}\n",
			problems: []string{"x.yaml:1:1 error object.api-version: apiVersion is missing"}, partial: allKinds},
		"neither": {text: "metadata: {name: a}\nspec: {}\n", partial: allKinds,
			problems: []string{"x.yaml:1:1 error object.api-version: apiVersion is missing", "x.yaml:1:1 error object.kind: kind is missing"}},
		"bad apiVersion": {text: "apiVersion: a/b/c\nkind: Server\nmetadata: {name: a}\n",
			problems: []string{`x.yaml:1:1 error object.api-version: apiVersion "a/b/c" is not of the form group/version`}, partial: allKinds},
		"numeric kind": {text: "apiVersion: v1\nkind: 7\nmetadata: {name: a}\n",
			problems: []string{"x.yaml:2:1 error object.kind: kind is the number 7, not text"}, partial: allKinds},
		"no metadata": {text: "apiVersion: wiring.githedgehog.com/v1beta1\nkind: Server\n",
			problems: []string{"x.yaml:1:1 error object.metadata: Server has no metadata mapping"}, partial: []string{"Server"}},
		"no name": {text: "apiVersion: wiring.githedgehog.com/v1beta1\nkind: Server\nmetadata:\n  namespace: default\n",
			problems: []string{"x.yaml:3:1 error object.name: metadata.name is missing"}, partial: []string{"Server"}},
		"boolean name": {text: "apiVersion: wiring.githedgehog.com/v1beta1\nkind: Server\nmetadata:\n  name: on\n",
			problems: []string{"x.yaml:4:3 error object.name: metadata.name is the boolean true, not text"}, partial: []string{"Server"}},
		"bad name": {text: "apiVersion: wiring.githedgehog.com/v1beta1\nkind: Server\nmetadata:\n  name: a/b\n",
			problems: []string{`x.yaml:4:3 error object.name: name "a/b": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')`}, partial: []string{"Server"}},
		"bad namespace": {text: "apiVersion: wiring.githedgehog.com/v1beta1\nkind: Server\nmetadata:\n  name: a\n  namespace: 5\n",
			problems: []string{"x.yaml:5:3 error object.namespace: metadata.namespace is the number 5, not text"}, partial: []string{"Server"}},
		"generateName": {text: "apiVersion: wiring.githedgehog.com/v1beta1\nkind: Server\nmetadata:\n  generateName: a-\n",
			problems: []string{"x.yaml:4:3 error object.generate-name: generateName makes another object at every apply"}, partial: []string{"Server"}},
		"labels that are not text": {text: "apiVersion: wiring.githedgehog.com/v1beta1\nkind: Server\nmetadata:\n  name: a\n  labels:\n    on: yes\n    count: 1\n    z:\n", partial: []string{"Server"},
			problems: []string{"x.yaml:6:5 error object.labels: true in labels is the boolean true, not text", "x.yaml:7:5 error object.labels: count in labels is the number 1, not text", "x.yaml:8:5 error object.labels: z in labels is null, not text"}},
		"labels that are a list": {text: "apiVersion: wiring.githedgehog.com/v1beta1\nkind: Server\nmetadata:\n  name: a\n  labels: [a]\n",
			problems: []string{"x.yaml:5:3 error object.labels: labels is a list, not a mapping"}, partial: []string{"Server"}},
		"list with a broken item": {text: "apiVersion: v1\nkind: List\nitems:\n- 5\n- apiVersion: wiring.githedgehog.com/v1beta1\n  kind: Server\n  metadata: {}\n", partial: allKinds,
			problems: []string{"x.yaml:4:3 error object.item: an item that is not an object", "x.yaml:7:3 error object.name: metadata.name is missing"}},
		"list with a repeated key in one item": {text: "apiVersion: v1\nkind: List\nitems:\n- apiVersion: wiring.githedgehog.com/v1beta1\n  kind: Server\n  metadata: {name: a}\n  spec: {description: x, description: x}\n", partial: []string{"Server"},
			problems: []string{`x.yaml:7:26 error yaml.duplicate-key: key "description" appears twice: here and at line 7, column 10`}},
		"list with two items keys": {text: "apiVersion: v1\nkind: List\nitems: []\nitems: []\n", partial: allKinds,
			problems: []string{`x.yaml:4:1 error yaml.duplicate-key: key "items" appears twice: here and at line 3, column 1`}},
		"unknown version of our kind": {text: "apiVersion: wiring.githedgehog.com/v1alpha2\nkind: Switch\nmetadata: {name: a}\n",
			problems: []string{"x.yaml:1:1 error kind.version: Switch is not served at v1alpha2"}, partial: []string{"Switch"}},
		"misspelled kind": {text: "apiVersion: wiring.githedgehog.com/v1beta1\nkind: Swich\nmetadata: {name: a}\n",
			problems: []string{"x.yaml:2:1 error kind.owner: Swich does not belong in Git"}, partial: []string{"Switch"}},
		"misspelled group": {text: "apiVersion: wiring.githedgehog.org/v1beta1\nkind: Switch\nmetadata: {name: a}\n",
			problems: []string{"x.yaml:2:1 note kind.foreign: Switch.wiring.githedgehog.org is not a kind of this fabric"}, partial: []string{"Switch"}},
		"controller's kind": {text: "apiVersion: wiring.githedgehog.com/v1beta1\nkind: SwitchProfile\nmetadata: {name: a}\n",
			problems: []string{"x.yaml:2:1 error kind.owner: SwitchProfile does not belong in Git"}},
		"foreign kind without a name": {text: "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources: []\n",
			problems: []string{"x.yaml:2:1 note kind.foreign: Kustomization.kustomize.config.k8s.io is not a kind of this fabric"}},
		"not an object":       {text: "replicas: 3\nimage: x\n", problems: []string{"x.yaml:1:1 note yaml.not-object: YAML, but not a Kubernetes object; it is left alone"}},
		"JSON, not an object": {text: `[{"name": "a"}, 5]`, problems: []string{"x.yaml:1:1 note yaml.not-object: YAML, but not a Kubernetes object; it is left alone"}},
		"comments":            {text: "# nothing\n---\n# here\n"},
		"null":                {text: "---\n~\n"},
		"empty":               {text: ""},
		"empty list":          {text: "apiVersion: v1\nkind: List\nitems: []\n"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			sound := server("sound-1") + "---\n" + server("sound-2")
			for _, fsys := range []fstest.MapFS{files("a.yaml", sound, "x.yaml", tt.text), files("x.yaml", tt.text, "z.yaml", sound)} {
				set := read(t, fsys)
				if diff := cmp.Diff(tt.problems, problems(set)); diff != "" {
					t.Errorf("problems (-want +got):\n%s", diff)
				}
				if diff := cmp.Diff(tt.partial, partial(set)); diff != "" {
					t.Errorf("partial kinds (-want +got):\n%s", diff)
				}
				if diff := cmp.Diff(map[fabric.Kind]int{serverKind: 2}, set.Counts); diff != "" {
					t.Errorf("kept (-want +got):\n%s", diff)
				}
			}
		})
	}
}

func TestASyntaxErrorCostsOnlyItsDocument(t *testing.T) {
	t.Parallel()
	text := server("a") + "---\nkind: [\n---\n" + server("b") + "...\n# bye\n---\n" + server("c")
	set := read(t, files("x.yaml", text))
	if set.Snapshot.Len() != 3 || set.Documents != 4 {
		t.Errorf("%d objects in %d documents, want 3 in 4", set.Snapshot.Len(), set.Documents)
	}
	want := []string{"x.yaml:7:1 error yaml.syntax: did not find expected node content"}
	if diff := cmp.Diff(want, problems(set)); diff != "" {
		t.Errorf("problems (-want +got):\n%s", diff)
	}
}

func TestDuplicateIdentityNamesBothPlacesAndKeepsNeither(t *testing.T) {
	t.Parallel()
	other := strings.Replace(server("a"), "v1beta1", "v1beta1", 1) + "---\n" + server("b")
	set := read(t, files("one.yaml", "# one\n"+server("a"), "two/two.yml", server("c")+"---\n"+other))
	want := []string{
		"one.yaml:2:1 error object.duplicate: Server/default/a is also written at two/two.yml:7:1; neither is used",
		"two/two.yml:7:1 error object.duplicate: Server/default/a is also written at one.yaml:2:1; neither is used",
	}
	if diff := cmp.Diff(want, problems(set)); diff != "" {
		t.Errorf("problems (-want +got):\n%s", diff)
	}
	if _, kept := set.Snapshot.Get(serverKey("a")); kept {
		t.Error("one of two duplicates was kept")
	}
	if diff := cmp.Diff([]string{"Server"}, partial(set)); diff != "" {
		t.Errorf("partial kinds (-want +got):\n%s", diff)
	}
}

func TestADuplicateOfABrokenObjectIsStillADuplicate(t *testing.T) {
	t.Parallel()
	broken := "apiVersion: wiring.githedgehog.com/v1beta1\nkind: Server\nmetadata: {name: a, labels: {x: 1}}\n"
	set := read(t, files("one.yaml", server("a"), "two.yaml", broken))
	if set.Snapshot.Len() != 0 || len(set.Problems) != 3 {
		t.Errorf("kept %d, problems %q", set.Snapshot.Len(), problems(set))
	}
}

func TestMovingAFileIsNoChange(t *testing.T) {
	t.Parallel()
	before := read(t, files("a.yaml", "# head\n"+server("a")))
	after := read(t, files("deep/er/b.yml", "---\n---\n"+server("z")+"---\n{kind: Server, metadata: {name: a}, spec: {}, apiVersion: wiring.githedgehog.com/v1beta1}\n"))
	was, _ := before.Snapshot.Get(serverKey("a"))
	is, ok := after.Snapshot.Get(serverKey("a"))
	if !ok || was.Hash != is.Hash || was.Hash != fabric.HashOf(is.Object) {
		t.Errorf("hash %s became %s", was.Hash, is.Hash)
	}
	want := fabric.Origin{File: "deep/er/b.yml", Line: 9, Column: 1, Document: 1}
	if is.Origin != want {
		t.Errorf("origin %+v, want %+v", is.Origin, want)
	}
}

func TestNamespaceDefaultsInTheKeyOnly(t *testing.T) {
	t.Parallel()
	set := read(t, files("a.yaml", server("a"), "b.yaml", strings.Replace(server("b"), "  name: b", "  name: b\n  namespace: other", 1)))
	a, _ := set.Snapshot.Get(serverKey("a"))
	if diff := cmp.Diff(map[string]any{"name": "a"}, a.Object["metadata"]); diff != "" {
		t.Errorf("metadata (-want +got):\n%s", diff)
	}
	if _, ok := set.Snapshot.Get(fabric.Key{Kind: serverKind, Namespace: "other", Name: "b"}); !ok {
		t.Error("the named namespace is not in the key")
	}
}

func TestListsAreExpanded(t *testing.T) {
	t.Parallel()
	text := `apiVersion: v1
kind: List
items:
- apiVersion: wiring.githedgehog.com/v1beta1
  kind: Server
  metadata: {name: a}
- apiVersion: wiring.githedgehog.com/v1beta1
  kind: ServerList
  items:
  - metadata:
      name: b
    spec:
      description: deep
`
	set := read(t, files("x.yaml", text))
	if diff := cmp.Diff([]string(nil), problems(set)); diff != "" {
		t.Fatalf("problems (-want +got):\n%s", diff)
	}
	b, _ := set.Snapshot.Get(serverKey("b"))
	want := fabric.Resource{Key: serverKey("b"), Version: "v1beta1", Origin: fabric.Origin{File: "x.yaml", Line: 10, Column: 5},
		Object: map[string]any{"apiVersion": "wiring.githedgehog.com/v1beta1", "kind": "Server",
			"metadata": map[string]any{"name": "b"}, "spec": map[string]any{"description": "deep"}}}
	want.Hash = fabric.HashOf(want.Object)
	if diff := cmp.Diff(want, b); diff != "" {
		t.Errorf("item (-want +got):\n%s", diff)
	}
	if got := set.Position(serverKey("b"), "/spec/description").String(); got != "x.yaml:13:7" {
		t.Errorf("description is at %s", got)
	}
}

func TestOnlyManifestsBelowTheRootAreRead(t *testing.T) {
	t.Parallel()
	fsys := files("a.yaml", server("a"), "sub/dir/b.yml", server("b"), "c.json", `{"apiVersion":"wiring.githedgehog.com/v1beta1","kind":"Server","metadata":{"name":"c"}}`,
		"D.YAML", server("d"), "README.md", "# hi", ".git/x.yaml", "broken: [", "sub/.hidden.yaml", "broken: [", "no-suffix", "broken: [", "x.yaml.bak", "broken: [")
	set := read(t, fsys)
	if set.Files != 4 || set.Documents != 4 || set.Snapshot.Len() != 4 || len(set.Problems) != 0 {
		t.Errorf("files %d, documents %d, objects %d, problems %q", set.Files, set.Documents, set.Snapshot.Len(), problems(set))
	}
}

func TestLinksAreNotFollowed(t *testing.T) {
	t.Parallel()
	link := func(to string) *fstest.MapFile {
		return &fstest.MapFile{Data: []byte(to), Mode: fs.ModeSymlink | 0o777}
	}
	tests := map[string]struct {
		name, to string
		problem  bool
	}{
		"to what is read anyway":        {"sub/x.yaml", "../a.yaml", false},
		"to a directory read anyway":    {"latest", "dir", false},
		"out of the root":               {"x.yaml", "../secret.yaml", true},
		"to an absolute path":           {"x.yaml", "/etc/passwd", true},
		"to nothing":                    {"x.yaml", "gone.yaml", true},
		"to a hidden file":              {"x.yaml", ".hidden.yaml", true},
		"a directory outside":           {"common", "../common", true},
		"of a name that is no manifest": {"README.md", "../README.md", false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			fsys := files("a.yaml", server("a"), "dir/b.yaml", server("b"), ".hidden.yaml", server("c"))
			fsys[tt.name] = link(tt.to)
			set := read(t, fsys)
			var want, kinds []string
			if tt.problem {
				want = []string{tt.name + " error file.link: symbolic link; links are not followed, so what it leads to is not read"}
				kinds = allKinds
			}
			if diff := cmp.Diff(want, problems(set)); diff != "" {
				t.Errorf("problems (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(kinds, partial(set)); diff != "" || set.Snapshot.Len() != 2 {
				t.Errorf("%d objects, partial kinds (-want +got):\n%s", set.Snapshot.Len(), diff)
			}
		})
	}
}

// Names are shown, and a name could move the cursor or begin a line of its own.
func TestFileWhoseNameCannotBeShownIsReportedUnderAnotherName(t *testing.T) {
	t.Parallel()
	const why = " error file.name: the name holds characters that cannot be shown; it is not read"
	tests := map[string]struct{ name, shown string }{
		"a colour":           {"a\x1b[31m.yaml", "a\ufffd[31m.yaml"},
		"a line of its own":  {"a.yaml\nb.yaml: fine.yaml", "a.yaml\ufffdb.yaml: fine.yaml"},
		"not UTF-8":          {"a\xff\xfe.yaml", "a\ufffd.yaml"},
		"read the other way": {"a\u202elmay.yaml", "a\ufffdlmay.yaml"},
		"by its directory":   {"dir\a/a.yaml", "dir\ufffd/a.yaml"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			set := read(t, files("ok.yaml", server("a"), "größe 1 (neu).yaml", server("b"), tt.name, server("c")))
			if diff := cmp.Diff([]string{tt.shown + why}, problems(set)); diff != "" {
				t.Errorf("problems (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(allKinds, partial(set)); diff != "" || set.Snapshot.Len() != 2 {
				t.Errorf("%d objects, partial kinds (-want +got):\n%s", set.Snapshot.Len(), diff)
			}
		})
	}
}

func TestTextThatIsNotUTF8IsRefusedWhereItBegins(t *testing.T) {
	t.Parallel()
	set := read(t, files("a.yaml", server("a"), "b.yaml", "# caf\u00e9\nx: \u00e9\xff\n", "c.yaml", "\xff\xfea\x00"))
	want := []string{"b.yaml:2:5 error yaml.encoding: not UTF-8: byte 0xff", "c.yaml:1:1 error yaml.encoding: not UTF-8: byte 0xff"}
	if diff := cmp.Diff(want, problems(set)); diff != "" {
		t.Errorf("problems (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(allKinds, partial(set)); diff != "" {
		t.Errorf("partial kinds (-want +got):\n%s", diff)
	}
}

func TestByteOrderMarkAndLineEndingsDoNotMatter(t *testing.T) {
	t.Parallel()
	text := "# head\n" + server("a") + "---\n" + server("b") + "...\n"
	set := read(t, files("x.yaml", "\ufeff"+strings.ReplaceAll(text, "\n", "\r\n")))
	plain := read(t, files("x.yaml", text))
	if diff := cmp.Diff(slices.Collect(plain.Snapshot.All()), slices.Collect(set.Snapshot.All())); diff != "" || set.Snapshot.Len() != 2 {
		t.Errorf("objects (-plain +crlf):\n%s", diff)
	}
}

func TestALargeFilePointerIsNotAnEmptySet(t *testing.T) {
	t.Parallel()
	set := read(t, files("a.yaml", "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 12\n"))
	if diff := cmp.Diff([]string{"a.yaml error file.lfs: a Git LFS pointer, not the file itself"}, problems(set)); diff != "" {
		t.Errorf("problems (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(allKinds, partial(set)); diff != "" {
		t.Errorf("partial kinds (-want +got):\n%s", diff)
	}
}

func TestAnEmptyDirectoryIsAValidEmptySet(t *testing.T) {
	t.Parallel()
	set := read(t, files("README.md", "# nothing"))
	want := []string{". note tree.empty: no YAML or JSON file lies below this directory: nothing is wanted"}
	if diff := cmp.Diff(want, problems(set)); diff != "" {
		t.Errorf("problems (-want +got):\n%s", diff)
	}
	if got := partial(set); got != nil || set.Snapshot.Len() != 0 {
		t.Errorf("partial %v, %d objects", got, set.Snapshot.Len())
	}
	if set.Snapshot.Source() != "abc123" || !set.Snapshot.AsOf().Equal(readAt) {
		t.Errorf("snapshot of %q at %v", set.Snapshot.Source(), set.Snapshot.AsOf())
	}
}

// brokenFS fails where its maps say so.
type brokenFS struct {
	fstest.MapFS
	open map[string]error
}

func (b brokenFS) Open(name string) (fs.File, error) {
	if err, broken := b.open[name]; broken {
		return nil, err
	}
	return b.MapFS.Open(name)
}

func (b brokenFS) ReadDir(name string) ([]fs.DirEntry, error) {
	if err, broken := b.open[name]; broken {
		return nil, err
	}
	return b.MapFS.ReadDir(name)
}

func TestADirectoryThatCannotBeListedIsAnError(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		err  error
		kind fault.Kind
	}{
		"denied":     {&fs.PathError{Op: "open", Path: "sub", Err: fs.ErrPermission}, fault.Denied},
		"gone":       {fs.ErrNotExist, fault.Missing},
		"broken":     {errors.New("object is corrupt"), fault.Unavailable},
		"classified": {fault.New(fault.Invalid, "git.object", "bad tree"), fault.Invalid},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			fsys := brokenFS{MapFS: files("a.yaml", server("a"), "sub/b.yaml", server("b")), open: map[string]error{"sub": tt.err}}
			set, err := manifest.Read(fsys, options())
			if set != nil || fault.KindOf(err) != tt.kind || !errors.Is(err, tt.err) {
				t.Errorf("set %v, kind %v, error %v", set, fault.KindOf(err), err)
			}
		})
	}
}

func TestAMissingRootIsAnError(t *testing.T) {
	t.Parallel()
	root, err := fs.Sub(files("a.yaml", server("a")), "nowhere")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := manifest.Read(root, options()); fault.KindOf(err) != fault.Missing {
		t.Errorf("error %v", err)
	}
}

func TestAFileThatCannotBeReadLeavesEveryKindOpen(t *testing.T) {
	t.Parallel()
	fsys := brokenFS{MapFS: files("a.yaml", server("a"), "b.yaml", server("b")), open: map[string]error{"b.yaml": errors.New("object is corrupt")}}
	set, err := manifest.Read(fsys, options())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"b.yaml error file.read: cannot be read: object is corrupt"}, problems(set)); diff != "" {
		t.Errorf("problems (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(allKinds, partial(set)); diff != "" || set.Snapshot.Len() != 1 {
		t.Errorf("%d objects, partial kinds (-want +got):\n%s", set.Snapshot.Len(), diff)
	}
}
