package hedgehog_test

import (
	"cmp"
	"slices"
	"strings"
	"testing"

	"github.com/hedgesync/hedgesync/internal/fabric"
	"github.com/hedgesync/hedgesync/internal/hedgehog"
)

func TestFifteenKindsBelongInGit(t *testing.T) {
	t.Parallel()
	if n := len(hedgehog.UserKinds()); n != 15 {
		t.Errorf("%d user kinds, want 15", n)
	}
	for _, k := range hedgehog.UserKinds() {
		if info, ok := hedgehog.Lookup(k); !ok || info.Owner != hedgehog.User || info.Reason != "" {
			t.Errorf("%v: %+v", k, info)
		}
	}
}

func TestKindNotTheUsersSaysWhyItIsRefused(t *testing.T) {
	t.Parallel()
	for _, i := range hedgehog.Kinds() {
		if (i.Owner == hedgehog.User) != (i.Reason == "") {
			t.Errorf("%v owned by %s: reason %q", i.Kind, i.Owner, i.Reason)
		}
	}
}

func TestKindsAreOrderedByTierThenName(t *testing.T) {
	t.Parallel()
	ordered := slices.IsSortedFunc(hedgehog.Kinds(), func(a, b hedgehog.Info) int {
		return cmp.Or(cmp.Compare(a.Tier, b.Tier), strings.Compare(a.Kind.Name, b.Kind.Name))
	})
	if !ordered {
		t.Errorf("not ordered: %v", hedgehog.Kinds())
	}
}

func TestUnknownKindComesLast(t *testing.T) {
	t.Parallel()
	unknown := fabric.Kind{Group: "apps", Name: "Deployment"}
	if _, ok := hedgehog.Lookup(unknown); ok {
		t.Error("found")
	}
	for _, k := range hedgehog.UserKinds() {
		if hedgehog.Tier(k) >= hedgehog.Tier(unknown) {
			t.Errorf("%v in tier %d", k, hedgehog.Tier(k))
		}
	}
}

func TestCallerCannotChangeTheTable(t *testing.T) {
	t.Parallel()
	hedgehog.Kinds()[0].Plural = "changed"
	if hedgehog.Kinds()[0].Plural == "changed" {
		t.Error("the table was changed")
	}
}
