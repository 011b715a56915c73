package gittest

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"net"
	"strings"
	"sync"
	"testing"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/knownhosts"
)

// SSHServer is one repository over SSH.
type SSHServer struct {
	URL         string // ssh://git@127.0.0.1:port/fabrics/lab.git
	KnownHosts  string // the line a client needs
	Fingerprint string // of the host key, "SHA256:..."
	ClientKey   string // PEM of the private key that is let in

	repo   *Repo
	config *ssh.ServerConfig
	wait   sync.WaitGroup

	mu    sync.Mutex // guards conns
	conns map[net.Conn]bool
}

// ServeSSH starts a server for repo that ends with the test.
func ServeSSH(t testing.TB, repo *Repo) *SSHServer {
	t.Helper()
	_, hostKey, err := ed25519.GenerateKey(rand.Reader)
	check(t, err)
	host, err := ssh.NewSignerFromKey(hostKey)
	check(t, err)
	s := &SSHServer{repo: repo, Fingerprint: ssh.FingerprintSHA256(host.PublicKey()), conns: map[net.Conn]bool{}}
	var allowed ssh.PublicKey
	s.ClientKey, allowed = ClientKey(t, "")
	s.config = &ssh.ServerConfig{PublicKeyCallback: func(_ ssh.ConnMetadata, key ssh.PublicKey) (*ssh.Permissions, error) {
		if !bytes.Equal(key.Marshal(), allowed.Marshal()) {
			return nil, ssh.ErrNoAuth
		}
		return nil, nil
	}}
	s.config.AddHostKey(host)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	check(t, err)
	s.URL = "ssh://git@" + l.Addr().String() + "/fabrics/lab.git"
	s.KnownHosts = knownhosts.Line([]string{l.Addr().String()}, host.PublicKey())
	s.wait.Go(func() { s.accept(l) })
	t.Cleanup(func() {
		_ = l.Close()
		s.closeAll()
		s.wait.Wait()
	})
	return s
}

// ClientKey makes a key pair; the private half is PEM, encrypted if passphrase is not "".
func ClientKey(t testing.TB, passphrase string) (string, ssh.PublicKey) {
	t.Helper()
	_, key, err := ed25519.GenerateKey(rand.Reader)
	check(t, err)
	signer, err := ssh.NewSignerFromKey(key)
	check(t, err)
	var block *pem.Block
	if passphrase == "" {
		block, err = ssh.MarshalPrivateKey(key, "")
	} else {
		block, err = ssh.MarshalPrivateKeyWithPassphrase(key, "", []byte(passphrase))
	}
	check(t, err)
	return string(pem.EncodeToMemory(block)), signer.PublicKey()
}

func (s *SSHServer) accept(l net.Listener) {
	for {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		s.mu.Lock()
		s.conns[conn] = true
		s.mu.Unlock()
		s.wait.Go(func() { s.serve(conn) })
	}
}

func (s *SSHServer) closeAll() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for conn := range s.conns {
		_ = conn.Close()
	}
}

func (s *SSHServer) serve(conn net.Conn) {
	defer conn.Close()
	_, channels, requests, err := ssh.NewServerConn(conn, s.config)
	if err != nil {
		return
	}
	s.wait.Go(func() { ssh.DiscardRequests(requests) })
	for c := range channels {
		channel, requests, err := c.Accept()
		if err != nil {
			return
		}
		s.wait.Go(func() { s.session(channel, requests) })
	}
}

func (s *SSHServer) session(channel ssh.Channel, requests <-chan *ssh.Request) {
	defer channel.Close()
	for req := range requests {
		if req.Type != "exec" {
			_ = req.Reply(false, nil)
			continue
		}
		_ = req.Reply(true, nil)
		var command struct{ Line string }
		_ = ssh.Unmarshal(req.Payload, &command)
		_, _ = channel.SendRequest("exit-status", false, ssh.Marshal(struct{ Code uint32 }{s.run(command.Line, channel)}))
		return
	}
}

func (s *SSHServer) run(line string, channel ssh.Channel) (exit uint32) {
	if !strings.HasPrefix(line, "git-upload-pack ") || !strings.Contains(line, "fabrics/lab.git") {
		_, _ = channel.Stderr().Write([]byte("ERROR: Repository not found.\n"))
		return 1
	}
	ctx := context.Background() // closing the connection ends both calls
	adv, err := s.repo.advertise(ctx)
	if err != nil || adv.Encode(channel) != nil {
		return 1
	}
	if s.repo.upload(ctx, channel, channel) != nil {
		return 1
	}
	return 0
}
