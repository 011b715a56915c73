package main

import (
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/hedgesync/hedgesync/internal/api"
)

func (c *command) statusCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "status [NAME]",
		Short: "Say how each fabric stands, on what evidence and how old it is",
		Long: `Derives the verdict from the last comparison and the runs since; nothing is
read anew. What was never checked, or too long ago, is Unknown.`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			cl, err := c.client(cmd.Context())
			if err != nil {
				return err
			}
			if len(args) == 1 {
				s, err := cl.Status(cmd.Context(), args[0])
				if err != nil {
					return err
				}
				return c.print(s, func(w io.Writer) { writeStatus(w, s) })
			}
			all, err := cl.Statuses(cmd.Context())
			if err != nil {
				return err
			}
			return c.print(all, func(w io.Writer) { c.writeStatuses(w, all) })
		},
	}
}

func (c *command) writeStatuses(w io.Writer, all []api.Status) {
	if len(all) == 0 {
		fmt.Fprintln(c.err, "no fabrics yet: hedgesync fabric add --help")
		return
	}
	rows := [][]string{{"FABRIC", "SYNC", "PHASE", "MODE", "COMMIT", "CHECKED", "WHY"}}
	for _, s := range all {
		rows = append(rows, []string{s.Fabric, s.Sync, s.Phase, s.Mode, dash(short(s.Commit)), checked(s), s.Reason})
	}
	table(w, rows)
}

func checked(s api.Status) string {
	if s.AsOf.IsZero() {
		return "never checked"
	}
	return ago(s.AsOf, time.Now())
}

func writeStatus(w io.Writer, s api.Status) {
	rows := [][]string{
		{"Fabric", s.Fabric},
		{"Sync", fmt.Sprintf("%s: %s", s.Sync, s.Reason)},
		{"Phase", s.Phase},
		{"Mode", s.Mode},
		{"Commit", dash(s.Commit)},
		{"Checked", checked(s)},
	}
	if !s.Expires.IsZero() {
		rows = append(rows, []string{"Holds until", s.Expires.Local().Format(time.RFC3339)})
	}
	if s.Live != nil {
		rows = append(rows, []string{"Live run", fmt.Sprintf("%s, %s, %d %%", s.Live.ID, s.Live.Status, s.Live.Progress.Percent)})
		if !s.Live.Worked && s.Live.Status != "pending" {
			rows = append(rows, []string{"", "it was interrupted: hedgesync sync " + s.Fabric + " finishes it or takes it back"})
		}
	}
	if s.Last != nil {
		rows = append(rows, []string{"Last run", fmt.Sprintf("%s, %s, ended %s", s.Last.ID, s.Last.Status, ago(s.Last.Ended, time.Now()))})
	}
	for _, u := range s.Unread {
		rows = append(rows, []string{"Unread", fmt.Sprintf("%s: %s: %s", u.Kind, u.State, u.Reason)})
	}
	table(w, rows)
}
