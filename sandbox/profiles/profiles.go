// Package profiles holds the switch models a sandbox fabric knows. The
// controller creates them; nobody else may.
package profiles

import "strconv"

// A tree is decoded JSON.
type tree = map[string]any

// Names returns the names of the models, sorted.
func Names() []string { return []string{"sandbox-q64", "vs"} }

// Specs returns the specification of each model by name; the caller may change it.
func Specs() map[string]map[string]any {
	return map[string]map[string]any{
		"sandbox-q64": q64(),
		"vs":          virtual(),
	}
}

// virtual is the virtual switch: 48 ports, four of which share a speed.
func virtual() tree {
	ports, groups := tree{"M1": managementPort()}, tree{}
	for n := 1; n <= 48; n++ {
		group := strconv.Itoa((n-1)/4 + 1)
		groups[group] = tree{"nos": group, "profile": "SFP28-25G"}
		ports["E1/"+strconv.Itoa(n)] = tree{
			"group": group,
			"label": strconv.Itoa(n),
			"nos":   "Ethernet" + strconv.Itoa(n-1),
		}
	}
	return tree{
		"displayName":   "Virtual Switch",
		"nosType":       "sonic-bcm-vs",
		"platform":      "x86_64-kvm_x86_64-r0",
		"switchSilicon": "vs",
		"config":        tree{"maxPathsEBGP": int64(16)},
		"features":      features("eslag", "l2vni", "l3vni", "mclag", "roce", "subinterfaces"),
		"portGroups":    groups,
		"portProfiles": tree{
			"SFP28-25G": tree{"speed": tree{"default": "25G", "supported": []any{"10G", "25G"}}},
		},
		"ports": ports,
	}
}

// q64 is a model that exists only here: 64 ports that can each be broken out,
// on two pipelines.
func q64() tree {
	ports := tree{"M1": managementPort()}
	for n := 1; n <= 64; n++ {
		nos := "Ethernet" + strconv.Itoa(4*(n-1))
		ports["E1/"+strconv.Itoa(n)] = tree{
			"label":       strconv.Itoa(n),
			"nos":         "1/" + strconv.Itoa(n),
			"baseNOSName": nos,
			"profile":     "QSFP28-100G",
			"pipeline":    strconv.Itoa((n-1)/32 + 1),
		}
	}
	return tree{
		"displayName":   "Sandbox Q64",
		"otherNames":    []any{"64 x 100G"},
		"nosType":       "sonic-bcm-vs",
		"platform":      "x86_64-sandbox_q64-r0",
		"switchSilicon": "sandbox",
		"config":        tree{"maxPathsEBGP": int64(64)},
		"features":      features("acls", "ecmpRoCEQPN", "eslag", "l2vni", "l3vni", "roce", "subinterfaces"),
		"maxPorts":      int64(160),
		"pipelines":     tree{"1": tree{"maxPorts": int64(80)}, "2": tree{"maxPorts": int64(80)}},
		"portProfiles": tree{
			"QSFP28-100G": tree{"breakout": tree{
				"default": "1x100G",
				"supported": tree{
					"1x100G": offsets(1),
					"1x40G":  offsets(1),
					"2x50G":  tree{"offsets": []any{"0", "2"}},
					"4x10G":  offsets(4),
					"4x25G":  offsets(4),
				},
			}},
		},
		"ports": ports,
	}
}

func managementPort() tree {
	return tree{"management": true, "nos": "Management0", "oniePortName": "eth0"}
}

func features(names ...string) tree {
	out := tree{}
	for _, name := range names {
		out[name] = true
	}
	return out
}

func offsets(n int) tree {
	var lanes []any
	for i := range n {
		lanes = append(lanes, strconv.Itoa(i))
	}
	return tree{"offsets": lanes}
}
