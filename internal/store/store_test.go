package store_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/headgate/headgate/internal/store"
	"github.com/headgate/headgate/internal/store/storetest"
)

// openVariable makes of the test binary a process that opens the store it names.
const openVariable = "HEADGATE_TEST_OPEN"

func TestMain(m *testing.M) {
	if url := os.Getenv(openVariable); url != "" {
		db, err := store.Open(context.Background(), url, discard)
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		_ = db.Close()
		os.Exit(0)
	}
	if url := os.Getenv(auditVariable); url != "" {
		if err := appendAudits(url); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

var discard = slog.New(slog.DiscardHandler)

func open(t testing.TB, url string) *store.DB {
	t.Helper()
	db, err := store.Open(t.Context(), url, discard)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db
}

func TestOpenAgainFindsWhatWasStored(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url string) {
		db, err := store.Open(t.Context(), url, discard)
		if err != nil {
			t.Fatal(err)
		}
		if err := db.AppendEvents(t.Context(), events("a", "b")); err != nil {
			t.Fatal(err)
		}
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}

		db = open(t, url)
		if err := db.Ping(t.Context()); err != nil {
			t.Error(err)
		}
		if got := texts(t, db, store.EventQuery{}); got != "b a" {
			t.Errorf("events %q, want \"b a\"", got)
		}
	})
}

func TestManyOpenAtOnce(t *testing.T) {
	const many = 4
	storetest.Each(t, func(t *testing.T, url string) {
		t.Run("in one process", func(t *testing.T) {
			var all sync.WaitGroup
			for range many {
				all.Go(func() {
					db, err := store.Open(t.Context(), url, discard)
					if err != nil {
						t.Error(err)
						return
					}
					_ = db.Close()
				})
			}
			all.Wait()
		})
	})
	storetest.Each(t, func(t *testing.T, url string) {
		t.Run("in as many processes", func(t *testing.T) {
			var all sync.WaitGroup
			for range many {
				all.Go(func() {
					cmd := exec.Command(os.Args[0])
					cmd.Env = append(os.Environ(), openVariable+"="+url)
					if out, err := cmd.CombinedOutput(); err != nil {
						t.Errorf("%v: %s", err, out)
					}
				})
			}
			all.Wait()
			open(t, url)
		})
	})
}

func TestOpenMakesAFileForItsOwnerAlone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "50% #1", "ä b", "headgate.db")
	db := open(t, "sqlite://"+path)
	if err := db.AppendEvents(t.Context(), events("a")); err != nil {
		t.Fatal(err)
	}
	found, err := filepath.Glob(path + "*")
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, f := range found {
		info, err := os.Stat(f)
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, info.Name())
		if got := info.Mode().Perm(); got != 0o600 {
			t.Errorf("%s has mode %o, want 600", info.Name(), got)
		}
	}
	want := []string{"headgate.db", "headgate.db-lock", "headgate.db-shm", "headgate.db-wal"}
	if diff := cmp.Diff(want, names); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestOpenSaysWhatToDo(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, []byte(strings.Repeat("this is no database\n", 100)), 0o600); err != nil {
		t.Fatal(err)
	}
	shared := storetest.Shared(t)
	latin := shared.DatabaseWith(t, "ENCODING 'LATIN1' TEMPLATE template0")
	foreign := shared.Database(t)
	foreign = strings.Replace(foreign, "headgate@", storetest.Locked+":right@", 1)

	tests := []struct{ name, url, want string }{
		{"not a URL", "data/headgate.db", "not a URL: write sqlite://"},
		{"another database", "mysql://host/db", "must be sqlite:// or postgres://"},
		{"SQLite without a path", "sqlite://", "no path"},
		{"SQLite with a directory", "sqlite://data/", "name a file in it"},
		{"SQLite in memory", "sqlite://:memory:", "would be lost"},
		{"SQLite with parameters", "sqlite://a.db?mode=ro", "a path alone"},
		{"a file that is no database", "sqlite://" + file, "is not an SQLite database, or is damaged: move it away"},
		{"a directory that cannot be made", "sqlite://" + filepath.Join(file, "x.db"), "set storage.url to a file in a directory that is there"},
		{"a file that is a directory", "sqlite://" + dir, "set storage.url to a file"},
		{"nobody listens", "postgres://u@/db?host=" + dir, "cannot be reached: see that it runs"},
		{"a wrong password", shared.URL(storetest.Locked, "wrong", "postgres"), "refuses user locked: see that user and password"},
		{"no such database", shared.URL("headgate", "", "nowhere"), "no database nowhere: make it with CREATE DATABASE"},
		{"no right to make tables", foreign, "user locked lacks a right"},
		{"an encoding that cannot hold every text", latin, "its encoding is LATIN1"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := store.Open(t.Context(), tt.url, discard)
			if err == nil {
				t.Fatal("the store opened")
			}
			t.Log(err)
			if !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %q, want it to say %q", err, tt.want)
			}
		})
	}
}

func TestOpenRefusesANewerSchema(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url string) {
		db := open(t, url)
		store.SetVersion(t, db, 1000)
		_, err := store.Open(t.Context(), url, discard)
		if !errors.Is(err, store.ErrNewer) {
			t.Fatalf("error %v, want ErrNewer", err)
		}
		if want := "it is version 1000 and this program knows"; !strings.Contains(err.Error(), want) {
			t.Errorf("error %q, want it to say %q", err, want)
		}
	})
}

func TestOpenGivesUpWithItsCaller(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	storetest.Each(t, func(t *testing.T, url string) {
		if _, err := store.Open(ctx, url, discard); !errors.Is(err, context.Canceled) {
			t.Errorf("error %v, want context.Canceled", err)
		}
	})
}
