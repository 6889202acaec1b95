package main

import (
	"bufio"
	"context"
	"errors"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/headgate/headgate/gateway"
	"github.com/headgate/headgate/internal/control"
	"github.com/headgate/headgate/internal/wholefile"
	"github.com/headgate/headgate/limiter"
	"github.com/headgate/headgate/profiler"
)

// saveLimitsEvery is how often admitted families are saved. What became active in
// between is new again after a crash.
const saveLimitsEvery = time.Minute

// A limits is the limiter with its file, and the limits in force.
type limits struct {
	*limiter.Limiter
	policy *control.Limits
	file   string
	log    *slog.Logger
}

// openLimits returns the limiter, with the limits that are stored and what was
// saved of it. Where that cannot be read, every series is admitted for one window.
// prof is nil where nothing is profiled.
func openLimits(cfg limiter.Config, configFile string, prof *profiler.Profiler, kept *keeping, notify func(gateway.Event), log *slog.Logger) (*limits, error) {
	tell := func(e limiter.Event) {
		log.Info("limit", slog.String("tenant", string(e.Tenant)), slog.String("change", string(e.Change)), slog.String("what", e.Text))
		notify(gateway.Event{At: e.At, Kind: "limit", Tenant: e.Tenant, Text: string(e.Change) + ": " + e.Text})
	}
	l, err := limiter.New(cfg, time.Now(), tell)
	if err != nil {
		return nil, err
	}
	parts := control.LimitParts{Limiter: l, Config: cfg, File: configFile, Store: kept.limits, Tell: notify, Log: log}
	if prof != nil {
		parts.Window = prof.Clock().Window()
	}
	ls := &limits{l, control.NewLimits(parts), cfg.File, log}
	ls.policy.Refresh(context.Background()) // first: families are loaded of those that are limited
	if err := ls.load(); err != nil {
		log.Error("admitted series cannot be loaded: all are admitted for one window", slog.String("file", cfg.File), slog.Any("err", err))
		l.Suspend(time.Now(), "the families that were admitted before the restart cannot be read")
	}
	return ls, nil
}

func (ls *limits) load() error {
	if ls.file == "" {
		return nil
	}
	file, err := os.Open(ls.file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer file.Close()
	if err := ls.Load(bufio.NewReaderSize(file, 1<<20), time.Now()); err != nil {
		return errors.Join(err, os.Rename(ls.file, ls.file+".unusable"))
	}
	return nil
}

// run keeps up with the store, and saves, until ctx is done, and then once more.
func (ls *limits) run(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return ls.policy.Run(ctx) })
	group.Go(func() error { return ls.save(ctx) })
	return group.Wait()
}

func (ls *limits) save(ctx context.Context) error {
	if ls.file == "" {
		return nil
	}
	tick := time.NewTicker(saveLimitsEvery)
	defer tick.Stop()
	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
		case <-tick.C:
		}
		if err := wholefile.Write(ls.file, func(w io.Writer) error { return ls.Save(w, time.Now()) }); err != nil {
			ls.log.Error("admitted series are not saved", slog.Any("err", err))
		}
	}
	return nil
}
