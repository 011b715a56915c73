package kubetest

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
)

const (
	startLimit = 90 * time.Second // generous: the machine may be busy with other tests
	pollEvery  = 50 * time.Millisecond
)

// Server is one kube-apiserver with its etcd. Its methods may be called by
// several tests at once, except those that stop or pause it.
type Server struct {
	Address    string // https://127.0.0.1:port, the same after a Restart
	Kubeconfig []byte // of the user "admin", in system:masters

	dir    string
	bin    string
	port   *reservation
	ca     *authority
	tokens map[string]string // by user
	users  atomic.Int32      // how many of the spare users are given away
	spaces atomic.Int32

	etcd, api *process
	admin     *rest.Config
	dynamic   *dynamic.DynamicClient
	rest      *rest.RESTClient
}

// Start runs a server of its own for one test and stops it at the test's end.
func Start(tb testing.TB) *Server {
	tb.Helper()
	s, err := start(tb.TempDir())
	if err != nil {
		tb.Fatalf("start API server: %v", err)
	}
	tb.Cleanup(s.stop)
	return s
}

func start(dir string) (*Server, error) {
	bin, err := binaries()
	if err != nil {
		return nil, err
	}
	s := &Server{dir: dir, bin: bin, tokens: map[string]string{}}
	if s.port, err = reserve(); err != nil {
		return nil, err
	}
	s.Address = fmt.Sprintf("https://127.0.0.1:%d", s.port.number)
	if err := errors.Join(s.prepare(), s.run()); err != nil {
		s.stop()
		return nil, err
	}
	return s, nil
}

// prepare writes what the processes read: keys, certificates and tokens.
func (s *Server) prepare() (err error) {
	if s.ca, err = newAuthority(); err != nil {
		return err
	}
	serving, err := s.ca.server("kube-apiserver")
	if err != nil {
		return err
	}
	accounts, err := s.ca.server("service-accounts")
	if err != nil {
		return err
	}
	files := map[string][]byte{
		"ca.crt": s.ca.pem, "tls.crt": serving.cert, "tls.key": serving.key,
		"sa.key": accounts.key, "tokens.csv": s.issueTokens(),
	}
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(s.dir, name), content, 0o600); err != nil {
			return err
		}
	}
	s.Kubeconfig = s.KubeconfigFor(Admin)
	if s.admin, err = clientcmd.RESTConfigFromKubeConfig(s.Kubeconfig); err != nil {
		return err
	}
	s.admin.QPS, s.admin.WarningHandlerWithContext = -1, rest.NoWarnings{}
	if s.dynamic, err = dynamic.NewForConfig(s.admin); err != nil {
		return err
	}
	unversioned := dynamic.ConfigFor(s.admin)
	unversioned.GroupVersion = &schema.GroupVersion{}
	s.rest, err = rest.UnversionedRESTClientFor(unversioned)
	return err
}

func (s *Server) issueTokens() []byte {
	var csv strings.Builder
	for _, user := range append([]string{Admin, Nobody}, spareUsers()...) {
		s.tokens[user] = TokenPrefix + strings.ToLower(rand.Text())
		groups := ""
		if user == Admin {
			groups = `,"system:masters"`
		}
		fmt.Fprintf(&csv, "%s,%s,%s%s\n", s.tokens[user], user, user, groups)
	}
	return []byte(csv.String())
}

// run starts both processes and waits until the API answers.
func (s *Server) run() (err error) {
	if s.etcd, err = spawn(s.dir, filepath.Join(s.bin, "etcd"), etcdArgs...); err != nil {
		return err
	}
	return s.runAPI()
}

func (s *Server) runAPI() (err error) {
	if s.api, err = spawn(s.dir, filepath.Join(s.bin, "kube-apiserver"), s.apiArgs()...); err != nil {
		return err
	}
	return s.ready()
}

// etcd listens on sockets in its working directory: no ports to collide.
var etcdArgs = []string{
	"--name=default", "--data-dir=etcd", "--unsafe-no-fsync", "--log-level=warn",
	"--listen-client-urls=unix://client.sock:0", "--advertise-client-urls=unix://client.sock:0",
	"--listen-peer-urls=unix://peer.sock:0", "--initial-advertise-peer-urls=unix://peer.sock:0",
	"--initial-cluster=default=unix://peer.sock:0",
}

func (s *Server) apiArgs() []string {
	return []string{
		"--etcd-servers=unix://" + filepath.Join(s.dir, "client.sock:0"),
		"--bind-address=127.0.0.1", fmt.Sprintf("--secure-port=%d", s.port.number), "--permit-port-sharing",
		"--tls-cert-file=tls.crt", "--tls-private-key-file=tls.key", "--client-ca-file=ca.crt",
		"--token-auth-file=tokens.csv", "--authorization-mode=RBAC",
		"--service-account-issuer=https://kubernetes.default.svc", "--service-account-key-file=sa.key",
		"--service-account-signing-key-file=sa.key", "--service-cluster-ip-range=10.0.0.0/24",
		// A loopback address may not be advertised, and nobody makes service accounts here.
		"--endpoint-reconciler-type=none", "--disable-admission-plugins=ServiceAccount",
		"--shutdown-delay-duration=0s", "--profiling=false",
	}
}

// ready waits until /readyz says ok to the admin.
func (s *Server) ready() error {
	client, err := rest.HTTPClientFor(s.admin)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), startLimit)
	defer cancel()
	return poll(ctx, func() (bool, error) {
		if p := s.dead(); p != nil {
			return false, fmt.Errorf("%s ended:\n%s", p.name, p.tail())
		}
		ask, stop := context.WithTimeout(ctx, 5*time.Second)
		defer stop()
		req, err := http.NewRequestWithContext(ask, http.MethodGet, s.Address+"/readyz", nil)
		if err != nil {
			return false, err
		}
		res, err := client.Do(req)
		if err != nil {
			return false, nil // not listening yet
		}
		return res.StatusCode == http.StatusOK, res.Body.Close()
	})
}

func (s *Server) dead() *process {
	for _, p := range []*process{s.etcd, s.api} {
		if !p.alive() {
			return p
		}
	}
	return nil
}

func (s *Server) stop() {
	s.api.kill()
	s.etcd.kill()
	s.port.release()
}

// Kill ends the API server at once, as a power cut would. Its data stay.
func (s *Server) Kill(tb testing.TB) {
	tb.Helper()
	s.api.kill()
}

// Restart starts the API server again, on the same address and data, killing it
// first if it runs.
func (s *Server) Restart(tb testing.TB) {
	tb.Helper()
	s.api.kill()
	if err := s.runAPI(); err != nil {
		tb.Fatalf("restart API server: %v", err)
	}
}

// Pause stops the API server where it stands, and returns once it does: connections
// stay open, nothing answers.
func (s *Server) Pause(tb testing.TB) {
	tb.Helper()
	err := s.api.signal(syscall.SIGSTOP)
	if err == nil {
		ctx, cancel := context.WithTimeout(tb.Context(), startLimit)
		defer cancel()
		err = poll(ctx, s.api.stopped)
	}
	if err != nil {
		tb.Fatalf("pause API server: %v", err)
	}
}

// Resume lets a paused API server go on.
func (s *Server) Resume(tb testing.TB) {
	tb.Helper()
	if err := s.api.signal(syscall.SIGCONT); err != nil {
		tb.Fatalf("resume API server: %v", err)
	}
}

// poll calls ask until it says yes, fails, or ctx ends.
func poll(ctx context.Context, ask func() (bool, error)) error {
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	for {
		if ok, err := ask(); ok || err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
}
