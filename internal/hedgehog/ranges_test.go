package hedgehog

import (
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/hedgesync/hedgesync/internal/fabric"
)

var anyPrefix = rapid.Custom(func(t *rapid.T) netip.Prefix {
	addr := netip.AddrFrom4([4]byte{10, rapid.ByteRange(0, 3).Draw(t, "b"), rapid.ByteRange(0, 3).Draw(t, "c"), rapid.Byte().Draw(t, "d")})
	return netip.PrefixFrom(addr, rapid.IntRange(8, 30).Draw(t, "bits"))
})

func TestOverlappingFindsEveryPrefixThatLiesInAnother(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		prefixes := rapid.SliceOfN(anyPrefix, 0, 12).Draw(t, "prefixes")
		var all []placed[netip.Prefix]
		at := map[string]netip.Prefix{}
		overlaps := 0
		for i, p := range prefixes {
			name := string(rune('a' + i))
			at[name] = p
			all = append(all, placed[netip.Prefix]{p, holder{key: fabric.Key{Name: name}}})
			for _, before := range prefixes[:i] {
				if p.Overlaps(before) {
					overlaps++
				}
			}
		}
		pairs := overlapping(all)
		if (len(pairs) > 0) != (overlaps > 0) {
			t.Fatalf("%v: %d pairs, %d overlaps by comparing all", prefixes, len(pairs), overlaps)
		}
		for _, pair := range pairs {
			if !at[pair[0].key.Name].Overlaps(at[pair[1].key.Name]) {
				t.Fatalf("%v do not overlap", pair)
			}
		}
		inside := map[string]bool{}
		for _, pair := range pairs {
			inside[pair[0].key.Name] = true
		}
		alone := map[string]netip.Prefix{}
		for name, p := range at {
			if !inside[name] {
				alone[name] = p
			}
		}
		for a, p := range alone {
			for b, q := range alone {
				if a != b && p.Overlaps(q) {
					t.Fatalf("%v and %v overlap and neither was named", p, q)
				}
			}
		}
	})
}

func TestOverlappingRangesNamesWhatReachesFurthest(t *testing.T) {
	t.Parallel()
	all := []namedRange{{Range: Range{1, 100}}, {Range: Range{5, 6}}, {Range: Range{50, 60}}, {Range: Range{101, 101}}}
	var got [][2]Range
	for _, pair := range overlappingRanges(all) {
		got = append(got, [2]Range{pair[0].Range, pair[1].Range})
	}
	want := [][2]Range{{{5, 6}, {1, 100}}, {{50, 60}, {1, 100}}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestSiteTakesDefaultsFieldByField(t *testing.T) {
	t.Parallel()
	want := DefaultSite()
	want.Known, want.SpineASN = true, 64999
	if diff := cmp.Diff(want, Site{Known: true, SpineASN: 64999}.withDefaults(), cmp.Comparer(func(a, b netip.Prefix) bool { return a == b }), cmp.Comparer(func(a, b netip.Addr) bool { return a == b })); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}
