package store

import (
	"database/sql"
	"testing"
)

// Writer is the handle that writes.
func (db *DB) Writer() *sql.DB { return db.write }

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
