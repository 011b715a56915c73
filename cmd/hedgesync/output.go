package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"golang.org/x/term"
	"sigs.k8s.io/yaml"

	"github.com/hedgesync/hedgesync/internal/fault"
)

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
		return e.Encode(v)
	case "yaml":
		b, err := yaml.Marshal(v)
		if err == nil {
			_, err = c.out.Write(b)
		}
		return err
	}
	human(c.out)
	return nil
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
