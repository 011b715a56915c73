package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hedgesync/hedgesync/internal/fabric"
	"github.com/hedgesync/hedgesync/internal/fault"
)

// txn is one transaction. It must not be nested.
type txn struct {
	*sql.Tx
	dialect *dialect
}

// write runs fn in one transaction that commits if fn returns nil. op says what
// is being done, in the caller's words.
func (s *Store) write(ctx context.Context, op string, fn func(*txn) error) error {
	return fault.Wrap(op, s.dialect.classify(s.transact(ctx, nil, fn)))
}

// read runs fn with one unchanging view of the database.
func (s *Store) read(ctx context.Context, op string, fn func(*txn) error) error {
	return fault.Wrap(op, s.dialect.classify(s.transact(ctx, &s.dialect.reading, fn)))
}

func (s *Store) transact(ctx context.Context, o *sql.TxOptions, fn func(*txn) error) error {
	tx, err := s.db.BeginTx(ctx, o)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	if err := fn(&txn{tx, s.dialect}); err != nil {
		return err
	}
	if err := tx.Commit(); err != nil {
		return s.unsettled(err)
	}
	return nil
}

// unsettled says what is known after a commit that was not answered.
func (s *Store) unsettled(err error) error {
	if p, ok := s.dialect.problem(err); ok && p != lost {
		return err
	}
	return fault.New(fault.Unknown, "store.commit", "the database did not say whether it committed: %w", err)
}

// exec runs a statement and returns the number of rows it touched.
func (t *txn) exec(ctx context.Context, query string, args ...any) (int64, error) {
	r, err := t.ExecContext(ctx, query, args...)
	if err != nil {
		return 0, err
	}
	return r.RowsAffected()
}

// scanner is a *sql.Row or *sql.Rows.
type scanner interface{ Scan(...any) error }

// query calls scan for every row.
func (t *txn) query(ctx context.Context, query string, args []any, scan func(scanner) error) error {
	rows, err := t.QueryContext(ctx, query, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := scan(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}

// insert adds rows, as many at once as the dialect likes. head ends before
// "values", tail follows it.
func (t *txn) insert(ctx context.Context, head, tail string, rows [][]any) error {
	if len(rows) == 0 {
		return nil
	}
	columns := len(rows[0])
	size := min(len(rows), max(1, t.dialect.parameters/columns))
	statement := func(n int) string { return head + " values " + tuples(n, columns) + " " + tail }
	many, err := t.PrepareContext(ctx, statement(size))
	if err != nil {
		return err
	}
	defer many.Close()
	for chunk := range slices.Chunk(rows, size) {
		args := slices.Concat(chunk...)
		if len(chunk) == size {
			_, err = many.ExecContext(ctx, args...)
		} else {
			_, err = t.ExecContext(ctx, statement(len(chunk)), args...)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// tuples returns "($1,$2),($3,$4)" for two rows of two columns.
func tuples(rows, columns int) string {
	var b strings.Builder
	for i := range rows * columns {
		switch {
		case i == 0:
			b.WriteString("($")
		case i%columns == 0:
			b.WriteString("),($")
		default:
			b.WriteString(",$")
		}
		b.WriteString(strconv.Itoa(i + 1))
	}
	b.WriteByte(')')
	return b.String()
}

// missing turns "no rows" into Missing.
func missing(err error, code, format string, args ...any) error {
	if errors.Is(err, sql.ErrNoRows) {
		return fault.New(fault.Missing, code, format, args...)
	}
	return err
}

func nanos(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixNano()
}

func instant(n int64) time.Time {
	if n == 0 {
		return time.Time{}
	}
	return time.Unix(0, n).UTC()
}

// clock scans nanoseconds into a time.
type clock struct{ to *time.Time }

func (c clock) Scan(v any) error {
	n, ok := v.(int64)
	if !ok {
		return fmt.Errorf("a time is stored as %T", v)
	}
	*c.to = instant(n)
	return nil
}

// plain makes text from outside fit for a database: PostgreSQL accepts neither
// broken UTF-8 nor NUL.
func plain(s string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "\uFFFD")
}

// keyColumns name the four columns of a fabric.Key.
const keyColumns = "kind_group, kind, namespace, name"

func keyValues(k fabric.Key) []any { return []any{k.Kind.Group, k.Kind.Name, k.Namespace, k.Name} }

func keyTargets(k *fabric.Key) []any {
	return []any{&k.Kind.Group, &k.Kind.Name, &k.Namespace, &k.Name}
}

// bySpelling sorts keys as Go does; PostgreSQL's default order follows a locale.
func (d *dialect) orderByKey() string {
	if d == &postgres {
		return ` order by kind_group collate "C", kind collate "C", namespace collate "C", name collate "C"`
	}
	return " order by " + keyColumns
}
