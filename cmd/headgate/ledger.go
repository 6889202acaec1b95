package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/headgate/headgate/attribution"
	"github.com/headgate/headgate/gateway"
	"github.com/headgate/headgate/internal/control"
	"github.com/headgate/headgate/internal/store"
)

const (
	// ledgerGrace is how long the store may take for what waits when the process ends.
	ledgerGrace = 10 * time.Second

	// watchLedgerEvery is how often it is looked whether the ledger is stored.
	watchLedgerEvery = 10 * time.Second

	// upkeepEvery is how often hours are settled, months closed and old cells deleted.
	upkeepEvery = 10 * time.Minute

	// settleAfter is how long the series of an hour that is over are still merged with
	// those that other processes, or this one after an outage of the store, bring.
	settleAfter = 6 * time.Hour
)

var errNoStore = errors.New("the store is not open")

// A bookkeeping fills the ledger and keeps it in order.
type bookkeeping struct {
	book      *attribution.Ledger
	retention time.Duration
	kept      *keeping
	notify    func(gateway.Event)
	log       *slog.Logger

	failing bool // the newest flush failed, and that was said
}

func newBookkeeping(c attribution.LedgerConfig, kept *keeping, notify func(gateway.Event), log *slog.Logger) *bookkeeping {
	return &bookkeeping{
		book: attribution.NewLedger(c, rand.Text(), store.Sketches), retention: time.Duration(c.Retention),
		kept: kept, notify: notify, log: log,
	}
}

// Commit stores a batch, if the store is open.
func (k *keeping) Commit(ctx context.Context, b *attribution.Batch) error {
	l := k.ledger.Load()
	if l == nil {
		return errNoStore
	}
	return l.Commit(ctx, b)
}

// reports returns the ledger, or nil while the store is not open.
func (k *keeping) reports() attribution.Store {
	if l := k.ledger.Load(); l != nil {
		return l
	}
	return nil // an interface that holds a nil pointer would not be nil
}

// run stores what gather posts until ctx is done, and then the rest.
func (b *bookkeeping) run(ctx context.Context, gather func()) error {
	err := b.book.Run(ctx, b.kept, ledgerGrace, gather, func(err error) {
		b.log.Debug("ledger is not stored", slog.Any("err", err))
	})
	if err != nil {
		b.log.Error("what the ledger holds of the last seconds is lost: the store did not take it",
			slog.Uint64("samples", b.book.Status().Waiting), slog.Any("err", err))
	}
	return nil
}

// watch says so when the store takes nothing, and when it does again.
func (b *bookkeeping) watch(ctx context.Context) error {
	tick := time.NewTicker(watchLedgerEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case now := <-tick.C:
			b.look(now)
		}
	}
}

func (b *bookkeeping) look(now time.Time) {
	s := b.book.Status()
	switch failing := s.Err != nil; {
	case failing && !b.failing:
		b.log.Error("the ledger is not stored: it waits in memory, and samples pass", slog.Any("err", s.Err))
		b.notify(gateway.Event{At: now, Kind: "ledger", Text: "the store does not take the ledger: it waits in memory, and samples pass; the log says why"})
	case !failing && b.failing:
		b.log.Info("the ledger is stored again", slog.Uint64("waiting_samples", s.Waiting))
		b.notify(gateway.Event{At: now, Kind: "ledger", Text: "the store takes the ledger again"})
	}
	b.failing = s.Err != nil
}

// upkeep settles hours, closes months and deletes what is old, until ctx is done.
func (b *bookkeeping) upkeep(ctx context.Context, p *control.Policies) error {
	tick := time.NewTicker(upkeepEvery)
	defer tick.Stop()
	for {
		if l := b.kept.ledger.Load(); l != nil {
			prices := p.Prices()
			if !p.Known() {
				prices = nil // a month is closed for ever
			}
			err := tidyLedger(ctx, l, prices, time.Now())
			if err == nil {
				err = b.forget(ctx)
			}
			if err != nil && ctx.Err() == nil {
				b.log.Warn("the ledger is not tidied: that is tried again", slog.Any("err", err))
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// tidyLedger settles the hours and closes the months that are due at now. While
// there are no prices no month is closed: those that come later hold for it, too.
func tidyLedger(ctx context.Context, l *store.Ledger, prices attribution.Prices, now time.Time) error {
	if err := l.Settle(ctx, attribution.HourOf(now.Add(-settleAfter))); err != nil {
		return err
	}
	first, any, err := l.FirstOpen(ctx)
	if err != nil || !any {
		return err
	}
	for m := first; len(prices) > 0 && !now.Before(m.ClosesAt()); m = m.Next() {
		if err := l.Close(ctx, attribution.Closing{Month: m, At: now, Prices: prices}); err != nil {
			return err
		}
	}
	if err := l.RollUp(ctx, attribution.HourOf(now)); err != nil {
		return fmt.Errorf("months are closed, but not added up: %w", err)
	}
	return nil
}

// forget deletes what is older than it is kept.
func (b *bookkeeping) forget(ctx context.Context) error {
	db := b.kept.db.Load()
	if db == nil || b.retention == 0 {
		return nil
	}
	_, err := db.DeleteLedgerBefore(ctx, time.Now().Add(-b.retention), sweepBatch)
	return err
}
