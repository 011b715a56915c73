package main

import (
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/hedgesync/hedgesync/internal/api"
	"github.com/hedgesync/hedgesync/internal/app"
	"github.com/hedgesync/hedgesync/internal/fabric"
	"github.com/hedgesync/hedgesync/internal/fault"
)

func (c *command) fabricCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "fabric", Short: "Add, show, change, test and remove fabrics"}
	cmd.AddCommand(c.fabricAdd(), c.fabricList(), c.fabricGet(), c.fabricEdit(), c.fabricRemove(), c.fabricTest(), c.fabricRBAC())
	return group(cmd)
}

// settingFlags are the flags of add and edit; which were given is asked of the set.
type settingFlags struct {
	repo, branch, path, context, kubeconfig string
	username, tokenFile, sshKey, knownHosts string
	ca, mode, onFailure, strategy           string
	namespaces, kinds                       []string
	adopt, prune, allowExec                 bool
	maxDeletes, maxPercent, batch           int
}

func (s *settingFlags) register(f *pflag.FlagSet) {
	f.StringVar(&s.repo, "repo", "", "Git repository: https://, ssh:// or a path")
	f.StringVar(&s.branch, "branch", "", "branch (default: the remote's default branch)")
	f.StringVar(&s.path, "path", "", "directory in the repository (default: its root)")
	f.StringVar(&s.kubeconfig, "kubeconfig", "", "kubeconfig file of the fabric's API")
	f.StringVar(&s.context, "context", "", "context in the kubeconfig (default: its current one)")
	f.StringSliceVar(&s.namespaces, "namespace", nil, "namespaces to read (default: default)")
	f.BoolVar(&s.allowExec, "allow-exec", false, "let the kubeconfig run credential plugins")
	f.StringVar(&s.username, "git-username", "", "user name for Git over https")
	f.StringVar(&s.tokenFile, "git-token-file", "", "file with the token or password for Git over https; - reads standard input")
	f.StringVar(&s.sshKey, "git-ssh-key", "", "file with the private key for Git over ssh (passphrase: HEDGESYNC_SSH_PASSPHRASE)")
	f.StringVar(&s.knownHosts, "git-known-hosts", "", "file with the known_hosts lines of the Git server; required for ssh")
	f.StringVar(&s.ca, "git-ca", "", "file with certificates to trust for Git besides the system's")
	f.StringVar(&s.mode, "mode", string(fabric.Observe), "observe (compare, never write) or enforce")
	f.StringVar(&s.onFailure, "on-failure", string(fabric.Rollback), "rollback, or keep what was applied, when a later change fails")
	f.StringVar(&s.strategy, "strategy", string(fabric.Manual), "manual or git-wins, when Git and the cluster both changed an object")
	f.StringSliceVar(&s.kinds, "kind", nil, "kinds to manage, as Switch.wiring.githedgehog.com (default: all of the user's)")
	f.BoolVar(&s.adopt, "adopt", false, "overwrite objects that exist, differ and were never ours")
	f.BoolVar(&s.prune, "prune", false, "delete what we applied and Git no longer names")
	f.IntVar(&s.maxDeletes, "max-deletes", fabric.DefaultMaxDeletes, "hold a plan with more deletes than this")
	f.IntVar(&s.maxPercent, "max-delete-percent", fabric.DefaultMaxDeletePercent, "hold a plan that deletes more than this share of our objects")
	f.IntVar(&s.batch, "batch-size", fabric.DefaultBatchSize, "objects per batch, 10 to 200")
}

// credential reads the files that the flags name; nil if none is named.
func (s *settingFlags) credential(stdin io.Reader) (*api.Credential, error) {
	cr := api.Credential{Username: s.username}
	var err error
	for _, f := range []struct {
		to   *string
		file string
	}{{&cr.Password, s.tokenFile}, {&cr.SSHKey, s.sshKey}, {&cr.KnownHosts, s.knownHosts}, {&cr.CA, s.ca}} {
		if *f.to, err = content(f.file, stdin); err != nil {
			return nil, err
		}
	}
	cr.Password = strings.TrimSpace(cr.Password)
	if s.tokenFile != "" && cr.Password == "" {
		return nil, fault.New(fault.Invalid, "cli.token", "there is no token in %s", s.tokenFile)
	}
	if s.sshKey != "" {
		cr.SSHKeyPass = os.Getenv("HEDGESYNC_SSH_PASSPHRASE")
	}
	if cr == (api.Credential{}) {
		return nil, nil
	}
	return &cr, nil
}

// maxCredential bounds a credential's file; a bundle of certificates is the largest.
const maxCredential = 256 << 10

func content(file string, stdin io.Reader) (string, error) {
	if file == "" {
		return "", nil
	}
	from := stdin
	if file != "-" {
		f, err := os.Open(file)
		if err != nil {
			return "", fault.New(fault.Missing, "cli.file", "%w", err)
		}
		defer f.Close()
		from = f
	}
	b, err := io.ReadAll(io.LimitReader(from, maxCredential+1))
	switch {
	case err != nil:
		return "", fault.New(fault.Invalid, "cli.file", "read %s: %w", file, err)
	case len(b) > maxCredential:
		return "", fault.New(fault.Invalid, "cli.file", "%s is larger than any credential: %d KiB are accepted", file, maxCredential>>10)
	}
	return string(b), nil
}

func (c *command) fabricAdd() *cobra.Command {
	var s settingFlags
	cmd := &cobra.Command{
		Use:   "add NAME --repo URL --kubeconfig FILE",
		Short: "Add a fabric",
		Long: `Records where a fabric's wanted state is written and where its API is. Nothing
is read or written yet: "hedgesync fabric test NAME" tries both.

Credentials are sealed in the database and never shown again.`,
		Example: `  hedgesync fabric add lab --repo https://git.example.net/net/fabrics.git --path lab --kubeconfig lab.kubeconfig
  hedgesync fabric add lab --repo ssh://git@git.example.net/net/fabrics.git --path lab \
      --git-ssh-key deploy.key --git-known-hosts known_hosts --kubeconfig lab.kubeconfig --mode enforce`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if s.repo == "" || s.kubeconfig == "" {
				return fault.New(fault.Invalid, "cli.missing-flag", "--repo and --kubeconfig are required").
					WithHint("hedgesync fabric add --help shows examples")
			}
			n, err := s.newFabric(args[0], cmd.InOrStdin())
			if err != nil {
				return err
			}
			cl, err := c.client(cmd.Context())
			if err != nil {
				return err
			}
			f, err := cl.AddFabric(cmd.Context(), n)
			if err != nil {
				return err
			}
			fmt.Fprintf(c.err, "next: hedgesync fabric test %s\n", f.ID)
			return c.print(f, func(w io.Writer) { fmt.Fprintf(w, "fabric %s added in %s mode\n", f.ID, f.Mode) })
		},
	}
	s.register(cmd.Flags())
	return cmd
}

func (s *settingFlags) newFabric(id string, stdin io.Reader) (api.NewFabric, error) {
	kubeconfig, err := app.Kubeconfig(s.kubeconfig)
	if err != nil {
		return api.NewFabric{}, err
	}
	credential, err := s.credential(stdin)
	if err != nil {
		return api.NewFabric{}, err
	}
	repo, err := app.RepositoryURL(s.repo)
	if err != nil {
		return api.NewFabric{}, err
	}
	return api.NewFabric{
		ID: id, Kubeconfig: kubeconfig, Credential: credential,
		Repository: api.Repository{URL: repo, Branch: s.branch, Path: s.path},
		Cluster:    api.Cluster{Context: s.context, Namespaces: s.namespaces, AllowExec: s.allowExec},
		Policy: &api.Policy{
			Mode: s.mode, OnFailure: s.onFailure, Strategy: s.strategy, Adopt: s.adopt, Prune: s.prune, Kinds: s.kinds,
			MaxDeletes: s.maxDeletes, MaxDeletePercent: s.maxPercent, BatchSize: s.batch,
		},
	}, nil
}

func or[T comparable](v, fallback T) T {
	var zero T
	if v == zero {
		return fallback
	}
	return v
}

func (c *command) fabricList() *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "List fabrics", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cl, err := c.client(cmd.Context())
			if err != nil {
				return err
			}
			fs, err := cl.Fabrics(cmd.Context())
			if err != nil {
				return err
			}
			return c.print(fs, func(w io.Writer) { c.writeFabrics(w, fs) })
		},
	}
}

func (c *command) writeFabrics(w io.Writer, fs []api.Fabric) {
	if len(fs) == 0 {
		fmt.Fprintln(c.err, "no fabrics yet: hedgesync fabric add --help")
		return
	}
	rows := [][]string{{"NAME", "MODE", "REPOSITORY", "BRANCH", "PATH"}}
	if c.wide() {
		rows[0] = append(rows[0], "ON FAILURE", "STRATEGY", "PRUNE", "SECRETS")
	}
	for _, f := range fs {
		r := []string{f.ID, f.Mode, f.Repository.URL, dash(f.Repository.Branch), dash(f.Repository.Path)}
		if c.wide() {
			r = append(r, f.OnFailure, f.Strategy, fmt.Sprint(f.Prune), dash(strings.Join(f.Secrets, ",")))
		}
		rows = append(rows, r)
	}
	table(w, rows)
}

func (c *command) fabricGet() *cobra.Command {
	return &cobra.Command{
		Use: "get NAME", Short: "Show one fabric's settings", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			cl, err := c.client(cmd.Context())
			if err != nil {
				return err
			}
			f, err := cl.Fabric(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			return c.print(f, func(w io.Writer) { writeFabric(w, f) })
		},
	}
}

func writeFabric(w io.Writer, f api.Fabric) {
	table(w, [][]string{
		{"Name", f.ID},
		{"Repository", f.Repository.URL},
		{"Branch", or(f.Repository.Branch, "(the remote's default)")},
		{"Path", or(f.Repository.Path, "(the root)")},
		{"Context", or(f.Cluster.Context, "(the kubeconfig's current)")},
		{"Namespaces", strings.Join(f.Cluster.Namespaces, ", ")},
		{"Mode", f.Mode},
		{"On failure", f.OnFailure},
		{"Strategy", f.Strategy},
		{"Adopt", fmt.Sprint(f.Adopt)},
		{"Prune", fmt.Sprint(f.Prune)},
		{"Kinds", or(strings.Join(f.Kinds, ", "), "(all of the user's)")},
		{"Delete guard", fmt.Sprintf("%d objects, %d %%", f.MaxDeletes, f.MaxDeletePercent)},
		{"Batch size", fmt.Sprint(f.BatchSize)},
		{"Credentials", or(strings.Join(f.Secrets, ", "), "(none)")},
	})
}

func (c *command) fabricEdit() *cobra.Command {
	var s settingFlags
	cmd := &cobra.Command{
		Use: "edit NAME [flags]", Short: "Change the settings that are named by flags", Args: cobra.ExactArgs(1),
		Example: "  hedgesync fabric edit lab --mode enforce --prune",
		RunE: func(cmd *cobra.Command, args []string) error {
			e, err := s.edit(cmd.Flags(), cmd.InOrStdin())
			if err != nil {
				return err
			}
			cl, err := c.client(cmd.Context())
			if err != nil {
				return err
			}
			f, err := cl.Fabric(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			e.Version = f.Version
			if f, err = cl.EditFabric(cmd.Context(), args[0], e); err != nil {
				return err
			}
			return c.print(f, func(w io.Writer) { writeFabric(w, f) })
		},
	}
	s.register(cmd.Flags())
	cmd.Flags().VisitAll(func(f *pflag.Flag) { f.DefValue = unchanged(f) })
	return cmd
}

// unchanged is the default that help does not show: a setting stays as it is.
func unchanged(f *pflag.Flag) string {
	switch f.Value.Type() {
	case "int":
		return "0"
	case "string":
		return ""
	}
	return f.DefValue
}

// edit names what the flags name.
func (s *settingFlags) edit(f *pflag.FlagSet, stdin io.Reader) (api.EditFabric, error) {
	e := api.EditFabric{
		URL: given(f, "repo", s.repo), Branch: given(f, "branch", s.branch), Path: given(f, "path", s.path),
		Context: given(f, "context", s.context), AllowExec: given(f, "allow-exec", s.allowExec),
		Mode: given(f, "mode", s.mode), OnFailure: given(f, "on-failure", s.onFailure), Strategy: given(f, "strategy", s.strategy),
		Adopt: given(f, "adopt", s.adopt), Prune: given(f, "prune", s.prune),
		MaxDeletes: given(f, "max-deletes", s.maxDeletes), MaxDeletePercent: given(f, "max-delete-percent", s.maxPercent),
		BatchSize: given(f, "batch-size", s.batch),
	}
	if f.Changed("namespace") {
		e.Namespaces = append([]string{}, s.namespaces...)
	}
	if f.Changed("kind") {
		e.Kinds = append([]string{}, s.kinds...)
	}
	var err error
	if e.URL != nil {
		if *e.URL, err = app.RepositoryURL(*e.URL); err != nil {
			return e, err
		}
	}
	if f.Changed("kubeconfig") {
		k, err := app.Kubeconfig(s.kubeconfig)
		if err != nil {
			return e, err
		}
		e.Kubeconfig = &k
	}
	e.Credential, err = s.editCredential(f, stdin)
	return e, err
}

func (s *settingFlags) editCredential(f *pflag.FlagSet, stdin io.Reader) (*api.EditCredential, error) {
	cr, err := s.credential(stdin)
	if err != nil {
		return nil, err
	}
	if cr == nil {
		cr = &api.Credential{}
	}
	e := api.EditCredential{
		Username: given(f, "git-username", cr.Username), KnownHosts: given(f, "git-known-hosts", cr.KnownHosts), CA: given(f, "git-ca", cr.CA),
		Password: cr.Password, SSHKey: cr.SSHKey, SSHKeyPass: cr.SSHKeyPass,
	}
	if e == (api.EditCredential{}) {
		return nil, nil
	}
	return &e, nil
}

func given[T any](f *pflag.FlagSet, flag string, v T) *T {
	if !f.Changed(flag) {
		return nil
	}
	return &v
}

func (c *command) fabricRemove() *cobra.Command {
	var yes bool
	cmd := &cobra.Command{
		Use: "remove NAME --yes", Short: "Forget a fabric", Args: cobra.ExactArgs(1),
		Long: `Forgets a fabric, its runs and the record of what was applied to it. Nothing in
its cluster or in Git is touched; added again, its objects are adopted as they are.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if !yes {
				return fault.New(fault.Invalid, "cli.confirm", "this forgets the fabric's runs and its record of what was applied").
					WithHint("hedgesync fabric remove %s --yes", args[0])
			}
			cl, err := c.client(cmd.Context())
			if err != nil {
				return err
			}
			if err := cl.RemoveFabric(cmd.Context(), args[0]); err != nil {
				return err
			}
			return c.print(api.Removed{Removed: args[0]}, func(w io.Writer) {
				fmt.Fprintf(w, "fabric %s removed; its cluster and Git were not touched\n", args[0])
			})
		},
	}
	cmd.Flags().BoolVar(&yes, "yes", false, "do it")
	return cmd
}

func (c *command) fabricTest() *cobra.Command {
	return &cobra.Command{
		Use: "test NAME", Short: "Try Git and the cluster, stage by stage, without changing anything", Args: cobra.ExactArgs(1),
		Long: "Exit code: 0 all stages passed, 1 some did not, 2 not tested.",
		RunE: func(cmd *cobra.Command, args []string) error {
			cl, err := c.client(cmd.Context())
			if err != nil {
				return err
			}
			t, err := cl.TestFabric(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			if !t.OK {
				c.code = exitDiffers
			}
			return c.print(t, func(w io.Writer) { writeTest(w, t) })
		},
	}
}

func writeTest(w io.Writer, t api.Test) {
	rows := [][]string{{"STAGE", "STATE", "TIME", "DETAIL"}}
	var hints []string
	for _, s := range t.Stages {
		rows = append(rows, []string{s.Name, s.State, fmt.Sprintf("%d ms", s.Millis), s.Detail})
		if s.Hint != "" {
			hints = append(hints, s.Name+": "+s.Hint)
		}
	}
	table(w, rows)
	for _, h := range hints {
		fmt.Fprintln(w, h)
	}
}
