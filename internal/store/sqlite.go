package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"github.com/pressly/goose/v3"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

const (
	// readers is how many connections read an SQLite file at once. Each may
	// take 2 MB for its page cache.
	readers = 4
	// patience is how long a lock is waited for, and glance how long SQLite
	// does so each time.
	patience = 5 * time.Second
	glance   = 100 * time.Millisecond
)

// A sqliteFile is a database in a file. It must be on a local disk: SQLite's
// locks do not hold over NFS.
type sqliteFile struct{ path string }

func (f *sqliteFile) String() string { return "sqlite " + f.path }

func (f *sqliteFile) dialect() goose.Dialect { return goose.DialectSQLite3 }

func (f *sqliteFile) clustered() string { return "WITHOUT ROWID" }

// rowsAtOnce is few: SQLite looks for each placeholder among those before it, and
// there is no way to a server that could be saved.
func (f *sqliteFile) rowsAtOnce() int { return 10 }

// open makes the directory and the file where they are missing, readable by
// their owner alone; SQLite gives the files beside it the same mode.
func (f *sqliteFile) open() (write, read *sql.DB, err error) {
	if err := os.MkdirAll(filepath.Dir(f.path), 0o700); err != nil {
		return nil, nil, err
	}
	file, err := os.OpenFile(f.path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, nil, err
	}
	if err := file.Close(); err != nil {
		return nil, nil, err
	}
	// One writer: two would only wait for each other in SQLite, which is not
	// fair, instead of here. A transaction takes the write lock as it begins;
	// one that took it later could find that it has read what is old.
	if write, err = f.handle(1, glance, "_txlock", "immediate", "_pragma", "journal_mode(WAL)"); err != nil {
		return nil, nil, err
	}
	if read, err = f.handle(readers, patience, "_pragma", "query_only(1)"); err != nil {
		_ = write.Close()
		return nil, nil, err
	}
	return write, read, nil
}

// handle returns a pool of up to n connections to the file, which wait for a
// lock for so long. Options are names and values of the driver's parameters.
func (f *sqliteFile) handle(n int, wait time.Duration, options ...string) (*sql.DB, error) {
	return openSQLite(f.path, n, wait, append(options,
		"_pragma", "synchronous(NORMAL)", // in WAL mode a power cut loses the latest commits, never consistency
		"_pragma", "foreign_keys(1)",
		"_pragma", "journal_size_limit(67108864)", // bytes that the log keeps after a checkpoint
	)...)
}

func openSQLite(path string, n int, wait time.Duration, options ...string) (*sql.DB, error) {
	params := url.Values{"_busy_timeout": {strconv.FormatInt(wait.Milliseconds(), 10)}}
	for i := 0; i < len(options); i += 2 {
		params.Add(options[i], options[i+1])
	}
	// A URI, so that a # or % of the path is not taken for more than that.
	db, err := sql.Open("sqlite", "file:"+(&url.URL{Path: path}).EscapedPath()+"?"+params.Encode())
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(n)
	db.SetMaxIdleConns(n)
	return db, nil
}

// lock takes the write lock of an empty database beside the file: the kernel
// lets go of it whatever becomes of the process. It stays there, for removing
// it would let two in, one with the file that was and one with its successor.
//
// The file's own lock will not do: goose needs several transactions, and no
// lock outlives one.
func (f *sqliteFile) lock(ctx context.Context, _ *sql.DB) (func(), error) {
	path := f.path + "-lock"
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	if err := file.Close(); err != nil {
		return nil, err
	}
	db, err := openSQLite(path, 1, glance, "_txlock", "exclusive")
	if err != nil {
		return nil, err
	}
	for {
		tx, err := db.BeginTx(ctx, nil)
		switch {
		case err == nil:
			return func() { _ = tx.Rollback(); _ = db.Close() }, nil
		case !isBusy(err):
			_ = db.Close()
			return nil, err
		case ctx.Err() != nil:
			_ = db.Close()
			return nil, ctx.Err()
		}
	}
}

// patiently calls try until it is not kept out by a lock, for as long as
// patience has and ctx lasts. SQLite could wait by itself, but knows nothing of
// ctx while it does.
func (f *sqliteFile) patiently(ctx context.Context, try func() error) error {
	begun := time.Now()
	for {
		err := try()
		switch {
		case !isBusy(err) || time.Since(begun) > patience:
			return err
		case ctx.Err() != nil:
			return ctx.Err()
		}
	}
}

// check reads the schema's version, if there is one: goose takes a table that it
// cannot read for one that is missing.
func (f *sqliteFile) check(ctx context.Context, write *sql.DB) error {
	var tables int
	err := write.QueryRowContext(ctx, "SELECT count(*) FROM sqlite_master WHERE name = $1", goose.DefaultTablename).Scan(&tables)
	if err == nil && tables > 0 {
		_, err = write.ExecContext(ctx, "SELECT max(version_id) FROM "+goose.DefaultTablename)
	}
	return err
}

func (f *sqliteFile) explain(err error) error {
	if settled(err) {
		return err
	}
	if advice := f.advice(err); advice != "" {
		return &explained{advice, err}
	}
	return err
}

func (f *sqliteFile) advice(err error) string {
	unwritable := fmt.Sprintf("%s and its directory must be writable by the user that Headgate runs as, who is %d: change their owner, or set storage.url to another path", f.path, os.Getuid())
	full := fmt.Sprintf("the disk of %s is full: make room", f.path)
	var path *fs.PathError
	var e *sqlite.Error
	switch {
	case errors.Is(err, fs.ErrPermission):
		return unwritable
	case errors.Is(err, syscall.ENOSPC):
		return full
	case errors.As(err, &path):
		return "set storage.url to a file in a directory that is there or can be made"
	case !errors.As(err, &e):
		return ""
	}
	// The low byte is what happened, the others say more closely where.
	switch e.Code() & 0xff {
	case sqlite3.SQLITE_NOTADB:
		return fmt.Sprintf("%s is not an SQLite database, or is damaged: move it away, or put a backup in its place", f.path)
	case sqlite3.SQLITE_CORRUPT:
		return fmt.Sprintf("%s is damaged: stop Headgate, move the file and those that begin with its name away, and put a backup in its place", f.path)
	case sqlite3.SQLITE_FULL:
		return full
	case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED:
		return fmt.Sprintf("another process holds the lock of %s: see who has it open (fuser %s)", f.path, f.path)
	case sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM:
		return unwritable
	case sqlite3.SQLITE_IOERR:
		return fmt.Sprintf("the disk of %s fails or is full: see the kernel's log", f.path)
	}
	return ""
}

func isBusy(err error) bool {
	var e *sqlite.Error
	return errors.As(err, &e) && e.Code()&0xff == sqlite3.SQLITE_BUSY
}

// backup copies the file as it is at one moment, under a connection of its own:
// writers go on meanwhile. The copy is made beside path and takes the name when
// it is whole.
func (f *sqliteFile) backup(ctx context.Context, path string) error {
	if _, err := os.Stat(f.path); err != nil {
		return err
	}
	if _, err := os.Lstat(path); err == nil {
		return fmt.Errorf("%s exists: name a file that does not", path)
	}
	// VACUUM INTO fills a file that is empty and keeps its mode, which
	// CreateTemp makes 0600.
	file, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	defer os.Remove(file.Name())
	defer file.Close()

	db, err := openSQLite(f.path, 1, patience, "mode", "ro")
	if err != nil {
		return err
	}
	defer db.Close()
	if _, err := db.ExecContext(ctx, "VACUUM INTO $1", file.Name()); err != nil {
		return f.explain(err)
	}
	if err := file.Sync(); err != nil {
		return err
	}
	return os.Rename(file.Name(), path)
}
