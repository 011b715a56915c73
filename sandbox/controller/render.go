package controller

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/hedgesync/hedgesync/sandbox/admission"
)

// A tree is decoded JSON.
type tree = map[string]any

// AgentVersion is the version that agents are told to run.
const AgentVersion = "v0.126.0"

// render returns what the agent of one switch has to know. It is pure: the same
// objects give the same tree. Like the real controller it fails, and leaves the
// agent with what it had, when a VPC attached to the switch takes its VLANs from
// a pool the switch has left.
func render(sw *unstructured.Unstructured, all Objects) (tree, error) {
	spec := specOf(sw)
	connections := connectionsOf(sw.GetName(), all)
	attachments, vpcs, err := attachmentsOf(sw, connections, all)
	if err != nil {
		return nil, err
	}
	out := tree{
		"role":                 spec["role"],
		"description":          spec["description"],
		"switch":               spec,
		"version":              tree{"default": AgentVersion},
		"config":               tree{"deploymentID": "sandbox", "spineASN": int64(65100), "fabricMTU": int64(9100)},
		"connections":          connections,
		"vpcs":                 vpcs,
		"vpcAttachments":       attachments,
		"vpcPeers":             peersOf(vpcs, all),
		"externals":            tree{},
		"ipv4Namespaces":       specsOf(all.List("IPv4Namespace")),
		"vlanNamespaces":       specsOf(all.List("VLANNamespace")),
		"switchProfile":        specOf(all.Get("SwitchProfile", text(spec, "profile"))),
		"externalPeerings":     tree{},
		"switches":             switchesOf(sw.GetName(), connections, all),
		"configuredVPCSubnets": configuredOf(attachments),
	}
	external(out, connections, all)
	for _, optional := range []string{"description", "switchProfile"} {
		if v := out[optional]; v == nil || reflect.ValueOf(v).IsZero() {
			delete(out, optional) // null is not stored, and would differ for ever
		}
	}
	return out, nil
}

func connectionsOf(name string, all Objects) tree {
	out := tree{}
	for _, conn := range all.List("Connection") {
		if slices.Contains(admission.SwitchesOf(specOf(conn)), name) {
			out[conn.GetName()] = specOf(conn)
		}
	}
	return out
}

func attachmentsOf(sw *unstructured.Unstructured, connections tree, all Objects) (attachments, vpcs tree, err error) {
	attachments, vpcs = tree{}, tree{}
	pools, _ := specOf(sw)["vlanNamespaces"].([]any)
	for _, attachment := range all.List("VPCAttachment") {
		spec := specOf(attachment)
		if connections[text(spec, "connection")] == nil {
			continue
		}
		name, _, _ := strings.Cut(text(spec, "subnet"), "/")
		vpc := specOf(all.Get("VPC", name))
		if vpc == nil {
			return nil, nil, fmt.Errorf("VPC %q of attachment %q not found", name, attachment.GetName())
		}
		if !slices.Contains(pools, vpc["vlanNamespace"]) {
			return nil, nil, fmt.Errorf("VPC %q takes VLANs from %q, which the switch is not in", name, text(vpc, "vlanNamespace"))
		}
		attachments[attachment.GetName()] = spec
		vpcs[name] = vpc
	}
	return attachments, vpcs, nil
}

// peersOf returns the peerings of VPCs the switch carries.
func peersOf(vpcs tree, all Objects) tree {
	out := tree{}
	for _, peering := range all.List("VPCPeering") {
		permits, _ := specOf(peering)["permit"].([]any)
		for _, permit := range permits {
			sides, _ := permit.(tree)
			for side := range sides {
				if vpcs[side] != nil {
					out[peering.GetName()] = specOf(peering)
				}
			}
		}
	}
	return out
}

// external adds what is attached to the external connections of the switch.
func external(out, connections tree, all Objects) {
	attachments, externals := tree{}, tree{}
	for _, attachment := range all.List("ExternalAttachment") {
		spec := specOf(attachment)
		if connections[text(spec, "connection")] == nil {
			continue
		}
		attachments[attachment.GetName()] = spec
		if spec := specOf(all.Get("External", text(spec, "external"))); spec != nil {
			externals[text(specOf(attachment), "external")] = spec
		}
	}
	peerings := tree{}
	for _, peering := range all.List("ExternalPeering") {
		permit, _ := specOf(peering)["permit"].(tree)
		side, _ := permit["external"].(tree)
		if externals[text(side, "name")] != nil {
			peerings[peering.GetName()] = specOf(peering)
		}
	}
	out["externals"], out["externalAttachments"], out["externalPeerings"] = externals, attachments, peerings
}

func switchesOf(name string, connections tree, all Objects) tree {
	out := tree{}
	for _, connection := range connections {
		for _, other := range admission.SwitchesOf(connection.(tree)) {
			if spec := specOf(all.Get("Switch", other)); spec != nil && other != name {
				out[other] = spec
			}
		}
	}
	return out
}

func configuredOf(attachments tree) tree {
	out := tree{}
	for _, spec := range attachments {
		out[text(spec.(tree), "subnet")] = true
	}
	return out
}

func specsOf(objs []*unstructured.Unstructured) tree {
	out := tree{}
	for _, obj := range objs {
		out[obj.GetName()] = specOf(obj)
	}
	return out
}

func specOf(obj *unstructured.Unstructured) tree {
	if obj == nil {
		return nil
	}
	spec, ok := obj.Object["spec"].(tree)
	if !ok {
		return tree{}
	}
	return spec
}

func text(t tree, key string) string {
	s, _ := t[key].(string)
	return s
}

// annotationsOf returns those of a Switch that are configuration.
func annotationsOf(sw *unstructured.Unstructured) map[string]string {
	out := map[string]string{}
	maps.Copy(out, sw.GetAnnotations())
	maps.DeleteFunc(out, func(key, _ string) bool { return !strings.Contains(key, "githedgehog.com/") })
	return out
}

// vniStep leaves room for the subnets of a VPC.
const vniStep = 100

// wantedInfos returns the spec of each VPCInfo by name: a VPC has its own name, an
// external is called ext.<name>. A VNI once given stays; a new one is the lowest
// free hundred.
func wantedInfos(all Objects) map[string]tree {
	out := map[string]tree{}
	for _, vpc := range all.List("VPC") {
		subnets := tree{}
		given, _ := specOf(vpc)["subnets"].(tree)
		for name, subnet := range given {
			if s, ok := subnet.(tree); ok {
				subnets[name] = tree{"cidr": text(s, "subnet")}
			}
		}
		out[vpc.GetName()] = tree{"subnets": subnets}
	}
	for _, ext := range all.List("External") {
		out["ext."+ext.GetName()] = tree{"subnets": tree{}}
	}
	number(out, all)
	return out
}

func number(infos map[string]tree, all Objects) {
	taken := map[int64]bool{}
	for _, info := range all.List("VPCInfo") {
		vni, ok := specOf(info)["vni"].(int64)
		if spec := infos[info.GetName()]; ok && spec != nil {
			spec["vni"] = vni
		}
		taken[vni] = true
	}
	next := int64(vniStep)
	for _, name := range slices.Sorted(maps.Keys(infos)) {
		if infos[name]["vni"] != nil {
			continue
		}
		for taken[next] {
			next += vniStep
		}
		infos[name]["vni"] = next
		taken[next] = true
	}
}
