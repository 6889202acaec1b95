// Package store keeps what must outlive the process, in an SQLite file or in a
// PostgreSQL database.
//
// There is one schema and one set of queries for both. What makes that possible
// is a common subset of SQL: identifiers are TEXT made in Go, times are BIGINT
// Unix milliseconds passed as arguments, JSON is TEXT, placeholders are $1, $2
// and so on, which SQLite numbers as PostgreSQL does. Where the two differ at
// all, in how they are opened, locked and what their errors mean, is behind
// [engine].
//
// The store may be slow, full, locked or gone. Its methods then return an error
// that says what to do; whatever must not wait for it goes through a [Journal].
package store

import (
	"context"
	"database/sql"
	"fmt"
	"log/slog"
	"time"

	"github.com/pressly/goose/v3"
)

// A DB is an open store. Its methods may be called from any goroutine. The zero
// value is of no use; Open makes one.
type DB struct {
	engine engine
	write  *sql.DB // SQLite: the one connection that may write
	read   *sql.DB // PostgreSQL: the same pool as write
	ids    ids
}

// An engine is what differs between the databases.
type engine interface {
	// String names the database for people, without secrets.
	String() string
	dialect() goose.Dialect
	// clustered is what, behind the definition of a table, makes its rows lie
	// in the order of its key; "" where nothing does.
	clustered() string
	// rowsAtOnce is how many rows of some ten columns a statement is to store.
	rowsAtOnce() int
	// open returns the handles of a DB. It may make the database, but reads
	// and changes nothing in it.
	open() (write, read *sql.DB, err error)
	// lock waits until no other process changes the schema, and keeps others
	// waiting until release is called.
	lock(ctx context.Context, write *sql.DB) (release func(), err error)
	// patiently calls try, which changes nothing when it fails, again where
	// another process was in its way.
	patiently(ctx context.Context, try func() error) error
	// check says whether the database suits the store at all.
	check(ctx context.Context, write *sql.DB) error
	// explain puts before err what it means and what to do; an err that says
	// so itself is returned as it is. No secret comes out of it.
	explain(err error) error
	// backup writes a consistent copy to the file path.
	backup(ctx context.Context, path string) error
}

// Open opens the store that url names, sqlite://path or postgres://…, and
// brings its schema up to date. Processes that start at once wait for each
// other. A schema that a newer program made is refused with [ErrNewer].
func Open(ctx context.Context, url string, log *slog.Logger) (*DB, error) {
	e, err := locate(url)
	if err != nil {
		return nil, fmt.Errorf("storage.url: %w", err)
	}
	db, err := open(ctx, e, log)
	if err != nil {
		return nil, fmt.Errorf("open store %s: %w", e, e.explain(err))
	}
	return db, nil
}

func open(ctx context.Context, e engine, log *slog.Logger) (*DB, error) {
	write, read, err := e.open()
	if err != nil {
		return nil, err
	}
	db := &DB{engine: e, write: write, read: read}
	if err := db.start(ctx, log); err != nil {
		_ = db.Close()
		return nil, err
	}
	return db, nil
}

func (db *DB) start(ctx context.Context, log *slog.Logger) error {
	release, err := db.engine.lock(ctx, db.write)
	if err != nil {
		return err
	}
	defer release()
	return db.engine.patiently(ctx, func() error {
		if err := db.engine.check(ctx, db.write); err != nil {
			return err
		}
		return db.migrate(ctx, log)
	})
}

// String names the database for people, without secrets.
func (db *DB) String() string { return db.engine.String() }

// Ping returns nil if the store answers.
func (db *DB) Ping(ctx context.Context) error {
	var one int
	if err := db.read.QueryRowContext(ctx, "SELECT 1").Scan(&one); err != nil {
		return fmt.Errorf("ask store %s: %w", db, db.engine.explain(err))
	}
	return nil
}

// Close closes the store, once what is under way is done.
func (db *DB) Close() error {
	// Readers first: the last connection to an SQLite file folds the
	// write-ahead log into it.
	err := db.read.Close()
	if db.write != db.read {
		if werr := db.write.Close(); err == nil {
			err = werr
		}
	}
	return err
}

// tx runs f in a transaction, which also appends the audit entry that ctx carries
// ([WithAudit]), and explains the error of either.
func (db *DB) tx(ctx context.Context, f func(*sql.Tx) error) error {
	var tx *sql.Tx
	err := db.engine.patiently(ctx, func() (err error) {
		tx, err = db.write.BeginTx(ctx, nil)
		return err
	})
	if err != nil {
		return db.engine.explain(err)
	}
	defer func() { _ = tx.Rollback() }() // does nothing after a commit
	if err := f(tx); err != nil {
		return db.engine.explain(err)
	}
	if err := audited(ctx, tx); err != nil {
		return db.engine.explain(err)
	}
	return db.engine.explain(tx.Commit())
}

// snapshot runs f, which only reads, on the store as it is at one moment.
func (db *DB) snapshot(ctx context.Context, f func(*sql.Tx) error) error {
	tx, err := db.read.BeginTx(ctx, &sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true})
	if err != nil {
		return db.engine.explain(err)
	}
	defer func() { _ = tx.Rollback() }()
	return db.engine.explain(f(tx))
}

// query runs a query and calls scan for each of its rows.
func (db *DB) query(ctx context.Context, scan func(*sql.Rows) error, query string, args ...any) error {
	rows, err := db.read.QueryContext(ctx, query, args...)
	if err != nil {
		return db.engine.explain(err)
	}
	defer rows.Close()
	for rows.Next() {
		if err := scan(rows); err != nil {
			return db.engine.explain(err)
		}
	}
	return db.engine.explain(rows.Err())
}

// fromMs returns the time that is stored as ms.
func fromMs(ms int64) time.Time { return time.UnixMilli(ms).UTC() }
