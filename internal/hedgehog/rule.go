package hedgehog

import (
	"fmt"
	"slices"
	"strings"

	"github.com/hedgesync/hedgesync/internal/fabric"
)

// Rule is one thing that must hold for a wanted object.
type Rule struct {
	Name     string
	Kinds    []fabric.Kind // nil is every kind that belongs in Git
	Severity fabric.Severity
	// Convention marks what depends on how the fabric was installed: a Warning
	// unless the Site is known.
	Convention bool
	What       string // what must hold, one sentence without a full stop
	Hint       string // the way out, where the message does not show it
	Check      func(*check)
}

func (r *Rule) applies(kind fabric.Kind) bool {
	return r.Kinds == nil || slices.Contains(r.Kinds, kind)
}

// rules are all rules but those of Accept and of the schema, which come first.
var rules = slices.Concat(objectRules, uniqueRules, namespaceRules, switchRules, portRules, connectionRules,
	linkRules, vpcRules, dhcpRules, attachmentRules, peeringRules, externalRules, gatewayRules, gatewayPeeringRules)

// firstRules are checked by Accept, by the schema and for the whole directory.
var firstRules = []Rule{
	{Name: "kind.controller", Severity: fabric.Error, What: "The object is not of a kind the fabric controller writes itself"},
	{Name: "kind.version", Severity: fabric.Error, What: "The API version is the one the fabric serves"},
	{Name: "kind.unknown", Severity: fabric.Error, What: "A kind of a Hedgehog API group exists in that group"},
	{Name: "kind.left-out", Severity: fabric.Warning, What: "The object belongs to a fabric: foreign kinds, kinds of the installer (a note) and kinds nobody reads are left out"},
	{Name: ruleUnknownField, Severity: fabric.Error, What: "Every field exists in the kind's definition"},
	{Name: ruleValue, Severity: fabric.Error, What: "Every value has the type, and lies within the limits, of the kind's definition"},
	{Name: "reference.unchecked", Severity: fabric.Warning, What: "Whatever is referred to could be looked up"},
	{Name: "profile.unknown", Severity: fabric.Note, What: "The switch profile is known, so that ports can be checked"},
}

var schemaHints = map[string]string{
	ruleUnknownField: "correct or remove the field: the fabric would drop it",
}

// RulesTable returns the rules as a table in Markdown, the text of docs/rules.md.
func RulesTable() string {
	var b strings.Builder
	b.WriteString(`# What is checked

` + "`hedgesync validate DIR`" + ` checks a directory against these rules, without a fabric. A sync checks them again
with what the fabric holds. An **error** keeps an object from being applied; a warning and a note do not.
Where the severity says *error if known*, the rule depends on how the fabric was installed: it is a warning as long as
the installer's defaults are assumed.

What the cluster holds and the directory does not name is looked up when a cluster is at hand. A clash with such
an object is a warning: it may be about to go.

| rule | kinds | severity | what must hold |
|---|---|---|---|
`)
	for _, r := range slices.Concat(firstRules, rules) {
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", r.Name, kindNames(r.Kinds), severityText(r), strings.ReplaceAll(r.What, "|", "\\|"))
	}
	return b.String()
}

func kindNames(kinds []fabric.Kind) string {
	if kinds == nil {
		return "all"
	}
	names := make([]string, 0, len(kinds))
	for _, k := range kinds {
		names = append(names, k.Name)
	}
	return strings.Join(names, ", ")
}

func severityText(r Rule) string {
	if r.Convention {
		return "error if known"
	}
	return string(r.Severity)
}
