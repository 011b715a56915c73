package kubetest

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// sandboxed returns the folder of hedgesync-sandbox, building it first when this
// machine has none of its present sources (about four minutes, once).
var sandboxed = sync.OnceValues(func() (string, error) { return build("sandbox", "build") })

// Light starts the sandbox's API server, empty and in memory, and returns an
// administrator's kubeconfig. It is ready sooner than a Server and needs no etcd; it
// has no namespaces, no roles and no webhooks. It admits objects as a fabric does
// unless flags say otherwise, such as --admission=false.
func Light(tb testing.TB, flags ...string) (kubeconfig []byte) {
	tb.Helper()
	dir := tb.TempDir()
	said := runSandbox(tb, dir, append([]string{"kube", "--memory", "--dir", dir}, flags...)...)
	kubeconfig, err := os.ReadFile(strings.TrimSpace(said))
	if err != nil {
		tb.Fatalf("start light API server: %v", err)
	}
	return kubeconfig
}

// Fabric makes the server behave as a fabric's until the test ends: it defines the
// Hedgehog kinds and registers the sandbox's admission webhooks for all
// namespaces. The server must be the test's own.
func (s *Server) Fabric(tb testing.TB, flags ...string) {
	tb.Helper()
	dir := tb.TempDir()
	file := filepath.Join(dir, "kubeconfig")
	if err := os.WriteFile(file, s.Kubeconfig, 0o600); err != nil {
		tb.Fatal(err)
	}
	runSandbox(tb, dir, append([]string{"webhook", "--kinds", "--kubeconfig", file}, flags...)...)
}

// runSandbox starts a sandbox command, waits for its "ready" and returns what
// follows the word. The command ends with the test.
func runSandbox(tb testing.TB, dir string, args ...string) (said string) {
	tb.Helper()
	bin, err := sandboxed()
	if err != nil {
		tb.Fatal(err)
	}
	p, err := spawn(dir, filepath.Join(bin, "hedgesync-sandbox"), args...)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(p.kill)
	ctx, cancel := context.WithTimeout(tb.Context(), startLimit)
	defer cancel()
	err = poll(ctx, func() (ok bool, err error) {
		if said, ok = p.said("ready"); ok {
			return true, nil
		}
		if !p.alive() {
			return false, fmt.Errorf("%s ended:\n%s", p.name, p.tail())
		}
		return false, nil
	})
	if err != nil {
		tb.Fatalf("start %s %s: %v", p.name, args[0], err)
	}
	return said
}
