package control

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/headgate/headgate/attribution"
)

const (
	// reportTimeout is how long a report may take.
	reportTimeout = 25 * time.Second

	// reportsAtOnce is how many reports are made at a time: samples have the first
	// claim on processors and memory.
	reportsAtOnce = 2

	// maxReportRows is how many rows a report may have, of about 1 KiB each.
	maxReportRows = 200_000
)

// A ledgerReader makes reports of the ledger, all of one tariff.
type ledgerReader struct {
	store  attribution.Store
	tariff *attribution.Tariff
}

// read calls f with a ledgerReader, as soon as there are few enough.
func (c *Control) read(ctx context.Context, f func(context.Context, *ledgerReader) error) error {
	var store attribution.Store
	if c.parts.Ledger != nil {
		store = c.parts.Ledger()
	}
	if store == nil {
		return &unavailable{"the ledger is not open: nothing is recorded, or the store cannot be reached; look into the log, and try again"}
	}
	ctx, cancel := context.WithTimeout(ctx, reportTimeout)
	defer cancel()
	select {
	case c.reports <- struct{}{}:
		defer func() { <-c.reports }()
	case <-ctx.Done():
		return &unavailable{"other reports are being made; try again"}
	}
	closings, err := store.Closings(ctx)
	if err == nil {
		r := &ledgerReader{store: store}
		if r.tariff, err = attribution.NewTariff(c.parts.Policies.Prices(), closings...); err != nil {
			return &Invalid{"prices", err.Error()}
		}
		err = f(ctx, r)
	}
	c.unread.note(ctx, c.parts.Policies.log, err)
	return refused(ctx, err)
}

// An unreading remembers of which kinds the errors of reading the ledger were, so that
// each is logged once until it is read again. It may be used from any goroutine.
type unreading struct {
	mu   sync.Mutex
	told map[string]bool
}

// note logs err where it is the store's. Nobody is to blame where it is nil, or what
// was asked for is wrong, or whoever asked is gone.
func (u *unreading) note(ctx context.Context, log *slog.Logger, err error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	kind := "error"
	switch _, told := errors.AsType[*Invalid](err); {
	case err == nil:
		clear(u.told)
		return
	case told || errors.Is(err, ErrNotFound) || errors.Is(err, attribution.ErrTooMuch) || errors.Is(ctx.Err(), context.Canceled):
		return
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		kind = "timeout"
	}
	if !u.told[kind] {
		u.told[kind] = true
		log.Error("a report is not made: the ledger is not read", slog.String("kind", kind), slog.Any("err", err))
	}
}

// refused turns an error of reading the ledger into one for people. What the store
// says is not for everyone.
func refused(ctx context.Context, err error) error {
	_, told := errors.AsType[*Invalid](err)
	switch {
	case err == nil || told || errors.Is(err, ErrNotFound):
		return err
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		return &unavailable{fmt.Sprintf("the report is not made within %s; choose a shorter time, or fewer columns", reportTimeout)}
	case errors.Is(err, attribution.ErrTooMuch):
		return &Invalid{"from", err.Error()}
	}
	return &unavailable{"the ledger cannot be read; try again"}
}

// report makes one report.
func (r *ledgerReader) report(ctx context.Context, q attribution.Query) (*attribution.Report, error) {
	reports, err := r.together(ctx, q)
	if err != nil {
		return nil, err
	}
	return reports[0], nil
}

// together makes several reports at once: all are of times, and but for how unowned
// cost is shared of cells, that the first query covers, and ask for no column that
// the first does not.
func (r *ledgerReader) together(ctx context.Context, all attribution.Query, others ...attribution.Query) ([]*attribution.Report, error) {
	return r.within(ctx, all, append([]attribution.Query{all}, others...)...)
}

// within makes the reports of queries, as together does, but none of all.
func (r *ledgerReader) within(ctx context.Context, all attribution.Query, queries ...attribution.Query) ([]*attribution.Report, error) {
	var builders []*attribution.Builder
	for _, q := range queries {
		builders = append(builders, attribution.NewBuilder(q, r.tariff))
	}
	read, cuts := r.cells(all, queries)
	for _, part := range covered(read, cuts, queries) {
		if err := r.add(ctx, part, cuts, builders); err != nil {
			return nil, err
		}
	}
	adjustments, err := r.store.Adjustments(ctx, all.From, all.To)
	if err != nil {
		return nil, err
	}
	var reports []*attribution.Report
	for _, b := range builders {
		for _, a := range adjustments {
			b.Adjust(a)
		}
		report, err := b.Report()
		if err != nil {
			return nil, err
		}
		reports = append(reports, report)
	}
	return reports, nil
}

// add adds the cells of a query to builders.
func (r *ledgerReader) add(ctx context.Context, q attribution.Query, cuts []attribution.Hour, builders []*attribution.Builder) error {
	n := 0
	for cell, err := range r.store.Cells(ctx, q, cuts) {
		if err != nil {
			return err
		}
		if cell.Hour < q.From || q.To <= cell.Hour { // another part of the reports has it
			continue
		}
		rows := 0
		for _, b := range builders {
			b.Add(&cell)
			rows += b.Rows()
		}
		if rows > maxReportRows {
			return &Invalid{"by", fmt.Sprintf("there are more than %d rows; choose a shorter time, fewer columns, or one team or metric", maxReportRows)}
		}
		if n++; n%1024 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
	}
	return nil
}

// covered returns the parts of q, between cuts, that one of queries is about. Those
// beside each other are one.
func covered(q attribution.Query, cuts []attribution.Hour, queries []attribution.Query) []attribution.Query {
	var parts []attribution.Query
	for from := q.From; from < q.To; {
		to := q.To
		for _, c := range cuts {
			if from < c && c < to {
				to = c
			}
		}
		about := func(of attribution.Query) bool { return of.From <= from && from < of.To }
		switch n := len(parts); {
		case !slices.ContainsFunc(queries, about):
		case n > 0 && parts[n-1].To == from:
			parts[n-1].To = to
		default:
			part := q
			part.From, part.To = from, to
			parts = append(parts, part)
		}
		from = to
	}
	return parts
}

// cells returns the query for the cells of several reports, and the hours at which
// sums of them are cut: where a price begins, or one of the reports begins or ends.
func (r *ledgerReader) cells(all attribution.Query, others []attribution.Query) (attribution.Query, []attribution.Hour) {
	cuts := r.tariff.Changes(all.From, all.To)
	for _, q := range others {
		for _, h := range []attribution.Hour{q.From, q.To} {
			if all.From < h && h < all.To {
				cuts = append(cuts, h)
			}
		}
		if q.Groups(attribution.ByDay) && !all.Groups(attribution.ByDay) {
			all.By = append(slices.Clone(all.By), attribution.ByDay)
		}
	}
	slices.Sort(cuts)
	return all, slices.Compact(cuts)
}

// notes are sentences to be read with a report.
func notes(r *attribution.Report) []string {
	switch u := r.Unpriced; {
	case r.Currency == "":
		return []string{"nothing has a price, so these are quantities: set attribution.prices in the configuration file, or PUT /api/v1/prices"}
	case u.Samples > 0 || u.SeriesHours > 0:
		return []string{fmt.Sprintf("%d samples and %d series-hours are of hours without a price and cost nothing here: give the first price an earlier valid_from, or leave it out", u.Samples, u.SeriesHours)}
	}
	return nil
}
