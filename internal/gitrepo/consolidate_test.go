package gitrepo

import (
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hedgesync/hedgesync/internal/fabric"
	"github.com/hedgesync/hedgesync/internal/fault"
	"github.com/hedgesync/hedgesync/internal/gittest"
)

func TestManyChangesLeaveFewPacksAndEveryCommitReadable(t *testing.T) {
	t.Parallel()
	origin := gittest.NewRepo(t)
	base := origin.Commit(t, map[string]string{"lab/x": "0", "lab/big": strings.Repeat("line\n", 2000)}, "base")
	c, repo := openCache(t, Options{}), fabric.Repository{URL: origin.Dir}
	fetch(t, c, repo)
	early, err := c.Files(t.Context(), repo, base, "lab")
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{base: "0"}
	for i := range 3 * maxPacks {
		if i == maxPacks/2 {
			origin.Point(t, gittest.Main, base) // what came before is rewound, and kept
		}
		content := fmt.Sprint("change ", i)
		id := origin.Commit(t, map[string]string{"lab/x": content}, content)
		want[id] = content
		fetch(t, c, repo)
	}
	a, err := parseAddress(repo.URL)
	if err != nil {
		t.Fatal(err)
	}
	packs, err := c.bare(a).packFiles()
	if err != nil || len(packs) > maxPacks+1 {
		t.Errorf("%d packs, %v", len(packs), err)
	}
	got := map[string]string{}
	for id := range want {
		got[id] = contents(t, c, repo, id, "lab")["x"]
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("-want +got\n%s", d)
	}
	if b, err := fs.ReadFile(early, "big"); err != nil || len(b) != 10_000 {
		t.Errorf("a tree opened before the merge: %d bytes, %v", len(b), err)
	}
	if idx := matches(t, filepath.Join(c.bare(a).packs(), "*.idx")); len(idx) != len(packs) {
		t.Errorf("%d indexes for %d packs", len(idx), len(packs))
	}
	run(t, c.bare(a).dir, "fsck", "--strict")
}

func TestPackThatUnpacksToTooMuchIsRefusedBeforeItIsUnpacked(t *testing.T) {
	t.Parallel()
	work, url := gitItself(t)
	base := strings.Repeat("0123456789abcdef", 8<<10) // 128 KiB
	commitAll(t, work, map[string]string{"f": base}, "base")
	repo := fabric.Repository{URL: url}
	limited := openCache(t, Options{MaxObject: 100 << 10})
	_, err := limited.Fetch(t.Context(), repo)
	wantFault(t, err, fault.Invalid, "git.size")

	// As a delta of the first, the second costs a few bytes in the pack.
	commitAll(t, work, map[string]string{"f": base, "g": base + base[:64<<10]}, "delta")
	run(t, work, "gc", "-q")
	_, err = openCache(t, Options{MaxObject: 150 << 10}).Fetch(t.Context(), repo)
	wantFault(t, err, fault.Invalid, "git.size")
	fetch(t, openCache(t, Options{MaxObject: 200 << 10}), repo)
}

func TestDeltaTargetIsTheSecondSize(t *testing.T) {
	t.Parallel()
	for delta, want := range map[string]int64{
		"\x05\x07": 7, "\x85\x01\x80\x01": 128, "": 0, "\x80": 0,
		strings.Repeat("\xff", 20): 0,
	} {
		if got := deltaTarget([]byte(delta)); got != want {
			t.Errorf("%q: got %d, want %d", delta, got, want)
		}
	}
}
