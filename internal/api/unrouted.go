package api

import (
	"encoding/json"
	"net/http"
)

// unrouted answers what no route is for as every other error is answered: with a
// problem document.
func unrouted(mux *http.ServeMux) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h, pattern := mux.Handler(r)
		if pattern != "" {
			mux.ServeHTTP(w, r)
			return
		}
		answer := statusOnly{header: w.Header(), status: http.StatusNotFound}
		h.ServeHTTP(&answer, r)
		writeProblem(w, r, answer.status)
	})
}

func writeProblem(w http.ResponseWriter, r *http.Request, status int) {
	text := "there is no " + r.URL.Path
	if status == http.StatusMethodNotAllowed {
		text = r.URL.Path + " does not take " + r.Method
	}
	d := newError(status, text)
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(d) // the client is gone when this fails
}

// statusOnly keeps an answer's status and header, and drops its text.
type statusOnly struct {
	header http.Header
	status int
}

func (s *statusOnly) Header() http.Header         { return s.header }
func (s *statusOnly) Write(b []byte) (int, error) { return len(b), nil }
func (s *statusOnly) WriteHeader(status int)      { s.status = status }
