// Package world puts the sandbox together: a Git server with the sample fabrics
// and, for each of them, a cluster that behaves as a fabric does.
package world

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/hedgesync/hedgesync/sandbox/agents"
	"github.com/hedgesync/hedgesync/sandbox/fabrics"
	"github.com/hedgesync/hedgesync/sandbox/gitserver"
)

// repository is the name of the one repository.
const repository = "fabrics"

// Config says what the sandbox is like.
type Config struct {
	Dir     string         // where everything is kept; made if missing
	Memory  bool           // objects and commits are gone afterwards
	Private bool           // reading Git needs the token too
	Ports   map[string]int // by "git" or name of a fabric; missing or 0 is as last time, else free
	Timing  agents.Config
	Log     *slog.Logger
}

// World is a running sandbox.
type World struct {
	Dir      string
	Git      *gitserver.Server
	Clusters []*Cluster // by name

	lock *os.File
}

// Start returns once everything answers; Stop must be called. ctx bounds the
// start alone.
func Start(ctx context.Context, c Config) (*World, error) {
	w := &World{Dir: c.Dir}
	if err := w.start(ctx, c); err != nil {
		return nil, errors.Join(err, w.Stop())
	}
	return w, nil
}

func (w *World) start(ctx context.Context, c Config) error {
	if err := os.MkdirAll(c.Dir, 0o700); err != nil {
		return err
	}
	if err := w.own(); err != nil {
		return err
	}
	ports := w.ports(c)
	if err := w.startGit(c, ports["git"]); err != nil {
		return err
	}
	if err := w.startClusters(ctx, c, ports); err != nil {
		return err
	}
	return w.remember()
}

// own keeps a second sandbox out of the folder.
func (w *World) own() error {
	file, err := os.OpenFile(filepath.Join(w.Dir, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	if err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		_ = file.Close() // never locked
		return fmt.Errorf("a sandbox already runs in %s: stop it, or use another folder", w.Dir)
	}
	w.lock = file
	return nil
}

func (w *World) startGit(c Config, port int) error {
	token, err := w.token()
	if err != nil {
		return err
	}
	config := gitserver.Config{
		Port: port, Token: token, Private: c.Private,
		Repositories: map[string]fs.FS{repository: fabrics.Repository()},
		Now:          time.Now(),
	}
	if !c.Memory {
		config.Dir = filepath.Join(w.Dir, "git")
	}
	w.Git, err = gitserver.Start(config)
	return err
}

func (w *World) startClusters(ctx context.Context, c Config, ports map[string]int) error {
	names := fabrics.Names()
	started := make([]*Cluster, len(names))
	var group errgroup.Group
	for i, name := range names {
		group.Go(func() (err error) {
			started[i], err = StartCluster(ctx, ClusterConfig{
				Name: name, Dir: filepath.Join(w.Dir, name), Memory: c.Memory, Port: ports[name],
				Admission: true, Controller: true, Agents: true, Timing: c.Timing, Log: c.Log.With("fabric", name),
			})
			return err
		})
	}
	err := group.Wait()
	for _, cluster := range started {
		if cluster != nil {
			w.Clusters = append(w.Clusters, cluster)
		}
	}
	return err
}

// Stop ends everything; what is kept on disk stays.
func (w *World) Stop() error {
	errs := make([]error, len(w.Clusters))
	var group errgroup.Group
	for i, cluster := range w.Clusters {
		group.Go(func() error { errs[i] = cluster.Stop(); return nil })
	}
	_ = group.Wait() // collected in errs
	if w.Git != nil {
		errs = append(errs, w.Git.Stop())
	}
	if w.lock != nil {
		errs = append(errs, w.lock.Close())
	}
	return errors.Join(errs...)
}

// CloneURL returns where the repository can be read.
func (w *World) CloneURL() string { return w.Git.URL(repository) }

// PushURL returns where it can be written; it has the token in it.
func (w *World) PushURL() string { return w.Git.PushURL(repository) }

// token returns the one kept in the folder, making it the first time.
func (w *World) token() (string, error) {
	file := filepath.Join(w.Dir, "git-token")
	kept, err := os.ReadFile(file)
	if err == nil {
		return strings.TrimSpace(string(kept)), nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return "", err
	}
	token := rand.Text()
	return token, os.WriteFile(file, []byte(token+"\n"), 0o600)
}

// ports returns the wanted ports, and else those of last time, so that what
// knows the sandbox by its address still finds it.
func (w *World) ports(c Config) map[string]int {
	ports := map[string]int{}
	if raw, err := os.ReadFile(w.portsFile()); err == nil {
		_ = json.Unmarshal(raw, &ports) // unreadable is as good as missing
	}
	for name, port := range ports {
		if !free(port) {
			delete(ports, name)
		}
	}
	for name, port := range c.Ports {
		ports[name] = port
	}
	return ports
}

func (w *World) portsFile() string { return filepath.Join(w.Dir, "ports.json") }
