package fabric

import (
	"cmp"
	"slices"
	"strings"
)

// Severity ranks a Problem. An Error keeps its object from being applied; a
// Warning and a Note do not.
type Severity string

// The severities.
const (
	Error   Severity = "error"
	Warning Severity = "warning"
	Note    Severity = "note"
)

// Problem is one thing wrong with the wanted state, said where it is written.
type Problem struct {
	Rule     string // stable name of the rule, such as "yaml.syntax" or "vpc.vlan-range"
	Severity Severity
	Origin   Origin // where; at least the file
	Key      Key    // the object, if one is known
	Pointer  string // JSON pointer of the value in the object, if one is known
	Message  string // what is wrong, naming the values
	Hint     string // what to do about it; may be empty
}

// SortProblems orders problems by place, then rule and text, and drops exact repeats.
func SortProblems(ps []Problem) []Problem {
	slices.SortFunc(ps, func(a, b Problem) int {
		return cmp.Or(
			strings.Compare(a.Origin.File, b.Origin.File),
			cmp.Compare(a.Origin.Line, b.Origin.Line),
			cmp.Compare(a.Origin.Column, b.Origin.Column),
			a.Key.Compare(b.Key),
			strings.Compare(a.Pointer, b.Pointer),
			strings.Compare(a.Rule, b.Rule),
			strings.Compare(a.Message, b.Message),
		)
	})
	return slices.Compact(ps)
}
