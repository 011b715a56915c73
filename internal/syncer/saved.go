package syncer

import (
	"bytes"
	"context"
	"fmt"
	"strings"

	"github.com/hedgesync/hedgesync/internal/fault"
	"github.com/hedgesync/hedgesync/internal/plan"
)

// Document returns the look's plan as it is saved: with everything it was made
// from, so that applying it can tell whether an input moved.
func (l Look) Document() plan.Document { return l.Plan.Document(l.input(nil, nil)) }

// saved returns the plan this run was asked to apply, if everything it was made
// from is still as it was; otherwise fault.Conflict naming what moved.
func (e *execution) saved(ctx context.Context) (plan.Plan, error) {
	s, err := e.Store.SavedPlan(ctx, e.params.Plan)
	if err != nil {
		return plan.Plan{}, err
	}
	d, err := plan.Parse(bytes.NewReader(s.Document))
	if err != nil {
		return plan.Plan{}, err
	}
	moved := d.Check(e.look.input(nil, nil))
	if len(moved) == 0 {
		return d.Plan(), nil
	}
	return plan.Plan{}, fault.New(fault.Conflict, "plan.moved", "the plan no longer holds: %s", listed(moved)).
		WithHint("make it anew: hedgesync plan %s --save", e.settings.ID)
}

// mostListed bounds how many of a long list an error names.
const mostListed = 5

func listed(moved []plan.Move) string {
	var names []string
	for _, m := range moved[:min(len(moved), mostListed)] {
		names = append(names, m.String())
	}
	if n := len(moved) - mostListed; n > 0 {
		names = append(names, fmt.Sprintf("and %d more", n))
	}
	return strings.Join(names, "; ")
}
