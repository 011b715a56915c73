package hedgehog

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hedgesync/hedgesync/internal/fabric"
)

func testProfile(t *testing.T, name string) *Profile {
	t.Helper()
	profiles, problems := NewProfiles(slices.Values(parse(t, testProfiles)))
	p, ok := profiles.Lookup(name)
	if len(problems) > 0 || !ok {
		t.Fatalf("profile %s: %v", name, problems)
	}
	return p
}

func TestPortExistsAsItsBreakoutSays(t *testing.T) {
	t.Parallel()
	p := testProfile(t, "m")
	broken := map[string]string{"E1/3": "4x25G"}
	odd := map[string]string{"E1/3": "9x9G"}
	for name, c := range map[string]struct {
		port      string
		breakouts map[string]string
		want      bool
	}{
		"a plain port":                             {"E1/1", nil, true},
		"a management port":                        {"M1", nil, true},
		"no such port":                             {"E1/7", nil, false},
		"the switch's own name":                    {"Ethernet0", nil, false},
		"a lane of a port that cannot break out":   {"E1/1/1", nil, false},
		"the base of a breakout port":              {"E1/3", nil, true},
		"its first lane is the port":               {"E1/3/1", nil, true},
		"second lane in the default mode":          {"E1/3/2", nil, false},
		"last lane":                                {"E1/3/4", broken, true},
		"one lane too many":                        {"E1/3/5", broken, false},
		"base of a port that is broken out":        {"E1/3", broken, true},
		"lane 0":                                   {"E1/3/0", broken, false},
		"lane written oddly":                       {"E1/3/01", broken, false},
		"lane of another port":                     {"E1/4/2", broken, false},
		"any lane of a mode the model has not got": {"E1/3/9", odd, true},
		"nothing":                                  {"", nil, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := p.HasPort(c.port, c.breakouts); got != c.want {
				t.Errorf("HasPort(%q, %v) = %v", c.port, c.breakouts, got)
			}
		})
	}
}

func TestPortCapabilities(t *testing.T) {
	t.Parallel()
	p := testProfile(t, "m")
	if diff := cmp.Diff([]string{"1x100G", "4x25G"}, p.Breakouts("E1/3")); diff != "" {
		t.Errorf("breakouts: %s", diff)
	}
	if got := p.Breakouts("E1/1"); len(got) > 0 {
		t.Errorf("breakouts of a plain port: %v", got)
	}
	if diff := cmp.Diff([]string{"10G", "25G"}, p.Speeds("E1/6")); diff != "" {
		t.Errorf("speeds: %s", diff)
	}
	if got := p.Speeds("E1/1"); len(got) > 0 {
		t.Errorf("speeds of a port in a group: %v", got)
	}
	if got, ok := p.GroupSpeeds("1"); !ok || !cmp.Equal(got, []string{"10G", "25G"}) {
		t.Errorf("group speeds: %v %v", got, ok)
	}
	if !p.AutoNeg("E1/3/2") || p.AutoNeg("E1/1") || !p.Feature("eslag") || p.Feature("roce") {
		t.Error("auto-negotiation or features are wrong")
	}
}

func TestProfileWithoutPortsIsSaidAndStaysUnknown(t *testing.T) {
	t.Parallel()
	profiles, problems := NewProfiles(slices.Values(parse(t, docs(o(SwitchProfile, "x", "{}"), server1))))
	if _, known := profiles.Lookup("x"); known || len(problems) != 1 || problems[0].Severity != fabric.Warning {
		t.Errorf("known %v, problems %v", known, problems)
	}
}

func TestZeroProfilesKnowNothing(t *testing.T) {
	t.Parallel()
	if _, ok := (Profiles{}).Lookup("m"); ok {
		t.Error("the zero Profiles knows a profile")
	}
}
