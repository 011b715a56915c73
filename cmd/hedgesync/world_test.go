package main_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"

	"github.com/hedgesync/hedgesync/internal/api"
	"github.com/hedgesync/hedgesync/internal/fabric"
	"github.com/hedgesync/hedgesync/internal/gittest"
	"github.com/hedgesync/hedgesync/internal/hedgehog"
	"github.com/hedgesync/hedgesync/internal/kubetest"
	"github.com/hedgesync/hedgesync/internal/wiringtest"
)

// canary is in every secret that a world gives to the program.
const canary = "canary-0f6b"

const gitToken = canary + "-git-token"

// limit ends a command that hangs. It is generous: the machine may be busy.
const limit = 3 * time.Minute

// world is a fabric with everything around it: a Git server, a namespace of a
// real Kubernetes API, and a data directory of the program.
type world struct {
	data       string
	repo       *gittest.Repo
	git        *gittest.Server
	kube       *kubetest.Server
	kubeconfig string // file
	tokenFile  string
}

// smallFabric has every tier and takes a few batches of ten.
var smallFabric = wiringtest.Spec{Spines: 1, Pairs: 1, Servers: 4, VPCs: 3, Subnets: 2, Attachments: 4, Peerings: 1, Externals: 1}

// turn is held by the test whose fabric the shared server is: a fabric controller
// accepts objects in one namespace only.
var turn sync.Mutex

// namespace is the only one that a fabric accepts objects in.
const namespace = "default"

// newWorld waits for the shared server to be free, and leaves it empty.
func newWorld(t testing.TB) *world {
	t.Helper()
	s := kubetest.Shared(t)
	turn.Lock()
	t.Cleanup(turn.Unlock)
	s.Fabric(t)
	w := newWorldOn(t, s)
	t.Cleanup(func() {
		w.explain(t)
		w.clear(t)
	})
	return w
}

// explain logs what every run did, if the test failed.
func (w *world) explain(t testing.TB) {
	if !t.Failed() {
		return
	}
	list, _ := w.command(context.Background(), "runs", "list", "-o", "json").Output()
	var runs []api.Run
	if json.Unmarshal(list, &runs) != nil {
		return
	}
	for _, r := range runs {
		detail, _ := w.command(context.Background(), "runs", "get", r.ID).CombinedOutput()
		t.Logf("%s", detail)
	}
}

func newWorldOn(t testing.TB, s *kubetest.Server) *world {
	t.Helper()
	dir := t.TempDir()
	w := &world{data: filepath.Join(dir, "data"), repo: gittest.NewRepo(t), kube: s}
	w.git = gittest.Serve(t, w.repo, gittest.Options{Password: gitToken})
	w.kubeconfig = write(t, dir, "kubeconfig", string(s.Kubeconfig))
	w.tokenFile = write(t, dir, "token", gitToken+"\n")
	for _, p := range wiringtest.Profiles() {
		u := &unstructured.Unstructured{Object: p}
		if _, err := w.resource(hedgehog.SwitchProfile).Apply(t.Context(), u.GetName(), u, metav1.ApplyOptions{FieldManager: "fabric", Force: true}); err != nil {
			t.Fatal(err)
		}
	}
	return w
}

func write(t testing.TB, dir, name, content string) string {
	t.Helper()
	file := filepath.Join(dir, name)
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// add adds fabric lab.
func (w *world) add(t testing.TB, flags ...string) {
	t.Helper()
	args := append([]string{"fabric", "add", "lab", "--repo", w.git.URL, "--path", "fabric", "--git-token-file", w.tokenFile,
		"--kubeconfig", w.kubeconfig, "--batch-size", "10"}, flags...)
	w.ok(t, args...)
}

// commit writes objects into the fabric's directory, in place of all that was there.
func (w *world) commit(t testing.TB, message string, objects []map[string]any) string {
	t.Helper()
	return w.repo.Commit(t, map[string]string{"fabric/all.yaml": string(wiringtest.YAML(objects))}, message)
}

// result is what one call of the program did.
type result struct {
	code     int
	out, err string
}

func (r result) String() string {
	return fmt.Sprintf("exit %d\nstdout:\n%s\nstderr:\n%s", r.code, r.out, r.err)
}

// command prepares a call of the program.
func (w *world) command(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, binary, args...)
	cmd.Env = append(slices.DeleteFunc(os.Environ(), func(e string) bool { return strings.HasPrefix(e, "HEDGESYNC_") }), "HEDGESYNC_DATA="+w.data)
	cmd.WaitDelay = 10 * time.Second
	return cmd
}

// run calls the program and waits for it.
func (w *world) run(t testing.TB, args ...string) result {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	return finish(t, w.command(ctx, args...))
}

func finish(t testing.TB, cmd *exec.Cmd) result {
	t.Helper()
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	if _, exited := errors.AsType[*exec.ExitError](err); err != nil && !exited {
		t.Fatal(err)
	}
	r := result{cmd.ProcessState.ExitCode(), out.String(), errs.String()}
	noSecret(t, strings.Join(cmd.Args[1:], " "), r.out+r.err)
	return r
}

// noSecret fails if a text holds a secret of the world.
func noSecret(t testing.TB, what, text string) {
	t.Helper()
	for _, s := range []string{canary, kubetest.TokenPrefix} {
		if strings.Contains(text, s) {
			t.Errorf("%s shows a secret:\n%s", what, text)
		}
	}
}

// exits calls the program and insists on its exit code.
func (w *world) exits(t testing.TB, code int, args ...string) result {
	t.Helper()
	r := w.run(t, args...)
	if r.code != code {
		t.Fatalf("hedgesync %s: want exit %d, got %v", strings.Join(args, " "), code, r)
	}
	return r
}

func (w *world) ok(t testing.TB, args ...string) result {
	t.Helper()
	return w.exits(t, 0, args...)
}

// decode reads what a command printed with -o json.
func decode[T any](t testing.TB, r result) T {
	t.Helper()
	var v T
	if err := json.Unmarshal([]byte(r.out), &v); err != nil {
		t.Fatalf("output is not JSON: %v\n%v", err, r)
	}
	return v
}

func has(t testing.TB, text string, parts ...string) {
	t.Helper()
	for _, p := range parts {
		if !strings.Contains(text, p) {
			t.Errorf("no %q in:\n%s", p, text)
		}
	}
}

// resource returns the administrator's client for a kind.
func (w *world) resource(k fabric.Kind) dynamic.ResourceInterface {
	info, _ := hedgehog.Lookup(k)
	return w.kube.Resource(k.Group, info.Version, info.Plural, namespace)
}

// versions returns the resource version of every object of the user's kinds:
// nothing was written between two equal ones.
func (w *world) versions(t testing.TB) map[string]string {
	t.Helper()
	m := map[string]string{}
	for _, k := range hedgehog.UserKinds() {
		list, err := w.resource(k).List(t.Context(), metav1.ListOptions{})
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range list.Items {
			m[k.Name+"/"+o.GetName()] = o.GetResourceVersion()
		}
	}
	return m
}

// clear deletes every object of the user's kinds. What others still refer to is
// refused, so it takes a few rounds.
func (w *world) clear(t testing.TB) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	for {
		var refused error
		for _, k := range slices.Backward(hedgehog.UserKinds()) {
			err := w.resource(k).DeleteCollection(ctx, metav1.DeleteOptions{}, metav1.ListOptions{})
			refused = errors.Join(refused, err)
		}
		if refused == nil {
			return
		}
		if ctx.Err() != nil {
			t.Errorf("clear: %v", refused)
			return
		}
	}
}

// touch changes an object as somebody with another tool would.
func (w *world) touch(t testing.TB, k fabric.Kind, name, patch string) {
	t.Helper()
	if _, err := w.resource(k).Patch(t.Context(), name, types.MergePatchType, []byte(patch), metav1.PatchOptions{FieldManager: "kubectl-edit"}); err != nil {
		t.Fatal(err)
	}
}
