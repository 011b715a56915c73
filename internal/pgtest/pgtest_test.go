package pgtest_test

import (
	"testing"

	"github.com/jackc/pgx/v5"
	"go.uber.org/goleak"

	"github.com/hedgesync/hedgesync/internal/pgtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(pgtest.Main(m)) }

func TestEveryTestHasADatabaseOfItsOwn(t *testing.T) {
	t.Parallel()
	a, b := connect(t, pgtest.URL(t)), connect(t, pgtest.URL(t))
	if _, err := a.Exec(t.Context(), "create table mine (x int)"); err != nil {
		t.Fatal(err)
	}
	var tables int
	if err := b.QueryRow(t.Context(), "select count(*) from pg_tables where tablename = 'mine'").Scan(&tables); err != nil {
		t.Fatal(err)
	}
	if tables != 0 {
		t.Error("a table of one test's database is seen in another's")
	}
}

func TestServerListensOnNoNetwork(t *testing.T) {
	t.Parallel()
	var addresses string
	if err := connect(t, pgtest.URL(t)).QueryRow(t.Context(), "show listen_addresses").Scan(&addresses); err != nil {
		t.Fatal(err)
	}
	if addresses != "" {
		t.Errorf("listen_addresses is %q, want none", addresses)
	}
}

func connect(t *testing.T, url string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(t.Context()) })
	return conn
}
