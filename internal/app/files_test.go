package app

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/yaml"

	"github.com/hedgesync/hedgesync/internal/fault"
)

func file(t *testing.T, dir, name, content string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// What is stored must not depend on files of one machine, wherever they lie.
func TestKubeconfigIsMadeWhole(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file(t, dir, "ca.crt", "CA")
	file(t, dir, "client.crt", "CERT")
	key := file(t, dir, "client.key", "KEY")
	file(t, dir, "token", "TOKEN\n")
	text, err := Kubeconfig(file(t, dir, "config", `
clusters: [{name: c, cluster: {server: "https://c", certificate-authority: ca.crt}}]
users:
- {name: certificate, user: {client-certificate: ./client.crt, client-key: `+key+`}}
- {name: token, user: {tokenFile: token}}
- {name: whole, user: {token: x}}
`))
	if err != nil {
		t.Fatal(err)
	}
	want := `
clusters: [{name: c, cluster: {server: "https://c", certificate-authority-data: Q0E=}}]
users:
- {name: certificate, user: {client-certificate-data: Q0VSVA==, client-key-data: S0VZ}}
- {name: token, user: {token: TOKEN}}
- {name: whole, user: {token: x}}
`
	var got, wanted any
	if err := yaml.Unmarshal([]byte(text), &got); err != nil {
		t.Fatal(err)
	}
	if err := yaml.Unmarshal([]byte(want), &wanted); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(wanted, got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

func TestUnusableKubeconfigIsRefusedWithoutRepeatingIt(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for name, c := range map[string]struct {
		content string
		kind    fault.Kind
	}{
		"not YAML":     {"users: [hunter2", fault.Invalid},
		"empty":        {"", fault.Invalid},
		"a list":       {"- hunter2", fault.Invalid},
		"missing file": {"users: [{name: u, user: {tokenFile: gone}}]", fault.Missing},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Kubeconfig(file(t, dir, strings.ReplaceAll(name, " ", "-"), c.content))
			if fault.KindOf(err) != c.kind || strings.Contains(err.Error(), "hunter2") {
				t.Errorf("%v: %v", fault.KindOf(err), err)
			}
		})
	}
	if _, err := Kubeconfig(filepath.Join(dir, "none")); fault.KindOf(err) != fault.Missing {
		t.Errorf("no file: %v", err)
	}
}

func TestLocalRepositoriesAreNamedFromTheRoot(t *testing.T) {
	t.Parallel()
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for address, want := range map[string]string{
		"https://git.example.net/a.git":  "https://git.example.net/a.git",
		"ssh://git@git.example.net:22/a": "ssh://git@git.example.net:22/a",
		"git@git.example.net:a/b.git":    "git@git.example.net:a/b.git",
		"/srv/git/a.git":                 "/srv/git/a.git",
		"/srv/with:colon":                "/srv/with:colon",
		"a/b":                            filepath.Join(here, "a/b"),
		"./with:colon":                   filepath.Join(here, "with:colon"),
		"../a":                           filepath.Join(filepath.Dir(here), "a"),
		".":                              here,
	} {
		if got, err := RepositoryURL(address); got != want || err != nil {
			t.Errorf("%s: got %q, want %q: %v", address, got, want, err)
		}
	}
}
