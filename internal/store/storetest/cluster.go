package storetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// Locked is a role of every cluster that must give its password, unlike the
// superuser headgate whom the URLs name.
const Locked = "locked"

// A Cluster is a PostgreSQL server with its data in a temporary directory. It
// ends with the process that started it, whatever becomes of that.
type Cluster struct {
	programs  programs
	dir       string
	databases atomic.Int64

	guard *exec.Cmd
	words io.WriteCloser // to the guard
}

// shared starts one cluster for the whole process: nobody knows which test is
// the last, so it ends with the process.
var shared = sync.OnceValues(newCluster)

func newCluster() (*Cluster, error) {
	p, err := findPrograms()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "pg") // short: the path of a socket has at most 107 bytes
	if err != nil {
		return nil, err
	}
	c := &Cluster{programs: p, dir: dir}
	if err := c.init(); err != nil {
		_ = os.RemoveAll(dir)
		return nil, err
	}
	if err := c.Start(); err != nil {
		_ = os.RemoveAll(dir)
		return nil, err
	}
	if err := c.exec("postgres", "CREATE ROLE "+Locked+" LOGIN PASSWORD 'right'"); err != nil {
		c.remove()
		return nil, err
	}
	return c, nil
}

func (c *Cluster) data() string { return filepath.Join(c.dir, "data") }

func (c *Cluster) init() error {
	if err := giveAway(c.dir); err != nil {
		return err
	}
	initdb := c.programs.command("initdb", "--pgdata", c.data(), "--username", "headgate",
		"--auth", "trust", "--encoding", "UTF8", "--no-locale", "--no-sync")
	if out, err := initdb.CombinedOutput(); err != nil {
		return fmt.Errorf("initdb: %w\n%s", err, out)
	}
	return os.WriteFile(filepath.Join(c.data(), "pg_hba.conf"),
		[]byte("local all "+Locked+" scram-sha-256\nlocal all all trust\n"), 0o644)
}

// guardScript runs the server, its arguments, until it is told to stop, and
// removes the cluster, $0, when nobody is left who could tell it anything.
const guardScript = `
"$@" &
server=$!
if read -r word; then
	kill -INT $server
	wait $server
else
	kill -QUIT $server
	wait $server
	rm -rf "$0"
fi`

// Start starts the server, and returns when it takes connections.
func (c *Cluster) Start() error {
	server := c.programs.command("postgres", "-D", c.data(), "-k", c.dir,
		"-c", "listen_addresses=", "-c", "max_connections=200", "-c", "shared_buffers=32MB",
		"-c", "fsync=off", "-c", "synchronous_commit=off", "-c", "full_page_writes=off")
	c.guard = exec.Command("sh", append([]string{"-c", guardScript, c.dir}, server.Args...)...)
	c.guard.Env, c.guard.SysProcAttr, c.guard.Dir = server.Env, server.SysProcAttr, server.Dir
	log, err := os.Create(filepath.Join(c.dir, "log"))
	if err != nil {
		return err
	}
	defer log.Close()
	c.guard.Stderr = log
	if c.words, err = c.guard.StdinPipe(); err != nil {
		return err
	}
	if err := c.guard.Start(); err != nil {
		return err
	}

	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		err := c.exec("postgres", "SELECT 1")
		if err == nil {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			_ = c.end("")
			text, _ := os.ReadFile(log.Name())
			return fmt.Errorf("postgres does not start: %w\n%s", err, bytes.TrimSpace(text))
		}
	}
}

// Stop stops the server, breaking off every connection. Start starts it again.
func (c *Cluster) Stop() error { return c.end("stop\n") }

func (c *Cluster) end(word string) error {
	if c.guard == nil {
		return errors.New("the server is stopped")
	}
	_, err := io.WriteString(c.words, word)
	_ = c.words.Close()
	_ = c.guard.Wait() // says only by which signal the server ended
	c.guard = nil
	return err
}

// remove ends the server, if it runs, and removes its data.
func (c *Cluster) remove() {
	_ = c.end("")
	_ = os.RemoveAll(c.dir)
}

// Database makes an empty database and returns its URL.
func (c *Cluster) Database(t testing.TB) string {
	t.Helper()
	return c.DatabaseWith(t, "")
}

// DatabaseWith makes an empty database with more words for CREATE DATABASE, and
// returns its URL.
func (c *Cluster) DatabaseWith(t testing.TB, words string) string {
	t.Helper()
	name := fmt.Sprintf("test%d", c.databases.Add(1))
	if err := c.exec("postgres", "CREATE DATABASE "+name+" "+words); err != nil {
		t.Fatal(err)
	}
	return c.URL("headgate", "", name)
}

// URL returns the URL by which user, with or without a password, reaches a
// database.
func (c *Cluster) URL(user, password, database string) string {
	u := url.URL{Scheme: "postgres", User: url.User(user), Path: "/" + database,
		RawQuery: url.Values{"host": {c.dir}}.Encode()}
	if password != "" {
		u.User = url.UserPassword(user, password)
	}
	return u.String()
}

// Exec runs statements in the database that a URL names.
func Exec(t testing.TB, url, statements string) {
	t.Helper()
	if err := run(url, statements); err != nil {
		t.Fatal(err)
	}
}

func (c *Cluster) exec(database, statements string) error {
	return run(c.URL("headgate", "", database), statements)
}

func run(url, statements string) error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	_, err = conn.PgConn().Exec(ctx, statements).ReadAll()
	if err != nil {
		return fmt.Errorf("%s: %w", strings.TrimSpace(statements), err)
	}
	return nil
}
