package prom

import (
	"context"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

var (
	runs = flag.Int("runs", 1, "runs of each end-to-end test, each with a seed of its own")
	seed = flag.Uint64("seed", 1, "seed of the first run")
	with = flag.String("headgate", "", "test this program instead of building one")
	logs = flag.Bool("logs", false, "show what Prometheus logs")
)

// scratch holds the built program for the whole test run.
var scratch string

// program builds headgate once.
var program = sync.OnceValues(func() (string, error) {
	if *with != "" {
		return filepath.Abs(*with)
	}
	return BuildHeadgate(context.Background(), "../..", scratch)
})

func TestMain(m *testing.M) {
	flag.Parse()
	dir, err := os.MkdirTemp("", "headgate-prom")
	if err != nil {
		fmt.Fprintln(os.Stderr, "make scratch directory:", err)
		os.Exit(1)
	}
	scratch = dir
	code := m.Run()
	if err := os.RemoveAll(dir); err != nil {
		fmt.Fprintln(os.Stderr, "remove scratch directory:", err)
	}
	os.Exit(code)
}

// quiet is Prometheus' log: nowhere, unless -logs is given.
func quiet() *slog.Logger {
	if *logs {
		return slog.New(slog.NewTextHandler(os.Stderr, nil))
	}
	return slog.New(slog.DiscardHandler)
}

// deadline is when a run that hangs gives up.
func deadline(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 90*time.Second)
	t.Cleanup(cancel)
	return ctx
}

// eachRun runs test once per seed, concurrently as far as -parallel allows.
func eachRun(t *testing.T, test func(t *testing.T, seed uint64)) {
	t.Parallel()
	for i := range *runs {
		s := *seed + uint64(i)
		t.Run(fmt.Sprintf("seed=%d", s), func(t *testing.T) {
			t.Parallel()
			test(t, s)
		})
	}
}

// must fails the test at once on an error.
func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// closing closes c when the test is over.
func closing(t *testing.T, c interface{ Close() error }) {
	t.Helper()
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
}
