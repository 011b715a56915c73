package admission

import (
	"net"
	"net/netip"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// What the real controller calls its labels.
const (
	fabricLabel  = "fabric.githedgehog.com/"
	gatewayLabel = "vpc.gateway.githedgehog.com/"
)

// Default fills in obj what the controller fills in. It changes obj and reads
// nothing else. A second call changes nothing more, except that MAC addresses which
// an empty "options" beside them kept from being rewritten are rewritten then.
func Default(obj *unstructured.Unstructured) {
	defaults := map[string]func(*unstructured.Unstructured) map[string]string{
		"Connection":         defaultConnection,
		"External":           defaultExternal,
		"ExternalAttachment": defaultExternalAttachment,
		"ExternalPeering":    defaultExternalPeering,
		"IPv4Namespace":      defaultIPv4Namespace,
		"Server":             func(*unstructured.Unstructured) map[string]string { return nil },
		"Switch":             defaultSwitch,
		"VLANNamespace":      defaultVLANNamespace,
		"VPC":                defaultVPC,
		"VPCAttachment":      defaultVPCAttachment,
		"VPCPeering":         defaultVPCPeering,
	}
	if fill := defaults[obj.GetKind()]; fill != nil {
		relabel(obj, fill(obj))
		return
	}
	switch obj.GetKind() {
	case "Gateway":
		defaultGateway(obj)
	case "GatewayPeering":
		defaultGatewayPeering(obj)
	}
}

// relabel replaces every label that belongs to the controller.
func relabel(obj *unstructured.Unstructured, ours map[string]string) {
	labels := map[string]string{}
	for key, value := range obj.GetLabels() {
		if !strings.Contains(key, fabricLabel) {
			labels[key] = value
		}
	}
	for key, value := range ours {
		labels[key] = value
	}
	if len(labels) == 0 {
		labels = nil
	}
	if len(labels) > 0 || obj.GetLabels() != nil {
		obj.SetLabels(labels)
	}
}

func defaultSwitch(obj *unstructured.Unstructured) map[string]string {
	spec := wholeSpec(obj)
	if len(list(spec, "vlanNamespaces")) == 0 {
		spec["vlanNamespaces"] = []any{"default"}
	}
	sortStrings(spec, "vlanNamespaces")
	joinRedundancyGroup(spec)
	for _, field := range []string{"portSpeeds", "portGroupSpeeds"} {
		for port, speed := range sub(spec, field) {
			if s, ok := speed.(string); ok {
				spec[field].(tree)[port] = strings.TrimPrefix(s, "SPEED_")
			}
		}
	}
	for _, field := range []string{"boot", "ecmp", "redundancy"} {
		child(spec, field)
	}

	labels := map[string]string{fabricLabel + "profile": str(spec, "profile")}
	for _, group := range strs(spec, "groups") {
		labels["switchgroup."+fabricLabel+group] = "true"
	}
	for _, ns := range strs(spec, "vlanNamespaces") {
		labels["vlanns."+fabricLabel+ns] = "true"
	}
	return labels
}

func joinRedundancyGroup(spec tree) {
	group := str(spec, "redundancy", "group")
	groups := list(spec, "groups")
	member := group == ""
	for _, g := range groups {
		member = member || g == group
	}
	if !member {
		spec["groups"] = append(groups, group)
	}
	sortStrings(spec, "groups")
}

func defaultConnection(obj *unstructured.Unstructured) map[string]string {
	spec := wholeSpec(obj)
	_, label := connectionType(spec)
	if label == "" {
		return nil
	}
	labels := map[string]string{fabricLabel + "connection-type": label}
	for _, name := range devices(ends(spec), end.isSwitch) {
		labels["switch."+fabricLabel+name] = "true"
	}
	for _, name := range devices(ends(spec), isServer) {
		labels["server."+fabricLabel+name] = "true"
	}
	if vpc := str(spec, "staticExternal", "withinVPC"); vpc != "" {
		labels[fabricLabel+"vpc"] = vpc
	}
	return labels
}

func defaultVPC(obj *unstructured.Unstructured) map[string]string {
	spec := wholeSpec(obj)
	orElse(spec, "ipv4Namespace", "default")
	orElse(spec, "vlanNamespace", "default")
	for _, name := range keys(sub(spec, "subnets")) {
		if subnet := sub(spec, "subnets", name); subnet != nil {
			defaultSubnet(subnet)
		}
	}
	return map[string]string{
		fabricLabel + "ipv4ns": str(spec, "ipv4Namespace"),
		fabricLabel + "vlanns": str(spec, "vlanNamespace"),
	}
}

func defaultSubnet(subnet tree) {
	prefix, err := netip.ParsePrefix(str(subnet, "subnet"))
	if err != nil {
		return // refused later
	}
	first := prefix.Masked().Addr().Next()
	orElse(subnet, "gateway", first.String())
	dhcp := child(subnet, "dhcp")
	options, given := dhcp["options"].(tree)
	if !given || len(options) > 0 {
		canonicalMACs(dhcp)
	}
	if !flag(dhcp, "enable") {
		delete(dhcp, "range")
		delete(dhcp, "options")
		return
	}
	span := child(dhcp, "range")
	orElse(span, "start", first.Next().String())
	orElse(span, "end", last(prefix).String())
	options = child(dhcp, "options")
	for _, field := range []string{"dnsServers", "timeServers"} {
		orElse(options, field, []any{})
		sortStrings(options, field)
	}
	sortTreesBy(options, "advertisedRoutes", "destination")
	orZero(options, "interfaceMTU", 9036)
	orZero(options, "leaseTimeSeconds", 3600)
}

func orZero(t tree, key string, fallback int64) {
	if num(t, key) == 0 {
		t[key] = fallback
	}
}

// last returns the highest address of a prefix, its broadcast address.
func last(prefix netip.Prefix) netip.Addr {
	raw := prefix.Masked().Addr().AsSlice()
	for bit := prefix.Bits(); bit < len(raw)*8; bit++ {
		raw[bit/8] |= 1 << (7 - bit%8)
	}
	addr, _ := netip.AddrFromSlice(raw)
	return addr
}

// canonicalMACs spells the keys of fixed leases in lower case with colons.
func canonicalMACs(dhcp tree) {
	leases := sub(dhcp, "static")
	for _, key := range keys(leases) {
		mac, err := net.ParseMAC(key)
		if err == nil && mac.String() != key {
			leases[mac.String()] = leases[key]
			delete(leases, key)
		}
	}
}

func defaultVPCAttachment(obj *unstructured.Unstructured) map[string]string {
	spec := wholeSpec(obj)
	vpc, subnet, ok := strings.Cut(str(spec, "subnet"), "/")
	if !ok && vpc != "" {
		subnet = "default"
		spec["subnet"] = vpc + "/" + subnet
	}
	labels := map[string]string{
		fabricLabel + "vpc":        vpc,
		fabricLabel + "subnet":     subnet,
		fabricLabel + "connection": str(spec, "connection"),
	}
	if flag(spec, "nativeVLAN") {
		labels[fabricLabel+"nativevlan"] = "true"
	}
	return labels
}

func defaultVPCPeering(obj *unstructured.Unstructured) map[string]string {
	labels := map[string]string{}
	for _, permit := range trees(wholeSpec(obj), "permit") {
		vpcs := keys(permit)
		for _, vpc := range vpcs {
			labels["vpc."+fabricLabel+vpc] = "true"
		}
		if len(vpcs) == 2 {
			labels[fabricLabel+"vpc1"], labels[fabricLabel+"vpc2"] = vpcs[0], vpcs[1]
		}
	}
	return labels
}

func defaultExternal(obj *unstructured.Unstructured) map[string]string {
	spec := wholeSpec(obj)
	orElse(spec, "ipv4Namespace", "default")
	return map[string]string{fabricLabel + "ipv4ns": str(spec, "ipv4Namespace")}
}

func defaultExternalAttachment(obj *unstructured.Unstructured) map[string]string {
	spec := wholeSpec(obj)
	child(spec, "switch")
	child(spec, "neighbor")
	return map[string]string{
		fabricLabel + "external":   str(spec, "external"),
		fabricLabel + "connection": str(spec, "connection"),
	}
}

func defaultExternalPeering(obj *unstructured.Unstructured) map[string]string {
	permit := child(wholeSpec(obj), "permit")
	sortStrings(child(permit, "vpc"), "subnets")
	sortTreesBy(child(permit, "external"), "prefixes", "prefix")
	return map[string]string{
		fabricLabel + "vpc":      str(permit, "vpc", "name"),
		fabricLabel + "external": str(permit, "external", "name"),
	}
}

func defaultIPv4Namespace(obj *unstructured.Unstructured) map[string]string {
	sortStrings(wholeSpec(obj), "subnets")
	return nil
}

// defaultVLANNamespace empties a namespace with an impossible range, which the
// real controller then accepts.
func defaultVLANNamespace(obj *unstructured.Unstructured) map[string]string {
	spec := wholeSpec(obj)
	for _, r := range trees(spec, "ranges") {
		orZero(r, "to", num(r, "from"))
		if num(r, "from") > num(r, "to") || num(r, "to") > 4094 {
			obj.Object["spec"] = tree{}
			return nil
		}
	}
	sortTreesBy(spec, "ranges", "from")
	return nil
}

func defaultGateway(obj *unstructured.Unstructured) {
	spec := wholeSpec(obj)
	logs := child(spec, "logs")
	orElse(logs, "default", "info")
	if len(sub(logs, "tags")) == 0 {
		logs["tags"] = tree{"all": "info"}
	}
	if limit := sub(logs, "rateLimit"); limit != nil {
		orZero(limit, "burst", 50)
		orZero(limit, "replenishPerSecond", 5)
	}
	orZero(spec, "workers", 4)
	if len(list(spec, "groups")) == 0 {
		spec["groups"] = []any{tree{"name": "default"}}
	}
	sortTreesBy(spec, "groups", "name")
	child(spec, "profiling")
}

func defaultGatewayPeering(obj *unstructured.Unstructured) {
	spec := wholeSpec(obj)
	orElse(spec, "gatewayGroup", "default")
	labels := obj.GetLabels() // labels of sides that left stay, as in reality
	if labels == nil {
		labels = map[string]string{}
	}
	for _, side := range keys(sub(spec, "peering")) {
		if !strings.HasPrefix(side, "ext.") {
			labels[gatewayLabel+side] = "true"
		}
		for _, expose := range trees(spec, "peering", side, "expose") {
			defaultTimeout(sub(expose, "nat", "masquerade"))
			defaultTimeout(sub(expose, "nat", "portForward"))
		}
	}
	if len(labels) > 0 {
		obj.SetLabels(labels)
	}
	if acl := sub(spec, "acl"); acl != nil {
		orElse(acl, "default", "deny-unless-exposed")
		for _, rule := range trees(acl, "rules") {
			child(rule, "match")
			orElse(rule, "scope", "flow")
		}
	}
}

// defaultTimeout spells a duration as Go does: "120s" becomes "2m0s".
func defaultTimeout(nat tree) {
	if nat == nil {
		return
	}
	orElse(nat, "idleTimeout", "2m0s")
	if d, err := time.ParseDuration(str(nat, "idleTimeout")); err == nil {
		nat["idleTimeout"] = d.String()
	}
}
