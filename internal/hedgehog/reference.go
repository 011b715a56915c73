package hedgehog

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"github.com/hedgesync/hedgesync/internal/fabric"
)

// Reference is one object's need for another.
type Reference struct {
	From    fabric.Key
	Pointer string // of the value in From; of the absent value where a default refers
	To      fabric.Key
	// Part is what From needs inside To: a subnet of a VPC, a port of a device.
	// "" is To as a whole.
	Part      string
	Protected bool // the server refuses to delete To while From refers to it
}

// References returns every reference of a user kind's object, those of defaults
// included, ordered by pointer. A malformed value yields none.
func References(r fabric.Resource) []Reference {
	find := references[r.Key.Kind]
	if find == nil || r.Object == nil {
		return nil
	}
	f := referenceFinder{from: r.Key, namespace: cmp.Or(r.Key.Namespace, DefaultNamespace)}
	find(&f, child(r.Object, "spec"))
	slices.SortFunc(f.found, func(a, b Reference) int {
		return cmp.Or(strings.Compare(a.Pointer, b.Pointer), a.To.Compare(b.To), strings.Compare(a.Part, b.Part))
	})
	return f.found
}

var references = map[fabric.Kind]func(*referenceFinder, tree){
	Switch:             (*referenceFinder).ofSwitch,
	Connection:         (*referenceFinder).ofConnection,
	VPC:                (*referenceFinder).ofVPC,
	VPCAttachment:      (*referenceFinder).ofVPCAttachment,
	VPCPeering:         (*referenceFinder).ofVPCPeering,
	External:           (*referenceFinder).ofExternal,
	ExternalAttachment: (*referenceFinder).ofExternalAttachment,
	ExternalPeering:    (*referenceFinder).ofExternalPeering,
	Gateway:            (*referenceFinder).ofGateway,
	GatewayPeering:     (*referenceFinder).ofGatewayPeering,
}

// referenceFinder collects the references of one object.
type referenceFinder struct {
	from      fabric.Key
	namespace string // of everything referred to
	found     []Reference
}

// add records a reference unless name is "".
func (f *referenceFinder) add(at string, kind fabric.Kind, name, part string, protected bool) {
	if name != "" {
		to := fabric.Key{Kind: kind, Namespace: f.namespace, Name: name}
		f.found = append(f.found, Reference{f.from, at, to, part, protected})
	}
}

// named records the reference at spec[member]; fallback is the default name.
func (f *referenceFinder) named(spec tree, member string, kind fabric.Kind, fallback string, protected bool) {
	name := textAt(spec, member)
	if isZero(spec[member]) {
		name = fallback
	}
	f.add(pointer("/spec", member), kind, name, "", protected)
}

func (f *referenceFinder) ofSwitch(spec tree) {
	f.named(spec, "profile", SwitchProfile, "", true)
	for i, v := range listAt(spec, "groups") {
		name, _ := v.(string)
		f.add(pointer("/spec/groups", strconv.Itoa(i)), SwitchGroup, name, "", false)
	}
	f.add("/spec/redundancy/group", SwitchGroup, textAt(child(spec, "redundancy"), "group"), "", false)
	for i, v := range listAt(spec, "vlanNamespaces") {
		name, _ := v.(string)
		f.add(pointer("/spec/vlanNamespaces", strconv.Itoa(i)), VLANNamespace, name, "", true)
	}
	if isZero(spec["vlanNamespaces"]) {
		f.add("/spec/vlanNamespaces", VLANNamespace, defaultName, "", true)
	}
}

func (f *referenceFinder) ofConnection(spec tree) {
	t, known := connectionTypeOf(spec)
	if !known {
		return
	}
	for _, end := range linkEnds(t, spec) {
		f.add(end.pointer+"/port", end.kind, end.device, end.port, !t.deprecated && end.kind != Gateway)
	}
	if t.key == "staticExternal" {
		f.add("/spec/staticExternal/withinVPC", VPC, textAt(child(spec, t.key), "withinVPC"), "", true)
	}
}

func (f *referenceFinder) ofVPC(spec tree) {
	f.named(spec, "ipv4Namespace", IPv4Namespace, defaultName, true)
	f.named(spec, "vlanNamespace", VLANNamespace, defaultName, true)
	for name, v := range child(spec, "subnets") {
		subnet, _ := v.(tree)
		f.add(pointer("/spec/subnets", name, "dhcp", "relayVPC"), VPC, textAt(child(subnet, "dhcp"), "relayVPC"), "", false)
	}
}

func (f *referenceFinder) ofVPCAttachment(spec tree) {
	if vpc, subnet, ok := attachedSubnet(spec); ok {
		f.add("/spec/subnet", VPC, vpc, subnet, true)
	}
	f.named(spec, "connection", Connection, "", true)
}

func (f *referenceFinder) ofVPCPeering(spec tree) {
	for i, v := range listAt(spec, "permit") {
		entry, _ := v.(tree)
		for vpc, side := range entry {
			at := pointer("/spec/permit", strconv.Itoa(i), vpc)
			f.add(at, VPC, vpc, "", true)
			side, _ := side.(tree)
			f.subnets(at+"/subnets", vpc, listAt(side, "subnets"))
		}
	}
}

func (f *referenceFinder) subnets(at, vpc string, names []any) {
	for i, v := range names {
		if name, ok := v.(string); ok && name != "" {
			f.add(pointer(at, strconv.Itoa(i)), VPC, vpc, name, true)
		}
	}
}

func (f *referenceFinder) ofExternal(spec tree) {
	f.named(spec, "ipv4Namespace", IPv4Namespace, defaultName, true)
}

func (f *referenceFinder) ofExternalAttachment(spec tree) {
	f.named(spec, "external", External, "", true)
	f.named(spec, "connection", Connection, "", true)
}

func (f *referenceFinder) ofExternalPeering(spec tree) {
	permit := child(spec, "permit")
	vpc := child(permit, "vpc")
	f.add("/spec/permit/vpc/name", VPC, textAt(vpc, "name"), "", true)
	f.subnets("/spec/permit/vpc/subnets", textAt(vpc, "name"), listAt(vpc, "subnets"))
	f.add("/spec/permit/external/name", External, textAt(child(permit, "external"), "name"), "", true)
}

func (f *referenceFinder) ofGateway(spec tree) {
	for i, v := range listAt(spec, "groups") {
		group, _ := v.(tree)
		f.add(pointer("/spec/groups", strconv.Itoa(i), "name"), GatewayGroup, textAt(group, "name"), "", false)
	}
	if isZero(spec["groups"]) {
		f.add("/spec/groups", GatewayGroup, defaultName, "", false)
	}
}

func (f *referenceFinder) ofGatewayPeering(spec tree) {
	f.named(spec, "gatewayGroup", GatewayGroup, defaultName, false)
	sides := child(spec, "peering")
	for name, v := range sides {
		at := pointer("/spec/peering", name)
		kind, bare := peeringSide(name)
		f.add(at, kind, bare, "", false)
		side, _ := v.(tree)
		for i, v := range listAt(side, "expose") {
			expose, _ := v.(tree)
			f.exposed(pointer(at, "expose", strconv.Itoa(i), "ips"), name, listAt(expose, "ips"))
		}
	}
	for i, v := range listAt(child(spec, "acl"), "rules") {
		rule, _ := v.(tree)
		from, to := ruleSides(rule, keysOf(sides))
		at := pointer("/spec/acl/rules", strconv.Itoa(i), "match")
		f.exposed(at+"/src", from, listAt(child(rule, "match"), "src"))
		f.exposed(at+"/dst", to, listAt(child(rule, "match"), "dst"))
	}
}

// exposed records the VPC subnets that a list of {vpcSubnet} names on one side.
func (f *referenceFinder) exposed(at, side string, entries []any) {
	kind, vpc := peeringSide(side)
	if kind != VPC {
		return
	}
	for i, v := range entries {
		entry, _ := v.(tree)
		if subnet := textAt(entry, "vpcSubnet"); subnet != "" {
			f.add(pointer(at, strconv.Itoa(i), "vpcSubnet"), VPC, vpc, subnet, false)
		}
	}
}

// peeringSide reads a side of a gateway peering: a VPC, or "ext." and an External.
func peeringSide(name string) (fabric.Kind, string) {
	if external, ok := strings.CutPrefix(name, externalPrefix); ok {
		return External, external
	}
	return VPC, name
}

// ruleSides returns the sides an ACL rule is about; the one left out is the other
// side of the peering.
func ruleSides(rule tree, sides []string) (from, to string) {
	from, to = textAt(rule, "from"), textAt(rule, "to")
	other := func(side string) string {
		i := slices.Index(sides, side)
		if i < 0 || len(sides) != 2 {
			return ""
		}
		return sides[1-i]
	}
	return cmp.Or(from, other(to)), cmp.Or(to, other(from))
}
