package hedgehog

import (
	"slices"
	"strings"

	"github.com/hedgesync/hedgesync/internal/fabric"
)

var onlyAttachment = []fabric.Kind{VPCAttachment}

// attachable are the connection types a VPC can be attached to.
var attachable = []string{"unbundled", "bundled", "eslag"}

const p2pAnnotation = "fabric.githedgehog.com/p2p-link"

var attachmentRules = []Rule{
	{
		Name: "attachment.names", Kinds: onlyAttachment, Severity: fabric.Error, Check: checkAttachmentNames,
		What: "A VPC attachment names a subnet as `vpc/subnet` and a connection",
	},
	{
		Name: "attachment.connection-type", Kinds: onlyAttachment, Severity: fabric.Error, Check: checkAttachable,
		What: "A VPC is attached to an unbundled, bundled or ESLAG connection",
	},
	{
		Name: "attachment.vlan-namespace", Kinds: onlyAttachment, Severity: fabric.Error, Check: checkAttachmentVLANs,
		What: "Every switch of the connection is in the VPC's VLANNamespace; else the fabric silently stops rendering the switch",
	},
	{
		Name: "attachment.mode", Kinds: onlyAttachment, Severity: fabric.Warning, Check: checkAttachmentMode,
		What: "Every switch of the connection supports the VPC's mode",
	},
	{
		Name: "attachment.p2p-link", Kinds: onlyAttachment, Severity: fabric.Error, Check: checkP2PLink,
		What: "The annotation `" + p2pAnnotation + "` is an IPv4 /31",
	},
}

func checkAttachmentNames(c *check) {
	if n := c.spec.at("subnet"); !isVPCSubnet(n.text()) {
		c.say(n, "subnet %q is not vpc/subnet", n.text())
	}
	if n := c.spec.at("connection"); n.text() == "" {
		c.say(n, "no connection is named")
	}
}

// isVPCSubnet accepts "vpc/subnet", and "vpc" for its default subnet.
func isVPCSubnet(s string) bool {
	vpc, subnet, both := strings.Cut(s, "/")
	return vpc != "" && (!both || subnet != "" && !strings.Contains(subnet, "/"))
}

func checkAttachable(c *check) {
	n := c.spec.at("connection")
	spec, ok := c.world.spec(Connection, n.text())
	if !ok {
		return
	}
	if types := typesOf(spec); len(types) == 1 && !slices.Contains(attachable, types[0].key) {
		c.say(n, "connection %s is of type %s, not one of %s", n.text(), types[0].key, strings.Join(attachable, ", "))
	}
}

// attachment returns the VPC and the switches an attachment joins, as far as known.
func (c *check) attachment() (vpc node, switches map[string]node) {
	name, _, _ := attachedSubnet(child(c.object.Object, "spec"))
	vpc, okVPC := c.world.spec(VPC, name)
	connection, ok := c.world.spec(Connection, c.spec.at("connection").text())
	if !ok || !okVPC {
		return vpc, nil
	}
	switches = map[string]node{}
	for _, name := range switchesOf(connection) {
		if spec, ok := c.world.spec(Switch, name); ok {
			switches[name] = spec
		}
	}
	return vpc, switches
}

func checkAttachmentVLANs(c *check) {
	vpc, switches := c.attachment()
	ns := vpc.at("vlanNamespace").textOr(defaultName)
	for _, name := range keysOf(switches) {
		if has := vlanNamespacesOf(switches[name]); !slices.Contains(has, ns) {
			c.say(c.spec.at("connection"), "switch %s is not in VLANNamespace %s of the VPC, it is in %s", name, ns, strings.Join(has, ", "))
		}
	}
}

func checkAttachmentMode(c *check) {
	vpc, switches := c.attachment()
	mode := vpc.at("mode").textOr(modeL2VNI)
	for _, name := range keysOf(switches) {
		if p, ok := c.profile(switches[name]); ok && (mode == modeL2VNI || mode == modeL3VNI) && !p.Feature(mode) {
			c.say(c.spec.at("connection"), "switch %s (profile %s) does not support mode %s of the VPC", name, p.name, mode)
		}
	}
}

func checkP2PLink(c *check) {
	n := c.fixed("metadata", "annotations", p2pAnnotation)
	if p, ok := n.prefix(); n.text() != "" && (!ok || p.Bits() != 31) {
		c.say(n, "%q is not an IPv4 /31", n.text())
	}
}
