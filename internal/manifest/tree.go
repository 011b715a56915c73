package manifest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/hedgesync/hedgesync/internal/fabric"
	"github.com/hedgesync/hedgesync/internal/fault"
)

// file is one manifest file as it was read; name is its path below the root.
type file struct {
	name string
	text []byte
}

// tree is what lies below the root: the files that could be read, and what is
// wrong with the others. Every problem of severity Error stands for unread text.
type tree struct {
	files    []file
	problems []fabric.Problem
}

// readTree reads every manifest file below the root, in path order. Only a
// directory that cannot be listed is an error: what it holds is not even named.
func readTree(fsys fs.FS, l Limits) (tree, error) {
	names, err := listTree(fsys)
	if err != nil {
		return tree{}, err
	}
	var t tree
	t.problems = names.problems()
	var total int64
	for i, name := range names.manifests {
		if i == l.Files {
			t.fail(name, 0, "limit.files", fmt.Sprintf("more than %d files; this one and %d others are not read", l.Files, len(names.manifests)-i-1), "")
			break
		}
		text, p := readFile(fsys, name, min(l.FileBytes, l.TotalBytes-total), l)
		total += int64(len(text))
		if p != nil {
			t.problems = append(t.problems, *p)
			continue
		}
		t.files = append(t.files, file{name: name, text: text})
	}
	return t, nil
}

func (t *tree) fail(name string, line int, rule, message, hint string) {
	t.problems = append(t.problems, fabric.Problem{Rule: rule, Severity: fabric.Error,
		Origin: fabric.Origin{File: name, Line: line}, Message: message, Hint: hint})
}

// listing is what a walk found: manifest files, everything visited, and links.
type listing struct {
	manifests []string
	visited   map[string]bool
	links     []link
	odd       []string // devices, pipes and the like, under a manifest's name
	unsayable []string // names that would not stay on their line where they are shown
}

type link struct {
	name, target string // target is "" if it leaves the root or is not known
}

func listTree(fsys fs.FS) (listing, error) {
	l := listing{visited: map[string]bool{}}
	err := fs.WalkDir(fsys, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return treeError(name, err)
		}
		if name != "." && strings.HasPrefix(d.Name(), ".") {
			if d.IsDir() {
				return fs.SkipDir
			}
			return nil
		}
		l.add(fsys, name, d)
		return nil
	})
	if err == nil && !l.isDirectory(fsys) {
		err = fault.New(fault.Invalid, "manifest.root", "the root is not a directory")
	}
	slices.Sort(l.manifests)
	return l, err
}

func (l *listing) isDirectory(fsys fs.FS) bool {
	info, err := fs.Stat(fsys, ".")
	return err == nil && info.IsDir()
}

func (l *listing) add(fsys fs.FS, name string, d fs.DirEntry) {
	switch {
	case !sayable(name) && !d.IsDir() && (isManifest(name) || !d.Type().IsRegular()):
		l.unsayable = append(l.unsayable, name)
		return
	case d.Type()&fs.ModeSymlink != 0:
		l.links = append(l.links, link{name: name, target: linkTarget(fsys, name)})
		return
	case d.IsDir():
	case !isManifest(name):
		return
	case d.Type().IsRegular():
		l.manifests = append(l.manifests, name)
	default:
		l.odd = append(l.odd, name)
	}
	l.visited[name] = true
}

// linkTarget returns where a link leads, as a path below the root.
func linkTarget(fsys fs.FS, name string) string {
	target, err := fs.ReadLink(fsys, name)
	if err != nil || path.IsAbs(target) {
		return ""
	}
	target = path.Join(path.Dir(name), target)
	if !fs.ValidPath(target) {
		return ""
	}
	return target
}

// problems reports what the walk saw and will not read. Links are not followed:
// one to something that is read at its own place anyway is of no account, any
// other may stand for objects.
func (l *listing) problems() []fabric.Problem {
	var t tree
	for _, n := range l.odd {
		t.fail(n, 0, "file.type", "not a regular file; it is not read", "")
	}
	for _, n := range l.unsayable {
		t.fail(spelled(n), 0, "file.name", "the name holds characters that cannot be shown; it is not read", "rename it")
	}
	for _, k := range l.links {
		if l.visited[k.target] || !isManifest(k.name) && path.Ext(k.name) != "" {
			continue
		}
		t.fail(k.name, 0, "file.link", "symbolic link; links are not followed, so what it leads to is not read",
			"put the file itself in its place, or move it below this directory")
	}
	if len(l.manifests)+len(t.problems) == 0 {
		t.problems = append(t.problems, fabric.Problem{Rule: "tree.empty", Severity: fabric.Note, Origin: fabric.Origin{File: "."},
			Message: "no YAML or JSON file lies below this directory: nothing is wanted"})
	}
	return t.problems
}

// sayable reports whether a name can be shown: to a terminal a control character is
// a command, and not every database takes what is not UTF-8.
func sayable(name string) bool { return name == spelled(name) }

// spelled returns a name with a mark in place of what cannot be shown.
func spelled(name string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return utf8.RuneError
	}, strings.ToValidUTF8(name, string(utf8.RuneError)))
}

func isManifest(name string) bool {
	return slices.Contains([]string{".yaml", ".yml", ".json"}, strings.ToLower(path.Ext(name)))
}

// treeError says which directory could not be listed. A classified error of the
// file system below keeps its kind.
func treeError(name string, err error) error {
	op := "read directory " + name
	if _, classified := errors.AsType[*fault.Error](err); classified {
		return fault.Wrap(op, err)
	}
	kind, hint := fault.Unavailable, ""
	switch {
	case errors.Is(err, fs.ErrNotExist):
		kind, hint = fault.Missing, "check the path"
	case errors.Is(err, fs.ErrPermission):
		kind, hint = fault.Denied, "make the directory readable"
	}
	return fault.Wrap(op, fault.New(kind, "manifest.directory", "%w", err).WithHint("%s", hint))
}

// readFile returns the file's text without a byte order mark, or what keeps it
// from being read. The text is counted even if it is refused.
func readFile(fsys fs.FS, name string, limit int64, l Limits) ([]byte, *fabric.Problem) {
	text, err := readBounded(fsys, name, limit)
	p := &fabric.Problem{Severity: fabric.Error, Origin: fabric.Origin{File: name}}
	switch {
	case err != nil:
		p.Rule, p.Message = "file.read", fmt.Sprintf("cannot be read: %v", err)
	case int64(len(text)) > limit && limit < l.FileBytes:
		p.Rule, p.Message = "limit.total-bytes", fmt.Sprintf("not read: all files together are larger than %d bytes", l.TotalBytes)
	case int64(len(text)) > limit:
		p.Rule, p.Message = "limit.file-bytes", fmt.Sprintf("not read: larger than %d bytes", l.FileBytes)
	case bytes.HasPrefix(text, []byte("version https://git-lfs.github.com/spec/")):
		p.Rule, p.Message = "file.lfs", "a Git LFS pointer, not the file itself"
		p.Hint = "keep manifests in Git itself: git lfs migrate export --include='*.yaml'"
	case !utf8.Valid(text):
		at := invalidUTF8(text)
		p.Rule, p.Message = "yaml.encoding", fmt.Sprintf("not UTF-8: byte %#x", text[at])
		p.Hint, p.Origin = "save the file as UTF-8", originAt(name, text, at)
	default:
		return bytes.TrimPrefix(text, []byte("\ufeff")), nil
	}
	return text, p
}

// readBounded reads at most one byte more than limit.
func readBounded(fsys fs.FS, name string, limit int64) (text []byte, err error) {
	f, err := fsys.Open(name)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	return io.ReadAll(io.LimitReader(f, limit+1))
}

func invalidUTF8(text []byte) int {
	at := 0
	for at < len(text) {
		r, size := utf8.DecodeRune(text[at:])
		if r == utf8.RuneError && size == 1 {
			break
		}
		at += size
	}
	return at
}

// originAt turns an offset into a line and a column, in characters.
func originAt(name string, text []byte, at int) fabric.Origin {
	before := text[:at]
	start := bytes.LastIndexByte(before, '\n') + 1
	return fabric.Origin{File: name, Line: bytes.Count(before, []byte("\n")) + 1, Column: utf8.RuneCount(before[start:]) + 1}
}
