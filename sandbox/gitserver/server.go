// Package gitserver serves bare Git repositories over HTTP on loopback, so that
// git itself and any client can clone, fetch and push.
//
// It speaks version 0 of the smart protocol, without shallow clones. Whoever
// knows the token may push; reading is open unless the server is private.
package gitserver

import (
	"compress/gzip"
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"time"

	"github.com/go-git/go-billy/v5"
	"github.com/go-git/go-billy/v5/memfs"
	"github.com/go-git/go-billy/v5/osfs"
)

// Config says what to serve and to whom.
type Config struct {
	Dir     string // where repositories are kept; "" keeps them in memory
	Port    int    // on 127.0.0.1; 0 takes a free one
	Token   string // password of any user, or bearer token
	Private bool   // reading needs the token too

	// Repositories are made at the start, by name, unless they exist in Dir.
	Repositories map[string]fs.FS
	// Now dates the commit they begin with.
	Now time.Time
}

// Server is a running Git server.
type Server struct {
	config       Config
	repositories map[string]*repository
	http         *http.Server
	address      string
	ended        chan error
}

// maxBody bounds a push.
const maxBody = 256 << 20

// Start returns a server that answers; Stop must be called.
func Start(c Config) (*Server, error) {
	s := &Server{config: c, repositories: map[string]*repository{}, ended: make(chan error, 1)}
	for name, content := range c.Repositories {
		r := &repository{disk: disk(c.Dir, name)}
		if err := r.seed(content, c.Now); err != nil {
			return nil, fmt.Errorf("make the repository %s: %w", name, err)
		}
		s.repositories[name] = r
	}
	listener, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", c.Port))
	if err != nil {
		return nil, fmt.Errorf("start the Git server: %w", err)
	}
	s.address = listener.Addr().String()
	s.http = &http.Server{
		Handler:           s.routes(),
		ReadHeaderTimeout: 10 * time.Second,
		ErrorLog:          slog.NewLogLogger(slog.DiscardHandler, slog.LevelDebug),
	}
	go func() { s.ended <- s.http.Serve(listener) }()
	return s, nil
}

func disk(dir, name string) billy.Filesystem {
	if dir == "" {
		return memfs.New()
	}
	return osfs.New(filepath.Join(dir, name+".git"), osfs.WithBoundOS())
}

// Stop waits up to five seconds for requests under way.
func (s *Server) Stop() error {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	err := s.http.Shutdown(ctx)
	if ended := <-s.ended; !errors.Is(ended, http.ErrServerClosed) {
		err = errors.Join(err, ended)
	}
	return err
}

// URL returns where a repository can be cloned from.
func (s *Server) URL(name string) string { return "http://" + s.address + "/" + name + ".git" }

// PushURL returns URL with the token in it.
func (s *Server) PushURL(name string) string {
	u := url.URL{Scheme: "http", Host: s.address, Path: "/" + name + ".git", User: url.UserPassword("git", s.config.Token)}
	return u.String()
}

func (s *Server) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{repository}/info/refs", s.serve(infoRefs))
	mux.HandleFunc("POST /{repository}/git-upload-pack", s.serve(uploadPack))
	mux.HandleFunc("POST /{repository}/git-receive-pack", s.serve(receivePack))
	return mux
}

// An action answers one request on one repository.
type action func(repo *repository, service string, body io.Reader) (answer []byte, err error)

// errRefused is a request that cannot be answered, said to the client as 400.
var errRefused = errors.New("refused")

func (s *Server) serve(act action) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		service := serviceOf(r)
		name, ok := strings.CutSuffix(r.PathValue("repository"), ".git")
		repo := s.repositories[name]
		if !s.allowed(r, service) {
			w.Header().Set("WWW-Authenticate", `Basic realm="sandbox"`)
			http.Error(w, "the token is needed", http.StatusUnauthorized)
			return
		}
		if !ok || repo == nil {
			http.Error(w, "no such repository", http.StatusNotFound)
			return
		}
		body, err := bodyOf(w, r)
		var answer []byte
		if err == nil {
			answer, err = act(repo, service, body)
		}
		if err != nil {
			http.Error(w, err.Error(), statusOf(err))
			return
		}
		w.Header().Set("Cache-Control", "no-cache")
		w.Header().Set("Content-Type", contentType(r, service))
		_, _ = w.Write(answer) // the client has hung up
	}
}

func serviceOf(r *http.Request) string {
	if r.Method == http.MethodGet {
		return r.URL.Query().Get("service")
	}
	return r.URL.Path[strings.LastIndex(r.URL.Path, "/")+1:]
}

func contentType(r *http.Request, service string) string {
	if r.Method == http.MethodGet {
		return "application/x-" + service + "-advertisement"
	}
	return "application/x-" + service + "-result"
}

func statusOf(err error) int {
	if errors.Is(err, errRefused) {
		return http.StatusBadRequest
	}
	return http.StatusInternalServerError
}

func bodyOf(w http.ResponseWriter, r *http.Request) (io.Reader, error) {
	body := http.MaxBytesReader(w, r.Body, maxBody)
	if r.Header.Get("Content-Encoding") != "gzip" {
		return body, nil
	}
	plain, err := gzip.NewReader(body)
	if err != nil {
		return nil, fmt.Errorf("%w: body is not gzip", errRefused)
	}
	return io.LimitReader(plain, maxBody), nil
}

func (s *Server) allowed(r *http.Request, service string) bool {
	if service != receive && !s.config.Private {
		return true
	}
	given, bearer := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !bearer {
		_, given, _ = r.BasicAuth()
	}
	return subtle.ConstantTimeCompare([]byte(given), []byte(s.config.Token)) == 1
}
