package admission

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/hedgesync/hedgesync/sandbox/profiles"
)

func checkSwitchProfile(r Request, _ Objects) error {
	if !slices.Contains(profiles.Names(), r.Object.GetName()) {
		return fmt.Errorf("switch profile %q is not one of the default profiles", r.Object.GetName())
	}
	return nil
}

// portProfile returns what a port of the model can do, and whether there is one.
func portProfile(profile tree, port string) (tree, bool) {
	p := sub(profile, "ports", port)
	if p == nil {
		return nil, false
	}
	name := str(p, "profile")
	if group := str(p, "group"); group != "" {
		name = str(profile, "portGroups", group, "profile")
	}
	return sub(profile, "portProfiles", name), true
}

// canonicalPort returns the name by which a port is told apart from others: of a
// port that can be broken out, E1/53 and E1/53/1 are the same. It fails for what
// the switch does not have as it is configured.
func canonicalPort(profile, spec tree, port string) (string, error) {
	if kind, ok := portProfile(profile, port); ok {
		if sub(kind, "breakout") != nil {
			return port + "/1", nil
		}
		return port, nil
	}
	base, lane := cutLast(port)
	kind, ok := portProfile(profile, base)
	n, err := strconv.Atoi(lane)
	if !ok || err != nil || sub(kind, "breakout") == nil {
		return "", fmt.Errorf("port %q not found in switch profile", port)
	}
	mode := str(kind, "breakout", "default")
	if set := str(spec, "portBreakouts", base); set != "" {
		mode = set
	}
	lanes := len(list(kind, "breakout", "supported", mode, "offsets"))
	if n < 1 || n > lanes {
		return "", fmt.Errorf("port %q not found: %s in mode %s has %d ports", port, base, mode, lanes)
	}
	return port, nil
}

func cutLast(port string) (base, lane string) {
	i := strings.LastIndex(port, "/")
	if i < 0 {
		return port, ""
	}
	return port[:i], port[i+1:]
}

// checkPortSettings compares the port settings of a switch with its model.
func checkPortSettings(profile, spec tree) error {
	for _, port := range keys(sub(spec, "portSpeeds")) {
		kind, ok := portProfile(profile, port)
		if speed := str(spec, "portSpeeds", port); !ok || !slices.Contains(strs(kind, "speed", "supported"), speed) {
			return fmt.Errorf("port %q does not support speed %q", port, speed)
		}
	}
	for _, group := range keys(sub(spec, "portGroupSpeeds")) {
		name := str(profile, "portGroups", group, "profile")
		if speed := str(spec, "portGroupSpeeds", group); !slices.Contains(strs(profile, "portProfiles", name, "speed", "supported"), speed) {
			return fmt.Errorf("port group %q does not support speed %q", group, speed)
		}
	}
	for _, port := range keys(sub(spec, "portBreakouts")) {
		kind, _ := portProfile(profile, port)
		if mode := str(spec, "portBreakouts", port); sub(kind, "breakout", "supported", mode) == nil {
			return fmt.Errorf("port %q does not support breakout %q", port, mode)
		}
	}
	for _, port := range keys(sub(spec, "portAutoNegs")) {
		if kind, _ := portProfile(profile, port); !flag(kind, "autoNegAllowed") {
			return fmt.Errorf("port %q does not allow to set auto-negotiation", port)
		}
	}
	return nil
}

// portOn resolves "leaf-01/E1/1" given as device and port.
func portOn(all Objects, e end) (string, error) {
	sw := all.Get("Switch", e.device)
	if sw == nil {
		return "", fmt.Errorf("switch %q not found", e.device)
	}
	name := str(specOf(sw), "profile")
	profile := all.Get("SwitchProfile", name)
	if profile == nil {
		return "", fmt.Errorf("switch profile %q not found", name)
	}
	port, err := canonicalPort(specOf(profile), specOf(sw), e.port)
	if err != nil {
		return "", fmt.Errorf("switch %q: %w", e.device, err)
	}
	return e.device + "/" + port, nil
}

// others yields the objects of a kind besides the one of the request.
func others(r Request, all Objects, kind string) []*unstructured.Unstructured {
	return slices.DeleteFunc(all.List(kind), func(obj *unstructured.Unstructured) bool {
		return kind == r.Kind && obj.GetName() == r.Object.GetName()
	})
}
