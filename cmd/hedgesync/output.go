package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"syscall"
	"text/tabwriter"
	"time"

	"golang.org/x/term"
	"sigs.k8s.io/yaml"

	"github.com/hedgesync/hedgesync/internal/fault"
)

// sink is standard output. It remembers the first write that went wrong, so that
// an exit code never says that a report was written when it was not.
type sink struct {
	w   io.Writer
	err error
}

func (s *sink) Write(b []byte) (int, error) {
	n, err := s.w.Write(b)
	if s.err == nil {
		s.err = err
	}
	return n, err
}

// broken returns what went wrong. A reader that has seen enough is no error.
func (s *sink) broken() error {
	if s.err == nil || errors.Is(s.err, syscall.EPIPE) {
		return nil
	}
	return fault.New(fault.Unavailable, "cli.output", "write the output: %w", s.err)
}

var outputs = []string{"table", "wide", "json", "yaml"}

func checkOutput(o string) error {
	if slices.Contains(outputs, o) {
		return nil
	}
	return fault.New(fault.Invalid, "cli.output", "-o %s is not one of %s", o, strings.Join(outputs, ", "))
}

// wide reports whether every column was asked for.
func (c *command) wide() bool { return c.output == "wide" }

// print writes a value as asked: for a program as JSON or YAML, for a person by human.
func (c *command) print(v any, human func(io.Writer)) error {
	switch c.output {
	case "json":
		e := json.NewEncoder(c.out)
		e.SetIndent("", "  ")
		e.SetEscapeHTML(false)
		return encoded(e.Encode(v), c.out)
	case "yaml":
		b, err := yaml.Marshal(v)
		if err != nil {
			return err
		}
		_, err = c.out.Write(b)
		return encoded(err, c.out)
	}
	human(c.out)
	return nil
}

// encoded leaves errors of writing to the sink, which tells them apart.
func encoded(err error, s *sink) error {
	if s.err != nil {
		return nil
	}
	return err
}

// table writes rows in columns; the first row is the head.
func table(w io.Writer, rows [][]string) {
	t := tabwriter.NewWriter(w, 0, 0, 3, ' ', 0)
	for _, r := range rows {
		fmt.Fprintln(t, strings.Join(r, "\t"))
	}
	t.Flush()
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// ago says how long ago t was, in the largest unit that tells enough.
func ago(t, now time.Time) string {
	if t.IsZero() {
		return "never"
	}
	d := now.Sub(t)
	switch {
	case d < 0:
		return "in the future"
	case d < time.Minute:
		return fmt.Sprintf("%ds ago", int(d.Seconds()))
	case d < time.Hour:
		return fmt.Sprintf("%dm ago", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%dh ago", int(d.Hours()))
	}
	return fmt.Sprintf("%dd ago", int(d.Hours()/24))
}

func short(commit string) string { return commit[:min(len(commit), 8)] }

func dash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}
