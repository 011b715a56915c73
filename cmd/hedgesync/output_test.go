package main

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hedgesync/hedgesync/internal/api"
)

var then = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

func TestProgressLines(t *testing.T) {
	t.Parallel()
	half := api.Progress{Batch: 3, Batches: 6, Done: 25, Total: 50, Percent: 50}
	for name, c := range map[string]struct {
		run  api.Run
		want string
	}{
		"nothing planned yet": {api.Run{Status: "running", Live: true, Worked: true}, "running"},
		"waiting":             {api.Run{Status: "pending", Live: true}, "pending"},
		"at work":             {api.Run{Status: "running", Live: true, Worked: true, Progress: half}, "running: batch 3 of 6, 25 of 50 changes, 50 %"},
		"asked to stop":       {api.Run{Status: "running", Live: true, Worked: true, Cancelling: true, Progress: half}, "stopping: batch 3 of 6, 25 of 50 changes, 50 %"},
		"nobody works on it":  {api.Run{Status: "running", Live: true, Progress: half}, "interrupted, waiting for a worker: batch 3 of 6, 25 of 50 changes, 50 %"},
		"taking back":         {api.Run{Status: "compensating", Live: true, Worked: true, Cancelling: true, Progress: half}, "taking back what batches 1 to 3 applied"},
		"ended":               {api.Run{Status: "completed"}, "completed"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := newProgress(&bytes.Buffer{}).line(c.run); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

// Off a terminal a line is printed once, however often it is looked at.
func TestProgressRepeatsNoLine(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	p := newProgress(&out)
	for range 3 {
		p.show(api.Run{Status: "running", Live: true, Worked: true})
	}
	p.show(api.Run{Status: "completed"})
	p.end()
	if got, want := out.String(), "running\ncompleted\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestBarIsNeverWiderThanTheTerminal(t *testing.T) {
	t.Parallel()
	p := &progress{bar: true, started: time.Now()}
	line := p.line(api.Run{Status: "running", Live: true, Progress: api.Progress{Batch: 10, Batches: 100, Done: 500, Total: 5000, Percent: 10}})
	if !strings.HasPrefix(line, "[██░░") || !strings.HasSuffix(line, "/s") {
		t.Errorf("bar %q", line)
	}
	if got := len([]rune(cut(line, 79))); got > 79 {
		t.Errorf("%d columns", got)
	}
}

func TestTablesReadWell(t *testing.T) {
	t.Parallel()
	c := &command{output: "table", out: &sink{w: &bytes.Buffer{}}, err: &bytes.Buffer{}}
	var out bytes.Buffer
	c.writeRun(&out, api.RunDetail{
		Run: api.Run{
			ID: "r1", Fabric: "lab", Status: "partial", Commit: "0123456789", Started: then, Ended: then.Add(1500 * time.Millisecond),
			Failure: &api.Failure{Message: "1 failed, 2 held", Hint: "hedgesync runs get r1 lists them"},
		},
		Changes: []api.Change{
			{Object: "Server/default/a", Action: "create", Result: "applied"},
			{Object: "Server/default/b", Action: "update", Result: "failed", Error: "no answer", Reason: "changed in Git"},
			{Object: "VPC/default/c", Action: "hold", Cause: "guard", Reason: "pruning is off"},
			{Object: "VPCAttachment/default/d", Action: "hold", Cause: "dependency", Reason: "c is held"},
			{Object: "Server/default/e", Action: "create"},
			{Object: "Server/default/f", Action: "create", Result: "applied", Undone: "undone"},
			{Object: "Server/default/g", Action: "create", Result: "applied", Undone: "left", Residue: "somebody changed it"},
		},
	})
	want := `run r1 of lab: partial, commit 01234567, took 1.5s
  why: 1 failed, 2 held
  try: hedgesync runs get r1 lists them
  applied      1
  taken back   1
  failed       1
  not sent     1
  held         2
  left behind  1
OBJECT             ACTION   OUTCOME       WHY
Server/default/b   update   failed        no answer
VPC/default/c      hold     held          pruning is off
Server/default/e   create   not sent      -
Server/default/g   create   left behind   somebody changed it
and 1 that depend on these
`
	if d := cmp.Diff(want, out.String()); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

func TestAgeIsSaidInTheLargestUnit(t *testing.T) {
	t.Parallel()
	got := map[time.Duration]string{}
	for _, d := range []time.Duration{-time.Second, 0, 59 * time.Second, time.Hour - 1, 47 * time.Hour, 50 * time.Hour} {
		got[d] = ago(then.Add(-d), then)
	}
	want := map[time.Duration]string{
		-time.Second: "in the future", 0: "0s ago", 59 * time.Second: "59s ago", time.Hour - 1: "59m ago", 47 * time.Hour: "47h ago", 50 * time.Hour: "2d ago",
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	if got := ago(time.Time{}, then); got != "never" {
		t.Errorf("never is %q", got)
	}
}

type failing struct{ error }

func (f failing) Write([]byte) (int, error) { return 0, f.error }

// A report that could not be written is an error, one that nobody reads on is not.
func TestOnlyARealWriteErrorIsReported(t *testing.T) {
	t.Parallel()
	for cause, want := range map[error]bool{syscall.EPIPE: false, syscall.ENOSPC: true} {
		for _, output := range outputs {
			c := &command{output: output, out: &sink{w: failing{cause}}, err: &bytes.Buffer{}}
			err := c.print(api.Version{Version: "1"}, func(w2 io.Writer) { table(w2, [][]string{{"a"}}) })
			if got := errors.Join(err, c.out.broken()) != nil; got != want {
				t.Errorf("%v, -o %s: reported %v", cause, output, got)
			}
		}
	}
}
