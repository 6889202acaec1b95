package store_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/headgate/headgate/attribution"
	"github.com/headgate/headgate/internal/store"
	"github.com/headgate/headgate/internal/store/storetest"
)

// A lock is held on an SQLite file by somebody else until it is let go.
func lock(t testing.TB, url string) (letGo func()) {
	t.Helper()
	other, err := sql.Open("sqlite", "file:"+strings.TrimPrefix(url, "sqlite://")+"?_txlock=immediate")
	if err != nil {
		t.Fatal(err)
	}
	tx, err := other.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	letGo = func() { _ = tx.Rollback(); _ = other.Close() }
	t.Cleanup(letGo)
	return letGo
}

func TestALockedFileCanBeReadAndSaysWhoToLookFor(t *testing.T) {
	t.Parallel()
	url := storetest.SQLite(t)
	db := open(t, url)
	if err := db.AppendEvents(t.Context(), events("a")); err != nil {
		t.Fatal(err)
	}
	letGo := lock(t, url)
	err := db.AppendEvents(t.Context(), events("b"))
	if err == nil || !strings.Contains(err.Error(), "another process holds the lock") {
		t.Errorf("error %v, want it to say that another process holds the lock", err)
	}
	if got := texts(t, db, store.EventQuery{}); got != "a" {
		t.Errorf("events %q, want \"a\"", got)
	}
	letGo()
	if err := db.AppendEvents(t.Context(), events("b")); err != nil {
		t.Error(err)
	}
}

// damage overwrites all of an SQLite file but its first page, which holds the
// schema.
func damage(t testing.TB, url string) {
	t.Helper()
	path := strings.TrimPrefix(url, "sqlite://")
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for i := 4096; i < len(data); i++ {
		data[i] = 0xa5
	}
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestADamagedFileSaysWhatToDo(t *testing.T) {
	url := storetest.SQLite(t)
	db, err := store.Open(t.Context(), url, discard)
	if err != nil {
		t.Fatal(err)
	}
	if err := db.AppendEvents(t.Context(), events("a")); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	damage(t, url)
	_, err = store.Open(t.Context(), url, discard)
	if err == nil || !strings.Contains(err.Error(), "is damaged: stop Headgate, move the file") {
		t.Errorf("error %v, want it to say that the file is damaged", err)
	}
}

func TestAFullDiskIsSaidSo(t *testing.T) {
	db := open(t, storetest.SQLite(t))
	// As many pages as it has, and no more: for SQLite that is a full disk. Some are free.
	if _, err := db.Writer().ExecContext(t.Context(), "PRAGMA max_page_count = 1"); err != nil {
		t.Fatal(err)
	}
	err := db.AppendEvents(t.Context(), slices.Repeat([]store.Event{{At: noon, Text: strings.Repeat("x", 4000)}}, 100))
	if err == nil || !strings.Contains(err.Error(), "is full: make room") {
		t.Errorf("error %v, want it to say that the disk is full", err)
	}
	if got := texts(t, db, store.EventQuery{}); got != "" {
		t.Errorf("events %q, want none", got)
	}
}

func TestAServerThatComesBackIsFoundAgain(t *testing.T) {
	t.Parallel()
	server := storetest.New(t)
	db := open(t, server.Database(t))
	if err := db.AppendEvents(t.Context(), events("a")); err != nil {
		t.Fatal(err)
	}
	if err := server.Stop(); err != nil {
		t.Fatal(err)
	}
	err := db.Ping(t.Context())
	if err == nil || !strings.Contains(err.Error(), "cannot be reached: see that it runs") {
		t.Errorf("error %v, want it to say that the server cannot be reached", err)
	}
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	if err := db.AppendEvents(t.Context(), events("b")); err != nil {
		t.Error(err)
	}
	if err := db.Ping(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestBackupIsWholeWhileOthersWrite(t *testing.T) {
	url := storetest.SQLite(t)
	db := open(t, url)
	if err := db.AppendEvents(t.Context(), events("a", "b")); err != nil {
		t.Fatal(err)
	}
	copies := t.TempDir()
	first, second := filepath.Join(copies, "first.db"), filepath.Join(copies, "50% #2?.db")
	letGo := lock(t, url) // somebody else writes
	if err := db.Backup(t.Context(), first); err != nil {
		t.Fatal(err)
	}
	letGo()
	if err := store.Backup(t.Context(), url, second); err != nil {
		t.Fatal(err)
	}

	entries, err := os.ReadDir(copies)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if info, err := e.Info(); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, mode %o; want 600", e.Name(), err, info.Mode().Perm())
		}
	}
	if len(entries) != 2 {
		t.Errorf("%d files, want the 2 copies", len(entries))
	}
	if got := texts(t, open(t, "sqlite://"+first), store.EventQuery{}); got != "b a" {
		t.Errorf("the copy has the events %q, want \"b a\"", got)
	}
	if err := db.Backup(t.Context(), first); err == nil || !strings.Contains(err.Error(), "exists") {
		t.Errorf("over a file that is there: error %v", err)
	}
	if err := store.Backup(t.Context(), url+"x", filepath.Join(copies, "third.db")); err == nil {
		t.Error("what is not there was backed up")
	}
	if err := db.Backup(t.Context(), filepath.Join(copies, "nowhere", "x.db")); err == nil {
		t.Error("backed up into a directory that is not there")
	}
}

// TestABackupHasWholeBatches copies the store while the ledger is being stored: each
// copy is as it was between two batches.
func TestABackupHasWholeBatches(t *testing.T) {
	url := storetest.SQLite(t)
	db := open(t, url)
	step := func(l *store.Ledger, i uint64) error {
		var deltas []attribution.Delta
		for m := range 50 {
			deltas = append(deltas, attribution.Delta{Key: key(noonHour-attribution.Hour(m), "shop", "a", fmt.Sprint("m", m)), Samples: attribution.Counts{1}, Series: series(i)})
		}
		slices.Reverse(deltas) // sorted by hour
		return l.Commit(t.Context(), batch("a", i, deltas...))
	}
	stop := make(chan struct{})
	stopped := make(chan error)
	go func() {
		l := ledger(db)
		for i := uint64(1); ; i++ {
			if err := step(l, i); err != nil {
				stopped <- err
				return
			}
			select {
			case <-stop:
				stopped <- nil
				return
			default:
			}
		}
	}()
	last := int64(0)
	for i := range 5 {
		path := filepath.Join(t.TempDir(), fmt.Sprint(i, ".db"))
		if err := store.Backup(t.Context(), url, path); err != nil {
			t.Fatal(err)
		}
		copied, err := store.Open(t.Context(), "sqlite://"+path, discard)
		if err != nil {
			t.Fatal(err)
		}
		var batches int64
		if err := copied.Writer().QueryRowContext(t.Context(), "SELECT COALESCE(MAX(sequence), 0) FROM ledger_writers").Scan(&batches); err != nil {
			t.Fatal(err)
		}
		if batches < last {
			t.Errorf("copy %d has %d batches, and the one before had %d", i, batches, last)
		}
		last = batches
		for _, by := range [][]attribution.Column{{attribution.ByTeam}, {attribution.ByMetric}} {
			var samples, hours int64
			for c, err := range ledger(copied).Cells(t.Context(), attribution.Query{To: noonHour + 1000, By: by}, nil) {
				if err != nil {
					t.Fatal(err)
				}
				samples, hours = samples+int64(c.Samples[attribution.Forwarded]), hours+int64(c.SeriesHours)
			}
			if samples != 50*batches || hours != 50*batches {
				t.Errorf("copy %d, by %v: %d samples and %d series-hours of %d batches, want %d of each", i, by, samples, hours, batches, 50*batches)
			}
		}
		if err := copied.Close(); err != nil {
			t.Error(err)
		}
	}
	close(stop)
	if err := <-stopped; err != nil {
		t.Error(err)
	}
	if last == 0 {
		t.Error("no copy has a batch")
	}
}

func TestBackupOfPostgresNamesItsTools(t *testing.T) {
	db := open(t, storetest.Postgres(t))
	err := db.Backup(t.Context(), filepath.Join(t.TempDir(), "x"))
	if !errors.Is(err, errors.ErrUnsupported) || !strings.Contains(err.Error(), "pg_dump") {
		t.Errorf("error %v, want ErrUnsupported and pg_dump named", err)
	}
}

func TestACallersDeadlineHoldsWhileTheFileIsLocked(t *testing.T) {
	url := storetest.SQLite(t)
	db := open(t, url)
	lock(t, url)
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	begun := time.Now()
	if err := db.AppendEvents(ctx, events("b")); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("error %v, want context.DeadlineExceeded", err)
	}
	if took := time.Since(begun); took > 2*time.Second { // a lock is waited for five
		t.Errorf("it took %v, want 0.1s or little more", took)
	}
}
