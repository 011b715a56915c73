// Command hedgesync-sandbox is a world to try hedgesync in: Kubernetes APIs that
// serve fabrics, switches that report, and a Git server that holds what the
// fabrics should be. Nothing in it leaves this machine.
package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/hedgesync/hedgesync/sandbox/kubeapi"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := root().ExecuteContext(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "hedgesync-sandbox:", err)
		os.Exit(1)
	}
}

func root() *cobra.Command {
	verbose := false
	cmd := &cobra.Command{
		Use:           "hedgesync-sandbox",
		Short:         "A world to try hedgesync in",
		SilenceUsage:  true,
		SilenceErrors: true,
		PersistentPreRun: func(*cobra.Command, []string) {
			if !verbose {
				kubeapi.LogTo(io.Discard)
			}
		},
	}
	cmd.PersistentFlags().BoolVarP(&verbose, "verbose", "v", false, "let the libraries log to stderr")
	cmd.AddCommand(upCommand(), kubeCommand(), webhookCommand(), agentCommand())
	return cmd
}

func logger() *slog.Logger {
	return slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
}

// home is where a sandbox lives unless told otherwise.
func home() string {
	if state := os.Getenv("XDG_STATE_HOME"); state != "" {
		return filepath.Join(state, "hedgesync-sandbox")
	}
	user, err := os.UserHomeDir()
	if err != nil {
		return "hedgesync-sandbox"
	}
	return filepath.Join(user, ".local", "state", "hedgesync-sandbox")
}
