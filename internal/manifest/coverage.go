package manifest

import (
	"fmt"
	"slices"
	"strings"

	"github.com/hedgesync/hedgesync/internal/fabric"
)

// set settles duplicates and coverage, and closes the gathering.
func (g *gathering) set(files int) (*Set, error) {
	s := &Set{Files: files, Documents: len(g.docs), Counts: map[fabric.Kind]int{}, places: make(map[fabric.Key]place, len(g.found)), docs: g.docs}
	resources := make([]fabric.Resource, 0, len(g.found))
	for key, all := range g.found {
		if len(all) > 1 {
			g.duplicates(key, all)
			continue
		}
		if all[0].bad {
			continue
		}
		resources = append(resources, all[0].resource)
		s.places[key] = all[0].place
		s.Counts[key.Kind]++
	}
	s.Problems = fabric.SortProblems(g.problems)
	var err error
	s.Snapshot, err = fabric.NewSnapshot(g.options.Source, g.options.AsOf, resources, g.coverage())
	return s, err
}

// duplicates reports one object written in several places, at each of them. None
// is kept: which one is meant is for a person to say.
func (g *gathering) duplicates(key fabric.Key, all []finding) {
	for i, f := range all {
		var others []string
		for j, o := range all {
			if i != j {
				others = append(others, o.resource.Origin.String())
			}
		}
		g.gaps = append(g.gaps, gap{kind: key.Kind, origin: f.resource.Origin})
		g.problems = append(g.problems, fabric.Problem{Rule: "object.duplicate", Severity: fabric.Error, Origin: f.resource.Origin, Key: key,
			Message: fmt.Sprintf("%s is also written at %s; neither is used", key, strings.Join(others, ", ")), Hint: "keep one of them"})
	}
}

// coverage is Full for every kind of which nothing may have been missed.
func (g *gathering) coverage() map[fabric.Kind]fabric.Coverage {
	missed := map[fabric.Kind][]string{}
	for _, gap := range g.gaps {
		missed[gap.kind] = append(missed[gap.kind], gap.origin.String())
	}
	coverage := make(map[fabric.Kind]fabric.Coverage, len(g.options.Kinds))
	for _, k := range g.options.Kinds {
		coverage[k] = fabric.Coverage{State: fabric.Full}
		if places := slices.Concat(missed[fabric.Kind{}], missed[k]); len(places) > 0 {
			coverage[k] = fabric.Coverage{State: fabric.Partial, Reason: reason(places)}
		}
	}
	return coverage
}

// reason names the first of the places that could not be taken in.
func reason(places []string) string {
	slices.Sort(places)
	places = slices.Compact(places)
	if len(places) == 1 {
		return places[0] + " could not be taken in"
	}
	return fmt.Sprintf("%s and %d more could not be taken in", places[0], len(places)-1)
}

// meant reports whether an object of a refused kind may be meant as one of kind k:
// another version or group of it, or a slip of the pen within its group.
func meant(refused, k fabric.Kind) bool {
	if strings.EqualFold(refused.Name, k.Name) {
		return true
	}
	if refused.Group != k.Group || len(refused.Name) > len(k.Name)+2 {
		return false
	}
	return distance(strings.ToLower(refused.Name), strings.ToLower(k.Name)) <= 2
}

// distance counts the letters to insert, drop or replace to turn a into b.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
