package main

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/hedgesync/hedgesync/sandbox/agents"
	"github.com/hedgesync/hedgesync/sandbox/world"
)

func upCommand() *cobra.Command {
	c := world.Config{}
	cmd := &cobra.Command{
		Use:   "up",
		Short: "Start the sample fabrics, their switches and the Git server; Ctrl-C stops them",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			begun := time.Now()
			var err error
			if c.Dir, err = filepath.Abs(c.Dir); err != nil {
				return err
			}
			c.Log = logger()
			w, err := world.Start(cmd.Context(), c)
			if err != nil {
				return err
			}
			if err := tell(cmd.OutOrStdout(), w, c, time.Since(begun)); err != nil {
				return errors.Join(err, w.Stop())
			}
			<-cmd.Context().Done()
			return w.Stop()
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&c.Dir, "dir", home(), "where everything is kept")
	flags.BoolVar(&c.Memory, "memory", false, "keep objects and commits in memory only")
	flags.BoolVar(&c.Private, "private", false, "reading Git needs the token too")
	flags.StringToIntVar(&c.Ports, "ports", nil, "ports by name, as in git=8418,lab=6443,campus=6444 (default: as last time, else free ones)")
	timingFlags(cmd, &c.Timing)
	return cmd
}

func timingFlags(cmd *cobra.Command, t *agents.Config) {
	cmd.Flags().DurationVar(&t.Heartbeat, "heartbeat", 15*time.Second, "time between two reports of a switch")
	cmd.Flags().DurationVar(&t.Apply, "apply-after", 3*time.Second, "time a switch takes to apply a generation")
}

// tell says where everything is and what to try.
func tell(out io.Writer, w *world.World, c world.Config, took time.Duration) error {
	first := w.Clusters[len(w.Clusters)-1] // lab, the small one
	kept := "Ctrl-C stops it; what you did is kept in " + w.Dir
	if c.Memory {
		kept = "Ctrl-C stops it; nothing is kept"
	}
	repo, secret := w.CloneURL(), ""
	if c.Private {
		secret = "  (needs the token: " + w.PushURL() + ")"
	}
	p := &printer{out: out}
	p.line("The sandbox is up after %.1f s. %s.", took.Seconds(), kept)
	p.line("")
	p.line("  %-8s %s%s", "git", repo, secret)
	for _, cluster := range w.Clusters {
		p.line("  %-8s %s  KUBECONFIG=%s", cluster.Name, cluster.URL(), cluster.Kubeconfig)
	}
	p.line("")
	p.line("Make a fabric true:")
	p.line("  hedgesync fabric add %s --repo %s --path %s --kubeconfig %s --mode enforce", first.Name, repo, first.Name, first.Kubeconfig)
	p.line("  hedgesync plan %s", first.Name)
	p.line("  hedgesync sync %s --wait", first.Name)
	p.line("  hedgesync status %s", first.Name)
	p.line("Change it behind Git's back, and see it:")
	p.line(`  kubectl --kubeconfig %s patch switch leaf-1 --type merge -p '{"spec":{"description":"moved"}}'`, first.Kubeconfig)
	p.line("  hedgesync drift %s", first.Name)
	p.line("Change it in Git:")
	p.line("  git clone %s work && cd work", w.PushURL())
	p.line("  sed -i 's/builds things/breaks things/' lab/servers.yaml && git commit -am 'Rename a server' && git push")
	p.line("  hedgesync plan %s", first.Name)
	p.line("Let a switch misbehave (ok, lag=30s, dead, failing):")
	p.line("  hedgesync-sandbox agent --dir %s %s leaf-1 --mode dead", w.Dir, first.Name)
	p.line("")
	p.line("All of this for a shell: . %s", w.EnvFile())
	p.line("ready")
	return p.err
}

// printer remembers the first error.
type printer struct {
	out io.Writer
	err error
}

func (p *printer) line(format string, args ...any) {
	if p.err == nil {
		_, p.err = fmt.Fprintf(p.out, format+"\n", args...)
	}
}
