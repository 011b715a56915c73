package gitrepo

import (
	"strings"
	"testing"

	"github.com/hedgesync/hedgesync/internal/fault"
)

func TestURLsAreNormalised(t *testing.T) {
	t.Parallel()
	for raw, want := range map[string]string{
		"https://Git.Example.com:443/a/b.git/": "https://git.example.com/a/b.git",
		"https://git.example.com/a/b.git":      "https://git.example.com/a/b.git",
		"https://git.example.com:8443/a":       "https://git.example.com:8443/a",
		"http://127.0.0.1:80/a":                "http://127.0.0.1/a",
		"https://[::1]:8443/a":                 "https://[::1]:8443/a",
		"ssh://git@host:22/a.git":              "ssh://git@host/a.git",
		"ssh://host:2222/~me/a.git":            "ssh://host:2222/./~me/a.git",
		"git@Host.example:a/b.git":             "ssh://git@host.example/./a/b.git",
		"host.example:/srv/b.git":              "ssh://host.example/srv/b.git",
		"git@[::1]:a":                          "ssh://git@[::1]/./a",
		"/srv/git/a/":                          "/srv/git/a",
		"file:///srv/git/../git/a":             "/srv/git/a",
	} {
		a, err := parseAddress(raw)
		if err != nil || a.String() != want {
			t.Errorf("%s: got %s, %v; want %s", raw, a, err, want)
		}
	}
}

func TestUnusableURLsAreRefusedWithoutRepeatingThem(t *testing.T) {
	t.Parallel()
	for _, raw := range []string{
		"", canary, "./" + canary, "ftp://host/" + canary, "https://user:" + canary + "@host/a", "https://" + canary + "@host/a",
		"ssh://git:" + canary + "@host/a", "https://host/a?token=" + canary, "https://host/a#" + canary, "https://host", "https:///" + canary,
		"file://host/" + canary, "file://" + canary, "https://-x" + canary + "/a", "https://ho st/" + canary, "https://host/%zz" + canary,
		"git://host/" + canary, "ext::sh -c " + canary, "/a\n" + canary, "-oProxyCommand=" + canary + ":a",
		"user:" + canary + "@host:path", "https://host:99x/" + canary,
	} {
		a, err := parseAddress(raw)
		if fault.KindOf(err) != fault.Invalid || fault.CodeOf(err) != "git.url" || fault.HintOf(err) == "" {
			t.Errorf("%q: %+v, %v", raw, a, err)
			continue
		}
		if strings.Contains(err.Error()+fault.HintOf(err), canary) {
			t.Errorf("%q is repeated: %v", raw, err)
		}
	}
}

func TestRemotePathsAreQuotedForTheShell(t *testing.T) {
	t.Parallel()
	for path, want := range map[string]string{"/a b": `'/a b'`, "/it's": `'/it'\''s'`, "/$(x)!": `'/$(x)'\!''`} {
		if got := shellQuote(path); got != want {
			t.Errorf("%s: got %s, want %s", path, got, want)
		}
	}
}
