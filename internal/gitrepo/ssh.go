package gitrepo

import (
	"bytes"
	"context"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"strings"
	"sync"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp/capability"
	"golang.org/x/crypto/ssh"

	"github.com/hedgesync/hedgesync/internal/fabric"
	"github.com/hedgesync/hedgesync/internal/fault"
)

// sshSession runs git-upload-pack over SSH. It reads no file of the user's
// ~/.ssh and asks no agent: what is set on the repository is all there is.
type sshSession struct {
	client  *ssh.Client
	session *ssh.Session
	in      io.WriteCloser
	out     io.Reader
	said    *firstBytes // stderr of the other side
	stop    func() bool
	cred    fabric.Credential
	caps    *capability.List
}

func newSSHSession(ctx context.Context, a address, c fabric.Credential, keys *hostKeys, t *trail) (*sshSession, error) {
	methods, err := sshAuth(c)
	if err != nil {
		return nil, err
	}
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", a.dial())
	if err != nil {
		return nil, err
	}
	t.reach(StageHostKey)
	s := &sshSession{cred: c, said: &firstBytes{limit: 4096}, stop: context.AfterFunc(ctx, func() { _ = conn.Close() })}
	if s.client, err = handshake(conn, a, c, methods, keys, t); err != nil {
		_ = conn.Close()
		s.stop()
		return nil, err
	}
	t.reach(StageRepository)
	if err := s.start(a.path); err != nil {
		_ = s.Close()
		return nil, err
	}
	return s, nil
}

func handshake(conn net.Conn, a address, c fabric.Credential, methods []ssh.AuthMethod, keys *hostKeys, t *trail) (*ssh.Client, error) {
	config := &ssh.ClientConfig{
		User: sshUser(a, c),
		Auth: methods,
		HostKeyCallback: func(host string, remote net.Addr, key ssh.PublicKey) error {
			if err := keys.check(host, remote, key); err != nil {
				return err
			}
			t.reach(StageAuth)
			return nil
		},
		HostKeyAlgorithms: keys.algorithms(),
	}
	transport, channels, requests, err := ssh.NewClientConn(conn, a.dial(), config)
	if err == nil {
		return ssh.NewClient(transport, channels, requests), nil
	}
	if t.stage() == StageAuth && !connectionBroke(err) {
		return nil, sshRefused(a, config.User, len(methods) > 0)
	}
	return nil, err
}

// connectionBroke tells a lost connection from a refusal.
func connectionBroke(err error) bool {
	_, network := errors.AsType[net.Error](err)
	return network || errors.Is(err, io.EOF) || errors.Is(err, net.ErrClosed)
}

func sshRefused(a address, user string, tried bool) error {
	if !tried {
		return fault.New(fault.Denied, "git.auth", "%s asks for a key and none is set", a.dial()).
			WithHint("set the repository's SSH private key, and add its public half to the host as a deploy key")
	}
	return fault.New(fault.Denied, "git.auth", "%s refuses the key or password for user %q", a.dial(), user).
		WithHint("add the public half of the key to the host as a deploy key; the user is mostly git")
}

func sshUser(a address, c fabric.Credential) string {
	switch {
	case a.user != "":
		return a.user
	case c.Username != "":
		return c.Username
	}
	return "git"
}

func sshAuth(c fabric.Credential) ([]ssh.AuthMethod, error) {
	var methods []ssh.AuthMethod
	if !c.SSHKey.IsZero() {
		signer, err := parseKey(c)
		if err != nil {
			return nil, err
		}
		methods = append(methods, ssh.PublicKeys(signer))
	}
	if !c.Password.IsZero() {
		methods = append(methods, ssh.Password(c.Password.Reveal()))
	}
	return methods, nil
}

// parseKey reads the private key. Parser errors are not passed on: they may
// quote the input.
func parseKey(c fabric.Credential) (ssh.Signer, error) {
	pem := []byte(strings.TrimSpace(c.SSHKey.Reveal()) + "\n")
	if !c.SSHKeyPass.IsZero() {
		signer, err := ssh.ParsePrivateKeyWithPassphrase(pem, []byte(c.SSHKeyPass.Reveal()))
		if errors.Is(err, x509.IncorrectPasswordError) {
			return nil, badKey("the passphrase does not open the SSH key").WithHint("check the passphrase")
		}
		if err == nil {
			return signer, nil
		}
	}
	signer, err := ssh.ParsePrivateKey(pem)
	if _, locked := errors.AsType[*ssh.PassphraseMissingError](err); locked {
		return nil, badKey("the SSH key needs a passphrase").WithHint("set the key's passphrase, or use a key without one")
	}
	if err != nil {
		return nil, badKey("the SSH key cannot be read").
			WithHint("give a private key in PEM or OpenSSH form (-----BEGIN ...); convert a PuTTY key with puttygen -O private-openssh")
	}
	return signer, nil
}

func badKey(text string) *fault.Error { return fault.New(fault.Invalid, "git.auth", "%s", text) }

func (s *sshSession) start(path string) (err error) {
	if s.session, err = s.client.NewSession(); err != nil {
		return err
	}
	s.session.Stderr = s.said
	if s.in, err = s.session.StdinPipe(); err != nil {
		return err
	}
	if s.out, err = s.session.StdoutPipe(); err != nil {
		return err
	}
	return s.session.Start("git-upload-pack " + shellQuote(path))
}

func (s *sshSession) refs(context.Context) (*packp.AdvRefs, error) {
	adv, err := readListing(s.out, s.cred)
	if errors.Is(err, packp.ErrEmptyInput) {
		return nil, s.noRepository()
	}
	if err != nil {
		return nil, err
	}
	s.caps = adv.Capabilities
	return adv, nil
}

// noRepository is for a server that let us in and then ended without a listing:
// its shell, not Git's protocol, says why.
func (s *sshSession) noRepository() error {
	_ = s.session.Wait() // for stderr to be complete; the exit code says nothing more
	f := fault.New(fault.Missing, "git.repository", "the server gives no repository for this path")
	if words := serverWords(s.said.String(), s.cred); words != "" {
		f = fault.New(fault.Missing, "git.repository", "the server gives no repository for this path: %q", words)
	}
	return f.WithHint("check the path, and that this key may read the repository")
}

func (s *sshSession) pack(_ context.Context, wants, haves []plumbing.Hash) (io.ReadCloser, error) {
	if err := writeRequest(s.in, s.caps, wants, haves); err != nil {
		return nil, err
	}
	pack, err := readPack(s.out, s.caps)
	if err != nil {
		return nil, err
	}
	return io.NopCloser(pack), nil
}

// Close ends the connection; whatever the server still wanted to say is dropped.
func (s *sshSession) Close() error {
	s.stop()
	_ = s.client.Close() // an error here says only that the other side was faster
	return nil
}

// firstBytes keeps the beginning of what is written to it.
type firstBytes struct {
	limit int
	mu    sync.Mutex // the SSH library writes from its own goroutine
	buf   bytes.Buffer
}

func (b *firstBytes) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.buf.Write(p[:min(len(p), b.limit-b.buf.Len())])
	return len(p), nil
}

func (b *firstBytes) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}
