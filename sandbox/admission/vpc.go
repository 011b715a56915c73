package admission

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

func checkVPC(r Request, all Objects) error {
	spec, name := specOf(r.Object), r.Object.GetName()
	if err := checkShortName(name); err != nil {
		return err
	}
	if strings.HasPrefix(name, "ext.") {
		return fmt.Errorf("name %q must not start with ext.", name)
	}
	if mode := str(spec, "mode"); mode != "" && mode != "l3vni" {
		return fmt.Errorf("mode %q is not supported", mode)
	}
	ipns := all.Get("IPv4Namespace", str(spec, "ipv4Namespace"))
	if ipns == nil {
		return fmt.Errorf("IPv4Namespace %q not found", str(spec, "ipv4Namespace"))
	}
	vlanns := all.Get("VLANNamespace", str(spec, "vlanNamespace"))
	if vlanns == nil {
		return fmt.Errorf("VLANNamespace %q not found", str(spec, "vlanNamespace"))
	}
	subnets := sub(spec, "subnets")
	if len(subnets) == 0 || len(subnets) > 20 {
		return fmt.Errorf("between 1 and 20 subnets are required, not %d", len(subnets))
	}
	for _, key := range keys(subnets) {
		if err := checkSubnet(sub(subnets, key), specOf(ipns), specOf(vlanns), all); err != nil {
			return fmt.Errorf("subnet %q: %w", key, err)
		}
	}
	return checkSubnetsUnique(r, all)
}

func checkSubnet(subnet, ipns, vlanns tree, all Objects) error {
	p, err := netip.ParsePrefix(str(subnet, "subnet"))
	if err != nil {
		return fmt.Errorf("%q is not a prefix", str(subnet, "subnet"))
	}
	if p.Bits() > 30 {
		return fmt.Errorf("%s is smaller than a /30", p)
	}
	if !within(p.Masked(), strs(ipns, "subnets")) {
		return fmt.Errorf("%s is not in the IPv4Namespace", p)
	}
	if gateway, err := netip.ParseAddr(str(subnet, "gateway")); err != nil || !p.Contains(gateway) {
		return fmt.Errorf("gateway %q is not in %s", str(subnet, "gateway"), p)
	}
	if !flag(subnet, "hostBGP") && !hasVLAN(vlanns, num(subnet, "vlan")) {
		return fmt.Errorf("vlan %d is not in the VLANNamespace", num(subnet, "vlan"))
	}
	// A VPC that relays to itself is refused only while it does not exist.
	if relay := str(subnet, "dhcp", "relayVPC"); relay != "" && all.Get("VPC", relay) == nil {
		return fmt.Errorf("relay VPC %q not found", relay)
	}
	return nil
}

func hasVLAN(vlanns tree, vlan int64) bool {
	for _, span := range trees(vlanns, "ranges") {
		if num(span, "from") <= vlan && vlan <= num(span, "to") {
			return true
		}
	}
	return false
}

// claim is what one subnet takes from its namespaces.
type claim struct {
	vpc, subnet string
	prefix      netip.Prefix
	vlan        int64 // 0 takes none
}

func claims(vpc *unstructured.Unstructured) []claim {
	subnets := sub(specOf(vpc), "subnets")
	var out []claim
	for _, name := range keys(subnets) {
		c := claim{vpc: vpc.GetName(), subnet: name}
		if p, err := netip.ParsePrefix(str(subnets, name, "subnet")); err == nil {
			c.prefix = p.Masked()
		}
		if !flag(subnets, name, "hostBGP") {
			c.vlan = num(subnets, name, "vlan")
		}
		out = append(out, c)
	}
	return out
}

func checkSubnetsUnique(r Request, all Objects) error {
	spec := specOf(r.Object)
	var prefixes, vlans []claim
	for _, other := range others(r, all, "VPC") {
		if str(specOf(other), "ipv4Namespace") == str(spec, "ipv4Namespace") {
			prefixes = append(prefixes, claims(other)...)
		}
		if str(specOf(other), "vlanNamespace") == str(spec, "vlanNamespace") {
			vlans = append(vlans, claims(other)...)
		}
	}
	for _, c := range claims(r.Object) {
		for _, o := range prefixes {
			if c.prefix.IsValid() && o.prefix.IsValid() && c.prefix.Overlaps(o.prefix) {
				return fmt.Errorf("subnet %q: %s overlaps with %s of %s/%s", c.subnet, c.prefix, o.prefix, o.vpc, o.subnet)
			}
		}
		for _, o := range vlans {
			if c.vlan != 0 && c.vlan == o.vlan {
				return fmt.Errorf("subnet %q: vlan %d is already used by %s/%s", c.subnet, c.vlan, o.vpc, o.subnet)
			}
		}
		prefixes, vlans = append(prefixes, c), append(vlans, c)
	}
	return nil
}

func checkVPCAttachment(r Request, all Objects) error {
	spec := specOf(r.Object)
	name, subnet, _ := strings.Cut(str(spec, "subnet"), "/")
	vpc := all.Get("VPC", name)
	if vpc == nil {
		return fmt.Errorf("VPC %q not found", name)
	}
	if sub(specOf(vpc), "subnets", subnet) == nil {
		return fmt.Errorf("subnet %q not found in VPC %q", subnet, name)
	}
	conn := all.Get("Connection", str(spec, "connection"))
	if conn == nil {
		return fmt.Errorf("connection %q not found", str(spec, "connection"))
	}
	if field, _ := connectionType(specOf(conn)); !slices.Contains([]string{"unbundled", "bundled", "eslag"}, field) {
		return fmt.Errorf("connection %q of type %s cannot have VPCs attached", conn.GetName(), field)
	}
	for _, sw := range SwitchesOf(specOf(conn)) {
		obj := all.Get("Switch", sw)
		if obj == nil {
			return fmt.Errorf("switch %q not found", sw)
		}
		if ns := str(specOf(vpc), "vlanNamespace"); !slices.Contains(strs(specOf(obj), "vlanNamespaces"), ns) {
			return fmt.Errorf("switch %q is not in VLANNamespace %q of VPC %q", sw, ns, name)
		}
	}
	return checkPointToPoint(r.Object)
}

func checkPointToPoint(obj *unstructured.Unstructured) error {
	value, ok := obj.GetAnnotations()[fabricLabel+"p2p-link"]
	if !ok {
		return nil
	}
	if p, err := netip.ParsePrefix(value); err != nil || p.Bits() != 31 || !p.Addr().Is4() {
		return fmt.Errorf("p2p-link %q is not an IPv4 /31", value)
	}
	return nil
}

func checkVPCPeering(r Request, all Objects) error {
	spec := specOf(r.Object)
	if str(spec, "remote") != "" {
		return errors.New("remote peering is not supported")
	}
	for _, permit := range trees(spec, "permit") {
		names := keys(permit)
		if len(names) != 2 {
			return fmt.Errorf("exactly 2 VPCs are required, not %d", len(names))
		}
		first := specOf(all.Get("VPC", names[0]))
		for _, name := range names {
			vpc := all.Get("VPC", name)
			if vpc == nil {
				return fmt.Errorf("VPC %q not found", name)
			}
			if str(specOf(vpc), "ipv4Namespace") != str(first, "ipv4Namespace") || str(specOf(vpc), "vlanNamespace") != str(first, "vlanNamespace") {
				return fmt.Errorf("VPCs %q and %q are not in the same namespaces", names[0], names[1])
			}
			for _, subnet := range strs(permit, name, "subnets") {
				if sub(specOf(vpc), "subnets", subnet) == nil {
					return fmt.Errorf("subnet %q not found in VPC %q", subnet, name)
				}
			}
		}
	}
	return nil
}
