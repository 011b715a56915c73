package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"golang.org/x/term"

	"github.com/hedgesync/hedgesync/internal/api"
)

// progress shows how far a run is: a bar that moves on a terminal, otherwise a
// line for each batch.
type progress struct {
	w       io.Writer
	bar     bool
	started time.Time
	last    string
}

func newProgress(w io.Writer) *progress {
	return &progress{w: w, bar: isTerminal(w) && os.Getenv("TERM") != "dumb", started: time.Now()}
}

func (p *progress) show(r api.Run) {
	line := p.line(r)
	if line == p.last {
		return
	}
	p.last = line
	if p.bar {
		fmt.Fprintf(p.w, "\r\033[K%s", cut(line, columns(p.w)-1))
		return
	}
	fmt.Fprintln(p.w, line)
}

// end leaves the last line standing.
func (p *progress) end() {
	if p.bar && p.last != "" {
		fmt.Fprintln(p.w)
	}
	p.last = ""
}

const barWidth = 20

// columns is how wide the terminal is now; 80 if it does not say.
func columns(w io.Writer) int {
	if f, ok := w.(*os.File); ok {
		if n, _, err := term.GetSize(int(f.Fd())); err == nil && n > 1 {
			return n
		}
	}
	return 80
}

// cut shortens a line to n characters: one that wraps could not be drawn over.
func cut(line string, n int) string {
	if r := []rune(line); len(r) > n {
		return string(r[:n])
	}
	return line
}

func (p *progress) line(r api.Run) string {
	state := r.Status
	switch {
	case r.Status == "compensating" && r.Worked:
		return fmt.Sprintf("taking back what batches 1 to %d applied", r.Progress.Batch)
	case r.Cancelling:
		state = "stopping"
	case r.Live && !r.Worked && r.Status != "pending":
		state = "interrupted, waiting for a worker"
	}
	g := r.Progress
	if g.Total == 0 {
		return state
	}
	text := fmt.Sprintf("%s: batch %d of %d, %d of %d changes, %d %%", state, g.Batch, g.Batches, g.Done, g.Total, g.Percent)
	if !p.bar {
		return text
	}
	full := g.Percent * barWidth / 100
	rate := float64(g.Done) / max(time.Since(p.started).Seconds(), 0.001)
	return fmt.Sprintf("[%s%s] %s, %.0f/s", strings.Repeat("█", full), strings.Repeat("░", barWidth-full), text, rate)
}
