package syncer

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

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
	if !s.Expires.IsZero() && e.Now().After(s.Expires) {
		return plan.Plan{}, fault.New(fault.Conflict, "plan.expired", "the plan expired at %s", s.Expires.Format(time.RFC3339)).
			WithHint("make it anew: hedgesync plan %s --save", e.settings.ID)
	}
	d, err := plan.Parse(bytes.NewReader(s.Document))
	if err != nil {
		return plan.Plan{}, err
	}
	moved := d.Check(e.look.input(nil, nil))
	if len(moved) == 0 {
		return d.Plan(), nil
	}
	names := make([]string, len(moved))
	for i, m := range moved {
		names[i] = m.String()
	}
	return plan.Plan{}, fault.New(fault.Conflict, "plan.moved", "the plan no longer holds: %s", listed(names)).
		WithHint("make it anew: hedgesync plan %s --save", e.settings.ID)
}

// mostListed bounds how many of a long list an error names.
const mostListed = 5

func listed(all []string) string {
	names := slices.Clone(all[:min(len(all), mostListed)])
	if n := len(all) - mostListed; n > 0 {
		names = append(names, fmt.Sprintf("and %d more", n))
	}
	return strings.Join(names, "; ")
}
