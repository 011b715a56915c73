package admission

import (
	"fmt"
	"slices"
	"strings"

	"github.com/hedgesync/hedgesync/sandbox/profiles"
)

// A user is a kind whose objects keep others from being deleted; uses says
// whether one such spec refers to the object of the given name.
type user struct {
	kind string
	uses func(spec tree, name string) bool
}

func field(path ...string) func(tree, string) bool {
	return func(spec tree, name string) bool { return str(spec, path...) == name }
}

func contains(path ...string) func(tree, string) bool {
	return func(spec tree, name string) bool { return slices.Contains(strs(spec, path...), name) }
}

func device(spec tree, name string) bool {
	return slices.Contains(devices(ends(spec), func(end) bool { return true }), name)
}

func attachesVPC(spec tree, name string) bool {
	vpc, _, _ := strings.Cut(str(spec, "subnet"), "/")
	return vpc == name
}

func peersVPC(spec tree, name string) bool {
	for _, permit := range trees(spec, "permit") {
		if _, ok := permit[name]; ok {
			return true
		}
	}
	return false
}

// protectors lists what keeps each kind from being deleted. What the real
// controller forgets to protect is missing here too.
var protectors = map[string][]user{
	"Switch":     {{"Connection", device}},
	"Server":     {{"Connection", device}},
	"Connection": {{"VPCAttachment", field("connection")}, {"ExternalAttachment", field("connection")}},
	"VPC": {
		{"VPCAttachment", attachesVPC},
		{"VPCPeering", peersVPC},
		{"ExternalPeering", field("permit", "vpc", "name")},
		{"Connection", field("staticExternal", "withinVPC")},
	},
	"External":      {{"ExternalAttachment", field("external")}, {"ExternalPeering", field("permit", "external", "name")}},
	"IPv4Namespace": {{"VPC", field("ipv4Namespace")}, {"External", field("ipv4Namespace")}},
	"VLANNamespace": {{"Switch", contains("vlanNamespaces")}, {"VPC", field("vlanNamespace")}},
}

func checkUnused(r Request, all Objects) error {
	name := r.Old.GetName()
	if r.Kind == "SwitchProfile" && slices.Contains(profiles.Names(), name) {
		return fmt.Errorf("default switch profile %q cannot be deleted", name)
	}
	for _, by := range protectors[r.Kind] {
		for _, obj := range all.List(by.kind) {
			if by.uses(specOf(obj), name) {
				return fmt.Errorf("%s %q is used by %s %q", r.Kind, name, by.kind, obj.GetName())
			}
		}
	}
	return nil
}
