package gitserver

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"sync"
	"time"

	"github.com/go-git/go-billy/v5"
	"github.com/go-git/go-billy/v5/memfs"
	"github.com/go-git/go-billy/v5/util"
	"github.com/go-git/go-git/v5"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/cache"
	"github.com/go-git/go-git/v5/plumbing/object"
	"github.com/go-git/go-git/v5/storage/filesystem"
)

// Branch is the branch a new repository begins with.
const Branch = "main"

// repository is one bare repository. One request at a time uses it.
type repository struct {
	mu   sync.Mutex
	disk billy.Filesystem
}

// storage is made anew for each request, so that no index outlives a push. The
// caller holds mu.
func (r *repository) storage() *filesystem.Storage {
	return filesystem.NewStorage(r.disk, cache.NewObjectLRUDefault())
}

// seed makes the repository with one commit of the files of content, unless it
// has been made before.
func (r *repository) seed(content fs.FS, now time.Time) error {
	tree := memfs.New()
	repo, err := git.InitWithOptions(r.storage(), tree, git.InitOptions{DefaultBranch: plumbing.NewBranchReferenceName(Branch)})
	if errors.Is(err, git.ErrRepositoryAlreadyExists) {
		return nil
	}
	if err != nil {
		return err
	}
	config, err := repo.Config()
	if err != nil {
		return err
	}
	config.Core.IsBare = true
	if err := repo.SetConfig(config); err != nil {
		return err
	}
	if err := copyFiles(tree, content); err != nil {
		return err
	}
	work, err := repo.Worktree()
	if err != nil {
		return err
	}
	if err := work.AddWithOptions(&git.AddOptions{All: true}); err != nil {
		return err
	}
	author := &object.Signature{Name: "Sandbox", Email: "sandbox@example.com", When: now}
	_, err = work.Commit("Describe the sample fabrics\n", &git.CommitOptions{Author: author})
	return err
}

func copyFiles(to billy.Filesystem, from fs.FS) error {
	return fs.WalkDir(from, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		raw, err := fs.ReadFile(from, name)
		if err != nil {
			return err
		}
		if err := to.MkdirAll(path.Dir(name), 0o755); err != nil {
			return err
		}
		if err := util.WriteFile(to, name, raw, 0o644); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		return nil
	})
}
