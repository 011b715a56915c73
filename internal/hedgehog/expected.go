package hedgehog

import (
	"maps"
	"net/netip"
	"strings"
	"time"

	"github.com/hedgesync/hedgesync/internal/fabric"
)

// Names and values the webhooks fill in, as they are stored.
const (
	defaultName       = "default" // of namespaces, subnets and gateway groups
	defaultSubnet     = "default"
	defaultMTU        = 9036 // what DHCP tells the client
	defaultLease      = 3600 // seconds
	defaultLogLevel   = "info"
	defaultLogBurst   = 50
	defaultLogRate    = 5 // per second
	defaultWorkers    = 4
	defaultIdle       = 2 * time.Minute
	defaultACLAction  = "deny-unless-exposed"
	defaultACLScope   = "flow"
	defaultFlaps      = 3
	defaultSampling   = 30  // seconds
	defaultRecovery   = 300 // seconds
	externalPrefix    = "ext."
	gatewayVPCLabel   = "vpc.gateway.githedgehog.com/"
	switchLabel       = "switch." + fabricLabel
	serverLabel       = "server." + fabricLabel
	vpcLabel          = "vpc." + fabricLabel
	switchGroupLabel  = "switchgroup." + fabricLabel
	vlanNamespaceList = "vlanns." + fabricLabel
	yes               = "true"
)

// Expected returns what the API stores for a canonical object: it, with every
// default and label the webhooks compute. It describes input the rules accept;
// what they refuse is left as it is. The result shares values with its argument.
func Expected(canonical map[string]any) map[string]any {
	kind := kindOf(canonical)
	fill, label := defaults[kind], computedLabels[kind]
	spec, isObject := canonical["spec"].(tree)
	if fill == nil && label == nil || canonical["spec"] != nil && !isObject {
		return canonical
	}
	out := maps.Clone(canonical)
	if fill != nil {
		spec, _ = copyValue(spec, nil).(tree)
		fill(spec)
		out["spec"] = spec
	}
	if label != nil {
		addLabels(out, label(spec))
	}
	return out
}

// addLabels puts labels into obj without changing what it shares.
func addLabels(obj tree, labels map[string]string) {
	meta, ok := obj["metadata"].(tree)
	if _, isObject := meta["labels"].(tree); !ok || len(labels) == 0 || meta["labels"] != nil && !isObject {
		return
	}
	all := make(tree, len(labels)+2)
	maps.Copy(all, child(meta, "labels"))
	for key, value := range labels {
		all[key] = value
	}
	meta = maps.Clone(meta)
	meta["labels"] = all
	obj["metadata"] = meta
}

// defaults fill a spec, in place, with what the kind's webhook adds.
var defaults = map[fabric.Kind]func(spec tree){
	Switch:         fillSwitch,
	VLANNamespace:  fillVLANNamespace,
	VPC:            fillVPC,
	External:       func(spec tree) { fill(spec, "ipv4Namespace", defaultName) },
	Gateway:        fillGateway,
	GatewayPeering: fillGatewayPeering,
}

// fill sets key unless it has a value; the zero value is none.
func fill(m tree, key string, value any) {
	if isZero(m[key]) {
		m[key] = value
	}
}

func fillSwitch(spec tree) {
	fill(spec, "vlanNamespaces", []any{defaultName})
	flap, ok := spec["linkFlapErrDisable"].(tree)
	if !ok {
		return
	}
	for key, value := range map[string]int64{
		"flapThreshold": defaultFlaps, "samplingInterval": defaultSampling, "recoveryInterval": defaultRecovery,
	} {
		if flap[key] == nil { // 0 is a value here
			flap[key] = value
		}
	}
}

func fillVLANNamespace(spec tree) {
	for _, r := range listAt(spec, "ranges") {
		if r, ok := r.(tree); ok && r["from"] != nil {
			fill(r, "to", r["from"])
		}
	}
}

func fillVPC(spec tree) {
	fill(spec, "ipv4Namespace", defaultName)
	fill(spec, "vlanNamespace", defaultName)
	for _, v := range child(spec, "subnets") {
		if subnet, ok := v.(tree); ok {
			fillSubnet(subnet)
		}
	}
}

func fillSubnet(subnet tree) {
	p, err := netip.ParsePrefix(textAt(subnet, "subnet"))
	if err != nil {
		return
	}
	first := p.Masked().Addr().Next()
	if !flagAt(subnet, "hostBGP") && first.IsValid() {
		fill(subnet, "gateway", first.String())
	}
	dhcp := child(subnet, "dhcp")
	if pool, ok := poolOf(subnet); ok && flagAt(dhcp, "enable") {
		fillDHCP(dhcp, pool)
	}
}

func fillDHCP(dhcp tree, pool netip.Prefix) {
	if dhcp["range"] == nil {
		dhcp["range"] = tree{}
	}
	if r := child(dhcp, "range"); r != nil {
		fill(r, "start", pool.Addr().Next().Next().String())
		fill(r, "end", lastAddress(pool).String())
	}
	if options := child(dhcp, "options"); options != nil {
		fill(options, "interfaceMTU", int64(defaultMTU))
		fill(options, "leaseTimeSeconds", int64(defaultLease))
		fill(options, "dnsServers", []any{})
		fill(options, "timeServers", []any{})
	}
}

// lastAddress returns the highest address of a masked prefix: the broadcast, where
// the webhooks let a DHCP range end.
func lastAddress(p netip.Prefix) netip.Addr {
	b := p.Addr().AsSlice()
	for bit := p.Bits(); bit < len(b)*8; bit++ {
		b[bit/8] |= 0x80 >> (bit % 8)
	}
	last, _ := netip.AddrFromSlice(b)
	return last
}

func fillGateway(spec tree) {
	fill(spec, "workers", int64(defaultWorkers))
	fill(spec, "groups", []any{tree{"name": defaultName}})
	fill(spec, "logs", tree{})
	logs := child(spec, "logs")
	if logs == nil {
		return
	}
	fill(logs, "default", defaultLogLevel)
	fill(logs, "tags", tree{"all": defaultLogLevel})
	if rate := child(logs, "rateLimit"); rate != nil {
		fill(rate, "burst", int64(defaultLogBurst))
		fill(rate, "replenishPerSecond", int64(defaultLogRate))
	}
}

// fillGatewayPeering does nothing unless there are two sides, as the webhook.
func fillGatewayPeering(spec tree) {
	if len(child(spec, "peering")) != 2 {
		return
	}
	fill(spec, "gatewayGroup", defaultName)
	for _, side := range child(spec, "peering") {
		side, _ := side.(tree)
		for _, nat := range natsOf(side) {
			fillIdleTimeout(child(nat, "masquerade"))
			fillIdleTimeout(child(nat, "portForward"))
		}
	}
	acl := child(spec, "acl")
	if acl == nil {
		return
	}
	fill(acl, "default", defaultACLAction)
	for _, rule := range listAt(acl, "rules") {
		if rule, ok := rule.(tree); ok {
			fill(rule, "scope", defaultACLScope)
		}
	}
}

func fillIdleTimeout(nat tree) {
	if nat != nil && (isZero(nat["idleTimeout"]) || nat["idleTimeout"] == "0s") {
		nat["idleTimeout"] = defaultIdle.String()
	}
}

// computedLabels return the labels a kind's webhook computes from a filled spec.
var computedLabels = map[fabric.Kind]func(spec tree) map[string]string{
	Switch:     switchLabels,
	Connection: connectionLabels,
	VPC: func(spec tree) map[string]string {
		return labelsFrom(spec, "ipv4ns", "ipv4Namespace", "vlanns", "vlanNamespace")
	},
	VPCAttachment: vpcAttachmentLabels,
	VPCPeering:    vpcPeeringLabels,
	External:      func(spec tree) map[string]string { return labelsFrom(spec, "ipv4ns", "ipv4Namespace") },
	ExternalAttachment: func(spec tree) map[string]string {
		return labelsFrom(spec, "connection", "connection", "external", "external")
	},
	ExternalPeering: externalPeeringLabels,
	GatewayPeering:  gatewayPeeringLabels,
}

// labelsFrom makes fabric labels from pairs of label name and spec member.
func labelsFrom(spec tree, pairs ...string) map[string]string {
	labels := make(map[string]string, len(pairs)/2)
	for i := 0; i+1 < len(pairs); i += 2 {
		labels[fabricLabel+pairs[i]] = textAt(spec, pairs[i+1])
	}
	return labels
}

func switchLabels(spec tree) map[string]string {
	labels := labelsFrom(spec, "profile", "profile")
	for _, group := range textsOf(listAt(spec, "groups")) {
		labels[switchGroupLabel+group] = yes
	}
	for _, namespace := range textsOf(listAt(spec, "vlanNamespaces")) {
		labels[vlanNamespaceList+namespace] = yes
	}
	return labels
}

// textsOf returns the strings of a list that are not empty.
func textsOf(l []any) []string {
	texts := make([]string, 0, len(l))
	for _, v := range l {
		if s, ok := v.(string); ok && s != "" {
			texts = append(texts, s)
		}
	}
	return texts
}

// connectionLabels names no device when any link end is malformed, and nothing at
// all for the two MCLAG types, as the webhook.
func connectionLabels(spec tree) map[string]string {
	kind, known := connectionTypeOf(spec)
	if !known || kind.deprecated {
		return nil
	}
	labels := map[string]string{fabricLabel + "connection-type": kind.label}
	if vpc := textAt(child(spec, kind.key), "withinVPC"); vpc != "" && kind.key == "staticExternal" {
		labels[fabricLabel+"vpc"] = vpc
	}
	ends := linkEnds(kind, spec)
	for _, end := range ends {
		if end.port == "" {
			return labels
		}
	}
	for _, end := range ends {
		switch end.kind {
		case Switch:
			labels[switchLabel+end.device] = yes
		case Server:
			labels[serverLabel+end.device] = yes
		}
	}
	return labels
}

func vpcAttachmentLabels(spec tree) map[string]string {
	vpc, subnet, ok := attachedSubnet(spec)
	if !ok {
		return nil
	}
	labels := labelsFrom(spec, "connection", "connection")
	labels[fabricLabel+"vpc"], labels[fabricLabel+"subnet"] = vpc, subnet
	if flagAt(spec, "nativeVLAN") {
		labels[fabricLabel+"nativevlan"] = yes
	}
	return labels
}

// attachedSubnet splits a VPCAttachment's "vpc/subnet"; no subnet is the default one.
func attachedSubnet(spec tree) (vpc, subnet string, ok bool) {
	vpc, subnet, _ = strings.Cut(textAt(spec, "subnet"), "/")
	if subnet == "" {
		subnet = defaultSubnet
	}
	return vpc, subnet, vpc != ""
}

// vpcPeeringLabels names the VPCs if every entry permits the same two.
func vpcPeeringLabels(spec tree) map[string]string {
	names := map[string]bool{}
	for _, entry := range listAt(spec, "permit") {
		entry, _ := entry.(tree)
		if len(entry) != 2 {
			return nil
		}
		for vpc := range entry {
			names[vpc] = true
		}
	}
	if len(names) != 2 {
		return nil
	}
	pair := keysOf(names)
	return map[string]string{
		fabricLabel + "vpc1": pair[0], fabricLabel + "vpc2": pair[1],
		vpcLabel + pair[0]: yes, vpcLabel + pair[1]: yes,
	}
}

func externalPeeringLabels(spec tree) map[string]string {
	permit := child(spec, "permit")
	return map[string]string{
		fabricLabel + "vpc":      textAt(child(permit, "vpc"), "name"),
		fabricLabel + "external": textAt(child(permit, "external"), "name"),
	}
}

func gatewayPeeringLabels(spec tree) map[string]string {
	sides := child(spec, "peering")
	if len(sides) != 2 {
		return nil
	}
	labels := make(map[string]string, 2)
	for side := range sides {
		labels[gatewayVPCLabel+side] = yes
	}
	return labels
}
