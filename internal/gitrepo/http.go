package gitrepo

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp/capability"

	"github.com/hedgesync/hedgesync/internal/fabric"
	"github.com/hedgesync/hedgesync/internal/fault"
)

// tokenUser is the username sent with a token when none is set: hosts that take
// tokens ignore it, but refuse an empty one.
const tokenUser = "x-access-token"

// httpSession speaks Git's smart HTTP protocol.
type httpSession struct {
	client *http.Client
	base   *url.URL
	cred   fabric.Credential
	trail  *trail
	caps   *capability.List
}

func newHTTPSession(a address, c fabric.Credential, o Options, t *trail) (*httpSession, error) {
	if a.scheme == "http" && !a.loopback() {
		if !c.Password.IsZero() || c.Username != "" {
			return nil, fault.New(fault.Invalid, "git.url", "credentials would cross the network in the clear to %s", a.dial()).
				WithHint("use https")
		}
		if !o.AllowHTTP {
			return nil, fault.New(fault.Invalid, "git.url", "%s would be read without encryption: anybody in between could rewrite the fabric", a.dial()).
				WithHint("use https, or allow plain http explicitly")
		}
	}
	roots, err := trustedRoots(c.CA)
	if err != nil {
		return nil, err
	}
	s := &httpSession{base: a.base(), cred: c, trail: t}
	s.client = &http.Client{
		Transport: &http.Transport{
			Proxy:           http.ProxyFromEnvironment,
			DialContext:     (&net.Dialer{}).DialContext,
			TLSClientConfig: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12},
		},
		CheckRedirect: s.checkRedirect,
	}
	return s, nil
}

func trustedRoots(pem string) (*x509.CertPool, error) {
	if pem == "" {
		return nil, nil // the system's
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool()
	}
	if !pool.AppendCertsFromPEM([]byte(pem)) {
		return nil, fault.New(fault.Invalid, "git.tls", "the repository's CA holds no certificate").
			WithHint("give PEM: -----BEGIN CERTIFICATE----- and what follows")
	}
	return pool, nil
}

func (s *httpSession) Close() error {
	s.client.CloseIdleConnections()
	return nil
}

const listing = "/info/refs"

func (s *httpSession) refs(ctx context.Context) (*packp.AdvRefs, error) {
	u := *s.base
	u.Path += listing
	u.RawQuery = "service=git-upload-pack"
	res, err := s.do(ctx, http.MethodGet, &u, nil)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	s.trail.reach(StageRepository)
	if err := checkType(res, "application/x-git-upload-pack-advertisement"); err != nil {
		return nil, err
	}
	if s.base, err = redirectedBase(res.Request.URL); err != nil {
		return nil, err
	}
	adv, err := readListing(res.Body, s.cred)
	if err != nil {
		return nil, err
	}
	s.caps = adv.Capabilities
	return adv, nil
}

func (s *httpSession) pack(ctx context.Context, wants, haves []plumbing.Hash) (io.ReadCloser, error) {
	var body bytes.Buffer
	if err := writeRequest(&body, s.caps, wants, haves); err != nil {
		return nil, err
	}
	u := *s.base
	u.Path += "/git-upload-pack"
	res, err := s.do(ctx, http.MethodPost, &u, &body)
	if err != nil {
		return nil, err
	}
	pack, err := readPack(res.Body, s.caps)
	if err != nil {
		_ = res.Body.Close()
		return nil, err
	}
	return readCloser{pack, res.Body}, nil
}

type readCloser struct {
	io.Reader
	io.Closer
}

// do sends one request and returns its answer if the status is 200.
func (s *httpSession) do(ctx context.Context, method string, u *url.URL, body *bytes.Buffer) (*http.Response, error) {
	var content io.Reader
	if body != nil {
		content = body
	}
	req, err := http.NewRequestWithContext(ctx, method, u.String(), content)
	if err != nil {
		return nil, err
	}
	req.Header.Set("User-Agent", "git/hedgesync")
	if body != nil {
		req.Header.Set("Content-Type", "application/x-git-upload-pack-request")
		req.Header.Set("Accept", "application/x-git-upload-pack-result")
	}
	s.authorise(req)
	res, err := s.client.Do(req)
	if err != nil {
		return nil, withoutURL(err)
	}
	if res.StatusCode != http.StatusOK {
		_ = res.Body.Close()
		return nil, s.refused(res.StatusCode)
	}
	return res, nil
}

func (s *httpSession) authorise(req *http.Request) {
	if s.cred.Username == "" && s.cred.Password.IsZero() {
		return
	}
	req.Header.Set("Authorization", "Basic "+basic(s.cred))
}

// basic is a credential as a request carries it: spelled otherwise, not hidden.
func basic(c fabric.Credential) string {
	user := cmp.Or(c.Username, tokenUser)
	return base64.StdEncoding.EncodeToString([]byte(user + ":" + c.Password.Reveal()))
}

// refused names an answer by its status. The body is not read: servers have been
// seen to repeat the request's headers in it.
func (s *httpSession) refused(status int) error {
	switch {
	case status == http.StatusUnauthorized:
		return s.unauthorised()
	case status == http.StatusForbidden:
		return fault.New(fault.Denied, "git.auth", "%s knows these credentials and forbids reading the repository (403)", s.base.Host).
			WithHint("give the account or token the right to read this repository")
	case status == http.StatusProxyAuthRequired:
		return fault.New(fault.Denied, "git.auth", "the HTTP proxy asks for credentials (407)").
			WithHint("set them in the HTTPS_PROXY environment variable of this program")
	case status == http.StatusNotFound || status == http.StatusGone:
		s.trail.reach(StageRepository)
		return fault.New(fault.Missing, "git.repository", "%s has no repository %s, or hides it (%d)", s.base.Host, s.base.Path, status).
			WithHint("check the path; many hosts answer so when the credentials may not see a private repository")
	case status == http.StatusTooManyRequests || status >= 500:
		return fault.New(fault.Unavailable, "git.protocol", "%s answers with status %d", s.base.Host, status).
			WithHint("the server has a problem of its own; it will be tried again")
	}
	return fault.New(fault.Invalid, "git.protocol", "%s answers with status %d", s.base.Host, status).
		WithHint("check that the URL names a Git repository")
}

func (s *httpSession) unauthorised() error {
	if s.cred.Username == "" && s.cred.Password.IsZero() {
		return fault.New(fault.Denied, "git.auth", "%s asks for credentials and none are set (401)", s.base.Host).
			WithHint("set a token, or username and password, that may read the repository")
	}
	return fault.New(fault.Denied, "git.auth", "%s refuses the credentials (401)", s.base.Host).
		WithHint("check that the token or password is right, not expired, and may read repositories; some hosts want a certain username with a token")
}

func checkType(res *http.Response, want string) error {
	got, _, _ := strings.Cut(res.Header.Get("Content-Type"), ";")
	if got == want {
		return nil
	}
	return fault.New(fault.Invalid, "git.protocol", "%s answers with %q, not with Git's protocol", res.Request.URL.Host, printable(got, 60)).
		WithHint("check that the URL is the one to clone from, not a web page, and that no portal intercepts it")
}

// checkRedirect follows a listing within its origin, or from http to https on
// one host, and nothing else: credentials stay where the operator sent them.
func (s *httpSession) checkRedirect(req *http.Request, via []*http.Request) error {
	from, to := via[0], req.URL
	target := (&url.URL{Scheme: to.Scheme, Host: to.Host, Path: strings.TrimSuffix(to.Path, listing)}).String()
	if from.Method != http.MethodGet || len(via) > 5 {
		return fault.New(fault.Invalid, "git.protocol", "%s redirects more than a listing may be", from.URL.Host).
			WithHint("set the repository URL to where it leads: %s", target)
	}
	if to.User != nil || !sameOrigin(from.URL, to) {
		return fault.New(fault.Invalid, "git.protocol", "%s redirects to another place, %s; credentials are not sent there", from.URL.Host, target).
			WithHint("if that place is right, set the repository URL to it")
	}
	return nil
}

func sameOrigin(from, to *url.URL) bool {
	upgrade := from.Scheme == "http" && to.Scheme == "https" && from.Port() == "" && to.Port() == ""
	return strings.EqualFold(from.Host, to.Host) && (from.Scheme == to.Scheme || upgrade)
}

func redirectedBase(u *url.URL) (*url.URL, error) {
	path, ok := strings.CutSuffix(u.Path, listing)
	if !ok {
		return nil, fault.New(fault.Invalid, "git.protocol", "%s redirects the listing to something else", u.Host).
			WithHint("set the repository URL to the one to clone from")
	}
	return &url.URL{Scheme: u.Scheme, Host: u.Host, Path: path}, nil
}

// withoutURL drops the wrapper that repeats method and URL.
func withoutURL(err error) error {
	if u, ok := errors.AsType[*url.Error](err); ok {
		return u.Err
	}
	return err
}
