package gitrepo

import (
	"context"
	"errors"
	"time"

	"github.com/go-git/go-git/v5"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/object"
	"github.com/go-git/go-git/v5/plumbing/storer"

	"github.com/hedgesync/hedgesync/internal/fabric"
	"github.com/hedgesync/hedgesync/internal/fault"
)

// Commit is one commit of a repository.
type Commit struct {
	ID      string // 40 hex digits
	Tree    string // hash of the whole tree: equal trees, equal content
	Branch  string // branch or tag it was fetched by; "" for a commit id
	Author  string
	Email   string
	When    time.Time // the author's clock
	Subject string    // first line of the message, printable, at most 200 runes

	// What Fetch found, compared with the fetch before it. Empty elsewhere.
	Previous  string // the commit the branch was at; "" if never fetched
	Unchanged bool   // the branch is where it was
	Rewound   bool   // Previous is no longer part of the branch: somebody force-pushed
}

// Commit returns a commit that is in the cache, by its full id. It asks no server.
func (c *Cache) Commit(ctx context.Context, repo fabric.Repository, id string) (Commit, error) {
	if !fullID.MatchString(id) {
		return Commit{}, fault.New(fault.Invalid, "git.ref", "%q is not a full commit id", printable(id, 60)).
			WithHint("give all 40 hex digits")
	}
	return c.Resolve(ctx, repo, id)
}

// Resolve returns the commit of the cache that rev names: a full or abbreviated
// id, a fetched branch or tag, or an ancestor such as main~2. It asks no server.
func (c *Cache) Resolve(ctx context.Context, repo fabric.Repository, rev string) (Commit, error) {
	a, err := parseAddress(repo.URL)
	if err != nil {
		return Commit{}, err
	}
	if err := ctx.Err(); err != nil {
		return Commit{}, err
	}
	commit, err := c.bare(a).resolve(rev)
	if err != nil {
		// A fetch may have merged the packs between two reads; a second look finds the new one.
		commit, err = c.bare(a).resolve(rev)
	}
	if err != nil {
		return Commit{}, notFetched(rev)
	}
	return describe(commit), nil
}

func (b bare) resolve(rev string) (*object.Commit, error) {
	st := b.open(0)
	defer st.Close()
	r, err := git.Open(st, nil)
	if err != nil {
		return nil, err
	}
	hash, err := r.ResolveRevision(plumbing.Revision(rev))
	if err != nil {
		return nil, err
	}
	return readCommit(st, *hash)
}

func notFetched(rev string) error {
	return fault.New(fault.Missing, "git.ref", "%q is no commit of the cached repository", printable(rev, 100)).
		WithHint("fetch first, or check the name")
}

// readCommit returns the commit h names, through a tag if h is one.
func readCommit(s storer.EncodedObjectStorer, h plumbing.Hash) (*object.Commit, error) {
	commit, err := object.GetCommit(s, h)
	if !errors.Is(err, plumbing.ErrObjectNotFound) {
		return commit, err
	}
	tag, err := object.GetTag(s, h)
	if err != nil {
		return nil, err
	}
	if tag.TargetType != plumbing.CommitObject && tag.TargetType != plumbing.TagObject {
		return nil, fault.New(fault.Invalid, "git.ref", "tag %q does not name a commit", printable(tag.Name, 100)).
			WithHint("name a branch, or a tag of a commit")
	}
	return readCommit(s, tag.Target)
}

func describe(c *object.Commit) Commit {
	return Commit{
		ID:      c.Hash.String(),
		Tree:    c.TreeHash.String(),
		Author:  printable(c.Author.Name, 100),
		Email:   printable(c.Author.Email, 100),
		When:    c.Author.When,
		Subject: subject(c.Message),
	}
}

func subject(message string) string {
	for i, r := range message {
		if r == '\n' {
			return printable(message[:i], 200)
		}
	}
	return printable(message, 200)
}

// contains reports whether old is head or one of its ancestors.
func contains(s storer.EncodedObjectStorer, head *object.Commit, old plumbing.Hash) (bool, error) {
	found := false
	err := object.NewCommitIterCTime(head, nil, nil).ForEach(func(c *object.Commit) error {
		if c.Hash == old {
			found = true
			return storer.ErrStop
		}
		return nil
	})
	return found, err
}
