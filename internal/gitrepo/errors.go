package gitrepo

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io/fs"
	"net"
	"net/http"
	"strings"
	"unicode"

	"github.com/hedgesync/hedgesync/internal/fabric"
	"github.com/hedgesync/hedgesync/internal/fault"
)

// explain turns whatever ended a fetch into a fault.Error that names the stage.
// It is the one place where errors of libraries are read, and it reads types.
func (v *visit) explain(ctx context.Context, err error) error {
	t, a := v.trail, v.addr
	if err == nil {
		return nil
	}
	if f, ok := errors.AsType[*fault.Error](err); ok {
		return f
	}
	if slow, ok := errors.AsType[*errSlow](context.Cause(ctx)); ok {
		return tooSlow(a, slow)
	}
	switch {
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		return fault.New(fault.Unavailable, t.code(), "time ran out at stage %s of %s: %w", t.stage(), a, context.DeadlineExceeded).
			WithHint("allow more time, or see why %s is slow", place(a))
	case ctx.Err() != nil:
		return fault.New(fault.Unknown, t.code(), "stopped at stage %s of %s: %w", t.stage(), a, context.Canceled)
	}
	return v.byStage(err)
}

func tooSlow(a address, slow *errSlow) error {
	f := fault.New(fault.Unavailable, codeOf(slow.stage), "%s gave no answer for %s at stage %s: %w", place(a), slow.limit, slow.stage, slow)
	if slow.stage == StageTCP {
		return f.WithHint("check address and port, and that no firewall drops the connection")
	}
	return f.WithHint("see why the server is slow; it will be tried again")
}

func (v *visit) byStage(err error) error {
	a := v.addr
	if local, ok := errors.AsType[*fs.PathError](err); ok {
		return cacheFault(local)
	}
	switch v.trail.stage() {
	case StageDNS:
		return explainDNS(a, err)
	case StageTCP:
		return explainTCP(a, err)
	case StageTLS:
		return explainTLS(a, err)
	case StageHostKey:
		return fault.New(fault.Unavailable, "git.hostkey", "the SSH handshake with %s broke: %s", a.dial(), serverWords(err.Error(), v.repo.Credential)).
			WithHint("check that an SSH server listens there; it offers no algorithm we accept, or ended the connection")
	case StageAuth:
		return explainAuth(a, err)
	}
	return fault.New(fault.Unavailable, "git.protocol", "%s broke Git's protocol at stage %s: %s", place(a), v.trail.stage(), serverWords(err.Error(), v.repo.Credential)).
		WithHint("it will be tried again; if it stays, check that the URL names a Git repository and that no proxy changes the answers")
}

func explainDNS(a address, err error) error {
	f := fault.New(fault.Unavailable, "git.dns", "the name %s cannot be resolved: %w", a.host, err)
	if dns, ok := errors.AsType[*net.DNSError](err); ok && dns.IsNotFound {
		f = fault.New(fault.Missing, "git.dns", "the name %s does not exist", a.host)
	}
	return f.WithHint("check the host in the repository URL, and the name servers of this machine")
}

func explainTCP(a address, err error) error {
	if op, ok := errors.AsType[*net.OpError](err); ok {
		err = op.Err
	}
	return fault.New(fault.Unavailable, "git.tcp", "%s cannot be reached: %w", a.dial(), err).
		WithHint("check host and port, that the server runs, and that this machine may connect to it")
}

func explainTLS(a address, err error) error {
	if _, ok := errors.AsType[tls.RecordHeaderError](err); ok || errors.Is(err, http.ErrSchemeMismatch) {
		return fault.New(fault.Invalid, "git.tls", "%s does not speak TLS", a.dial()).
			WithHint("check the port, or whether the server offers plain http only")
	}
	if host, ok := errors.AsType[x509.HostnameError](err); ok {
		return fault.New(fault.Denied, "git.tls", "the certificate of %s is for another name: %w", a.dial(), host).
			WithHint("use the name in the certificate, or have the server's certificate replaced")
	}
	if unknown, ok := errors.AsType[x509.UnknownAuthorityError](err); ok {
		return fault.New(fault.Denied, "git.tls", "the certificate of %s is signed by an authority this machine does not trust: %w", a.dial(), unknown).
			WithHint("set the repository's CA to the PEM of the issuing authority")
	}
	if bad, ok := errors.AsType[x509.CertificateInvalidError](err); ok {
		return fault.New(fault.Denied, "git.tls", "the certificate of %s is not valid: %w", a.dial(), bad).
			WithHint("have the server's certificate replaced, and check this machine's clock")
	}
	return fault.New(fault.Unavailable, "git.tls", "the TLS handshake with %s broke: %w", a.dial(), err).
		WithHint("check that a TLS server listens on that port")
}

// explainAuth is for a connection that broke while credentials were checked; a
// refusal is said by the transports, which know what the server answered.
func explainAuth(a address, err error) error {
	return fault.New(fault.Unavailable, "git.protocol", "%s ended the connection before it answered: %w", a.dial(), err).
		WithHint("it will be tried again; if it stays, look at the server's log")
}

func cacheFault(err error) *fault.Error {
	return fault.New(fault.Unavailable, "git.cache", "the repository cache cannot be used: %w", err).
		WithHint("check free space and permissions of the data directory")
}

func codeOf(s Stage) string {
	if s == StageTransfer {
		return "git.protocol"
	}
	return "git." + string(s)
}

func (t *trail) code() string { return codeOf(t.stage()) }

// place names the other side for a person.
func place(a address) string {
	if a.scheme == "file" {
		return a.path
	}
	return a.dial()
}

// serverWords prepares text that a server sent for an error message: one short
// printable line without the credentials the server may be echoing.
func serverWords(text string, c fabric.Credential) string {
	// Before the line is cut: half a password is still a secret.
	for _, secret := range []fabric.Secret{c.Password, c.SSHKeyPass} {
		if !secret.IsZero() {
			text = strings.ReplaceAll(text, secret.Reveal(), "[secret]")
		}
	}
	if !c.Password.IsZero() {
		text = strings.ReplaceAll(text, basic(c), "[secret]")
	}
	line, _, _ := strings.Cut(strings.TrimSpace(text), "\n")
	return printable(line, 200)
}

// printable drops control characters, which could drive a terminal, and cuts
// after limit runes.
func printable(s string, limit int) string {
	s = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, "?"))
	if r := []rune(s); len(r) > limit {
		return string(r[:limit]) + "…"
	}
	return s
}
