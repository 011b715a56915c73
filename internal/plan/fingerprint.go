package plan

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/hedgesync/hedgesync/internal/fabric"
)

// Fingerprint is what a plan was made from: equal fingerprints give equal plans.
type Fingerprint struct {
	Commit   string        `json:"commit"`
	Want     fabric.Hash   `json:"want"`     // of everything that Git says
	Problems fabric.Hash   `json:"problems"` // of what is wrong with it
	Have     []SeenText    `json:"have"`     // in key order
	Base     []RecordText  `json:"base"`     // in key order
	Read     []ReadText    `json:"read"`     // in kind order
	Settings []SettingText `json:"settings"`
	Hash     fabric.Hash   `json:"hash"` // of all of the above
}

// SeenText is one live object that the plan relies on.
type SeenText struct {
	Key             KeyText `json:"key"`
	UID             string  `json:"uid"`
	ResourceVersion string  `json:"resource_version"`
}

// RecordText is one entry of our record.
type RecordText struct {
	Key             KeyText     `json:"key"`
	UID             string      `json:"uid"`
	ResourceVersion string      `json:"resource_version"`
	WantHash        fabric.Hash `json:"want_hash"`
}

// ReadText is how much of one kind was read on both sides.
type ReadText struct {
	Group string            `json:"group"`
	Kind  string            `json:"kind"`
	Git   fabric.CoverState `json:"git"`
	Live  fabric.CoverState `json:"live"`
}

// SettingText is a setting that changes plans.
type SettingText struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// Move is one input that is not what it was.
type Move struct {
	What string // "commit", "want", "problems", "object", "record", "kind" or "setting"
	Name string // which object, kind or setting; "" for the others
	Was  string // "" if it was not there
	Now  string // "" if it is not there any more
}

// String says it in one line.
func (m Move) String() string {
	what := m.What
	if m.Name != "" {
		what += " " + m.Name
	}
	return fmt.Sprintf("%s was %s, is now %s", what, cmp.Or(m.Was, "absent"), cmp.Or(m.Now, "absent"))
}

// FingerprintOf takes the fingerprint of an input.
func FingerprintOf(in Input) Fingerprint {
	f := Fingerprint{
		Have: []SeenText{}, Base: []RecordText{},
		Want: wantHash(in.Want), Problems: problemHash(in.Problems),
		Read: readKinds(in), Settings: settingsOf(in),
	}
	if in.Want != nil {
		f.Commit = in.Want.Source()
	}
	for h := range all(in.Have) {
		f.Have = append(f.Have, SeenText{keyText(h.Key), h.UID, h.ResourceVersion})
	}
	for _, e := range in.Base {
		f.Base = append(f.Base, RecordText{keyText(e.Key), e.UID, e.ResourceVersion, e.WantHash})
	}
	slices.SortFunc(f.Base, func(a, b RecordText) int { return a.Key.key().Compare(b.Key.key()) })
	f.Hash = f.hash()
	return f
}

func (f Fingerprint) hash() fabric.Hash {
	f.Hash = ""
	return fabric.HashOf(f)
}

func wantHash(want *fabric.Snapshot) fabric.Hash {
	lines := []string{}
	for w := range all(want) {
		hash := w.Hash
		if hash == "" {
			hash = fabric.HashOf(w.Object)
		}
		lines = append(lines, fmt.Sprintf("%s %s %s %s", w.Key.Kind, w.Key, w.Version, hash))
	}
	return fabric.HashOf(lines)
}

func problemHash(problems []fabric.Problem) fabric.Hash {
	lines := []string{}
	for _, p := range problems {
		if p.Severity == fabric.Error {
			lines = append(lines, strings.Join([]string{p.Rule, p.Origin.String(), p.Key.Kind.String(), p.Key.String(), p.Pointer, p.Message}, "\x00"))
		}
	}
	slices.Sort(lines)
	return fabric.HashOf(lines)
}

func readKinds(in Input) []ReadText {
	kinds := []fabric.Kind{}
	for _, s := range []*fabric.Snapshot{in.Want, in.Have} {
		if s != nil {
			kinds = append(kinds, s.Kinds()...)
		}
	}
	slices.SortFunc(kinds, fabric.Kind.Compare)
	out := []ReadText{}
	for _, k := range slices.Compact(kinds) {
		out = append(out, ReadText{k.Group, k.Name, coverage(in.Want, k).State, coverage(in.Have, k).State})
	}
	return out
}

// settingsOf lists what a plan depends on, and nothing secret.
func settingsOf(in Input) []SettingText {
	s := in.Settings.WithDefaults()
	kinds := make([]string, len(s.Kinds))
	for i, k := range s.Kinds {
		kinds[i] = k.String()
	}
	slices.Sort(kinds)
	namespaces := slices.Sorted(slices.Values(s.Cluster.Namespaces))
	return []SettingText{
		{"fabric", string(in.Fabric)},
		{"mode", string(s.Mode)},
		{"strategy", string(s.Strategy)},
		{"adopt", fmt.Sprint(s.Adopt)},
		{"prune", fmt.Sprint(s.Prune)},
		{"kinds", strings.Join(kinds, ",")},
		{"namespaces", strings.Join(namespaces, ",")},
		{"max_deletes", fmt.Sprint(s.MaxDeletes)},
		{"max_delete_percent", fmt.Sprint(s.MaxDeletePercent)},
	}
}

// moved names everything that differs between two fingerprints, in order.
func (f Fingerprint) moved(now Fingerprint) []Move {
	if f.Hash == now.Hash {
		return nil
	}
	var out []Move
	add := func(what, was, is string) {
		if was != is {
			out = append(out, Move{What: what, Was: was, Now: is})
		}
	}
	add("commit", f.Commit, now.Commit)
	add("want", string(f.Want), string(now.Want))
	add("problems", string(f.Problems), string(now.Problems))
	out = append(out, compare("object", f.Have, now.Have, func(s SeenText) (string, string) {
		return s.Key.String(), fmt.Sprintf("%s at version %s", s.UID, s.ResourceVersion)
	})...)
	out = append(out, compare("record", f.Base, now.Base, func(r RecordText) (string, string) {
		return r.Key.String(), fmt.Sprintf("%s at version %s of %s", r.UID, r.ResourceVersion, r.WantHash)
	})...)
	out = append(out, compare("kind", f.Read, now.Read, func(k ReadText) (string, string) {
		return k.Kind + "." + k.Group, fmt.Sprintf("git %q, live %q", k.Git, k.Live)
	})...)
	return append(out, compare("setting", f.Settings, now.Settings, func(s SettingText) (string, string) {
		return s.Name, fmt.Sprintf("%q", s.Value)
	})...)
}

// compare lists the items whose text is not the same on both sides, by name.
func compare[T any](what string, was, now []T, describe func(T) (name, text string)) []Move {
	before, after := map[string]string{}, map[string]string{}
	for _, v := range was {
		name, text := describe(v)
		before[name] = text
	}
	for _, v := range now {
		name, text := describe(v)
		after[name] = text
	}
	var out []Move
	for name, text := range before {
		if after[name] != text {
			out = append(out, Move{what, name, text, after[name]})
		}
	}
	for name, text := range after {
		if _, had := before[name]; !had {
			out = append(out, Move{what, name, "", text})
		}
	}
	slices.SortFunc(out, func(a, b Move) int { return strings.Compare(a.Name, b.Name) })
	return out
}
