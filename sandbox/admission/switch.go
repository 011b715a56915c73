package admission

import (
	"errors"
	"fmt"
	"net/netip"
)

func checkSwitch(r Request, all Objects) error {
	spec := specOf(r.Object)
	return errors.Join(
		checkSwitchModel(spec, all),
		checkSwitchGroups(spec, all),
		checkSwitchAddresses(spec),
		checkSwitchASN(spec),
		checkSwitchUnique(r, all),
	)
}

func checkSwitchModel(spec tree, all Objects) error {
	name := str(spec, "profile")
	if name == "" {
		return errors.New("profile is required")
	}
	profile := all.Get("SwitchProfile", name)
	if profile == nil {
		return fmt.Errorf("switch profile %q not found", name)
	}
	features := sub(specOf(profile), "features")
	if str(spec, "redundancy", "type") == "eslag" && !flag(features, "eslag") {
		return fmt.Errorf("switch profile %q does not support ESLAG", name)
	}
	if flag(spec, "roce") && !flag(features, "roce") {
		return fmt.Errorf("switch profile %q does not support RoCE", name)
	}
	if flag(spec, "ecmp", "roceQPN") && !flag(features, "ecmpRoCEQPN") {
		return fmt.Errorf("switch profile %q does not support ECMP by RoCE QPN", name)
	}
	return checkPortSettings(specOf(profile), spec)
}

func checkSwitchGroups(spec tree, all Objects) error {
	for _, group := range strs(spec, "groups") {
		if all.Get("SwitchGroup", group) == nil {
			return fmt.Errorf("switch group %q not found", group)
		}
	}
	if (str(spec, "redundancy", "group") == "") != (str(spec, "redundancy", "type") == "") {
		return errors.New("redundancy needs both group and type")
	}
	var taken [][2]int64
	for _, name := range strs(spec, "vlanNamespaces") {
		ns := all.Get("VLANNamespace", name)
		if ns == nil {
			return fmt.Errorf("VLANNamespace %q not found", name)
		}
		for _, span := range trees(specOf(ns), "ranges") {
			from, to := num(span, "from"), num(span, "to")
			for _, other := range taken {
				if from <= other[1] && other[0] <= to {
					return fmt.Errorf("VLANNamespace %q overlaps with another one of the switch", name)
				}
			}
			taken = append(taken, [2]int64{from, to})
		}
	}
	return nil
}

func checkSwitchAddresses(spec tree) error {
	ip, err := prefixIn("ip", str(spec, "ip"), managementSubnet)
	if err != nil {
		return err
	}
	if ip.Addr() == controlVIP || !ip.Addr().Less(managementDHCP) {
		return fmt.Errorf("ip %s is the control address or in the DHCP range", ip.Addr())
	}
	if err := hostIn("protocolIP", str(spec, "protocolIP"), protocolSubnet); err != nil {
		return err
	}
	vtep := str(spec, "vtepIP")
	if str(spec, "role") != "spine" {
		return hostIn("vtepIP", vtep, vtepSubnet)
	}
	if vtep != "" {
		return errors.New("vtepIP is not allowed on a spine")
	}
	return nil
}

func checkSwitchASN(spec tree) error {
	asn := num(spec, "asn")
	if str(spec, "role") == "spine" {
		if asn != spineASN {
			return fmt.Errorf("asn %d of a spine must be %d", asn, spineASN)
		}
		return nil
	}
	if asn < firstASN || asn > lastASN {
		return fmt.Errorf("asn %d of a leaf must be between %d and %d", asn, firstASN, lastASN)
	}
	return nil
}

func checkSwitchUnique(r Request, all Objects) error {
	spec := specOf(r.Object)
	for _, other := range others(r, all, "Switch") {
		theirs := specOf(other)
		for _, field := range []string{"ip", "protocolIP", "vtepIP"} {
			if sameAddress(str(spec, field), str(theirs, field)) {
				return fmt.Errorf("%s %s is already used by switch %q", field, str(spec, field), other.GetName())
			}
		}
		if str(spec, "role") != "spine" && num(spec, "asn") == num(theirs, "asn") {
			return fmt.Errorf("asn %d is already used by switch %q", num(spec, "asn"), other.GetName())
		}
	}
	for _, gateway := range all.List("Gateway") {
		if sameAddress(str(spec, "protocolIP"), str(specOf(gateway), "protocolIP")) {
			return fmt.Errorf("protocolIP %s is already used by gateway %q", str(spec, "protocolIP"), gateway.GetName())
		}
	}
	return nil
}

func sameAddress(a, b string) bool {
	p, err := netip.ParsePrefix(a)
	if err != nil {
		return false
	}
	q, err := netip.ParsePrefix(b)
	return err == nil && p.Addr() == q.Addr()
}
