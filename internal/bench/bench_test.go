//go:build bench

// Package bench_test prints how long hedgesync takes, beside a raw client and
// kubectl doing the same work on the same server in the same run.
//
//	make bench [SIZES=250,1000,5000]
//
// It asserts nothing about time: machines differ, ratios are for reading.
package bench_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"text/tabwriter"
	"time"

	"github.com/hedgesync/hedgesync/crds"
	"github.com/hedgesync/hedgesync/internal/gittest"
	"github.com/hedgesync/hedgesync/internal/kubetest"
	"github.com/hedgesync/hedgesync/internal/wiringtest"
)

// usage is what one process or one piece of work took.
type usage struct {
	wall, cpu time.Duration // cpu: user and system, of the client alone
	peak      int64         // largest resident size in KiB; 0 is not known
	note      string
}

// row is one line of the table; base is what its ratio is taken to.
type row struct {
	objects    int
	work, who  string
	used, base usage
}

func TestBench(t *testing.T) {
	server := kubetest.Start(t)
	server.Install(t, crds.FS)
	b := &bench{t: t, server: server, binary: build(t), dir: t.TempDir()}
	b.kubeconfig = filepath.Join(b.dir, "kubeconfig")
	must(t, os.WriteFile(b.kubeconfig, server.Kubeconfig, 0o600))
	b.profiles()
	for _, n := range sizes(t) {
		b.size(n)
	}
	b.print()
}

func sizes(t *testing.T) []int {
	var out []int
	for _, s := range strings.Split(or(os.Getenv("SIZES"), "250,1000,5000"), ",") {
		n, err := strconv.Atoi(s)
		must(t, err)
		out = append(out, n)
	}
	return out
}

func or(s, fallback string) string {
	if s == "" {
		return fallback
	}
	return s
}

// build makes the binary that users run: without the race detector.
func build(t *testing.T) string {
	out := filepath.Join(t.TempDir(), "hedgesync")
	cmd := exec.Command("go", "build", "-p", "2", "-trimpath", "-ldflags", "-s -w", "-o", out, "../../cmd/hedgesync")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if msg, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, msg)
	}
	return out
}

type bench struct {
	t                       *testing.T
	server                  *kubetest.Server
	binary, dir, kubeconfig string
	rows                    []row
}

func (b *bench) profiles() {
	c := newRaw(b.t, b.server.Kubeconfig)
	c.apply(b.t, wiringtest.Profiles(), 4)
}

// size measures one size: everything from nothing, again with nothing to do, and
// with one object in a hundred changed behind Git's back.
func (b *bench) size(n int) {
	t := b.t
	objects := wiringtest.Sized(n)
	raw := newRaw(t, b.server.Kubeconfig)
	files := filepath.Join(b.dir, fmt.Sprint("objects-", n))
	must(t, os.MkdirAll(files, 0o700))
	repo := gittest.NewRepo(t)
	texts := map[string]string{}
	for name, text := range wiringtest.Files(objects, 100) {
		must(t, os.WriteFile(filepath.Join(files, filepath.Base(name)), text, 0o600))
		texts["fabric/"+filepath.Base(name)] = string(text)
	}
	repo.Commit(t, texts, "Wanted")

	best := usage{wall: time.Hour}
	for _, c := range []int{1, 4, 8, 16} {
		u := raw.timed(func() { raw.apply(t, objects, c) })
		u.note = fmt.Sprintf("%d in flight", c)
		raw.wipe(t, objects)
		if u.wall < best.wall {
			best = u
		}
	}
	b.add(n, "apply", "raw client, best of 1, 4, 8, 16", best, best)
	b.add(n, "apply", "kubectl apply --server-side", b.kubectl("apply", "--server-side", "-f", files), best)
	again := b.kubectl("apply", "--server-side", "-f", files)
	raw.wipe(t, objects)

	fabric := fmt.Sprint("f", n)
	b.hedgesync("fabric", "add", fabric, "--repo", repo.Dir, "--path", "fabric", "--kubeconfig", b.kubeconfig, "--mode", "enforce")
	b.add(n, "apply", "hedgesync sync", b.hedgesync("sync", fabric), best)

	var list usage
	for range 3 {
		if u := raw.timed(func() { raw.list(t) }); list.wall == 0 || u.wall < list.wall {
			list = u
		}
	}
	b.add(n, "no-op", "raw client, list and decode every kind", list, list)
	b.add(n, "no-op", "hedgesync sync", b.fastest(3, "sync", fabric), list)
	b.add(n, "no-op", "kubectl apply --server-side", again, list)

	raw.disturb(t, objects, max(n/100, 1))
	b.add(n, "drift", "raw client, list and decode every kind", list, list)
	b.add(n, "drift", "hedgesync drift", b.fastest(3, "drift", fabric), list)
	b.add(n, "drift", "kubectl diff --server-side", b.kubectl("diff", "--server-side", "--force-conflicts", "-f", files), list)
	b.add(n, "start", "hedgesync status", b.fastest(3, "status", fabric), usage{})

	raw.wipe(t, objects)
	b.hedgesync("fabric", "remove", fabric, "--yes")
}

func (b *bench) add(n int, work, who string, used, base usage) {
	b.rows = append(b.rows, row{n, work, who, used, base})
}

// fastest runs a command a few times and returns the fastest.
func (b *bench) fastest(times int, args ...string) usage {
	best := b.hedgesync(args...)
	for range times - 1 {
		if u := b.hedgesync(args...); u.wall < best.wall {
			best = u
		}
	}
	return best
}

func (b *bench) hedgesync(args ...string) usage {
	cmd := exec.Command(b.binary, append([]string{"--data", filepath.Join(b.dir, "data")}, args...)...)
	return b.measure(cmd, map[int]bool{0: true, 1: args[0] == "drift"})
}

func (b *bench) kubectl(args ...string) usage {
	cmd := exec.Command(filepath.Join(tools(b.t), "kubectl"), append([]string{"--kubeconfig", b.kubeconfig}, args...)...)
	return b.measure(cmd, map[int]bool{0: true, 1: args[0] == "diff"})
}

func (b *bench) measure(cmd *exec.Cmd, fine map[int]bool) usage {
	began := time.Now()
	out, err := cmd.CombinedOutput()
	u := usage{wall: time.Since(began)}
	if cmd.ProcessState == nil || !fine[cmd.ProcessState.ExitCode()] {
		b.t.Fatalf("%v: %v\n%s", cmd.Args, err, tail(out))
	}
	u.cpu = cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	if r, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage); ok {
		u.peak = r.Maxrss
	}
	return u
}

func tail(out []byte) []byte {
	if len(out) > 4000 {
		return out[len(out)-4000:]
	}
	return out
}

// tools returns the folder of the kubectl that was built with the server.
func tools(t *testing.T) string {
	out, err := exec.Command("../../tools/kube/build").Output()
	if err != nil {
		t.Fatalf("build kubectl: %v", err)
	}
	return strings.TrimSpace(string(out))
}

func (b *bench) print() {
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "OBJECTS\tWORK\tBY\tWALL\tOBJECTS/S\tCLIENT CPU\tPEAK MiB\tRATIO\t")
	for _, r := range b.rows {
		ratio, peak := "-", "-"
		if r.base.wall > 0 {
			ratio = fmt.Sprintf("%.2f", r.used.wall.Seconds()/r.base.wall.Seconds())
		}
		if r.used.peak > 0 {
			peak = fmt.Sprint(r.used.peak / 1024)
		}
		who := r.who
		if r.used.note != "" {
			who += " (" + r.used.note + ")"
		}
		fmt.Fprintf(w, "%d\t%s\t%s\t%s\t%.0f\t%s\t%s\t%s\t\n", r.objects, r.work, who,
			r.used.wall.Round(time.Millisecond), float64(r.objects)/r.used.wall.Seconds(), r.used.cpu.Round(time.Millisecond), peak, ratio)
	}
	w.Flush()
	fmt.Println("RATIO is wall time against the raw client doing the same work in this run.")
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// timed measures work in this process.
func (*raw) timed(work func()) usage {
	var before, after syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &before)
	began := time.Now()
	work()
	wall := time.Since(began)
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &after)
	return usage{wall: wall, cpu: cpu(after) - cpu(before)}
}

func cpu(r syscall.Rusage) time.Duration {
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}
