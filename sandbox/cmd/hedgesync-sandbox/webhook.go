package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/hedgesync/hedgesync/sandbox/admission"
	"github.com/hedgesync/hedgesync/sandbox/kubeapi"
	"github.com/hedgesync/hedgesync/sandbox/objects"
	"github.com/hedgesync/hedgesync/sandbox/world"
)

func webhookCommand() *cobra.Command {
	var kubeconfig string
	var define bool
	life := world.LifeConfig{}
	cmd := &cobra.Command{
		Use:   "webhook",
		Short: "Make a real Kubernetes API on this machine behave as a fabric's and say \"ready\"; SIGTERM takes it back",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
			if err != nil {
				return fmt.Errorf("read the kubeconfig: %w", err)
			}
			config.QPS = -1
			if define {
				if err := kubeapi.Define(cmd.Context(), config); err != nil {
					return fmt.Errorf("define the kinds: %w", err)
				}
			}
			life.Log = logger()
			return serveWebhooks(cmd, config, life)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&kubeconfig, "kubeconfig", "", "of a cluster administrator")
	flags.BoolVar(&define, "kinds", false, "define the kinds first")
	flags.BoolVar(&life.Controller, "controller", false, "make switch models and agents too")
	flags.BoolVar(&life.Agents, "agents", false, "let simulated switches report too")
	timingFlags(cmd, &life.Timing)
	if err := cmd.MarkFlagRequired("kubeconfig"); err != nil {
		panic(err) // the flag is defined above
	}
	return cmd
}

func serveWebhooks(cmd *cobra.Command, config *rest.Config, c world.LifeConfig) error {
	ctx := cmd.Context()
	seen, err := objects.Watch(ctx, config, admission.Reads...)
	if err != nil {
		return err
	}
	defer seen.Stop()
	hooks, err := admission.Serve(ctx, config, seen)
	if err != nil {
		return err
	}
	life, err := world.Enliven(ctx, config, c)
	if err != nil {
		return errors.Join(err, hooks.Close())
	}
	defer life.Stop()
	if _, err := fmt.Fprintln(cmd.OutOrStdout(), "ready"); err != nil {
		return errors.Join(err, hooks.Close())
	}
	<-ctx.Done()
	return hooks.Close()
}
