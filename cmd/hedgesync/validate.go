package main

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/hedgesync/hedgesync/internal/api"
	"github.com/hedgesync/hedgesync/internal/app"
)

// validation is the result of checking a directory, for a program.
type validation struct {
	Valid    bool           `json:"valid"`
	Objects  int            `json:"objects"`
	Files    int            `json:"files"`
	Errors   int            `json:"errors"`
	Warnings int            `json:"warnings"`
	Counts   map[string]int `json:"counts"`
	Problems []api.Problem  `json:"problems"`
}

func (c *command) validateCommand() *cobra.Command {
	var profiles string
	var strict bool
	cmd := &cobra.Command{
		Use:   "validate DIR...",
		Short: "Check directories of Hedgehog objects, offline",
		Long: `Reads every YAML file below each DIR, which is one fabric, or one file, and
reports all problems at once, each with its file, line and column: structure and unknown fields, references, VLAN and
address ranges, ports against the switch profiles, and what the API accepts
although it cannot work. No cluster and no network is needed.

Without --profiles, what depends on a switch profile is said to be unchecked.

Exit code: 0 no error, 1 errors (or warnings with --strict), 2 not checked.`,
		Example: `  hedgesync validate fabrics/lab fabrics/prod
  kubectl get switchprofiles -o yaml > profiles.yaml && hedgesync validate --profiles profiles.yaml fabrics/lab`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			r, err := app.Validate(args, profiles)
			if err != nil {
				return err
			}
			v := shown(r)
			if !v.Valid || strict && v.Warnings > 0 {
				c.code = exitDiffers
			}
			return c.print(v, v.write)
		},
	}
	cmd.Flags().StringVar(&profiles, "profiles", "", "file or directory with SwitchProfile objects, as kubectl get switchprofiles -o yaml prints them")
	cmd.Flags().BoolVar(&strict, "strict", false, "warnings count as errors")
	return cmd
}

func shown(r app.Validation) validation {
	v := validation{Objects: r.Objects, Files: r.Files, Counts: r.Counts, Problems: []api.Problem{}}
	for _, p := range r.Problems {
		v.Problems = append(v.Problems, api.ShapeProblem(p))
		switch p.Severity {
		case "error":
			v.Errors++
		case "warning":
			v.Warnings++
		}
	}
	v.Valid = v.Errors == 0
	return v
}

// write prints problems the way compilers do, so that editors find the places.
func (v validation) write(w io.Writer) {
	writeProblems(w, v.Problems)
	verdict := "valid"
	if !v.Valid {
		verdict = "not valid"
	}
	fmt.Fprintf(w, "%s: %s in %s, %s, %s\n", verdict, count(v.Objects, "object"), count(v.Files, "file"), count(v.Errors, "error"), count(v.Warnings, "warning"))
}

func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

func writeProblems(w io.Writer, ps []api.Problem) {
	for _, p := range ps {
		place := p.File
		if p.Line > 0 {
			place = fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Column)
		}
		object := ""
		if p.Object != "" {
			object = p.Object + ": "
		}
		fmt.Fprintf(w, "%s: %s: %s%s [%s]\n", place, p.Severity, object, p.Message, p.Rule)
		if p.Hint != "" {
			fmt.Fprintf(w, "    %s\n", p.Hint)
		}
	}
}
