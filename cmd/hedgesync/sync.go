package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/hedgesync/hedgesync/internal/api"
	"github.com/hedgesync/hedgesync/internal/api/client"
	"github.com/hedgesync/hedgesync/internal/fault"
)

const runExits = `Exit code: 0 completed, 1 ended any other way (partial, failed, taken back,
cancelled), 2 not started.

Ctrl-C stops at the next safe point and says what is and is not done; what was
applied is then taken back or kept, as the fabric's on-failure says.`

func (c *command) syncCommand() *cobra.Command {
	var r api.SyncRequest
	cmd := &cobra.Command{
		Use:   "sync NAME",
		Short: "Bring a fabric to what Git wants, and prove it by reading back",
		Long: `Fetches Git, reads the cluster, applies what differs in a safe order and reads
everything back. A run that a killed process left behind is finished or taken
back first.

` + runExits,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			cl, err := c.client(cmd.Context())
			if err != nil {
				return err
			}
			return c.startAndFollow(cmd.Context(), cl, func(ctx context.Context) (api.Run, error) { return cl.Sync(ctx, args[0], r) })
		},
	}
	cmd.Flags().StringVar(&r.Rev, "rev", "", "commit, tag or branch to bring instead of the branch's head")
	cmd.Flags().IntVar(&r.AllowDeletes, "allow-deletes", 0, "lift the delete guard of this run to so many deletes")
	cmd.Flags().Bool("wait", true, "wait for the run to end; without a server it always does")
	return cmd
}

func (c *command) applyCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "apply PLAN",
		Short: "Apply a saved plan exactly, or not at all if an input moved",
		Long: `Applies the plan that "hedgesync plan NAME --save" kept. It is refused if the
commit, an object the plan was made on, our record or the fabric's settings are
not as they were.

` + runExits,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			cl, err := c.client(cmd.Context())
			if err != nil {
				return err
			}
			return c.startAndFollow(cmd.Context(), cl, func(ctx context.Context) (api.Run, error) { return cl.Apply(ctx, args[0]) })
		},
	}
}

// startAndFollow starts a run and shows it to its end. A run in the way is
// followed first: the fabric has one writer.
func (c *command) startAndFollow(ctx context.Context, cl *client.Client, start func(context.Context) (api.Run, error)) error {
	for {
		run, err := start(ctx)
		if busy, ok := errors.AsType[*client.Conflict](err); ok {
			fmt.Fprintf(c.err, "run %s of this fabric is not finished; it goes first\n", busy.Run)
			if _, err := c.follow(ctx, cl, busy.Run, false); err != nil {
				return err
			}
			continue
		}
		if err != nil {
			return err
		}
		detail, err := c.follow(ctx, cl, run.ID, true)
		if err != nil {
			return err
		}
		if detail.Status != "completed" {
			c.code = exitDiffers
		}
		return c.print(detail, func(w io.Writer) { c.writeRun(w, detail) })
	}
}

// A followed run is looked at often while it is young, because most have nothing
// to do, and then as often as a person can read.
const (
	firstPoll = 10 * time.Millisecond
	pollEvery = 150 * time.Millisecond
)

// follow shows a run's progress until it ends. The first Ctrl-C asks a run of ours
// to stop at its next safe point; another one is left as it stands.
func (c *command) follow(ctx context.Context, cl *client.Client, id string, ours bool) (api.RunDetail, error) {
	var asked <-chan struct{}
	if ours {
		var done func()
		asked, done = c.interrupt.follow()
		defer done()
	}
	shown := newProgress(c.err)
	pause := firstPoll
	tick := time.NewTicker(pause)
	defer tick.Stop()
	var run api.Run
	for {
		now, err := cl.Progress(ctx, id)
		if ctx.Err() != nil {
			shown.end()
			return api.RunDetail{}, left(run, id)
		}
		if err != nil {
			return api.RunDetail{}, err
		}
		run = now
		shown.show(run)
		if !run.Live {
			shown.end()
			return cl.Run(ctx, id)
		}
		select {
		case <-ctx.Done():
		case <-asked:
			asked = nil
			shown.end()
			fmt.Fprintln(c.err, "stopping at the next safe point; Ctrl-C again leaves the run as it stands")
			if _, err := cl.Cancel(ctx, id); err != nil {
				c.report(err)
			}
		case <-tick.C:
			pause = min(pause*5/4, pollEvery)
			tick.Reset(pause)
		}
	}
}

// left says how a run stands that this command no longer waits for.
func left(r api.Run, id string) error {
	return fault.New(fault.Unknown, "cli.interrupted", "interrupted: run %s is not finished, %d of %d changes are done", id, r.Progress.Done, r.Progress.Total).
		WithHint("hedgesync sync %s finishes it or takes it back; hedgesync runs get %s shows what is done", or(r.Fabric, "NAME"), id)
}
