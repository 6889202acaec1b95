package store

import (
	"database/sql"
	"io/fs"
	"testing"

	"github.com/pressly/goose/v3"
)

// MakeVersion makes the schema that an older program had of an empty database.
func MakeVersion(t testing.TB, url string, version int64) {
	t.Helper()
	e, err := locate(url)
	if err != nil {
		t.Fatal(err)
	}
	write, read, err := e.open()
	if err != nil {
		t.Fatal(err)
	}
	db := &DB{engine: e, write: write, read: read}
	defer db.Close()
	steps, err := fs.Sub(migrations, "migrations")
	if err != nil {
		t.Fatal(err)
	}
	p, err := goose.NewProvider(e.dialect(), write, schema{steps, e.clustered()}, goose.WithDisableGlobalRegistry(true))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.UpTo(t.Context(), version); err != nil {
		t.Fatal(err)
	}
}

// Writer is the handle that writes.
func (db *DB) Writer() *sql.DB { return db.write }

// ExecAt changes a database as an older program did.
func ExecAt(t testing.TB, url string, statements ...string) {
	t.Helper()
	e, err := locate(url)
	if err != nil {
		t.Fatal(err)
	}
	write, read, err := e.open()
	if err != nil {
		t.Fatal(err)
	}
	db := &DB{engine: e, write: write, read: read}
	defer db.Close()
	for _, s := range statements {
		if _, err := write.ExecContext(t.Context(), s); err != nil {
			t.Fatalf("%s: %v", s, err)
		}
	}
}

// SetVersion makes the schema look like that of another program.
func SetVersion(t testing.TB, db *DB, version int64) {
	t.Helper()
	if _, err := db.write.ExecContext(t.Context(), "INSERT INTO goose_db_version (version_id, is_applied) VALUES ($1, $2)", version, true); err != nil {
		t.Fatal(err)
	}
}

// Exec changes the database behind the store's back.
func Exec(t testing.TB, db *DB, statement string) {
	t.Helper()
	if _, err := db.write.ExecContext(t.Context(), statement); err != nil {
		t.Fatal(err)
	}
}

// NamesLearnt returns how many names l remembers for all readers.
func NamesLearnt(l *Ledger) int {
	l.names.mu.Lock()
	defer l.names.mu.Unlock()
	return len(l.names.all.ids)
}

// RememberNames sets how many bytes the names may take that l remembers.
func RememberNames(l *Ledger, bytes int) { l.names.most = bytes }
