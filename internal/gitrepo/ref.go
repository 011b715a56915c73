package gitrepo

import (
	"cmp"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp/capability"

	"github.com/hedgesync/hedgesync/internal/fault"
)

// target is what a fetch is after.
type target struct {
	record plumbing.ReferenceName // the ref of the cache that remembers it
	short  string                 // branch or tag; "" for a commit id
	hash   plumbing.Hash          // what it is now
	wants  []plumbing.Hash        // what to ask for if hash is not here
}

var fullID = regexp.MustCompile(`^[0-9a-f]{40}$`)

// choose finds what the operator named in what the server offers: "" is the
// default branch, then a full commit id, a full ref name, a branch, a tag.
func choose(adv *packp.AdvRefs, name string) (target, error) {
	if adv.IsEmpty() {
		return target{}, fault.New(fault.Missing, "git.ref", "the repository is empty").
			WithHint("push a first commit")
	}
	if name == "" {
		return chooseDefault(adv)
	}
	if fullID.MatchString(name) {
		return choosePinned(adv, plumbing.NewHash(name)), nil
	}
	for _, full := range []string{name, "refs/heads/" + name, "refs/tags/" + name} {
		if h, ok := adv.References[full]; ok && strings.HasPrefix(full, "refs/") {
			return newTarget(plumbing.ReferenceName(full), h)
		}
	}
	return target{}, fault.New(fault.Missing, "git.ref", "the repository has no branch or tag %q", printable(name, 100)).
		WithHint("%s", offer(adv))
}

func newTarget(name plumbing.ReferenceName, h plumbing.Hash) (target, error) {
	if err := name.Validate(); err != nil {
		return target{}, fault.New(fault.Invalid, "git.ref", "the server offers a ref with an unusable name").
			WithHint("name another branch")
	}
	return target{record: name, short: name.Short(), hash: h, wants: []plumbing.Hash{h}}, nil
}

func chooseDefault(adv *packp.AdvRefs) (target, error) {
	if adv.Head == nil {
		return target{}, fault.New(fault.Missing, "git.ref", "the repository's default branch does not exist").
			WithHint("name a branch; %s", offer(adv))
	}
	for _, link := range adv.Capabilities.Get(capability.SymRef) {
		if name, ok := strings.CutPrefix(link, "HEAD:"); ok {
			return newTarget(plumbing.ReferenceName(name), *adv.Head)
		}
	}
	// Servers before Git 1.8.5 do not say which branch HEAD is.
	for _, name := range slices.SortedFunc(maps.Keys(adv.References), usualFirst) {
		if adv.References[name] == *adv.Head && strings.HasPrefix(name, "refs/heads/") {
			return newTarget(plumbing.ReferenceName(name), *adv.Head)
		}
	}
	return choosePinned(adv, *adv.Head), nil
}

func usualFirst(a, b string) int {
	usual := []string{"refs/heads/master", "refs/heads/main"}
	return cmp.Or(cmp.Compare(slices.Index(usual, b), slices.Index(usual, a)), cmp.Compare(a, b))
}

// choosePinned asks for the commit itself where the server allows it, and else
// for every branch and tag, one of which must hold it.
func choosePinned(adv *packp.AdvRefs, id plumbing.Hash) target {
	t := target{record: pinOf(id), hash: id, wants: []plumbing.Hash{id}}
	offered := slices.Collect(maps.Values(adv.References))
	direct := adv.Capabilities.Supports(capability.AllowReachableSHA1InWant) ||
		adv.Capabilities.Supports("allow-any-sha1-in-want") || slices.Contains(offered, id)
	if direct {
		return t
	}
	plumbing.HashesSort(offered)
	t.wants = slices.Compact(offered)
	return t
}

// pinOf is the ref that remembers a commit fetched by its id.
func pinOf(id plumbing.Hash) plumbing.ReferenceName {
	return plumbing.ReferenceName("refs/pins/" + id.String())
}

// offer lists the branches for a person.
func offer(adv *packp.AdvRefs) string {
	const most = 20
	names := branches(adv)
	switch {
	case len(names) == 0:
		return "it has no branches"
	case len(names) > most:
		return "its branches include " + strings.Join(names[:most], ", ")
	}
	return "its branches are " + strings.Join(names, ", ")
}

func branches(adv *packp.AdvRefs) []string {
	var names []string
	for name := range adv.References {
		if short, ok := strings.CutPrefix(name, "refs/heads/"); ok {
			names = append(names, printable(short, 100))
		}
	}
	slices.Sort(names)
	return names
}
