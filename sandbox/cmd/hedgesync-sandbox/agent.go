package main

import (
	"fmt"
	"path/filepath"

	"github.com/spf13/cobra"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/hedgesync/hedgesync/sandbox/agents"
)

func agentCommand() *cobra.Command {
	var dir, kubeconfig, mode string
	cmd := &cobra.Command{
		Use:   "agent FABRIC SWITCH",
		Short: "Tell a simulated switch how to behave",
		Args:  cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			fabric, name := args[0], args[1]
			file := kubeconfig
			if file == "" {
				file = filepath.Join(dir, fabric, "kubeconfig")
			}
			config, err := clientcmd.BuildConfigFromFlags("", file)
			if err != nil {
				return fmt.Errorf("read the kubeconfig of fabric %s: %w", fabric, err)
			}
			err = agents.SetMode(cmd.Context(), config, name, mode)
			if apierrors.IsNotFound(err) {
				return fmt.Errorf("fabric %s has no agent %s: sync the fabric first", fabric, name)
			}
			if err != nil {
				return fmt.Errorf("tell switch %s of fabric %s: %w", name, fabric, err)
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s %s: %s\n", fabric, name, mode)
			return err
		},
	}
	cmd.Flags().StringVar(&dir, "dir", home(), "folder of the sandbox")
	cmd.Flags().StringVar(&kubeconfig, "kubeconfig", "", "of the fabric, instead of --dir")
	cmd.Flags().StringVar(&mode, "mode", "ok", "ok, lag=DURATION, dead or failing")
	return cmd
}
