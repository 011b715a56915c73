package main

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/hedgesync/hedgesync/internal/api"
	"github.com/hedgesync/hedgesync/internal/plan"
)

const planExits = `Exit code: 0 nothing to do, 1 something differs, is held or could not be read, 2 not
compared. With --detailed-exitcode the last two are exchanged, as in Terraform.`

// comparing are the flags of commands that compare.
type comparing struct {
	request  api.PlanRequest
	detailed bool
	all      bool
}

func (c *command) comparison(use, short, long string, narrow func(plan.Plan) plan.Plan) *cobra.Command {
	var o comparing
	cmd := &cobra.Command{
		Use: use, Short: short, Long: long + "\n\n" + planExits, Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if o.detailed {
				c.failed = 1
			}
			cl, err := c.client(cmd.Context())
			if err != nil {
				return err
			}
			got, err := cl.Compare(cmd.Context(), args[0], o.request)
			if err != nil {
				return err
			}
			p := narrow(got.Plan.Plan())
			c.code = o.exit(p)
			return c.print(got, func(w io.Writer) { c.writeComparison(w, got, p, o.all) })
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.request.Rev, "rev", "", "commit, tag or branch to compare with instead of the branch's head")
	f.BoolVar(&o.detailed, "detailed-exitcode", false, "Terraform's exit codes")
	f.BoolVar(&o.all, "all", use == "diff NAME", "list everything: also what only changes our record, and every held change")
	if use == "plan NAME" {
		f.BoolVar(&o.request.Save, "save", false, "keep the plan, to be applied exactly by hedgesync apply")
	}
	return cmd
}

func (o comparing) exit(p plan.Plan) int {
	same := len(p.Unread) == 0 // of what was not read nobody knows
	for _, c := range p.Changes {
		same = same && !c.Action.Writes() && c.Action != plan.Hold
	}
	switch {
	case same:
		return exitOK
	case o.detailed:
		return exitError
	}
	return exitDiffers
}

func (c *command) writeComparison(w io.Writer, got api.Comparison, p plan.Plan, all bool) {
	fmt.Fprintf(w, "%s at commit %s", got.Fabric, short(got.Commit.ID))
	if got.Commit.Subject != "" {
		fmt.Fprintf(w, " (%s)", got.Commit.Subject)
	}
	fmt.Fprintf(w, ", cluster read at %s\n", got.AsOf.Local().Format("15:04:05"))
	if got.Commit.Rewound {
		fmt.Fprintln(w, "warning: the branch was moved to a commit that does not descend from the last one seen")
	}
	writeProblems(w, got.Problems)
	fmt.Fprintln(w)
	o := plan.TextOptions{All: all}
	if !c.plain {
		o.Palette = plan.ANSI()
	}
	if err := p.Text(w, o); err != nil {
		c.report(err)
	}
	if got.ID != "" {
		fmt.Fprintf(c.err, "saved: hedgesync apply %s\n", got.ID)
	}
}

func (c *command) planCommand() *cobra.Command {
	return c.comparison("plan NAME", "Say what a sync would do, without doing it", `Fetches Git, reads the cluster, and lists every change with its cause, its
fields, and what it does to the network. Nothing is written.

  + create   ~ update   - delete   -/+ delete and create anew
  ! held for a person to decide     ? in the cluster, not in Git, never ours`,
		func(p plan.Plan) plan.Plan { return p })
}

func (c *command) diffCommand() *cobra.Command {
	return c.comparison("diff NAME", "Show every difference between Git and the cluster", `Like plan, and also lists objects that only enter or leave our record.`,
		func(p plan.Plan) plan.Plan { return p })
}

func (c *command) driftCommand() *cobra.Command {
	return c.comparison("drift NAME", "Show what changed in the cluster behind Git's back", `Reads the cluster anew and lists only what differs although Git did not change:
which values, who wrote them and when.`,
		drifted)
}

// drifted keeps what the cluster changed by itself.
func drifted(p plan.Plan) plan.Plan {
	var kept []plan.Change
	for _, c := range p.Changes {
		if behindOurBack(c) {
			kept = append(kept, c)
		}
	}
	p.Changes, p.Order = kept, nil
	same := p.Summary.Nothing + p.Summary.Adopt
	p.Summary = plan.Summarize(kept)
	p.Summary.Nothing += same
	return p
}

func behindOurBack(c plan.Change) bool {
	if c.Cause == plan.Drift || c.Cause == plan.Both || c.Cause == plan.Unread {
		return c.Action != plan.None
	}
	for _, f := range c.Fields {
		if f.Cause == plan.Drift {
			return true
		}
	}
	return false
}
