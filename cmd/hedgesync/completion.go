package main

import (
	"os"
	"strings"

	"github.com/spf13/cobra"
)

// completeNames lets the shell complete fabric names wherever a command takes the
// name of one that exists.
func (c *command) completeNames(cmd *cobra.Command) {
	for _, sub := range cmd.Commands() {
		c.completeNames(sub)
	}
	if strings.Contains(cmd.Use, "NAME") && cmd.Name() != "add" {
		cmd.ValidArgsFunction = c.fabricNames
	}
}

func (c *command) fabricNames(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	if _, err := os.Stat(c.config.Data); len(args) > 0 || err != nil && c.config.Database == "" {
		return nil, cobra.ShellCompDirectiveNoFileComp // a key press makes no database
	}
	cl, err := c.client(cmd.Context())
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	fabrics, err := cl.Fabrics(cmd.Context())
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	var names []string
	for _, f := range fabrics {
		names = append(names, f.ID)
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}
