// Package app builds the program: it is the only place that knows every room.
//
// An App is started by Open and stopped by Close, in tests as in production, and
// is spoken to through its API alone.
package app

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/hedgesync/hedgesync/internal/api"
	"github.com/hedgesync/hedgesync/internal/api/client"
	"github.com/hedgesync/hedgesync/internal/fabric"
	"github.com/hedgesync/hedgesync/internal/fault"
	"github.com/hedgesync/hedgesync/internal/gitrepo"
	"github.com/hedgesync/hedgesync/internal/kube"
	"github.com/hedgesync/hedgesync/internal/store"
	"github.com/hedgesync/hedgesync/internal/syncer"
)

// Config is how one process is set up.
type Config struct {
	Data     string // directory of the database, its key and the Git cache
	Database string // postgres:// address; "" is the embedded database in Data
	Version  string // the program's
	Log      *slog.Logger
}

// DataDir returns the default data directory: HEDGESYNC_DATA, else the user's
// data home (XDG base directories).
func DataDir() string {
	if d := os.Getenv("HEDGESYNC_DATA"); d != "" {
		return d
	}
	if d := os.Getenv("XDG_DATA_HOME"); filepath.IsAbs(d) {
		return filepath.Join(d, "hedgesync")
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return ".hedgesync"
	}
	return filepath.Join(home, ".local", "share", "hedgesync")
}

// App is the running program.
type App struct {
	store   *store.Store
	workers *workers
	server  *http.Server
	listen  *pipe
	served  chan error
}

// Open starts the program: its database, its workers, and its API on a listener
// inside the process.
func Open(ctx context.Context, c Config) (*App, error) {
	location := c.Data
	if c.Database != "" {
		location = c.Database
		if err := os.MkdirAll(c.Data, 0o700); err != nil {
			return nil, fault.New(fault.Denied, "app.data", "data directory: %w", err)
		}
	}
	st, err := store.Open(ctx, location, store.Options{Keyfile: keyfile(c)})
	if err != nil {
		return nil, err
	}
	git, err := gitrepo.Open(filepath.Join(c.Data, "git"), gitrepo.Options{})
	if err != nil {
		return nil, errors.Join(err, st.Close())
	}
	coordinator := &syncer.Coordinator{
		Store: st, Repo: repo{git}, Now: time.Now, Version: c.Version, Memory: memory{filepath.Join(c.Data, "wants")},
		Connect: func(s fabric.Settings) (syncer.Cluster, error) { return connect(s, kube.Options{}) },
	}
	w := newWorkers(coordinator, st, c.Log)
	a := &App{store: st, workers: w, listen: newPipe(), served: make(chan error, 1)}
	a.server = &http.Server{
		ReadHeaderTimeout: 10 * time.Second,
		Handler: api.Handler(api.Application{
			Fabrics: register{st, git}, Plans: plans{coordinator, st}, Runs: runs{coordinator, st, w},
			Now: time.Now, Version: c.Version,
		}),
	}
	go func() { a.served <- a.server.Serve(a.listen) }()
	return a, nil
}

// keyfile returns where the key that seals secrets lies: beside the embedded
// database, or in the data directory of a process that uses PostgreSQL.
func keyfile(c Config) string {
	if c.Database == "" {
		return ""
	}
	return filepath.Join(c.Data, "secret.key")
}

// Client returns a client of this process's API.
func (a *App) Client() *client.Client {
	return &client.Client{HTTP: &http.Client{Transport: &http.Transport{DialContext: a.listen.dial}}, Base: "http://hedgesync"}
}

// stopTimeout bounds how long Close waits for requests and for steps under way.
const stopTimeout = 30 * time.Second

// Close gives runs back where they stand and stops everything Open started.
func (a *App) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), stopTimeout)
	defer cancel()
	a.workers.stop()
	err := a.server.Shutdown(ctx)
	if e := <-a.served; !errors.Is(e, http.ErrServerClosed) {
		err = errors.Join(err, e)
	}
	return fault.Wrap("stop", errors.Join(err, a.store.Close()))
}

// pipe is a listener inside the process.
type pipe struct {
	conns  chan net.Conn
	closed chan struct{}
}

func newPipe() *pipe { return &pipe{conns: make(chan net.Conn), closed: make(chan struct{})} }

func (p *pipe) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	near, far := net.Pipe()
	select {
	case p.conns <- far:
		return near, nil
	case <-p.closed:
		return nil, net.ErrClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (p *pipe) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *pipe) Close() error {
	select {
	case <-p.closed:
	default:
		close(p.closed)
	}
	return nil
}

func (p *pipe) Addr() net.Addr { return inside{} }

type inside struct{}

func (inside) Network() string { return "pipe" }
func (inside) String() string  { return "inside the process" }
