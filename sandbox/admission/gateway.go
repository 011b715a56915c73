package admission

import (
	"errors"
	"fmt"
	"strings"
)

func checkGateway(r Request, all Objects) error {
	spec := specOf(r.Object)
	for _, group := range trees(spec, "groups") {
		if all.Get("GatewayGroup", str(group, "name")) == nil {
			return fmt.Errorf("gateway group %q not found", str(group, "name"))
		}
	}
	if len(sub(spec, "interfaces")) == 0 || len(list(spec, "neighbors")) == 0 {
		return errors.New("at least one interface and one neighbor are required")
	}
	if workers := num(spec, "workers"); workers < 1 || workers > 64 {
		return fmt.Errorf("workers %d must be between 1 and 64", workers)
	}
	if err := errors.Join(hostIn("protocolIP", str(spec, "protocolIP"), protocolSubnet), hostIn("vtepIP", str(spec, "vtepIP"), vtepSubnet)); err != nil {
		return err
	}
	for _, kind := range []string{"Switch", "Gateway"} {
		for _, other := range others(r, all, kind) {
			if sameAddress(str(spec, "protocolIP"), str(specOf(other), "protocolIP")) {
				return fmt.Errorf("protocolIP %s is already used by %q", str(spec, "protocolIP"), other.GetName())
			}
		}
	}
	return nil
}

func checkGatewayPeering(r Request, all Objects) error {
	spec := specOf(r.Object)
	sides := keys(sub(spec, "peering"))
	if len(sides) != 2 {
		return fmt.Errorf("exactly 2 sides are required, not %d", len(sides))
	}
	for _, side := range sides {
		kind, name := "VPC", side
		if external, ok := strings.CutPrefix(side, "ext."); ok {
			kind, name = "External", external
		}
		if all.Get(kind, name) == nil {
			return fmt.Errorf("%s %q not found", kind, name)
		}
		if str(infoOf(all, side), "status", "internalID") == "" {
			return fmt.Errorf("vpcinfo %q not ready: retry later", side)
		}
	}
	return checkGroupServed(str(spec, "gatewayGroup"), all)
}

// infoOf is the VPCInfo of one side, or nil.
func infoOf(all Objects, side string) tree {
	if info := all.Get("VPCInfo", side); info != nil {
		return info.Object
	}
	return nil
}

func checkGroupServed(group string, all Objects) error {
	if all.Get("GatewayGroup", group) == nil {
		return fmt.Errorf("gateway group %q not found", group)
	}
	for _, gateway := range all.List("Gateway") {
		for _, member := range trees(specOf(gateway), "groups") {
			if str(member, "name") == group {
				return nil
			}
		}
	}
	return fmt.Errorf("gateway group %q has no gateways", group)
}
