package manifest

import (
	"bytes"
	"unicode/utf8"

	"github.com/hedgesync/hedgesync/internal/fabric"
)

// document is the text of one YAML document that has content. origin is where its
// content begins; line is the file's line on which text begins, from 1.
type document struct {
	origin fabric.Origin
	line   int
	text   []byte
}

// split cuts a file at its document markers. A line that begins with "---" or
// "..." ends the document wherever it stands, so cutting lines is exact, and a
// syntax error in one document leaves the others readable. Documents of nothing
// but comments are dropped; directives stay with the document they precede.
func split(f file) []document {
	var docs []document
	start, startLine := 0, 1
	cut := func(end, endLine int) {
		text := f.text[start:end]
		if line, column, ok := content(text); ok {
			origin := fabric.Origin{File: f.name, Line: startLine + line, Column: column, Document: len(docs)}
			docs = append(docs, document{origin: origin, line: startLine, text: text})
		}
		start, startLine = end, endLine
	}
	line := 1
	for at := 0; at < len(f.text); line++ {
		next := lineEnd(f.text, at)
		switch {
		case isMarker(f.text[at:next], "---"):
			if !onlyDirectives(f.text[start:at]) {
				cut(at, line)
			}
		case isMarker(f.text[at:next], "..."):
			cut(next, line+1)
		}
		at = next
	}
	cut(len(f.text), line)
	return docs
}

func lineEnd(text []byte, at int) int {
	if n := bytes.IndexByte(text[at:], '\n'); n >= 0 {
		return at + n + 1
	}
	return len(text)
}

func isMarker(line []byte, marker string) bool {
	rest, ok := bytes.CutPrefix(line, []byte(marker))
	return ok && (len(rest) == 0 || bytes.IndexByte([]byte(" \t\r\n"), rest[0]) >= 0)
}

// content finds the first character that is neither space, comment nor marker:
// its line, from 0, and its column in characters, from 1.
func content(text []byte) (line, column int, ok bool) {
	for at := 0; at < len(text); line++ {
		next := lineEnd(text, at)
		whole := text[at:next]
		rest := whole
		if isMarker(whole, "---") || isMarker(whole, "...") {
			rest = whole[3:]
		}
		rest = bytes.TrimLeft(rest, " \t\r\n")
		if len(rest) > 0 && rest[0] != '#' && !isDirective(whole) {
			return line, utf8.RuneCount(whole[:len(whole)-len(rest)]) + 1, true
		}
		at = next
	}
	return 0, 0, false
}

func isDirective(line []byte) bool { return bytes.HasPrefix(line, []byte("%")) }

func onlyDirectives(text []byte) bool {
	seen := false
	for line := range bytes.Lines(text) {
		rest := bytes.TrimSpace(line)
		switch {
		case isDirective(line):
			seen = true
		case len(rest) > 0 && rest[0] != '#':
			return false
		}
	}
	return seen
}

// lineText returns the text of a line of the document's file.
func (d document) lineText(line int) []byte {
	at := 0
	for n := d.line; n < line && at < len(d.text); n++ {
		at = lineEnd(d.text, at)
	}
	return d.text[at:lineEnd(d.text, at)]
}

// indent returns the first character of a line, or the tab before it. A line after
// the document stands for its last one: the parser stops where the text ends.
func (d document) indent(line int) fabric.Origin {
	line = min(line, d.line+bytes.Count(bytes.TrimRight(d.text, " \t\r\n"), []byte("\n")))
	text := d.lineText(line)
	spaces := text[:len(text)-len(bytes.TrimLeft(text, " "))]
	return d.at(line, len(spaces)+1)
}

// offset returns the place of a byte of the document.
func (d document) offset(at int) fabric.Origin {
	o := originAt(d.origin.File, d.text, at)
	return d.at(d.line+o.Line-1, o.Column)
}

// at returns a place in the document's file.
func (d document) at(line, column int) fabric.Origin {
	return fabric.Origin{File: d.origin.File, Line: line, Column: column, Document: d.origin.Document}
}
