package admission

import (
	"errors"
	"fmt"
	"net/netip"
)

func checkConnection(r Request, all Objects) error {
	spec := specOf(r.Object)
	field, label := connectionType(spec)
	if field == "" {
		return errors.New("exactly one connection type is required")
	}
	if r.Old != nil {
		if was, _ := connectionType(specOf(r.Old)); was != field {
			return fmt.Errorf("connection type is immutable: it was %s", was)
		}
	}
	if label == "" {
		return nil // MCLAG is accepted unseen
	}
	if mtu := num(spec, field, "mtu"); mtu > maxHostMTU {
		return fmt.Errorf("mtu %d is greater than %d", mtu, maxHostMTU)
	}
	return errors.Join(
		checkConnectionShape(spec, field, all),
		checkConnectionPorts(r, all),
		checkConnectionAddresses(r, all),
		checkWithinVPC(r, all),
	)
}

// checkConnectionShape counts the devices each type may have.
func checkConnectionShape(spec tree, field string, all Objects) error {
	every := ends(spec)
	switches := devices(every, end.isSwitch)
	servers := devices(every, isServer)
	for _, e := range every {
		if e.device == "" || e.port == "" {
			return fmt.Errorf("%s end must be device/port", e.role)
		}
	}
	shape := map[string]struct{ minSwitches, maxSwitches, servers int }{
		"unbundled":      {1, 1, 1},
		"bundled":        {1, 1, 1},
		"eslag":          {1, 4, 1},
		"fabric":         {2, 2, 0},
		"mesh":           {2, 2, 0},
		"gateway":        {1, 1, 0},
		"vpcLoopback":    {1, 1, 0},
		"external":       {1, 1, 0},
		"staticExternal": {1, 1, 0},
	}[field]
	if n := len(switches); n < shape.minSwitches || n > shape.maxSwitches {
		return fmt.Errorf("%s connection has %d switches", field, n)
	}
	if len(servers) != shape.servers {
		return fmt.Errorf("%s connection has %d servers", field, len(servers))
	}
	for _, name := range servers {
		if all.Get("Server", name) == nil {
			return fmt.Errorf("server %q not found", name)
		}
	}
	if field == "eslag" {
		return checkOneGroup(switches, all)
	}
	return nil
}

func checkOneGroup(switches []string, all Objects) error {
	var group string
	for i, name := range switches {
		sw := all.Get("Switch", name)
		if sw == nil {
			return fmt.Errorf("switch %q not found", name)
		}
		redundancy := sub(specOf(sw), "redundancy")
		if str(redundancy, "type") != "eslag" {
			return fmt.Errorf("switch %q is not in an eslag redundancy group", name)
		}
		if i > 0 && str(redundancy, "group") != group {
			return fmt.Errorf("switches %q are not in one redundancy group", switches)
		}
		group = str(redundancy, "group")
	}
	return nil
}

// checkConnectionPorts refuses ports that do not exist or are in use.
func checkConnectionPorts(r Request, all Objects) error {
	taken := map[string]string{}
	for _, other := range others(r, all, "Connection") {
		for _, e := range ends(specOf(other)) {
			taken[portKey(all, e)] = other.GetName()
		}
	}
	for _, e := range ends(specOf(r.Object)) {
		key := portKey(all, e)
		if e.isSwitch() {
			var err error
			if key, err = portOn(all, e); err != nil {
				return err
			}
		}
		if by, ok := taken[key]; ok {
			return fmt.Errorf("port %q is already used by connection %q", key, by)
		}
		taken[key] = r.Object.GetName()
	}
	return nil
}

// portKey names a port; one that cannot be resolved keeps the name it is given.
func portKey(all Objects, e end) string {
	if e.isSwitch() {
		if key, err := portOn(all, e); err == nil {
			return key
		}
	}
	return e.device + "/" + e.port
}

// checkConnectionAddresses looks at the addresses between switches, which may be
// left out.
func checkConnectionAddresses(r Request, all Objects) error {
	spec := specOf(r.Object)
	field, _ := connectionType(spec)
	if field == "staticExternal" {
		return checkNextHop(spec)
	}
	taken := map[netip.Addr]string{}
	for _, other := range others(r, all, "Connection") {
		for _, e := range ends(specOf(other)) {
			if p, err := netip.ParsePrefix(e.ip); err == nil {
				taken[p.Addr()] = other.GetName()
			}
		}
	}
	for _, link := range links(spec) {
		var net netip.Prefix
		for _, e := range link {
			if e.ip == "" {
				continue
			}
			p, err := prefixIn("ip", e.ip, fabricSubnet)
			if err != nil {
				return err
			}
			if p.Bits() != 31 || (net.IsValid() && p.Masked() != net) {
				return fmt.Errorf("ip %s: both ends of a link must be in one /31", p)
			}
			net = p.Masked()
			if by, ok := taken[p.Addr()]; ok {
				return fmt.Errorf("ip %s is already used by connection %q", p.Addr(), by)
			}
			taken[p.Addr()] = r.Object.GetName()
		}
	}
	return nil
}

func checkNextHop(spec tree) error {
	side := sub(spec, "staticExternal", "link", "switch")
	ip, err := netip.ParsePrefix(str(side, "ip"))
	if err != nil {
		return fmt.Errorf("ip %q is not an address with prefix length", str(side, "ip"))
	}
	hop, err := netip.ParseAddr(str(side, "nextHop"))
	if err != nil || !ip.Contains(hop) {
		return fmt.Errorf("nextHop %q is not in %s", str(side, "nextHop"), ip.Masked())
	}
	subnets := strs(side, "subnets")
	for _, subnet := range subnets {
		if subnet == "0.0.0.0/0" && len(subnets) > 1 {
			return errors.New("the default route must be the only subnet")
		}
	}
	return nil
}

func checkWithinVPC(r Request, all Objects) error {
	vpc := str(specOf(r.Object), "staticExternal", "withinVPC")
	if r.Old != nil && str(specOf(r.Old), "staticExternal", "withinVPC") != vpc {
		return errors.New("withinVPC is immutable")
	}
	if vpc != "" && all.Get("VPC", vpc) == nil {
		return fmt.Errorf("VPC %q not found", vpc)
	}
	return nil
}
