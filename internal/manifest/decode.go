package manifest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

	"go.yaml.in/yaml/v2"
	kjson "sigs.k8s.io/json"

	"github.com/hedgesync/hedgesync/internal/fabric"
)

// decoded is one document's value, or what is wrong with it: unread, when nothing
// can be said about what it holds, or flaws at places inside it.
type decoded struct {
	value  any
	hash   fabric.Hash // of value, if it is a mapping without flaws
	unread *flaw
	flaws  []flaw
}

// decodeAll decodes documents side by side; the result has their order.
func decodeAll(docs []document, l Limits) []decoded {
	result := make([]decoded, len(docs))
	refuseBombs(docs, l, result)
	var next atomic.Int64
	var workers sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), len(docs)) {
		workers.Go(func() {
			for i := int(next.Add(1)) - 1; i < len(docs); i = int(next.Add(1)) - 1 {
				if result[i].unread == nil {
					result[i] = decode(docs[i], l)
				}
			}
		})
	}
	workers.Wait()
	return result
}

// refuseBombs measures what aliases would add before anything expands them. The
// budget is for all documents together and is spent in their order.
func refuseBombs(docs []document, l Limits, result []decoded) {
	left := size{values: int64(l.Expanded), bytes: l.TotalBytes}
	for i, d := range docs {
		if bytes.IndexByte(d.text, '&') < 0 || bytes.IndexByte(d.text, '*') < 0 {
			continue
		}
		o, err := outlineOf(d)
		if err != nil {
			result[i].unread = syntaxFlaw(d, err)
			continue
		}
		s := o.expansion(left)
		if s.exceeds(left) {
			result[i].unread = &flaw{rule: "limit.aliases", place: d.origin,
				message: fmt.Sprintf("aliases add more than %d values or %d bytes", l.Expanded, l.TotalBytes), hint: "write the values out"}
			continue
		}
		left.values -= s.values
		left.bytes -= s.bytes
	}
}

// decode reads one document. The strict decoder comes first, because it alone sees
// repeated keys; what it refuses is looked at again to tell why.
func decode(d document, l Limits) decoded {
	v, err := unmarshal(d.text, true)
	if err == nil {
		return convert(v, l)
	}
	if _, repeated := errors.AsType[*yaml.TypeError](err); repeated {
		return decodeRepeated(d, err, l)
	}
	if v, ok := unmarshalJSON(d.text); ok {
		return convert(v, l)
	}
	return decoded{unread: syntaxFlaw(d, err)}
}

// decodeRepeated reads a document of which the strict decoder says that a key
// comes twice. An explicit key over a merged one is no mistake: the decoder
// without strictness reads it, as the API server's does.
func decodeRepeated(d document, strict error, l Limits) decoded {
	o, err := outlineOf(d)
	if err != nil {
		return decoded{unread: syntaxFlaw(d, strict)}
	}
	v, err := unmarshal(d.text, false)
	if err != nil {
		return decoded{unread: syntaxFlaw(d, err)}
	}
	found := convert(v, l)
	found.flaws = capped(append(append(found.flaws, o.repeats()...), o.lateMerges()...))
	return found
}

func convert(v any, l Limits) decoded {
	c := converter{depth: l.Depth}
	value := c.value(v, nil, 0)
	if len(c.flaws) > 0 {
		return decoded{value: value, flaws: capped(c.flaws)}
	}
	found := decoded{value: value}
	if object, ok := value.(map[string]any); ok {
		found.hash = fabric.HashOf(object)
	}
	return found
}

// capped ends a long list of flaws with one that leaves the whole document open:
// who knows which objects the flaws not told are in.
func capped(flaws []flaw) []flaw {
	if len(flaws) <= maxFlaws {
		return flaws
	}
	return append(flaws[:maxFlaws:maxFlaws], flaw{rule: "limit.problems", message: fmt.Sprintf("more than %d problems in this document", maxFlaws)})
}

var errTrailing = errors.New("text after the end of the document")

// unmarshal decodes exactly one document. The library by itself ignores what
// follows the first.
func unmarshal(text []byte, strict bool) (v any, err error) {
	defer recovered(&err)
	d := yaml.NewDecoder(bytes.NewReader(text))
	d.SetStrict(strict)
	if err := d.Decode(&v); err != nil {
		if errors.Is(err, io.EOF) {
			return nil, nil
		}
		return v, err
	}
	var rest any
	if err := d.Decode(&rest); err == nil {
		return v, errTrailing
	} else if !errors.Is(err, io.EOF) {
		return v, err
	}
	return v, nil
}

// unmarshalJSON reads JSON that is not YAML, such as escaped surrogate pairs.
func unmarshalJSON(text []byte) (any, bool) {
	start := bytes.TrimLeft(text, " \t\r\n")
	if len(start) == 0 || start[0] != '{' && start[0] != '[' || !json.Valid(text) {
		return nil, false
	}
	var v any
	strict, err := kjson.UnmarshalStrict(text, &v)
	return v, err == nil && len(strict) == 0
}

var (
	syntaxError   = regexp.MustCompile(`^yaml: (?:line (\d+): )?(?s:(.*))$`)
	unknownAnchor = regexp.MustCompile(`^unknown anchor '(.+)' referenced$`)
)

// syntaxFlaw says where the parser stopped, as well as the parser can tell: it has
// no places in its errors but a line in their text.
func syntaxFlaw(d document, err error) *flaw {
	f := &flaw{rule: "yaml.syntax", message: err.Error(), place: d.origin}
	if at := controlCharacter(d.text); at >= 0 {
		f.place, f.message = d.offset(at), fmt.Sprintf("control character %#x", d.text[at])
		return f
	}
	m := syntaxError.FindStringSubmatch(err.Error())
	if m == nil {
		return f
	}
	f.message = m[2]
	if n, err := strconv.Atoi(m[1]); err == nil {
		// The library counts this family of its errors from line 0.
		if strings.HasPrefix(f.message, "did not find expected") {
			n++
		}
		f.place = d.indent(d.line + n - 1)
	} else {
		f.place = blame(d, f.message)
	}
	if strings.HasPrefix(f.message, "invalid map key") {
		f.message = "a mapping or a list is no key" // without the library's print of the Go value
	}
	f.hint = guess(d, d.lineText(f.place.Line))
	return f
}

// blame places an error that came without a line.
func blame(d document, message string) fabric.Origin {
	if m := unknownAnchor.FindStringSubmatch(message); m != nil {
		if at := bytes.Index(d.text, []byte("*"+m[1])); at >= 0 {
			return d.offset(at)
		}
	}
	if o, err := outlineOf(d); err == nil {
		return o.oddKey()
	}
	return d.origin
}

// guess names what commonly goes wrong in a line like this one.
func guess(d document, line []byte) string {
	text := bytes.TrimLeft(line, " \t")
	switch {
	case bytes.IndexByte(line[:len(line)-len(text)], '\t') >= 0:
		return "indent with spaces, not tabs"
	case bytes.Contains(d.text, []byte("<<<<<<< ")):
		return "a merge conflict is left in the file: resolve it"
	case bytes.Contains(line, []byte("{{")):
		return "a template is not YAML: commit what it renders"
	}
	return ""
}

// controlCharacter finds the first character that no YAML may hold, or -1.
func controlCharacter(text []byte) int {
	return bytes.IndexFunc(text, func(r rune) bool {
		return r < ' ' && r != '\t' && r != '\n' && r != '\r' || r == 0x7f || r >= 0x80 && r < 0xa0 && r != 0x85 || r == 0xfffe || r == 0xffff
	})
}
