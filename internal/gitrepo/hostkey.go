package gitrepo

import (
	"errors"
	"net"
	"os"
	"slices"
	"strings"

	skeema "github.com/skeema/knownhosts"
	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/knownhosts"

	"github.com/hedgesync/hedgesync/internal/fault"
)

// hostKeys decides whether an SSH server is the one the operator meant.
type hostKeys struct {
	db       *skeema.HostKeyDB // nil when no known_hosts are set
	target   string            // host:port
	expected []string          // fingerprints on file for target
	seen     string            // fingerprint the server showed
}

// newHostKeys reads known_hosts lines for target.
func newHostKeys(lines, target string) (*hostKeys, error) {
	h := &hostKeys{target: target}
	if strings.TrimSpace(lines) == "" {
		return h, nil
	}
	// The parser that knows hashed names, patterns, authorities and revocations reads files only.
	f, err := os.CreateTemp("", "known_hosts-")
	if err != nil {
		return nil, cacheFault(err)
	}
	defer os.Remove(f.Name())
	_, err = f.WriteString(lines)
	if err := errors.Join(err, f.Close()); err != nil {
		return nil, cacheFault(err)
	}
	if h.db, err = skeema.NewDB(f.Name()); err != nil {
		return nil, fault.New(fault.Invalid, "git.hostkey", "the repository's known_hosts cannot be read").
			WithHint("give lines as %s prints them", h.scan())
	}
	for _, k := range h.db.HostKeys(target) {
		h.expected = append(h.expected, ssh.FingerprintSHA256(k.PublicKey))
	}
	slices.Sort(h.expected)
	return h, nil
}

// algorithms puts the key types on file first, so that a server with several
// keys shows the known one; the others follow, so that a foreign key is seen
// and named instead of ending in a failed negotiation.
func (h *hostKeys) algorithms() []string {
	var order []string
	if h.db != nil {
		order = h.db.HostKeyAlgorithms(h.target)
	}
	for _, a := range ssh.SupportedAlgorithms().HostKeys {
		if !slices.Contains(order, a) {
			order = append(order, a)
		}
	}
	return order
}

// check is the ssh.HostKeyCallback.
func (h *hostKeys) check(hostport string, remote net.Addr, key ssh.PublicKey) error {
	h.seen = ssh.FingerprintSHA256(key)
	if h.db == nil {
		return fault.New(fault.Denied, "git.hostkey", "no known_hosts are set and %s shows host key %s", h.target, h.seen).
			WithHint("run %s, compare the fingerprint with what the server's operator publishes, and set the output as known_hosts", h.scan())
	}
	err := h.db.HostKeyCallback()(hostport, remote, key)
	if err == nil {
		return nil
	}
	if _, revoked := errors.AsType[*knownhosts.RevokedError](err); revoked {
		return fault.New(fault.Denied, "git.hostkey", "%s shows host key %s, which known_hosts marks as revoked", h.target, h.seen).
			WithHint("do not connect; ask the server's operator")
	}
	if k, ok := errors.AsType[*knownhosts.KeyError](err); ok && len(k.Want) == 0 {
		return fault.New(fault.Denied, "git.hostkey", "known_hosts do not name %s, which shows host key %s", h.target, h.seen).
			WithHint("run %s, compare the fingerprint with what the server's operator publishes, and add the output to known_hosts", h.scan())
	}
	return fault.New(fault.Denied, "git.hostkey", "%s shows host key %s, expected %s", h.target, h.seen, strings.Join(h.expected, " or ")).
		WithHint("somebody may be in between, or the server got a new key: ask its operator before replacing the line in known_hosts")
}

func (h *hostKeys) scan() string {
	host, port, err := net.SplitHostPort(h.target)
	if err != nil || port == "22" {
		return "ssh-keyscan " + host
	}
	return "ssh-keyscan -p " + port + " " + host
}
