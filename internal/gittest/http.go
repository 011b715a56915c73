package gittest

import (
	"bytes"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// Fault is how a server misbehaves.
type Fault string

// The faults. "" (the zero value) is none.
const (
	Hang     Fault = "hang"     // never answers
	Broken   Fault = "broken"   // 500 with a body
	Garbage  Fault = "garbage"  // 200, right type, not Git's protocol
	WebPage  Fault = "webpage"  // 200 and HTML, as a wrong URL or a captive portal answers
	Redirect Fault = "redirect" // 302 to RedirectTo
	Truncate Fault = "truncate" // the pack ends in the middle
	Flip     Fault = "flip"     // one byte of the pack is wrong
	Stall    Fault = "stall"    // half of the pack, then nothing more
	Endless  Fault = "endless"  // the pack never ends
)

// Options say how a server is protected.
type Options struct {
	Username string // "" accepts any
	Password string // "" asks for none
	TLS      bool
}

// Request is what a server saw of one request.
type Request struct {
	Method        string
	Path          string
	Authorization string
}

// Server is one repository over smart HTTP.
type Server struct {
	URL string // of the repository
	CA  string // PEM of the certificate's issuer; "" without TLS

	repo *Repo
	opts Options
	quit chan struct{}

	mu         sync.Mutex // guards what follows
	fault      Fault
	redirectTo string
	onListing  func()
	requests   []Request
}

// Serve starts a server for repo that ends with the test.
func Serve(t testing.TB, repo *Repo, o Options) *Server {
	t.Helper()
	s := &Server{repo: repo, opts: o, quit: make(chan struct{})}
	h := httptest.NewUnstartedServer(s)
	if o.TLS {
		h.StartTLS()
		s.CA = string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: h.Certificate().Raw}))
	} else {
		h.Start()
	}
	s.URL = h.URL + "/fabrics/lab.git"
	t.Cleanup(func() {
		close(s.quit)
		h.CloseClientConnections()
		h.Close()
	})
	return s
}

// Fail makes the server misbehave from the next request on; "" heals it.
func (s *Server) Fail(f Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fault = f
}

// RedirectTo makes the server send every listing to another repository URL.
func (s *Server) RedirectTo(url string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fault, s.redirectTo = Redirect, url
}

// OnListing calls f before every answer that lists the refs.
func (s *Server) OnListing(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.onListing = f
}

// Requests returns what was asked so far, and forgets it.
func (s *Server) Requests() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	seen := slices.Clone(s.requests)
	s.requests = nil
	return seen
}

func (s *Server) note(r *http.Request) (Fault, string, func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests = append(s.requests, Request{Method: r.Method, Path: r.URL.Path, Authorization: r.Header.Get("Authorization")})
	return s.fault, s.redirectTo, s.onListing
}

// ServeHTTP answers listing and pack requests.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	fault, redirectTo, onListing := s.note(r)
	listing := strings.HasSuffix(r.URL.Path, "/info/refs")
	switch {
	case fault == Hang:
		s.hang(r)
	case fault == Broken:
		http.Error(w, "internal error while handling "+r.Header.Get("Authorization"), http.StatusInternalServerError)
	case fault == WebPage:
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprint(w, "<html>welcome</html>")
	case fault == Redirect && listing && !s.is(r, redirectTo):
		http.Redirect(w, r, redirectTo+"/info/refs?"+r.URL.RawQuery, http.StatusFound)
	case !s.authorised(r):
		w.Header().Set("WWW-Authenticate", `Basic realm="git"`)
		http.Error(w, "who are you? you sent "+r.Header.Get("Authorization"), http.StatusUnauthorized)
	case !strings.HasPrefix(r.URL.Path, "/fabrics/lab.git/"):
		http.NotFound(w, r)
	case listing:
		if onListing != nil {
			onListing()
		}
		s.list(w, r, fault)
	default:
		s.pack(w, r, fault)
	}
}

// is reports whether r asks for the repository at url.
func (s *Server) is(r *http.Request, url string) bool {
	scheme := "http://"
	if s.opts.TLS {
		scheme = "https://"
	}
	return scheme+r.Host+strings.TrimSuffix(r.URL.Path, "/info/refs") == url
}

func (s *Server) hang(r *http.Request) {
	select {
	case <-r.Context().Done():
	case <-s.quit:
	}
}

func (s *Server) authorised(r *http.Request) bool {
	if s.opts.Password == "" {
		return true
	}
	user, password, _ := r.BasicAuth()
	return password == s.opts.Password && (s.opts.Username == "" && user != "" || user == s.opts.Username)
}

func (s *Server) list(w http.ResponseWriter, r *http.Request, fault Fault) {
	w.Header().Set("Content-Type", "application/x-git-upload-pack-advertisement")
	if fault == Garbage {
		fmt.Fprint(w, "this is no pkt-line")
		return
	}
	adv, err := s.repo.advertise(r.Context())
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	adv.Prefix = [][]byte{[]byte("# service=git-upload-pack"), {}}
	_ = adv.Encode(w) // the client is gone when this fails
}

func (s *Server) pack(w http.ResponseWriter, r *http.Request, fault Fault) {
	w.Header().Set("Content-Type", "application/x-git-upload-pack-result")
	var answer bytes.Buffer
	if err := s.repo.upload(r.Context(), r.Body, &answer); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	b := answer.Bytes()
	switch fault {
	case Truncate:
		b = b[:len(b)/2]
	case Flip:
		b[len(b)/2] ^= 0x40
	case Stall:
		b = b[:len(b)/2]
		defer s.hang(r)
		defer func() { _ = http.NewResponseController(w).Flush() }()
	case Endless:
		defer s.noise(w, r)
	}
	_, _ = w.Write(b) // the client is gone when this fails
}

// noise writes zero bytes until the client or the server goes.
func (s *Server) noise(w http.ResponseWriter, r *http.Request) {
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	zeros := make([]byte, 4096)
	for {
		select {
		case <-r.Context().Done():
			return
		case <-s.quit:
			return
		case <-tick.C:
		}
		if _, err := w.Write(zeros); err != nil {
			return
		}
		_ = http.NewResponseController(w).Flush()
	}
}
