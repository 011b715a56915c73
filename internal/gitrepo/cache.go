package gitrepo

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/hedgesync/hedgesync/internal/fabric"
	"github.com/hedgesync/hedgesync/internal/fault"
)

// Options bound what a repository may cost. The zero value means the defaults.
type Options struct {
	Timeouts   Timeouts
	MaxBytes   int64 // of one repository on disk; 0 is 2 GiB
	MaxObject  int64 // of one file anywhere in the history, unpacked; 0 is 256 MiB
	MaxBlob    int64 // of one file that is read; 0 is 8 MiB
	MaxEntries int   // files and directories below one fabric's directory; 0 is 50,000
	AllowHTTP  bool  // read plain http beyond loopback; never with credentials
}

// Timeouts bound how long one stage may stay silent.
type Timeouts struct {
	Connect  time.Duration // each of DNS, TCP, TLS and SSH host key; 0 is 10 s
	Answer   time.Duration // each of authentication and ref listing; 0 is 20 s
	Transfer time.Duration // between two arrivals of data; 0 is 30 s
}

func (t Timeouts) of(s Stage) time.Duration {
	switch s {
	case StageDNS, StageTCP, StageTLS, StageHostKey:
		return t.Connect
	case StageAuth, StageRepository:
		return t.Answer
	}
	return t.Transfer
}

func (o Options) withDefaults() Options {
	orElse(&o.Timeouts.Connect, 10*time.Second)
	orElse(&o.Timeouts.Answer, 20*time.Second)
	orElse(&o.Timeouts.Transfer, 30*time.Second)
	orElse(&o.MaxBytes, 2<<30)
	orElse(&o.MaxObject, 256<<20)
	orElse(&o.MaxBlob, 8<<20)
	orElse(&o.MaxEntries, 50_000)
	return o
}

func orElse[T comparable](v *T, fallback T) {
	var zero T
	if *v == zero {
		*v = fallback
	}
}

// Cache keeps bare repositories in a directory, one per normalised URL. It is
// safe for any number of goroutines and processes of one machine at once.
type Cache struct {
	dir  string
	opts Options
}

// Open returns the cache in dir, which it makes if it must. dir must not be on a
// network file system: its locks are flock.
func Open(dir string, o Options) (*Cache, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, cacheFault(err)
	}
	return &Cache{dir: dir, opts: o.withDefaults()}, nil
}

// Size returns the bytes on disk of all repositories.
func (c *Cache) Size() (int64, error) {
	n, err := sizeOf(c.dir)
	if err != nil {
		return 0, cacheFault(err)
	}
	return n, nil
}

func sizeOf(dir string) (total int64, err error) {
	err = filepath.WalkDir(dir, func(_ string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return ignoreMissing(err)
		}
		info, err := e.Info()
		if err == nil {
			total += info.Size()
		}
		return ignoreMissing(err)
	})
	return total, err
}

// ignoreMissing is for files that another fetch removes while we count.
func ignoreMissing(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

func (c *Cache) bare(a address) bare {
	sum := sha256.Sum256([]byte(a.String()))
	return bare{filepath.Join(c.dir, hex.EncodeToString(sum[:16]))}
}

// Fetch brings the repository's branch (or tag, or commit) into the cache and
// returns its commit. An unchanged branch costs one listing of the remote's
// refs; a commit named by its id that is here already costs nothing.
//
// Errors are *fault.Error whose code names the stage ("git.dns", "git.tcp",
// "git.tls", "git.hostkey", "git.auth", "git.repository", "git.ref"), or
// "git.url", "git.protocol" (a broken answer), "git.size", "git.cache".
// After an error the cache still holds everything it held before, unless that was damaged.
func (c *Cache) Fetch(ctx context.Context, repo fabric.Repository) (Commit, error) {
	if fullID.MatchString(repo.Branch) {
		if commit, err := c.Resolve(ctx, repo, repo.Branch); err == nil {
			commit.Unchanged, commit.Previous = true, commit.ID
			return commit, nil
		}
	}
	v, ctx, err := c.visit(ctx, repo)
	if err != nil {
		return Commit{}, fault.Wrap("fetch repository", err)
	}
	defer v.close()
	commit, err := v.fetch(ctx)
	return commit, fault.Wrap("fetch repository", v.explain(ctx, err))
}
