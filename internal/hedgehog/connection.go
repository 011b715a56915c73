package hedgehog

import (
	"strconv"
	"strings"

	"github.com/hedgesync/hedgesync/internal/fabric"
)

// connectionType describes one of the eleven types a Connection can be.
type connectionType struct {
	key        string   // member of spec
	label      string   // value of the connection-type label
	links      []string // members that hold the links: lists, or for "link" one object
	deprecated bool     // accepted unchecked and without labels, ignored by the controller
	ends       []endKind
}

// endKind says what stands at one end of a link.
type endKind struct {
	member string
	kind   fabric.Kind
}

var (
	serverLink     = []endKind{{"server", Server}, {"switch", Switch}}
	loopLink       = []endKind{{"switch1", Switch}, {"switch2", Switch}}
	switchLinkOnly = []endKind{{"switch", Switch}}
)

// connectionTypes are in the order in which the server looks for one: of several
// types in one object the first wins.
var connectionTypes = []connectionType{
	{key: "unbundled", label: "unbundled", links: []string{"link"}, ends: serverLink},
	{key: "bundled", label: "bundled", links: []string{"links"}, ends: serverLink},
	{key: "eslag", label: "eslag", links: []string{"links"}, ends: serverLink},
	{key: "fabric", label: "fabric", links: []string{"links"}, ends: []endKind{{"leaf", Switch}, {"spine", Switch}}},
	{key: "mesh", label: "mesh", links: []string{"links"}, ends: []endKind{{"leaf1", Switch}, {"leaf2", Switch}}},
	{key: "gateway", label: "gateway", links: []string{"links"}, ends: []endKind{{"gateway", Gateway}, {"switch", Switch}}},
	{key: "vpcLoopback", label: "vpc-loopback", links: []string{"links"}, ends: loopLink},
	{key: "external", label: "external", links: []string{"link"}, ends: switchLinkOnly},
	{key: "staticExternal", label: "static-external", links: []string{"link"}, ends: switchLinkOnly},
	{key: "mclag", label: "mclag", links: []string{"links"}, deprecated: true, ends: serverLink},
	{key: "mclagDomain", label: "mclag-domain", links: []string{"peerLinks", "sessionLinks"}, deprecated: true, ends: loopLink},
}

// facesServer reports whether servers hang on connections of this type.
func (t connectionType) facesServer() bool { return t.ends[0].kind == Server }

// connectionTypeOf returns the type the server sees in a Connection's spec. Either
// MCLAG member hides every other type from it.
func connectionTypeOf(spec tree) (connectionType, bool) {
	first := -1
	for i, t := range connectionTypes {
		if _, present := spec[t.key].(tree); present && (first < 0 || t.deprecated && !connectionTypes[first].deprecated) {
			first = i
		}
	}
	if first < 0 {
		return connectionType{}, false
	}
	return connectionTypes[first], true
}

// linkEnd is one end of one link of a Connection.
type linkEnd struct {
	kind    fabric.Kind
	device  string // "" with port if malformed
	port    string // as the device names it: "E1/1"
	ip      string // as written, "" if none
	pointer string // of the end's object
	link    int    // index among the Connection's links
}

// linkEnds returns both ends of every link, in the order written.
func linkEnds(t connectionType, spec tree) []linkEnd {
	var ends []linkEnd
	link := 0
	for _, member := range t.links {
		base := "/spec/" + t.key + "/" + member
		switch links := child(spec, t.key)[member].(type) {
		case tree:
			ends = append(ends, endsOf(t, links, base, link)...)
			link++
		case []any:
			for i, l := range links {
				l, _ := l.(tree)
				ends = append(ends, endsOf(t, l, base+"/"+strconv.Itoa(i), link)...)
				link++
			}
		}
	}
	return ends
}

func endsOf(t connectionType, link tree, base string, index int) []linkEnd {
	ends := make([]linkEnd, 0, len(t.ends))
	for _, e := range t.ends {
		end := child(link, e.member)
		device, port := splitPort(textAt(end, "port"))
		ends = append(ends, linkEnd{kind: e.kind, device: device, port: port, ip: textAt(end, "ip"), pointer: base + "/" + e.member, link: index})
	}
	return ends
}

// splitPort splits "leaf-01/E1/1" into device and its port; both are "" unless
// both are there.
func splitPort(s string) (device, port string) {
	device, port, _ = strings.Cut(s, "/")
	if device == "" || port == "" {
		return "", ""
	}
	return device, port
}
