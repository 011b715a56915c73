package main

import (
	"github.com/spf13/cobra"

	"github.com/hedgesync/hedgesync/internal/api"
	"github.com/hedgesync/hedgesync/internal/app"
	"github.com/hedgesync/hedgesync/internal/fabric"
)

func (c *command) fabricRBAC() *cobra.Command {
	r := app.Rights{}
	var mode string
	var kinds []string
	cmd := &cobra.Command{
		Use: "rbac [NAME]", Short: "Print the account and the rights that a fabric's cluster must grant, and no more", Args: cobra.MaximumNArgs(1),
		Long: `Prints a service account, its token and its roles, for an administrator to apply
in the fabric's cluster. Mode, namespaces and kinds are the fabric's own if it is
named, else those of the flags, so that the account can be made first. In observe
mode it may only read.

Put its token into a kubeconfig:
  kubectl get secret -n default hedgesync -o jsonpath='{.data.token}' | base64 -d`,
		Example: `  hedgesync fabric rbac --mode enforce | kubectl apply -f -
  hedgesync fabric rbac lab | kubectl apply -f -`,
		RunE: func(cmd *cobra.Command, args []string) error {
			r.Mode, r.Kinds = fabric.Mode(mode), api.ParseKinds(kinds)
			if len(args) == 1 {
				cl, err := c.client(cmd.Context())
				if err != nil {
					return err
				}
				f, err := cl.Fabric(cmd.Context(), args[0])
				if err != nil {
					return err
				}
				r.Mode, r.Namespaces, r.Kinds = fabric.Mode(f.Mode), f.Cluster.Namespaces, api.ParseKinds(f.Kinds)
			}
			text, err := r.Manifest()
			if err != nil {
				return err
			}
			_, err = c.out.Write(text)
			return encoded(err, c.out)
		},
	}
	f := cmd.Flags()
	f.StringVar(&mode, "mode", string(fabric.Observe), "observe or enforce")
	f.StringSliceVar(&r.Namespaces, "namespace", []string{"default"}, "namespaces of the fabric's objects")
	f.StringSliceVar(&kinds, "kind", nil, "kinds to manage, as Switch.wiring.githedgehog.com (default: all of the user's)")
	f.StringVar(&r.Account, "account", "hedgesync", "name of the service account and its roles")
	f.StringVar(&r.Home, "account-namespace", "default", "namespace of the service account")
	return cmd
}
