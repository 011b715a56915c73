// Package pgtest gives tests a real PostgreSQL server of their own.
//
// The first URL of a test binary starts one private server from the machine's
// PostgreSQL packages (installed by apt when they are missing and the tests run
// as root): a fresh cluster in a temporary directory, reachable only through a
// unix socket in it, with durability switched off for speed. Every test gets a
// database of its own. The server ends with the binary that started it, also
// when that is killed. A server that cannot be had fails the test; it never
// skips one.
//
//	func TestMain(m *testing.M) { goleak.VerifyTestMain(pgtest.Main(m)) }
package pgtest

import (
	"context"
	"fmt"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5"
)

// Runner runs a binary's tests and then stops the server, if one was started.
type Runner struct{ m *testing.M }

// Main wraps m for TestMain.
func Main(m *testing.M) Runner { return Runner{m} }

// Run runs the tests, stops the server and returns the tests' exit code, or 1 if
// the server did not stop cleanly.
func (r Runner) Run() int {
	code := r.m.Run()
	shared.mu.Lock()
	defer shared.mu.Unlock()
	if shared.srv == nil {
		return code
	}
	if err := shared.srv.stop(); err != nil {
		fmt.Println("pgtest: stop PostgreSQL:", err)
		return max(code, 1)
	}
	return code
}

var shared struct {
	mu  sync.Mutex // guards what follows
	srv *server
	err error // why the first start went wrong; later tests say the same
}

var databases atomic.Int64

// URL creates an empty database for one test and returns its address. The
// database is dropped when the test ends.
func URL(t testing.TB) string {
	t.Helper()
	srv, err := running()
	if err != nil {
		t.Fatalf("this test needs a PostgreSQL server: %v", err)
	}
	name := fmt.Sprintf("test_%d", databases.Add(1))
	if err := srv.exec(t.Context(), "create database "+name); err != nil {
		t.Fatalf("create a PostgreSQL database: %v", err)
	}
	t.Cleanup(func() {
		if err := srv.exec(context.Background(), "drop database "+name+" with (force)"); err != nil {
			t.Errorf("drop the PostgreSQL database: %v", err)
		}
	})
	return srv.url(name)
}

func running() (*server, error) {
	shared.mu.Lock()
	defer shared.mu.Unlock()
	if shared.srv == nil && shared.err == nil {
		shared.srv, shared.err = start()
	}
	return shared.srv, shared.err
}

func (s *server) url(database string) string {
	u := url.URL{Scheme: "postgres", User: url.User(superuser), Path: "/" + database}
	u.RawQuery = url.Values{"host": {s.dir}}.Encode()
	return u.String()
}

func (s *server) exec(ctx context.Context, sql string) error {
	conn, err := pgx.Connect(ctx, s.url("postgres"))
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	_, err = conn.Exec(ctx, sql)
	return err
}
