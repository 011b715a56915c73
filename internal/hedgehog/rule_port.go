package hedgehog

import (
	"slices"
	"strings"

	"github.com/hedgesync/hedgesync/internal/fabric"
)

// Rules about the ports of a switch, as far as its profile is known.
var portRules = []Rule{
	{
		Name: "port.configured", Kinds: onlySwitch, Severity: fabric.Error, Check: checkConfiguredPorts,
		What: "Port settings name ports and port groups of the switch's profile",
		Hint: portHint,
	},
	{
		Name: "port.breakout", Kinds: onlySwitch, Severity: fabric.Error, Check: checkBreakouts,
		What: "A breakout is one the port supports",
	},
	{
		Name: "port.speed", Kinds: onlySwitch, Severity: fabric.Error, Check: checkSpeeds,
		What: "A speed is one the port or port group supports; ports of a group and ports that break out have no speed of their own",
	},
	{
		Name: "port.auto-negotiation", Kinds: onlySwitch, Severity: fabric.Error, Check: checkAutoNeg,
		What: "Auto-negotiation is set only on ports that allow it",
	},
	{
		Name: "port.count", Kinds: onlySwitch, Severity: fabric.Error, Check: checkPortCount,
		What: "Breakouts keep within the most ports of the switch and of each of its pipelines",
	},
	{
		Name: "port.still-used", Kinds: onlySwitch, Severity: fabric.Warning, Check: checkPortsStillUsed,
		What: "Ports of connections that only the cluster has still exist with the wanted breakouts",
		Hint: "the fabric accepts the change, and refuses every later change of the connection",
	},
	{
		Name: "port.exists", Kinds: []fabric.Kind{Connection}, Severity: fabric.Error, Check: checkConnectedPorts,
		What: "The switch ports of a connection exist in the switch's profile, with its breakouts",
		Hint: portHint,
	},
}

const portHint = "ports are named M1, E1/<port> or E1/<port>/<lane>, not as the switch's system names them"

// settings yields the entries of a switch's port setting.
func (c *check) settings(member string, visit func(p *Profile, port string, n node)) {
	p, ok := c.profile(c.spec)
	if !ok {
		return
	}
	for port, n := range c.spec.at(member).entries() {
		visit(p, port, n)
	}
}

func checkConfiguredPorts(c *check) {
	breakouts := breakoutsOf(c.spec)
	for _, member := range []string{"portSpeeds", "portBreakouts"} {
		c.settings(member, func(p *Profile, port string, n node) {
			if _, ok := p.ports[port]; !ok {
				c.say(n, "profile %s has no port %s", p.name, port)
			}
		})
	}
	for _, member := range []string{"portAutoNegs", "portFECs"} {
		c.settings(member, func(p *Profile, port string, n node) {
			if !p.HasPort(port, breakouts) {
				c.say(n, "profile %s has no port %s", p.name, port)
			}
		})
	}
	c.settings("portGroupSpeeds", func(p *Profile, group string, n node) {
		if _, ok := p.GroupSpeeds(group); !ok {
			c.say(n, "profile %s has no port group %s", p.name, group)
		}
	})
}

func checkBreakouts(c *check) {
	c.settings("portBreakouts", func(p *Profile, port string, n node) {
		modes, mode := p.Breakouts(port), bareSpeed(n.text())
		if _, exists := p.ports[port]; !exists || n.text() == "" || slices.Contains(modes, mode) {
			return
		}
		if len(modes) == 0 {
			c.say(n, "port %s of profile %s cannot be broken out", port, p.name)
			return
		}
		c.say(n, "port %s of profile %s does not support breakout %s, only %s", port, p.name, mode, strings.Join(modes, ", "))
	})
}

func checkSpeeds(c *check) {
	c.settings("portSpeeds", func(p *Profile, port string, n node) {
		known, exists := p.ports[port]
		switch {
		case !exists:
		case known.group != "":
			c.say(n, "port %s of profile %s belongs to port group %s, which has the speed", port, p.name, known.group)
		case len(p.Breakouts(port)) > 0:
			c.say(n, "port %s of profile %s has its speed from its breakout", port, p.name)
		default:
			c.speed(n, "port "+port, p, p.Speeds(port))
		}
	})
	c.settings("portGroupSpeeds", func(p *Profile, group string, n node) {
		if speeds, ok := p.GroupSpeeds(group); ok {
			c.speed(n, "port group "+group, p, speeds)
		}
	})
}

func (c *check) speed(n node, what string, p *Profile, speeds []string) {
	if speed := bareSpeed(n.text()); speed != "" && !slices.Contains(speeds, speed) {
		c.say(n, "%s of profile %s does not support speed %s, only %s", what, p.name, speed, strings.Join(speeds, ", "))
	}
}

func checkAutoNeg(c *check) {
	breakouts := breakoutsOf(c.spec)
	c.settings("portAutoNegs", func(p *Profile, port string, n node) {
		if p.HasPort(port, breakouts) && n.flag() && !p.AutoNeg(port) {
			c.say(n, "port %s of profile %s does not allow auto-negotiation", port, p.name)
		}
	})
}

func checkPortCount(c *check) {
	p, ok := c.profile(c.spec)
	if !ok {
		return
	}
	for _, e := range p.excesses(breakoutsOf(c.spec)) {
		c.say(c.spec.at("portBreakouts"), "breakouts make %d ports in %s, profile %s allows %d", e.ports, e.what, p.name, e.max)
	}
}

// A liveEnd is a switch port that a connection only in the cluster uses.
type liveEnd struct {
	connection fabric.Key
	port       string
}

// livePorts returns the ports used by connections only in the cluster, by switch.
func (w *world) livePorts() map[fabric.Key][]liveEnd {
	out := map[fabric.Key][]liveEnd{}
	for r := range w.liveOnly(Connection) {
		for _, end := range usedEnds(specOf(r)) {
			if end.kind == Switch && end.device != "" {
				key := keyOf(Switch, end.device)
				out[key] = append(out[key], liveEnd{r.Key, end.port})
			}
		}
	}
	return out
}

func checkPortsStillUsed(c *check) {
	p, ok := c.profile(c.spec)
	if !ok {
		return
	}
	breakouts := breakoutsOf(c.spec)
	for _, end := range c.usedPorts[c.object.Key] {
		if !p.HasPort(end.port, breakouts) {
			c.say(c.spec.at("portBreakouts"), "%s in the cluster uses port %s, which does not exist with the wanted breakouts", end.connection, end.port)
		}
	}
}

func checkConnectedPorts(c *check) {
	for _, end := range usedEnds(c.spec) {
		if end.kind != Switch || end.device == "" {
			continue
		}
		spec, ok := c.world.spec(Switch, end.device)
		if !ok {
			continue
		}
		p, ok := c.profile(spec)
		if !ok || p.HasPort(end.port, breakoutsOf(spec)) {
			continue
		}
		at := node{end.port, end.pointer + "/port"}
		if mode := breakoutsOf(spec)[p.base(end.port)]; mode != "" {
			c.say(at, "switch %s (profile %s) has no port %s: %s is broken out as %s", end.device, p.name, end.port, p.base(end.port), mode)
			continue
		}
		c.say(at, "switch %s (profile %s) has no port %s", end.device, p.name, end.port)
	}
}
