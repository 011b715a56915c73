package gitrepo

import (
	"net"
	"net/netip"
	"net/url"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/hedgesync/hedgesync/internal/fault"
)

// address is a repository URL taken apart. It never holds a credential.
type address struct {
	scheme string // https, http, ssh or file
	user   string // ssh only
	host   string // lower case, no brackets
	port   string // "" is the scheme's own
	path   string // with its leading slash, except scp-like paths below the user's home
}

var (
	scpLike     = regexp.MustCompile(`^(?:([^/@:\s]+)@)?(\[[0-9a-fA-F:.]+\]|[^/@:\s\[\]]+):([^\s]+)$`)
	hostPattern = regexp.MustCompile(`^[a-zA-Z0-9]([-_.a-zA-Z0-9]*[a-zA-Z0-9])?$`)
	defaultPort = map[string]string{"https": "443", "http": "80", "ssh": "22"}
)

// parseAddress reads a repository URL. Its errors never repeat the text, which
// may hold a password.
func parseAddress(raw string) (address, error) {
	if raw == "" {
		return address{}, badURL("the repository URL is empty")
	}
	if strings.ContainsFunc(raw, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		return address{}, badURL("the repository URL holds a control character")
	}
	if filepath.IsAbs(raw) {
		return address{scheme: "file", path: filepath.Clean(raw)}, nil
	}
	if strings.Contains(raw, "://") {
		return parseFullURL(raw)
	}
	return parseSCP(raw)
}

func parseSCP(raw string) (address, error) {
	m := scpLike.FindStringSubmatch(raw)
	if m == nil {
		return address{}, badURL("the repository URL is neither a URL, nor user@host:path, nor an absolute path")
	}
	if m[1] == "" && strings.Contains(m[3], "@") {
		return address{}, credentialInURL()
	}
	a := address{scheme: "ssh", user: m[1], host: strings.ToLower(strings.Trim(m[2], "[]")), path: strings.TrimRight(m[3], "/")}
	return a, a.check()
}

func parseFullURL(raw string) (address, error) {
	u, err := url.Parse(raw)
	if err != nil {
		return address{}, badURL("the repository URL cannot be read as a URL")
	}
	a := address{
		scheme: strings.ToLower(u.Scheme),
		host:   strings.ToLower(u.Hostname()),
		port:   u.Port(),
		path:   strings.TrimRight(u.Path, "/"),
	}
	if a.port == defaultPort[a.scheme] {
		a.port = ""
	}
	if err := a.takeUser(u.User); err != nil {
		return address{}, err
	}
	if u.RawQuery != "" || u.Fragment != "" {
		return address{}, badURL("the repository URL has a query or a fragment")
	}
	if a.scheme == "ssh" && strings.HasPrefix(a.path, "/~") {
		a.path = a.path[1:]
	}
	return a, a.check()
}

func (a *address) takeUser(u *url.Userinfo) error {
	_, password := u.Password()
	if password || (a.scheme != "ssh" && u != nil) {
		return credentialInURL()
	}
	a.user = u.Username()
	return nil
}

func credentialInURL() error {
	return fault.New(fault.Invalid, "git.url", "the repository URL holds a credential").
		WithHint("take the part before the @ out of the URL and set username and password of the repository instead")
}

func (a address) check() error {
	switch a.scheme {
	case "file":
		return a.checkFile()
	case "https", "http", "ssh":
	default:
		return badURL("the repository URL's scheme %q is not one of https, http, ssh, file", a.scheme)
	}
	_, notIP := netip.ParseAddr(a.host)
	if notIP != nil && !hostPattern.MatchString(a.host) {
		return badURL("the repository URL names no usable host")
	}
	if strings.Trim(a.path, "/") == "" {
		return badURL("the repository URL names no repository on %s", a.host)
	}
	return nil
}

func (a address) checkFile() error {
	if a.host != "" && a.host != "localhost" {
		return badURL("a file URL cannot name another host")
	}
	if !filepath.IsAbs(a.path) {
		return badURL("a file URL needs an absolute path")
	}
	return nil
}

// String returns the normalised URL: what makes two spellings one cache entry.
func (a address) String() string {
	switch {
	case a.scheme == "file":
		return filepath.Clean(a.path)
	case a.scheme == "ssh" && !strings.HasPrefix(a.path, "/"):
		return "ssh://" + a.authority() + "/./" + a.path
	}
	return a.scheme + "://" + a.authority() + a.path
}

func (a address) authority() string {
	host := a.host
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	if a.user != "" {
		host = a.user + "@" + host
	}
	if a.port != "" {
		host += ":" + a.port
	}
	return host
}

// dial returns "host:port".
func (a address) dial() string {
	port := a.port
	if port == "" {
		port = defaultPort[a.scheme]
	}
	return net.JoinHostPort(a.host, port)
}

func (a address) loopback() bool {
	ip, err := netip.ParseAddr(a.host)
	return a.host == "localhost" || err == nil && ip.IsLoopback()
}

// base returns the URL that Git's HTTP paths are appended to.
func (a address) base() *url.URL {
	host := a.host
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	if a.port != "" {
		host += ":" + a.port
	}
	return &url.URL{Scheme: a.scheme, Host: host, Path: a.path}
}

func badURL(format string, args ...any) *fault.Error {
	return fault.New(fault.Invalid, "git.url", format, args...).
		WithHint("write https://host/path, ssh://user@host/path, user@host:path or an absolute path of this machine")
}

// shellQuote quotes a path for the remote login shell that starts git-upload-pack.
func shellQuote(s string) string {
	quoted := []byte{'\''}
	for _, b := range []byte(s) {
		if b == '\'' || b == '!' {
			quoted = append(quoted, '\'', '\\', b, '\'')
			continue
		}
		quoted = append(quoted, b)
	}
	return string(append(quoted, '\''))
}
