package hedgehog_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hedgesync/hedgesync/internal/fabric"
	"github.com/hedgesync/hedgesync/internal/hedgehog"
)

func TestWhatCannotChangeInPlace(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		kind     fabric.Kind
		old, new string
		want     []string
	}{
		"connection type":       {hedgehog.Connection, `{unbundled: {}}`, `{bundled: {}}`, []string{"/spec/bundled", "/spec/unbundled"}},
		"connection links":      {hedgehog.Connection, `{bundled: {links: [{}]}}`, `{bundled: {}}`, nil},
		"VPC of a connection":   {hedgehog.Connection, `{staticExternal: {withinVPC: a}}`, `{staticExternal: {}}`, []string{"/spec/staticExternal/withinVPC"}},
		"no switch is replaced": {hedgehog.Switch, `{roce: true, portBreakouts: {E1/1: 4x25G}}`, `{}`, nil},
		"VPC":                   {hedgehog.VPC, `{mode: l3vni, subnets: {a: {}}}`, `{}`, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(c.want, hedgehog.Immutable(spec(t, c.kind, c.old), spec(t, c.kind, c.new))); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}
