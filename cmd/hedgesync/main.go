// Command hedgesync keeps Hedgehog fabrics as Git wants them.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/hedgesync/hedgesync/internal/api/client"
	"github.com/hedgesync/hedgesync/internal/app"
	"github.com/hedgesync/hedgesync/internal/fault"
)

// Exit codes. A command that compares says differences by 1, and anything that
// kept it from comparing by 2.
const (
	exitOK      = 0
	exitDiffers = 1
	exitError   = 2
)

func main() {
	// A reader that goes away must not end a run: the write reports it, see sink.
	signal.Ignore(syscall.SIGPIPE)
	c := &command{in: os.Stdin, out: &sink{w: os.Stdout}, err: os.Stderr}
	os.Exit(c.run(context.Background(), os.Args[1:]))
}

// command is one call of the program.
type command struct {
	in        io.Reader
	out       *sink
	err       io.Writer
	interrupt interrupts

	config app.Config
	output string // -o
	plain  bool   // --no-color, or standard output is not a terminal
	code   int    // what a command that compares found
	began  bool   // the command line is understood
	failed int    // exit code of an error, if it is not exitError
	opened *app.App
}

// run executes one command line and returns its exit code.
func (c *command) run(ctx context.Context, args []string) int {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	c.interrupt.end = stop
	root := c.root()
	root.SetArgs(args)
	root.SetIn(c.in)
	root.SetOut(c.out)
	root.SetErr(c.err)
	cmd, err := root.ExecuteContextC(ctx)
	if err != nil && !c.began {
		err = fault.New(fault.Invalid, "cli.usage", "%w", err).WithHint("%s --help", cmd.CommandPath())
	}
	if errors.Is(err, context.Canceled) {
		err = context.Cause(ctx)
	}
	if c.opened != nil {
		err = errors.Join(err, c.opened.Close())
	}
	if err = errors.Join(err, c.out.broken()); err != nil {
		c.report(err)
		return or(c.failed, exitError)
	}
	return c.code
}

// report says what failed, and the next move.
func (c *command) report(err error) {
	fmt.Fprintf(c.err, "error: %v\n", err)
	if hint := fault.HintOf(err); hint != "" {
		fmt.Fprintf(c.err, "  try: %s\n", hint)
	}
}

func (c *command) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "hedgesync",
		Short: "Keep Hedgehog fabrics as Git wants them",
		Long: `hedgesync compares a directory of Hedgehog objects in Git with a fabric's
Kubernetes API, says what it would do, does it in a safe order, and proves by
reading back that nothing is left to do.`,
		SilenceUsage:  true,
		SilenceErrors: true,
		PersistentPreRunE: func(*cobra.Command, []string) error {
			c.began = true
			c.plain = c.plain || os.Getenv("NO_COLOR") != "" || os.Getenv("TERM") == "dumb" || !isTerminal(c.out.w)
			return checkOutput(c.output)
		},
	}
	f := root.PersistentFlags()
	f.StringVar(&c.config.Data, "data", app.DataDir(), "directory of the database, its key and the Git cache (HEDGESYNC_DATA)")
	f.StringVar(&c.config.Database, "database", os.Getenv("HEDGESYNC_DATABASE"), "postgres:// address to use instead of the embedded database (HEDGESYNC_DATABASE)")
	f.StringVarP(&c.output, "output", "o", "table", "table, wide, json or yaml")
	f.BoolVar(&c.plain, "no-color", false, "no colours (NO_COLOR)")
	root.AddCommand(
		c.validateCommand(), c.fabricCommand(), c.planCommand(), c.diffCommand(), c.driftCommand(),
		c.syncCommand(), c.applyCommand(), c.statusCommand(), c.runsCommand(), c.versionCommand(),
	)
	c.completeNames(root)
	return root
}

// group makes a command that only has commands of its own refuse any other word.
func group(cmd *cobra.Command) *cobra.Command {
	cmd.Args = cobra.NoArgs
	cmd.RunE = func(cmd *cobra.Command, _ []string) error { return cmd.Help() }
	return cmd
}

// client starts the application in this process and returns a client of its API:
// the one path that every command takes.
func (c *command) client(ctx context.Context) (*client.Client, error) {
	if c.opened == nil {
		c.interrupt.listen(ctx)
		c.config.Version = version()
		c.config.Log = slog.New(slog.NewTextHandler(c.err, nil))
		a, err := app.Open(ctx, c.config)
		if err != nil {
			return nil, err
		}
		c.opened = a
	}
	return c.opened.Client(), nil
}

func (c *command) versionCommand() *cobra.Command {
	return &cobra.Command{
		Use: "version", Short: "Print the program's version", Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			return c.print(map[string]string{"version": version()}, func(w io.Writer) { fmt.Fprintln(w, "hedgesync", version()) })
		},
	}
}

// released is set by the linker in a release; otherwise the module says it.
var released string

func version() string {
	if released != "" {
		return released
	}
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "(devel)"
}
