package gitrepo

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"

	"github.com/go-git/go-billy/v5/osfs"
	"github.com/go-git/go-git/v5"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/cache"
	"github.com/go-git/go-git/v5/plumbing/format/packfile"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp/capability"
	"github.com/go-git/go-git/v5/plumbing/revlist"
	"github.com/go-git/go-git/v5/plumbing/storer"
	"github.com/go-git/go-git/v5/plumbing/transport"
	"github.com/go-git/go-git/v5/plumbing/transport/server"
	"github.com/go-git/go-git/v5/storage/filesystem"

	"github.com/hedgesync/hedgesync/internal/fault"
)

// localSession reads a repository on this machine through its object store: no
// git binary, no hooks.
type localSession struct {
	objects storer.Storer
	wait    chan struct{} // closed when the pack's writer has ended
}

func newLocalSession(path string) (*localSession, error) {
	if _, err := os.Stat(path); err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return nil, fault.New(fault.Missing, "git.repository", "%s does not exist", path).
				WithHint("check the path; it is a path of the machine this program runs on")
		}
		return nil, fault.New(fault.Denied, "git.repository", "%s cannot be read: %w", path, err).
			WithHint("let the user this program runs as read it")
	}
	r, err := git.PlainOpenWithOptions(path, &git.PlainOpenOptions{EnableDotGitCommonDir: true})
	if errors.Is(err, git.ErrRepositoryNotExists) {
		return nil, fault.New(fault.Missing, "git.repository", "%s is not a Git repository", path).
			WithHint("name the directory that holds .git, or a bare repository")
	}
	if err != nil {
		return nil, fault.New(fault.Invalid, "git.repository", "%s cannot be opened as a Git repository: %w", path, err).
			WithHint("check it with git fsck; it may use a format this program does not read")
	}
	return &localSession{objects: withAlternates(r)}, nil
}

// withAlternates lets a repository made by git clone --shared find the objects
// it borrows by absolute path.
func withAlternates(r *git.Repository) storer.Storer {
	plain, ok := r.Storer.(*filesystem.Storage)
	if !ok {
		return r.Storer
	}
	return filesystem.NewStorageWithOptions(plain.Filesystem(), cache.NewObjectLRU(objectCache), filesystem.Options{AlternatesFS: osfs.New("/")})
}

// Load makes localSession the loader of its own server.
func (s *localSession) Load(*transport.Endpoint) (storer.Storer, error) { return s.objects, nil }

func (s *localSession) refs(ctx context.Context) (*packp.AdvRefs, error) {
	up, err := server.NewServer(s).NewUploadPackSession(nil, nil)
	if err != nil {
		return nil, err
	}
	adv, err := up.AdvertisedReferencesContext(ctx)
	if err != nil {
		return nil, notOurs(err)
	}
	return adv, adv.Capabilities.Set(capability.AllowReachableSHA1InWant)
}

func (s *localSession) pack(ctx context.Context, wants, haves []plumbing.Hash) (io.ReadCloser, error) {
	for _, want := range wants {
		if !s.has(want) {
			return nil, fault.New(fault.Missing, "git.ref", "commit %s is not in the repository", want).
				WithHint("check the commit id")
		}
	}
	have, err := revlist.Objects(s.objects, s.present(haves), nil)
	if err != nil {
		return nil, notOurs(err)
	}
	send, err := revlist.Objects(s.objects, wants, have)
	if err != nil {
		return nil, notOurs(err)
	}
	r, w := io.Pipe()
	s.wait = make(chan struct{})
	stop := context.AfterFunc(ctx, func() { _ = r.CloseWithError(ctx.Err()) })
	go func() {
		defer close(s.wait)
		defer stop()
		_, err := packfile.NewEncoder(w, s.objects, false).Encode(send, 0)
		_ = w.CloseWithError(err)
	}()
	return r, nil
}

// has looks in alternates too, which HasEncodedObject does not.
func (s *localSession) has(h plumbing.Hash) bool {
	_, err := s.objects.EncodedObject(plumbing.AnyObject, h)
	return err == nil
}

func (s *localSession) present(haves []plumbing.Hash) []plumbing.Hash {
	var known []plumbing.Hash
	for _, h := range haves {
		if s.has(h) {
			known = append(known, h)
		}
	}
	return known
}

// Close waits for the pack's writer; the pack must have been closed.
func (s *localSession) Close() error {
	if s.wait != nil {
		<-s.wait
	}
	return nil
}

// notOurs keeps a damaged source from being taken for a damaged cache.
func notOurs(err error) error {
	return fault.New(fault.Unavailable, "git.repository", "the repository cannot be read: %w", err).
		WithHint("check it with git fsck; it will be tried again")
}
