package admission

import (
	"slices"
	"strings"
)

// connectionTypes in the order in which the first one filled in wins, with the
// name each goes by in labels. The two without a name are not looked at.
var connectionTypes = []struct{ field, label string }{
	{"unbundled", "unbundled"},
	{"bundled", "bundled"},
	{"mclag", ""},
	{"mclagDomain", ""},
	{"eslag", "eslag"},
	{"fabric", "fabric"},
	{"mesh", "mesh"},
	{"gateway", "gateway"},
	{"vpcLoopback", "vpc-loopback"},
	{"external", "external"},
	{"staticExternal", "static-external"},
}

// connectionType returns the field of the type and its label; both are "" for an
// empty spec.
func connectionType(spec tree) (field, label string) {
	for _, t := range connectionTypes {
		if sub(spec, t.field) != nil {
			return t.field, t.label
		}
	}
	return "", ""
}

// An end is one end of a link: "leaf-01/E1/1" in the role "switch".
type end struct {
	role   string // the field: switch, server, spine, leaf, leaf1, leaf2, switch1, switch2, gateway
	device string
	port   string
	ip     string
}

func (e end) isSwitch() bool { return e.role != "server" && e.role != "gateway" }

// links returns the ends of each link of a connection, in order of role.
func links(spec tree) [][]end {
	field, _ := connectionType(spec)
	body := sub(spec, field)
	var out [][]end
	if link := sub(body, "link"); link != nil {
		out = append(out, endsOf(link))
	}
	for _, name := range []string{"links", "peerLinks", "sessionLinks"} {
		for _, link := range trees(body, name) {
			out = append(out, endsOf(link))
		}
	}
	return out
}

func endsOf(link tree) []end {
	var out []end
	for _, role := range keys(link) {
		device, port, _ := strings.Cut(str(link, role, "port"), "/")
		out = append(out, end{role, device, port, str(link, role, "ip")})
	}
	return out
}

func ends(spec tree) []end { return slices.Concat(links(spec)...) }

// devices returns the distinct devices of ends that match, sorted.
func devices(all []end, match func(end) bool) []string {
	var out []string
	for _, e := range all {
		if match(e) && e.device != "" {
			out = append(out, e.device)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// SwitchesOf returns the names of the switches a connection touches, sorted.
func SwitchesOf(spec map[string]any) []string { return devices(ends(spec), end.isSwitch) }

func isServer(e end) bool { return e.role == "server" }

// PortsOf returns the ports a connection uses on one switch, sorted.
func PortsOf(spec map[string]any, name string) []string {
	var out []string
	for _, e := range ends(spec) {
		if e.isSwitch() && e.device == name {
			out = append(out, e.port)
		}
	}
	slices.Sort(out)
	return out
}
