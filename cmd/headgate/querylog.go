package main

import (
	"bufio"
	"context"
	"errors"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"sync"
	"time"

	"github.com/headgate/headgate/internal/wholefile"
	"github.com/headgate/headgate/rules/usage"
	"github.com/headgate/headgate/rules/usage/querylog"
)

const (
	// readQueriesEvery is how often query logs are read.
	readQueriesEvery = 5 * time.Second

	// saveQueriesEvery is how often it is saved what queries asked for.
	saveQueriesEvery = 5 * time.Minute
)

// A queryLog is what queries asked for, the logs that it is read of, and the file
// in which it is saved.
type queryLog struct {
	*querylog.Evidence
	file string
	log  *slog.Logger

	mu   sync.Mutex
	tail *querylog.Tail
}

// openQueryLog returns what queries asked for as it was saved. What cannot be read
// is set aside, and watching begins anew.
func openQueryLog(c usage.Config, dir string, log *slog.Logger) *queryLog {
	q := newQueryLog(c.File, log)
	if err := q.load(); err != nil {
		log.Error("what queries asked for cannot be loaded: watching begins anew", slog.String("file", c.File), slog.Any("err", err))
		q = newQueryLog(c.File, log)
	}
	q.reload(c, dir)
	return q
}

func newQueryLog(file string, log *slog.Logger) *queryLog {
	e := new(querylog.Evidence)
	return &queryLog{Evidence: e, file: file, log: log, tail: querylog.NewTail(e, log)}
}

func (q *queryLog) load() error {
	if q.file == "" {
		return nil
	}
	file, err := os.Open(q.file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer file.Close()
	if err := q.Load(bufio.NewReaderSize(file, 1<<20), q.tail); err != nil {
		return errors.Join(err, os.Rename(q.file, q.file+".unusable"))
	}
	return nil
}

// reload makes the query logs that c names those that are read.
func (q *queryLog) reload(c usage.Config, dir string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.tail.Reload(c.QueryLog, dir)
	if len(c.QueryLog) > 0 && !q.Watching() {
		q.Watch(time.Now())
	}
}

// run reads query logs and saves what they hold, until ctx is done, and then once
// more.
func (q *queryLog) run(ctx context.Context) error {
	tick := time.NewTicker(readQueriesEvery)
	defer tick.Stop()
	saved := time.Now()
	for {
		q.look(ctx)
		select {
		case <-ctx.Done():
			q.save()
			q.tail.Close()
			return nil
		case now := <-tick.C:
			if now.Sub(saved) >= saveQueriesEvery {
				saved = now
				q.save()
			}
		}
	}
}

func (q *queryLog) look(ctx context.Context) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.tail.Look(ctx)
}

func (q *queryLog) save() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.Forget(time.Now())
	if q.file == "" || !q.Watching() {
		return
	}
	if err := wholefile.Write(q.file, func(w io.Writer) error { return q.Save(w, q.tail) }); err != nil {
		q.log.Error("what queries asked for is not saved", slog.Any("err", err))
	}
}
