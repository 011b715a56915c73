package gitrepo

import (
	"context"
	"errors"
	"maps"
	"slices"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/format/pktline"
	"github.com/go-git/go-git/v5/plumbing/object"
	"github.com/go-git/go-git/v5/storage/filesystem"

	"github.com/hedgesync/hedgesync/internal/fabric"
	"github.com/hedgesync/hedgesync/internal/fault"
)

// visit is one call on one remote.
type visit struct {
	cache *Cache
	addr  address
	repo  fabric.Repository
	keys  *hostKeys // of an SSH remote
	trail *trail
	bare  bare

	unlock func()
}

// visit reads the repository's settings and takes its place in the cache; the
// caller closes it. The context it returns ends with the visit.
func (c *Cache) visit(ctx context.Context, repo fabric.Repository) (*visit, context.Context, error) {
	a, err := parseAddress(repo.URL)
	if err != nil {
		return nil, nil, err
	}
	v := &visit{cache: c, addr: a, repo: repo, bare: c.bare(a)}
	if a.scheme == "ssh" {
		if v.keys, err = newHostKeys(repo.Credential.KnownHosts, a.dial()); err != nil {
			return nil, nil, err
		}
	}
	if v.unlock, err = v.bare.lock(ctx); err != nil {
		return nil, nil, err
	}
	if err := v.tidy(); err != nil {
		v.unlock()
		return nil, nil, err
	}
	v.trail, ctx = newTrail(ctx, a.scheme, c.opts.Timeouts)
	return v, ctx, nil
}

// tidy keeps the number of packs small. Damage that it meets is left to the
// fetch, which cures it.
func (v *visit) tidy() error {
	err := v.bare.consolidate()
	if d, broken := errors.AsType[*damaged](err); broken {
		err = v.bare.suspect(d)
	}
	if err != nil {
		return cacheFault(err)
	}
	return nil
}

func (v *visit) close() {
	v.trail.close()
	v.unlock()
}

func (v *visit) dial(ctx context.Context) (session, error) {
	switch v.addr.scheme {
	case "file":
		return newLocalSession(v.addr.path)
	case "ssh":
		return newSSHSession(ctx, v.addr, v.repo.Credential, v.keys, v.trail)
	}
	return newHTTPSession(v.addr, v.repo.Credential, v.cache.opts, v.trail)
}

// fetch is Fetch with raw errors. A damaged cache is replaced once.
func (v *visit) fetch(ctx context.Context) (Commit, error) {
	b := v.bare
	commit, err := v.attempt(ctx, b)
	if _, broken := errors.AsType[*damaged](err); !broken {
		return commit, err
	}
	if err := b.setAside(); err != nil {
		return Commit{}, err
	}
	commit, err = v.attempt(ctx, b)
	if d, broken := errors.AsType[*damaged](err); broken {
		return Commit{}, errors.Join(b.setAside(), fault.New(fault.Unavailable, "git.protocol", "%s sends a repository with holes: %w", place(v.addr), d.err).
			WithHint("check the repository with git fsck on the server; it will be tried again"))
	}
	return commit, err
}

func (v *visit) attempt(ctx context.Context, b bare) (Commit, error) {
	if err := errors.Join(b.ensure(v.addr.String()), b.clean()); err != nil {
		return Commit{}, err
	}
	if err := b.check(); err != nil {
		return Commit{}, err
	}
	s, err := v.dial(ctx)
	if err != nil {
		return Commit{}, err
	}
	defer s.Close()
	adv, err := s.refs(ctx)
	if err != nil {
		return Commit{}, err
	}
	v.trail.reach(StageRef)
	t, err := choose(adv, v.repo.Branch)
	if err != nil {
		return Commit{}, err
	}
	v.trail.reach(StageTransfer)
	return v.update(ctx, b, s, t)
}

// update brings b to t and records it.
func (v *visit) update(ctx context.Context, b bare, s session, t target) (Commit, error) {
	st := b.open(0)
	defer func() { _ = st.Close() }()
	refs, err := b.refs(st)
	if err != nil {
		return Commit{}, err
	}
	previous := refs[t.record]
	if st.HasEncodedObject(t.hash) != nil {
		if err := v.download(ctx, b, s, t, haves(st, refs)); err != nil {
			return Commit{}, err
		}
		_ = st.Close()
		st = b.open(0)
	}
	head, err := b.readWhole(st, t)
	if err != nil {
		return Commit{}, err
	}
	commit := describe(head)
	commit.Branch = t.short
	commit.Unchanged = previous == t.hash
	if commit.Unchanged {
		commit.Previous = commit.ID
		return commit, nil
	}
	if !previous.IsZero() {
		if err := compare(st, head, previous, &commit); err != nil {
			return Commit{}, err
		}
	}
	refs[t.record] = t.hash
	return commit, b.setRefs(refs)
}

func (v *visit) download(ctx context.Context, b bare, s session, t target, haves []plumbing.Hash) error {
	used, err := sizeOf(b.dir)
	if err != nil {
		return err
	}
	pack, err := s.pack(ctx, t.wants, haves)
	if line, ok := errors.AsType[*pktline.ErrorLine](err); ok {
		return v.withheld(t, line)
	}
	if err != nil {
		return err
	}
	limits := packLimits{bytes: v.cache.opts.MaxBytes - used, object: v.cache.opts.MaxObject}
	_, err = b.receive(pack, limits, v.trail.progress)
	return errors.Join(err, pack.Close())
}

// withheld is for a server that listed a ref, or was asked for a commit by its
// id, and does not give it.
func (v *visit) withheld(t target, line *pktline.ErrorLine) error {
	words := serverWords(line.Text, v.repo.Credential)
	if t.short == "" {
		return fault.New(fault.Missing, "git.ref", "the server does not give commit %s: %q", t.hash, words).
			WithHint("check the commit id; a commit that no branch or tag holds may be gone")
	}
	return fault.New(fault.Unavailable, "git.protocol", "the server does not give %s, which it listed: %q", t.short, words).
		WithHint("the branch may just have moved; it will be tried again")
}

func compare(st *filesystem.Storage, head *object.Commit, previous plumbing.Hash, commit *Commit) error {
	old, err := readCommit(st, previous)
	if err != nil {
		return harm(err)
	}
	kept, err := contains(st, head, old.Hash)
	if err != nil {
		return harm(err)
	}
	commit.Previous, commit.Rewound = old.Hash.String(), !kept
	return nil
}

// haves names commits the server need not send: recorded ones and some of their
// ancestors, for a server that was rewound since.
func haves(st *filesystem.Storage, refs map[plumbing.ReferenceName]plumbing.Hash) []plumbing.Hash {
	const perRef, most = 32, 256
	known := map[plumbing.Hash]bool{}
	var list []plumbing.Hash
	for _, name := range slices.Sorted(maps.Keys(refs)) {
		commit, err := readCommit(st, refs[name])
		if err != nil {
			continue
		}
		walk := object.NewCommitIterCTime(commit, known, nil)
		for range perRef {
			c, err := walk.Next()
			if err != nil || len(list) == most {
				break
			}
			known[c.Hash] = true
			list = append(list, c.Hash)
		}
	}
	return list
}
