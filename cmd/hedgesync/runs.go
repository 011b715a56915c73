package main

import (
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/hedgesync/hedgesync/internal/api"
)

func (c *command) runsCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "runs", Short: "List runs, and show what each did"}
	cmd.AddCommand(c.runsList(), c.runsGet(), c.runsCancel())
	return group(cmd)
}

func (c *command) runsList() *cobra.Command {
	var before string
	var limit int
	cmd := &cobra.Command{
		Use: "list [NAME]", Short: "List runs, the newest first", Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			cl, err := c.client(cmd.Context())
			if err != nil {
				return err
			}
			runs, next, err := cl.Runs(cmd.Context(), first(args), before, limit)
			if err != nil {
				return err
			}
			if next != "" {
				fmt.Fprintf(c.err, "more: --before %s\n", next)
			}
			return c.print(runs, func(w io.Writer) { c.writeRuns(w, runs) })
		},
	}
	cmd.Flags().StringVar(&before, "before", "", "only runs older than this one")
	cmd.Flags().IntVar(&limit, "limit", 50, "at most so many")
	return cmd
}

func first(args []string) string {
	if len(args) == 0 {
		return ""
	}
	return args[0]
}

func (c *command) writeRuns(w io.Writer, runs []api.Run) {
	if len(runs) == 0 {
		fmt.Fprintln(c.err, "no runs yet")
		return
	}
	rows := [][]string{{"RUN", "FABRIC", "STATUS", "COMMIT", "CHANGES", "STARTED", "TOOK"}}
	if c.wide() {
		rows[0] = append(rows[0], "BY", "REASON", "FAILURE")
	}
	for _, r := range runs {
		row := []string{r.ID, r.Fabric, r.Status, dash(short(r.Commit)), fmt.Sprintf("%d/%d", r.Progress.Done, r.Progress.Total), ago(r.Created, time.Now()), took(r)}
		if c.wide() {
			failure := "-"
			if r.Failure != nil {
				failure = r.Failure.Message
			}
			row = append(row, r.RequestedBy, r.Reason, failure)
		}
		rows = append(rows, row)
	}
	table(w, rows)
}

func took(r api.Run) string {
	if r.Ended.IsZero() || r.Started.IsZero() {
		return "-"
	}
	return r.Ended.Sub(r.Started).Round(time.Millisecond).String()
}

func (c *command) runsGet() *cobra.Command {
	return &cobra.Command{
		Use: "get RUN", Short: "Show a run: its steps, and what became of each change", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			cl, err := c.client(cmd.Context())
			if err != nil {
				return err
			}
			r, err := cl.Run(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			return c.print(r, func(w io.Writer) {
				c.writeRun(w, r)
				writeSteps(w, r.Steps)
				c.writeChanges(w, r.Changes, true)
			})
		},
	}
}

func (c *command) runsCancel() *cobra.Command {
	return &cobra.Command{
		Use: "cancel RUN", Short: "Stop a run at its next safe point", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			cl, err := c.client(cmd.Context())
			if err != nil {
				return err
			}
			r, err := cl.Cancel(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			return c.print(r, func(w io.Writer) { fmt.Fprintf(w, "run %s is %s\n", r.ID, p(r)) })
		},
	}
}

func p(r api.Run) string {
	if r.Live {
		return "asked to stop at its next safe point"
	}
	return r.Status
}

// writeRun says how a run ended, what is done and what is not.
func (c *command) writeRun(w io.Writer, r api.RunDetail) {
	counts := map[string]int{}
	for _, ch := range r.Changes {
		counts[outcome(ch)]++
	}
	fmt.Fprintf(w, "run %s of %s: %s", r.ID, r.Fabric, r.Status)
	if r.Commit != "" {
		fmt.Fprintf(w, ", commit %s", short(r.Commit))
	}
	if t := took(r.Run); t != "-" {
		fmt.Fprintf(w, ", took %s", t)
	}
	fmt.Fprintln(w)
	if r.Failure != nil {
		fmt.Fprintf(w, "  why: %s\n", r.Failure.Message)
		if r.Failure.Hint != "" {
			fmt.Fprintf(w, "  try: %s\n", r.Failure.Hint)
		}
	}
	for _, o := range []string{"applied", "unchanged", "taken back", "refused", "failed", "unknown", "not sent", "held", "left behind"} {
		if counts[o] > 0 {
			fmt.Fprintf(w, "  %-12s %d\n", o, counts[o])
		}
	}
	if len(r.Changes) == 0 && r.Status == "completed" {
		fmt.Fprintln(w, "  nothing was to do")
	}
	if !c.wide() {
		c.writeChanges(w, r.Changes, false)
	}
}

// outcome is one word for what became of a change.
func outcome(ch api.Change) string {
	switch {
	case ch.Undone == "undone":
		return "taken back"
	case ch.Undone == "left":
		return "left behind"
	case ch.Action == "hold":
		return "held"
	case ch.Action == "extra":
		return "extra"
	case ch.Result == "":
		return "not sent"
	}
	return ch.Result
}

func writeSteps(w io.Writer, steps []api.Step) {
	rows := [][]string{{"STEP", "DIRECTION", "STATUS", "TRIES", "TOOK"}}
	for _, s := range steps {
		took := "-"
		if !s.Done.IsZero() {
			took = s.Done.Sub(s.Started).Round(time.Millisecond).String()
		}
		rows = append(rows, []string{s.Name, s.Dir, s.Status, fmt.Sprint(s.Try), took})
	}
	table(w, rows)
}

// mostRows bounds what a summary lists; runs get lists everything.
const mostRows = 20

// writeChanges lists changes: every one, or, in a summary, those a person has to
// look at, without the ones that only wait for them.
func (c *command) writeChanges(w io.Writer, changes []api.Change, every bool) {
	rows := [][]string{{"OBJECT", "ACTION", "OUTCOME", "WHY"}}
	waiting, more := 0, 0
	for _, ch := range changes {
		switch o := outcome(ch); {
		case every:
		case o == "applied" || o == "unchanged" || o == "extra" || o == "taken back":
			continue
		case ch.Cause == "dependency":
			waiting++
			continue
		case len(rows) > mostRows:
			more++
			continue
		}
		rows = append(rows, []string{ch.Object, ch.Action, outcome(ch), dash(why(ch))})
	}
	if len(rows) > 1 {
		table(w, rows)
	}
	if more > 0 {
		fmt.Fprintf(w, "and %d more\n", more)
	}
	if waiting > 0 {
		fmt.Fprintf(w, "and %d that depend on these\n", waiting)
	}
}

// why is the most telling of what is known about a change.
func why(ch api.Change) string {
	for _, s := range []string{ch.Residue, ch.Error, ch.Reason} {
		if s != "" {
			return s
		}
	}
	return ""
}
