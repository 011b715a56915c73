package gitrepo

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hedgesync/hedgesync/internal/fabric"
	"github.com/hedgesync/hedgesync/internal/fault"
	"github.com/hedgesync/hedgesync/internal/gittest"
)

const (
	victimDir = "GITREPO_TEST_VICTIM_DIR"
	victimURL = "GITREPO_TEST_VICTIM_URL"
)

// victim fetches for ever, as a process of its own, until it is killed.
func victim(dir, url string) int {
	c, err := Open(dir, Options{})
	if err != nil {
		fmt.Println(err)
		return 1
	}
	for {
		if _, err := c.Fetch(context.Background(), fabric.Repository{URL: url}); err != nil {
			fmt.Println(err)
			return 1
		}
	}
}

func TestCacheSurvivesKillAtAnyInstant(t *testing.T) {
	t.Parallel()
	const kills = 40
	origin := gittest.NewRepo(t)
	var mu sync.Mutex
	n := 0
	change := func() (id, count string) {
		mu.Lock()
		defer mu.Unlock()
		n++
		count = fmt.Sprint(n)
		return origin.Commit(t, map[string]string{"lab/count": count, fmt.Sprintf("lab/f%d", n%50): count}, "change"), count
	}
	change()
	s := gittest.Serve(t, origin, gittest.Options{})
	dir := t.TempDir()
	c, err := Open(dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	repo := fabric.Repository{URL: s.URL}
	random := rand.New(rand.NewPCG(1, 2))
	for kill := range kills {
		listed := make(chan struct{}, 1)
		s.OnListing(func() {
			change() // every listing finds a new head, so every fetch writes
			select {
			case listed <- struct{}{}:
			default:
			}
		})
		killVictim(t, dir, s.URL, listed, time.Duration(random.IntN(60_000))*time.Microsecond)
		s.OnListing(nil)
		head, count := change()
		got := fetch(t, c, repo)
		if got.ID != head {
			t.Fatalf("kill %d: got %s, want %s", kill, got.ID, head)
		}
		if d := cmp.Diff(count, contents(t, c, repo, head, "lab")["count"]); d != "" {
			t.Fatalf("kill %d: -want +got\n%s", kill, d)
		}
	}
	broken, err := filepath.Glob(filepath.Join(dir, "*.broken"))
	if err != nil || len(broken) != 0 {
		t.Errorf("kill -9 alone must not damage a repository: %v %v", broken, err)
	}
}

// killVictim starts a victim and kills it some time after its first listing.
func killVictim(t *testing.T, dir, url string, listed <-chan struct{}, after time.Duration) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^$")
	cmd.Env = append(os.Environ(), victimDir+"="+dir, victimURL+"="+url)
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	select {
	case <-listed:
	case <-t.Context().Done():
	}
	instant := time.NewTimer(after)
	defer instant.Stop()
	<-instant.C
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // it was killed
}

func TestDamagedCacheIsMovedAsideAndClonedAnew(t *testing.T) {
	t.Parallel()
	for name, hurt := range map[string]func(t *testing.T, dir string){
		"pack cut to half":    func(t *testing.T, dir string) { cut(t, dir, "*.pack", 2) },
		"pack cut to nothing": func(t *testing.T, dir string) { cut(t, dir, "*.pack", 1<<30) },
		"index cut":           func(t *testing.T, dir string) { cut(t, dir, "*.idx", 2) },
		"index removed":       func(t *testing.T, dir string) { remove(t, filepath.Join(dir, "objects/pack/*.idx")) },
		"HEAD removed":        func(t *testing.T, dir string) { remove(t, filepath.Join(dir, "HEAD")) },
		"objects removed":     func(t *testing.T, dir string) { remove(t, filepath.Join(dir, "objects")) },
		"first pack removed":  removeFirstPack,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, repo, head, want := cached(t)
			a, err := parseAddress(repo.URL)
			if err != nil {
				t.Fatal(err)
			}
			hurt(t, c.bare(a).dir)
			if got := fetch(t, c, repo); got.ID != head {
				t.Errorf("got %+v", got)
			}
			if d := cmp.Diff(want, contents(t, c, repo, head, "")); d != "" {
				t.Errorf("-want +got\n%s", d)
			}
			if _, err := os.Stat(c.bare(a).dir + ".broken"); err != nil {
				t.Errorf("nothing was moved aside: %v", err)
			}
		})
	}
}

func TestDamageThatOnlyAReaderMeetsIsCuredByTheNextFetch(t *testing.T) {
	t.Parallel()
	c, repo, head, want := cached(t)
	a, err := parseAddress(repo.URL)
	if err != nil {
		t.Fatal(err)
	}
	flipEveryObject(t, c.bare(a).dir)
	files, err := c.Files(t.Context(), repo, head, "")
	if err == nil {
		_, err = files.(*Tree).ReadFile("a")
	}
	if err == nil || fault.KindOf(err) == fault.Bug {
		t.Fatalf("altered content was handed out or not classified: %v", err)
	}
	if got := fetch(t, c, repo); got.ID != head {
		t.Errorf("got %+v", got)
	}
	if d := cmp.Diff(want, contents(t, c, repo, head, "")); d != "" {
		t.Errorf("-want +got\n%s", d)
	}
}

func cached(t *testing.T) (*Cache, fabric.Repository, string, map[string]string) {
	t.Helper()
	origin := gittest.NewRepo(t)
	want := map[string]string{}
	for i := range 50 {
		want[fmt.Sprintf("d%d/f", i)] = fmt.Sprintf("content %d\n", i)
	}
	want["a"] = "1"
	origin.Commit(t, want, "one")
	c, repo := openCache(t, Options{}), fabric.Repository{URL: origin.Dir}
	fetch(t, c, repo)
	want["a"] = "2"
	head := origin.Commit(t, map[string]string{"a": "2"}, "two")
	fetch(t, c, repo)
	return c, repo, head, want
}

func matches(t *testing.T, pattern string) []string {
	t.Helper()
	files, err := filepath.Glob(pattern)
	if err != nil || len(files) == 0 {
		t.Fatalf("%s: %v %v", pattern, files, err)
	}
	return files
}

func cut(t *testing.T, dir, pattern string, divisor int64) {
	t.Helper()
	for _, f := range matches(t, filepath.Join(dir, "objects/pack", pattern)) {
		info, err := os.Stat(f)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Truncate(f, info.Size()/divisor); err != nil {
			t.Fatal(err)
		}
	}
}

func remove(t *testing.T, pattern string) {
	t.Helper()
	for _, f := range matches(t, pattern) {
		if err := os.RemoveAll(f); err != nil {
			t.Fatal(err)
		}
	}
}

// removeFirstPack removes the biggest pack and its index: what the later ones
// build on.
func removeFirstPack(t *testing.T, dir string) {
	t.Helper()
	first, most := "", int64(0)
	for _, f := range matches(t, filepath.Join(dir, "objects/pack/*.pack")) {
		info, err := os.Stat(f)
		if err != nil {
			t.Fatal(err)
		}
		if info.Size() > most {
			first, most = f, info.Size()
		}
	}
	remove(t, strings.TrimSuffix(first, ".pack")+".*")
}

// flipEveryObject alters a pack between its header and its checksum.
func flipEveryObject(t *testing.T, dir string) {
	t.Helper()
	for _, f := range matches(t, filepath.Join(dir, "objects/pack/*.pack")) {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		for i := 12; i < len(b)-20; i += 7 {
			b[i] ^= 0x10
		}
		if err := os.WriteFile(f, b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}
