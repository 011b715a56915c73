package main

import (
	"errors"
	"fmt"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/hedgesync/hedgesync/sandbox/world"
)

func kubeCommand() *cobra.Command {
	c := world.ClusterConfig{}
	cmd := &cobra.Command{
		Use:   "kube",
		Short: "Start one empty cluster and say \"ready KUBECONFIG\"; SIGTERM stops it",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			var err error
			if c.Dir, err = filepath.Abs(c.Dir); err != nil {
				return err
			}
			c.Log = logger()
			cluster, err := world.StartCluster(cmd.Context(), c)
			if err != nil {
				return err
			}
			if _, err := fmt.Fprintln(cmd.OutOrStdout(), "ready", cluster.Kubeconfig); err != nil {
				return errors.Join(err, cluster.Stop())
			}
			<-cmd.Context().Done()
			return cluster.Stop()
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&c.Dir, "dir", "", "where the kubeconfig and the objects are kept")
	flags.StringVar(&c.Name, "name", "sandbox", "name of the cluster in the kubeconfig")
	flags.IntVar(&c.Port, "port", 0, "port on 127.0.0.1; 0 takes a free one")
	flags.BoolVar(&c.Memory, "memory", false, "keep objects in memory only")
	flags.BoolVar(&c.Admission, "admission", true, "rewrite and refuse objects as a fabric does")
	flags.BoolVar(&c.Controller, "controller", true, "make switch models and agents")
	flags.BoolVar(&c.Agents, "agents", false, "let simulated switches report")
	timingFlags(cmd, &c.Timing)
	if err := cmd.MarkFlagRequired("dir"); err != nil {
		panic(err) // the flag is defined above
	}
	return cmd
}
