package kube

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

const (
	jsonType       = "application/json"
	applyType      = "application/apply-patch+yaml"
	jsonPatchType  = "application/json-patch+json"
	discoveryType  = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
	metadataType   = "application/vnd.kubernetes.protobuf;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
	metadataAsJSON = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
)

var errTooLarge = errors.New("the answer is longer than allowed")

// request is one call of the API.
type request struct {
	method string
	path   string
	query  url.Values
	accept string
	kind   string // content type of body
	body   []byte
	limit  time.Duration // 0 is the client's time-out
}

// answer is the server's reply to a request, read to its end.
type answer struct {
	code   int
	kind   string // content type
	body   []byte
	status metav1.Status // of a refusal, when the server sent one
	after  time.Duration // Retry-After
}

// failure is a request that the server refused, or that got no whole answer.
type failure struct {
	method string
	path   string
	answer *answer // nil: there was none
	err    error   // why not
	sent   bool    // a connection carried the request, or part of it
}

func (f *failure) Error() string {
	if f.answer == nil {
		return fmt.Sprintf("%s %s: %v", f.method, f.path, f.err)
	}
	text := f.answer.status.Message
	if text == "" {
		text = firstLine(f.answer.body)
	}
	if text == "" {
		text = http.StatusText(f.answer.code)
	}
	return fmt.Sprintf("%s (HTTP %d)", text, f.answer.code)
}

func (f *failure) Unwrap() error { return f.err }

// firstLine shortens a body that is not a Status: a proxy's page, say.
func firstLine(b []byte) string {
	line, _, _ := strings.Cut(strings.TrimSpace(string(b)), "\n")
	return line[:min(len(line), 200)]
}

// exchange sends one request, once, and reads the whole answer. Anything but a
// 2xx answer is a *failure, not yet classified: only the caller knows whether the
// request could have had an effect.
func (c *Client) exchange(ctx context.Context, r request) (*answer, error) {
	limit := r.limit
	if limit == 0 {
		limit = c.options.Timeout
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	var sent atomic.Bool
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		// From here on bytes may have left, though no error could tell us.
		GotConn: func(httptrace.GotConnInfo) { sent.Store(true) },
	})
	fail := func(a *answer, err error) (*answer, error) {
		return nil, &failure{method: r.method, path: r.path, answer: a, err: err, sent: sent.Load()}
	}
	req, err := c.build(ctx, r)
	if err != nil {
		return fail(nil, err)
	}
	res, err := c.http.Do(req)
	if err != nil {
		return fail(nil, redact(err))
	}
	defer res.Body.Close()
	a := &answer{code: res.StatusCode, kind: res.Header.Get("Content-Type"), after: retryAfter(res.Header)}
	if a.body, err = readAll(res); err != nil {
		return fail(nil, err)
	}
	if a.code/100 != 2 {
		a.status = statusOf(a.body)
		return fail(a, nil)
	}
	return a, nil
}

func (c *Client) build(ctx context.Context, r request) (*http.Request, error) {
	u := *c.base
	u.Path = strings.TrimSuffix(u.Path, "/") + r.path
	u.RawQuery = r.query.Encode()
	req, err := http.NewRequestWithContext(ctx, r.method, u.String(), bytes.NewReader(r.body))
	if err != nil {
		return nil, err
	}
	// The library would send the body again on another connection, by itself, when
	// one breaks: a write must go out once.
	req.GetBody = nil
	accept := r.accept
	if accept == "" {
		accept = jsonType
	}
	req.Header.Set("Accept", accept)
	if r.kind != "" {
		req.Header.Set("Content-Type", r.kind)
	}
	return req, nil
}

// redact drops the request line from a transport error: it repeats what the
// failure says, and a proxy's address may hold a password.
func redact(err error) error {
	if e, ok := errors.AsType[*url.Error](err); ok {
		return e.Err
	}
	return err
}

func readAll(res *http.Response) ([]byte, error) {
	var b bytes.Buffer
	if n := res.ContentLength; n > 0 && n < 1<<30 {
		b.Grow(int(n) + bytes.MinRead)
	}
	_, err := b.ReadFrom(res.Body)
	return b.Bytes(), err
}

func statusOf(body []byte) metav1.Status {
	var s metav1.Status
	if err := json.Unmarshal(body, &s); err != nil || s.Kind != "Status" {
		return metav1.Status{}
	}
	return s
}

func retryAfter(h http.Header) time.Duration {
	s, err := strconv.Atoi(h.Get("Retry-After"))
	if err != nil || s < 0 {
		return 0
	}
	return time.Duration(min(s, 60)) * time.Second
}

// bounded refuses to read an answer without end.
type bounded struct {
	next http.RoundTripper
	max  int64
}

func (b bounded) RoundTrip(r *http.Request) (*http.Response, error) {
	res, err := b.next.RoundTrip(r)
	if err == nil {
		res.Body = &boundedBody{res.Body, b.max}
	}
	return res, err
}

type boundedBody struct {
	io.ReadCloser
	left int64
}

func (b *boundedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if b.left -= int64(n); b.left < 0 {
		return 0, errTooLarge
	}
	return n, err
}
