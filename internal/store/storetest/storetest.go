// Package storetest gives tests the databases that the store runs on: SQLite
// files, and databases of a PostgreSQL server that it starts itself, in a
// temporary directory, reached through a Unix socket alone.
//
// The server's programs are looked for in PATH, where Debian installs them, and
// where "make postgres" unpacks them. Where they are missing tests fail.
package storetest

import (
	"path/filepath"
	"testing"
)

// Each runs test on an empty SQLite file and on an empty PostgreSQL database.
func Each(t *testing.T, test func(t *testing.T, url string)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) { test(t, SQLite(t)) })
	t.Run("postgres", func(t *testing.T) { test(t, Postgres(t)) })
}

// SQLite returns the URL of a file that does not exist yet.
func SQLite(t testing.TB) string {
	t.Helper()
	return "sqlite://" + filepath.Join(t.TempDir(), "headgate.db")
}

// Postgres returns the URL of an empty database on the server that all tests of
// this process share.
func Postgres(t testing.TB) string {
	t.Helper()
	return Shared(t).Database(t)
}

// Shared returns the server that all tests of this process share.
func Shared(t testing.TB) *Cluster {
	t.Helper()
	c, err := shared()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// New starts a server for t alone, which may stop it.
func New(t testing.TB) *Cluster {
	t.Helper()
	c, err := newCluster()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.remove)
	return c
}
