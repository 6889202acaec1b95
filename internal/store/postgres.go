package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
)

const (
	// connectTimeout is how long reaching a server may take, where the URL
	// does not say.
	connectTimeout = 5 * time.Second
	// connections is how many one process holds at most; PostgreSQL gives out
	// 100 as it comes.
	connections = 10
	// lockKey is the advisory lock under which the schema changes: "headgate"
	// as eight bytes.
	lockKey = 0x6865616467617465
)

// A postgresServer is a database of a PostgreSQL server.
type postgresServer struct{ config *pgx.ConnConfig }

func (s *postgresServer) String() string {
	return fmt.Sprintf("postgres %s on %s:%d", s.config.Database, s.config.Host, s.config.Port)
}

func (s *postgresServer) dialect() goose.Dialect { return goose.DialectPostgres }

func (s *postgresServer) clustered() string { return "" }

// rowsAtOnce is many, so that there are few ways to the server and back. It takes
// 65 535 placeholders.
func (s *postgresServer) rowsAtOnce() int { return 1000 }

func (s *postgresServer) open() (write, read *sql.DB, err error) {
	db := stdlib.OpenDB(*s.config)
	db.SetMaxOpenConns(connections)
	db.SetMaxIdleConns(connections / 2)
	db.SetConnMaxIdleTime(5 * time.Minute)
	db.SetConnMaxLifetime(30 * time.Minute) // so that a fail-over or a new address is noticed
	return db, db, nil
}

// lock takes an advisory lock that ends with its transaction, on a connection
// that does nothing else: unlike one that ends with its session, it works
// through a pooler that lends connections by transaction.
func (s *postgresServer) lock(ctx context.Context, write *sql.DB) (func(), error) {
	tx, err := write.BeginTx(ctx, nil)
	if err != nil {
		return nil, err
	}
	release := func() { _ = tx.Rollback() }
	if _, err := tx.ExecContext(ctx, "SELECT pg_advisory_xact_lock($1)", int64(lockKey)); err != nil {
		release()
		return nil, err
	}
	return release, nil
}

// patiently calls try once: a server waits for its locks itself, and stops when
// ctx ends.
func (s *postgresServer) patiently(_ context.Context, try func() error) error { return try() }

// check refuses a database that cannot hold every text: names of metrics and
// labels are any UTF-8.
func (s *postgresServer) check(ctx context.Context, write *sql.DB) error {
	var encoding string
	if err := write.QueryRowContext(ctx, "SHOW server_encoding").Scan(&encoding); err != nil {
		return err
	}
	if encoding != "UTF8" {
		return fmt.Errorf("its encoding is %s: make one with CREATE DATABASE … ENCODING 'UTF8' TEMPLATE template0", encoding)
	}
	return nil
}

func (s *postgresServer) explain(err error) error {
	advice := s.advice(err)
	var c *pgconn.ConnectError
	switch {
	case errors.As(err, &c):
		// It carries the whole configuration, password included: only its
		// text goes on, as one line, and whether the caller gave up.
		flat := errors.New(strings.ReplaceAll(err.Error(), "\n\t", " "))
		for _, given := range []error{context.Canceled, context.DeadlineExceeded} {
			if errors.Is(err, given) {
				return fmt.Errorf("%w: %w", given, flat)
			}
		}
		return &explained{advice, flat}
	case settled(err) || advice == "":
		return err
	}
	return &explained{advice, err}
}

// advice goes by the codes of "PostgreSQL Error Codes", appendix A of its
// manual.
func (s *postgresServer) advice(err error) string {
	var c *pgconn.ConnectError
	unreached := errors.As(err, &c)
	var e *pgconn.PgError
	if !errors.As(err, &e) {
		switch {
		case unreached:
			return "the server cannot be reached: see that it runs, and that host, port and sslmode in storage.url are right"
		case broken(err):
			return "the server, or what lies between, closed the connection: see the server's log for a restart, a fail-over or a timeout; the next attempt connects anew"
		}
		return ""
	}
	switch e.Code {
	case "28P01", "28000":
		return fmt.Sprintf("the server refuses user %s: see that user and password in storage.url are right, and what its pg_hba.conf allows", s.config.User)
	case "3D000":
		return fmt.Sprintf("the server has no database %s: make it with CREATE DATABASE, owned by %s", s.config.Database, s.config.User)
	case "42501":
		return fmt.Sprintf("user %s lacks a right: make it the owner of database %s, or GRANT CREATE, USAGE ON SCHEMA public", s.config.User, s.config.Database)
	case "53100":
		return "the server's disk is full: make room there"
	case "53300":
		return fmt.Sprintf("the server has no connection left: raise its max_connections; each Headgate takes up to %d", connections)
	case "25006":
		return "the server is a standby, or set to be read-only: name the primary in storage.url"
	case "57P01", "57P02", "57P03", "57P05": // 57P05 is an idle session's end
		return "the server is starting or stopping, or closed the connection: wait for it"
	case "40001", "40P01":
		return "the server let another transaction go first: this one is to be tried again"
	case "25P03", "57014":
		return "the server gave up after one of its timeouts: see statement_timeout and idle_in_transaction_session_timeout of the user and database"
	}
	if unreached {
		return "the server refuses the connection"
	}
	return ""
}

// broken reports whether err means that a connection ended which had been there.
func broken(err error) bool {
	for _, end := range []error{io.ErrUnexpectedEOF, io.EOF, net.ErrClosed, driver.ErrBadConn, syscall.EPIPE, syscall.ECONNRESET, syscall.ETIMEDOUT} {
		if errors.Is(err, end) {
			return true
		}
	}
	return false
}

func (s *postgresServer) backup(context.Context, string) error {
	return fmt.Errorf("%s is saved with PostgreSQL's own tools, such as pg_dump: %w", s, errors.ErrUnsupported)
}
