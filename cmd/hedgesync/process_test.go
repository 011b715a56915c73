package main_test

import (
	"context"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"
)

// process is a call of the program that goes on while the test does something.
type process struct {
	cmd      *exec.Cmd
	out, err transcript
	done     chan struct{}
}

// transcript is what a process wrote so far.
type transcript struct {
	mu   sync.Mutex
	text strings.Builder
}

func (r *transcript) Write(b []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.text.Write(b)
}

func (r *transcript) String() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.text.String()
}

// start calls the program; it is killed at the test's end if it still runs.
func (w *world) start(t testing.TB, args ...string) *process {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	p := &process{cmd: w.command(ctx, args...), done: make(chan struct{})}
	p.cmd.Stdout, p.cmd.Stderr = &p.out, &p.err
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(p.done)
		_ = p.cmd.Wait() // its state says how it ended
	}()
	t.Cleanup(func() {
		cancel()
		<-p.done
	})
	return p
}

// await polls until ok, or fails the test when the process has ended or time is up.
func (p *process) await(t testing.TB, what string, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-p.done:
			if !ok() {
				t.Fatalf("ended before %s: %v", what, p.result())
			}
			return
		}
	}
}

// wait waits for the process to end.
func (p *process) wait(t testing.TB) result {
	t.Helper()
	<-p.done
	r := p.result()
	noSecret(t, strings.Join(p.cmd.Args[1:], " "), r.out+r.err)
	return r
}

func (p *process) result() result {
	r := result{out: p.out.String(), err: p.err.String()}
	select {
	case <-p.done:
		r.code = p.cmd.ProcessState.ExitCode()
	default:
	}
	return r
}
