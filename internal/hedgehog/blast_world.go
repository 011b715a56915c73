package hedgehog

import (
	"fmt"
	"iter"
	"slices"
	"strconv"
	"strings"

	"github.com/hedgesync/hedgesync/internal/fabric"
)

// surroundings are the objects that a change may affect.
type surroundings struct {
	namespace string
	objects   iter.Seq[fabric.Resource]
}

// of yields the name and spec of every object of a kind.
func (s surroundings) of(kind fabric.Kind) iter.Seq2[string, tree] {
	return func(yield func(string, tree) bool) {
		if s.objects == nil {
			return
		}
		for r := range s.objects {
			if r.Key.Kind == kind && r.Key.Namespace == s.namespace && !yield(r.Key.Name, child(r.Object, "spec")) {
				return
			}
		}
	}
}

// spec returns the spec of one object, or nil.
func (s surroundings) spec(kind fabric.Kind, name string) tree {
	for n, spec := range s.of(kind) {
		if n == name {
			return spec
		}
	}
	return nil
}

// count returns how many objects of a kind satisfy uses.
func (s surroundings) count(kind fabric.Kind, uses func(spec tree) bool) int {
	return len(s.names(kind, uses))
}

// names returns which objects of a kind satisfy uses.
func (s surroundings) names(kind fabric.Kind, uses func(spec tree) bool) []string {
	var names []string
	for name, spec := range s.of(kind) {
		if uses(spec) {
			names = append(names, name)
		}
	}
	return names
}

// wire is a Connection, read.
type wire struct {
	name string
	kind connectionType
	ends []linkEnd
}

func wireOf(name string, spec tree) wire {
	t, known := connectionTypeOf(spec)
	if !known {
		return wire{name: name}
	}
	return wire{name, t, linkEnds(t, spec)}
}

// devices returns the names of one kind's devices on the wire, in order.
func (w wire) devices(kind fabric.Kind) []string {
	found := map[string]bool{}
	for _, end := range w.ends {
		if end.kind == kind && end.device != "" {
			found[end.device] = true
		}
	}
	return keysOf(found)
}

// links returns how many links of the wire end at a device.
func (w wire) links(kind fabric.Kind, device string) int {
	links := map[int]bool{}
	for _, end := range w.ends {
		if end.kind == kind && end.device == device {
			links[end.link] = true
		}
	}
	return len(links)
}

// joinsSwitches reports whether the wire is part of the fabric itself.
func (w wire) joinsSwitches() bool { return w.kind.key == "fabric" || w.kind.key == "mesh" }

func (s surroundings) wires() iter.Seq[wire] {
	return func(yield func(wire) bool) {
		for name, spec := range s.of(Connection) {
			if !yield(wireOf(name, spec)) {
				return
			}
		}
	}
}

// attachment is a VPCAttachment, read.
type attachment struct{ vpc, subnet, connection string }

func attachmentOf(spec tree) attachment {
	vpc, subnet, _ := attachedSubnet(spec)
	return attachment{vpc, subnet, textAt(spec, "connection")}
}

func (s surroundings) attachments(uses func(attachment) bool) []attachment {
	var found []attachment
	for _, spec := range s.of(VPCAttachment) {
		if a := attachmentOf(spec); uses(a) {
			found = append(found, a)
		}
	}
	return found
}

// attached names the servers, and the switches they hang on, of attachments.
func (s surroundings) attached(to []attachment) (servers, switches []string) {
	connections, foundServers, foundSwitches := map[string]bool{}, map[string]bool{}, map[string]bool{}
	for _, a := range to {
		connections[a.connection] = true
	}
	if len(connections) == 0 {
		return nil, nil
	}
	for name, spec := range s.of(Connection) {
		if !connections[name] {
			continue
		}
		for _, end := range wireOf(name, spec).ends {
			switch {
			case end.device == "":
			case end.kind == Server:
				foundServers[end.device] = true
			case end.kind == Switch:
				foundSwitches[end.device] = true
			}
		}
	}
	return keysOf(foundServers), keysOf(foundSwitches)
}

// plural counts things: "1 server", "14 servers", "2 switches".
func plural(n int, thing string) string {
	switch {
	case n == 1:
	case strings.HasSuffix(thing, "ch"):
		thing += "es"
	default:
		thing += "s"
	}
	return strconv.Itoa(n) + " " + thing
}

// maxNames is how many names a sentence lists.
const maxNames = 8

// enumerated joins names in order, and counts those beyond maxNames.
func enumerated(names []string) string {
	names = slices.Sorted(slices.Values(names))
	rest := len(names) - maxNames
	if rest <= 0 {
		return strings.Join(names, ", ")
	}
	return strings.Join(names[:maxNames], ", ") + " and " + strconv.Itoa(rest) + " more"
}

// shown prints a value for a sentence; a text that could break the line is quoted.
func shown(v any) string {
	if isZero(v) {
		return "none"
	}
	if s, ok := v.(string); ok {
		if strings.ContainsFunc(s, func(r rune) bool { return !strconv.IsPrint(r) }) {
			return strconv.Quote(s)
		}
		return s
	}
	if i, ok := integer(v); ok {
		return strconv.FormatInt(i, 10)
	}
	return fmt.Sprint(v)
}
