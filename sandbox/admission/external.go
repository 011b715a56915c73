package admission

import (
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
)

func checkExternal(r Request, all Objects) error {
	spec := specOf(r.Object)
	if err := checkShortName(r.Object.GetName()); err != nil {
		return err
	}
	if all.Get("IPv4Namespace", str(spec, "ipv4Namespace")) == nil {
		return fmt.Errorf("IPv4Namespace %q not found", str(spec, "ipv4Namespace"))
	}
	in, out := str(spec, "inboundCommunity"), str(spec, "outboundCommunity")
	if static := sub(spec, "static"); static != nil {
		if in != "" || out != "" {
			return errors.New("communities and static exclude each other")
		}
		return nil
	}
	for _, community := range []string{in, out} {
		if !isCommunity(community) {
			return fmt.Errorf("community %q is not two 16-bit numbers", community)
		}
	}
	return nil
}

func isCommunity(s string) bool {
	high, low, ok := strings.Cut(s, ":")
	_, err1 := strconv.ParseUint(high, 10, 16)
	_, err2 := strconv.ParseUint(low, 10, 16)
	return ok && err1 == nil && err2 == nil
}

func checkExternalAttachment(r Request, all Objects) error {
	spec := specOf(r.Object)
	if all.Get("External", str(spec, "external")) == nil {
		return fmt.Errorf("external %q not found", str(spec, "external"))
	}
	conn := all.Get("Connection", str(spec, "connection"))
	if conn == nil {
		return fmt.Errorf("connection %q not found", str(spec, "connection"))
	}
	if field, _ := connectionType(specOf(conn)); field != "external" {
		return fmt.Errorf("connection %q is not of type external", conn.GetName())
	}
	if err := checkExternalSide(spec); err != nil {
		return err
	}
	for _, other := range others(r, all, "ExternalAttachment") {
		if str(specOf(other), "connection") == conn.GetName() && attachmentVLAN(specOf(other)) == attachmentVLAN(spec) {
			return fmt.Errorf("vlan %d is already used on the connection by %q", attachmentVLAN(spec), other.GetName())
		}
	}
	return nil
}

func attachmentVLAN(spec tree) int64 {
	if sub(spec, "static") != nil {
		return num(spec, "static", "vlan")
	}
	return num(spec, "switch", "vlan")
}

func checkExternalSide(spec tree) error {
	if static := sub(spec, "static"); static != nil {
		if (str(static, "ip") != "") == flag(static, "proxy") {
			return errors.New("static needs either ip or proxy")
		}
		if _, err := netip.ParseAddr(str(static, "remoteIP")); err != nil {
			return fmt.Errorf("remoteIP %q is not an address", str(static, "remoteIP"))
		}
		return nil
	}
	if _, err := netip.ParsePrefix(str(spec, "switch", "ip")); err != nil {
		return fmt.Errorf("switch ip %q is not an address with prefix length", str(spec, "switch", "ip"))
	}
	if _, err := netip.ParseAddr(str(spec, "neighbor", "ip")); err != nil {
		return fmt.Errorf("neighbor ip %q is not an address", str(spec, "neighbor", "ip"))
	}
	if num(spec, "neighbor", "asn") == 0 {
		return errors.New("neighbor asn is required")
	}
	return nil
}

func checkExternalPeering(r Request, all Objects) error {
	permit := sub(specOf(r.Object), "permit")
	vpc := all.Get("VPC", str(permit, "vpc", "name"))
	if vpc == nil {
		return fmt.Errorf("VPC %q not found", str(permit, "vpc", "name"))
	}
	external := all.Get("External", str(permit, "external", "name"))
	if external == nil {
		return fmt.Errorf("external %q not found", str(permit, "external", "name"))
	}
	if str(specOf(vpc), "ipv4Namespace") != str(specOf(external), "ipv4Namespace") {
		return errors.New("VPC and external are not in the same IPv4Namespace")
	}
	for _, subnet := range strs(permit, "vpc", "subnets") {
		if sub(specOf(vpc), "subnets", subnet) == nil {
			return fmt.Errorf("subnet %q not found in VPC %q", subnet, vpc.GetName())
		}
	}
	for _, prefix := range trees(permit, "external", "prefixes") {
		if _, err := netip.ParsePrefix(str(prefix, "prefix")); err != nil {
			return fmt.Errorf("%q is not a prefix", str(prefix, "prefix"))
		}
	}
	return nil
}
