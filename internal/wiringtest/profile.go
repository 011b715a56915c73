package wiringtest

import "fmt"

// profileName is the model of every switch: the virtual switch, which every
// fabric controller knows and which has ports without breakout.
const profileName = "vs"

// Profiles returns the switch profiles that the fabrics refer to. They have the
// ports and features that matter for wiring, not everything a controller writes.
func Profiles() []map[string]any {
	ports := tree{"M1": tree{"management": true, "nos": "Management0", "oniePortName": "eth0"}}
	groups := tree{}
	for n := 1; n <= switchPorts; n++ {
		group := fmt.Sprint((n + 3) / 4)
		ports[fmt.Sprintf("E1/%d", n)] = tree{"nos": fmt.Sprintf("Ethernet%d", n-1), "label": fmt.Sprint(n), "group": group}
		groups[group] = tree{"nos": group, "profile": "SFP28-25G"}
	}
	return []map[string]any{{
		"apiVersion": wiring, "kind": "SwitchProfile", "metadata": tree{"name": profileName, "namespace": "default"},
		"spec": tree{
			"displayName": "Virtual Switch", "nosType": "sonic-bcm-vs", "platform": "x86_64-kvm_x86_64-r0", "switchSilicon": "vs",
			"features":     tree{"subinterfaces": true, "l2vni": true, "l3vni": true, "eslag": true},
			"config":       tree{"maxPathsEBGP": int64(16)},
			"portProfiles": tree{"SFP28-25G": tree{"speed": tree{"default": "25G", "supported": []any{"10G", "25G"}}}},
			"portGroups":   groups, "ports": ports,
		},
	}}
}
