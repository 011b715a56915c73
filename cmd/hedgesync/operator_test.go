package main_test

import (
	"bytes"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hedgesync/hedgesync/internal/hedgehog"
	"github.com/hedgesync/hedgesync/internal/kubetest"
)

// What an operator gets wrong is refused with exit code 2, what is wrong, and the
// next move.
func TestWrongInputIsAnsweredWithTheNextMove(t *testing.T) {
	t.Parallel()
	w := offline(t)
	dir := t.TempDir()
	config := func(name, user string) string {
		return write(t, dir, name, "{apiVersion: v1, kind: Config, current-context: c, contexts: [{name: c, context: {cluster: c, user: u}}], "+
			"clusters: [{name: c, cluster: {server: 'https://127.0.0.1:1'}}], users: [{name: u, user: "+user+"}]}")
	}
	good := config("good", "{token: "+canary+"}")
	executes := config("exec", "{exec: {apiVersion: client.authentication.k8s.io/v1, command: /bin/"+canary+", interactiveMode: Never}}")
	add := func(args ...string) []string { return append([]string{"fabric", "add", "lab"}, args...) }
	for name, c := range map[string]struct {
		args []string
		says []string
	}{
		"no such command":        {[]string{"explode"}, []string{`unknown command "explode"`, "hedgesync --help"}},
		"no such subcommand":     {[]string{"fabric", "explode"}, []string{`unknown command "explode"`, "hedgesync fabric --help"}},
		"no name":                {[]string{"sync"}, []string{"accepts 1 arg", "hedgesync sync --help"}},
		"no such fabric":         {[]string{"plan", "none"}, []string{"there is no fabric none"}},
		"no such fabric's runs":  {[]string{"runs", "list", "none"}, []string{"there is no fabric none"}},
		"no such run":            {[]string{"runs", "get", "none"}, []string{"there is no run none"}},
		"nothing named":          {add(), []string{"--repo and --kubeconfig are required"}},
		"bad name":               {[]string{"fabric", "add", "Lab_1", "--repo", ".", "--kubeconfig", good}, []string{"DNS label", "lower-case"}},
		"no kubeconfig":          {add("--repo", ".", "--kubeconfig", filepath.Join(dir, "none")), []string{"no such file"}},
		"not a kubeconfig":       {add("--repo", ".", "--kubeconfig", write(t, dir, "junk", canary)), []string{"not a kubeconfig"}},
		"credential plugin":      {add("--repo", ".", "--kubeconfig", executes), []string{"runs a program", "allow exec"}},
		"no such context":        {add("--repo", ".", "--kubeconfig", good, "--context", "x"), []string{`no context "x"`}},
		"no such token file":     {add("--repo", ".", "--kubeconfig", good, "--git-token-file", filepath.Join(dir, "none")), []string{"no such file"}},
		"empty token":            {add("--repo", ".", "--kubeconfig", good, "--git-token-file", "/dev/null"), []string{"no token in /dev/null"}},
		"endless token":          {add("--repo", ".", "--kubeconfig", good, "--git-token-file", "/dev/zero"), []string{"larger than any credential"}},
		"password in the URL":    {add("--repo", "https://me:"+canary+"@git.example.net/a", "--kubeconfig", good), []string{"password", "credential"}},
		"out of the repository":  {add("--repo", ".", "--path", "../etc", "--kubeconfig", good), []string{"leaves the repository"}},
		"no such mode":           {add("--repo", ".", "--kubeconfig", good, "--mode", "watch"), []string{"observe, enforce"}},
		"no deletes is no guard": {add("--repo", ".", "--kubeconfig", good, "--max-deletes", "0"), []string{"max_deletes", ">= 1"}},
		"no such kind":           {add("--repo", ".", "--kubeconfig", good, "--kind", "Agent.agent.githedgehog.com"), []string{"not one that Git may hold", "Switch.wiring"}},
		"remove without --yes":   {[]string{"fabric", "remove", "lab"}, []string{"--yes"}},
		"no such database":       {[]string{"status", "--database", "postgres://u:" + canary + "@127.0.0.1:1/x"}, []string{"127.0.0.1"}},
	} {
		t.Run(name, func(t *testing.T) {
			r := w.exits(t, 2, c.args...)
			has(t, r.err, append([]string{"error: "}, c.says...)...)
			if r.out != "" {
				t.Errorf("standard output: %s", r.out)
			}
		})
	}
}

// A database that is damaged is refused, said so, and left as it is.
func TestDamagedDatabaseIsRefused(t *testing.T) {
	t.Parallel()
	w := offline(t)
	w.ok(t, "status")
	file := filepath.Join(w.data, "hedgesync.db")
	junk := []byte(strings.Repeat("junk", 4096))
	if err := os.WriteFile(file, junk, 0o600); err != nil {
		t.Fatal(err)
	}
	has(t, w.exits(t, 2, "status").err, "damaged", "backup")
	if b, err := os.ReadFile(file); err != nil || !bytes.Equal(b, junk) {
		t.Error("the database was touched")
	}
	blocked := write(t, t.TempDir(), "file", "")
	has(t, w.exits(t, 2, "status", "--data", blocked).err, "not a directory")
}

// A reader that goes away neither ends a sync nor is an error; a disk that is full
// is one.
func TestReaderThatGoesAwayDoesNotEndASync(t *testing.T) {
	t.Parallel()
	w, all := large(t)
	cmd := w.command(t.Context(), "sync", "lab")
	r, p, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	cmd.Stdout, cmd.Stderr = p, p
	if err := cmd.Run(); err != nil {
		t.Errorf("sync: %v", err)
	}
	_ = p.Close()
	if got := len(w.versions(t)); got != all {
		t.Errorf("%d objects, want %d", got, all)
	}
	for _, output := range []string{"table", "json", "yaml"} {
		cmd := w.command(t.Context(), "status", "-o", output)
		full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
		if err != nil {
			t.Fatal(err)
		}
		var said bytes.Buffer
		cmd.Stdout, cmd.Stderr = full, &said
		if cmd.Run() == nil || cmd.ProcessState.ExitCode() != 2 {
			t.Errorf("-o %s to a full disk: %v", output, cmd.ProcessState)
		}
		has(t, said.String(), "no space left")
		_ = full.Close()
	}
}

// After all commands, the data directory holds the secrets sealed only.
func TestNoSecretLeavesTheSeal(t *testing.T) {
	t.Parallel()
	w := synced(t, "--git-ssh-key", write(t, t.TempDir(), "key", canary+"-ssh-key"))
	runs := w.ok(t, "runs", "list", "-o", "json")
	for _, args := range [][]string{
		{"fabric", "get", "lab"}, {"fabric", "list", "-o", "wide"}, {"fabric", "test", "lab"}, {"status", "lab"}, {"plan", "lab", "--save"}, {"runs", "get", runs.out[strings.Index(runs.out, `"id": "`)+7:][:36]},
	} {
		w.ok(t, args...) // each insists that no secret is shown
		w.ok(t, append(args, "-o", "json")...)
	}
	err := filepath.WalkDir(w.data, func(file string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		b, err := os.ReadFile(file)
		for _, s := range []string{canary, kubetest.TokenPrefix} {
			if bytes.Contains(b, []byte(s)) {
				t.Errorf("%s holds %s", file, s)
			}
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

// Changing one credential leaves the others as they are.
func TestOneCredentialIsChangedAlone(t *testing.T) {
	t.Parallel()
	w := synced(t)
	w.ok(t, "fabric", "edit", "lab", "--git-username", "ada")
	w.ok(t, "fabric", "test", "lab")
	has(t, w.ok(t, "fabric", "get", "lab").out, "kubeconfig", "password")
	w.ok(t, "fabric", "edit", "lab", "--kind", hedgehog.Server.String())
	has(t, w.ok(t, "fabric", "get", "lab").out, "Kinds          Server.wiring")
	w.ok(t, "fabric", "edit", "lab", "--kind", "")
	has(t, w.ok(t, "fabric", "get", "lab").out, "(all of the user's)")
}

// The shell completes the names of fabrics, and a key press makes no database.
func TestFabricNamesAreCompleted(t *testing.T) {
	t.Parallel()
	w := offline(t)
	w.ok(t, "__complete", "sync", "")
	if _, err := os.Stat(w.data); err == nil {
		t.Error("completion made a data directory")
	}
	config := write(t, t.TempDir(), "config", "{apiVersion: v1, kind: Config, current-context: c, contexts: [{name: c, context: {cluster: c, user: u}}], "+
		"clusters: [{name: c, cluster: {server: 'https://127.0.0.1:1'}}], users: [{name: u, user: {token: x}}]}")
	w.ok(t, "fabric", "add", "lab-7", "--repo", ".", "--kubeconfig", config)
	for _, command := range []string{"sync", "plan", "status", "drift"} {
		has(t, w.ok(t, "__complete", command, "").out, "lab-7")
	}
	has(t, w.ok(t, "__complete", "fabric", "edit", "la").out, "lab-7")
	if r := w.ok(t, "__complete", "fabric", "add", ""); strings.Contains(r.out, "lab-7") {
		t.Error("a new fabric is offered an old name")
	}
}

// The scripts that completion prints are ones that the shells accept.
func TestCompletionIsAScript(t *testing.T) {
	t.Parallel()
	w := offline(t)
	script := write(t, t.TempDir(), "completion.bash", w.ok(t, "completion", "bash").out)
	if out, err := exec.CommandContext(t.Context(), "bash", "-n", script).CombinedOutput(); err != nil {
		t.Errorf("%v: %s", err, out)
	}
	for _, shell := range []string{"zsh", "fish", "powershell"} {
		w.ok(t, "completion", shell)
	}
	has(t, w.ok(t, "__complete", "runs", "").out, "list", "get", "cancel")
	has(t, w.ok(t, "--help").out, "hedgesync [command]", "completion")
}
