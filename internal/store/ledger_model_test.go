package store_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/headgate/headgate/attribution"
	"github.com/headgate/headgate/internal/store"
	"github.com/headgate/headgate/internal/store/storetest"
	"github.com/headgate/headgate/internal/tenant"
)

// A model is what a ledger is to hold, as a list of cells.
type model struct {
	cells  map[attribution.Key]*modelCell
	closed map[attribution.Month]bool
}

type modelCell struct {
	samples attribution.Counts
	series  countedSeries
	rules   map[string]*modelRule
}

type modelRule struct {
	dropped, downsampled uint64
	series               countedSeries
}

// countedSeries are those of a cell until they are settled.
type countedSeries struct {
	set     set
	settled bool
}

func (c *countedSeries) add(sketch []byte) {
	if sketch == nil || c.settled {
		return
	}
	if c.set == nil {
		c.set = set{}
	}
	s, _ := sets.Read(sketch)
	_ = c.set.Union(s)
}

func newModel() *model {
	return &model{cells: map[attribution.Key]*modelCell{}, closed: map[attribution.Month]bool{}}
}

func (m *model) commit(b *attribution.Batch) {
	for _, d := range b.Deltas {
		if m.closed[d.Hour.Month()] {
			continue
		}
		c := m.cells[d.Key]
		if c == nil {
			c = &modelCell{rules: map[string]*modelRule{}}
			m.cells[d.Key] = c
		}
		c.samples.Add(&d.Samples)
		c.series.add(d.Series)
		for _, r := range d.Rules {
			of := c.rules[r.Rule]
			if of == nil {
				of = &modelRule{}
				c.rules[r.Rule] = of
			}
			of.dropped += r.Dropped
			of.downsampled += r.Downsampled
			of.series.add(r.Series)
		}
	}
}

func (m *model) settle(h attribution.Hour) {
	for k, c := range m.cells {
		if k.Hour >= h {
			continue
		}
		c.series.settled = c.series.settled || len(c.series.set) > 0
		for _, r := range c.rules {
			r.series.settled = r.series.settled || len(r.series.set) > 0
		}
	}
}

func (m *model) deleteBefore(h attribution.Hour) {
	maps.DeleteFunc(m.cells, func(k attribution.Key, _ *modelCell) bool { return k.Hour < h.Day() })
}

// A spanSum is what cells of one span of hours and one name add up to.
type spanSum struct {
	Samples attribution.Counts
	Series  uint64
	Rules   map[string][3]uint64
}

func (s *spanSum) rule(name string, dropped, downsampled, series uint64) {
	if dropped+downsampled+series == 0 {
		return
	}
	n := s.Rules[name]
	s.Rules[name] = [3]uint64{n[0] + dropped, n[1] + downsampled, n[2] + series}
}

type spanSums map[attribution.Key]*spanSum

// of returns the sum that a cell of k belongs to.
func (s spanSums) of(k attribution.Key, q *attribution.Query, changes []attribution.Hour) *spanSum {
	begin := max(k.Hour.Month().From(), q.From)
	if q.Groups(attribution.ByDay) {
		begin = max(k.Hour.Day(), q.From)
	}
	for _, c := range changes {
		if c <= k.Hour {
			begin = max(begin, c)
		}
	}
	k.Hour = begin
	if s[k] == nil {
		s[k] = &spanSum{Rules: map[string][3]uint64{}}
	}
	return s[k]
}

// sums returns what q covers.
func (m *model) sums(q attribution.Query, changes []attribution.Hour) spanSums {
	sums := spanSums{}
	shared := q.Shared == attribution.Even && q.Team != attribution.Unowned
	for k, c := range m.cells {
		if k.Hour < q.From || k.Hour >= q.To || q.Tenant != "" && k.Tenant != q.Tenant || q.Team != "" && k.Team != q.Team && !shared ||
			q.Service != "" && k.Service != q.Service || q.Metric != "" && k.Metric != q.Metric {
			continue
		}
		if q.Service == "" && !q.Groups(attribution.ByService) {
			k.Service = ""
		}
		if q.Metric == "" && !q.Groups(attribution.ByMetric) {
			k.Metric = ""
		}
		s := sums.of(k, &q, changes)
		s.Samples.Add(&c.samples)
		s.Series += c.series.set.Estimate()
		for name, r := range c.rules {
			if !q.Groups(attribution.ByRule) {
				name = ""
			}
			s.rule(name, r.dropped, r.downsampled, r.series.set.Estimate())
		}
	}
	return sums
}

// sumsOf returns what Cells yields.
func sumsOf(ctx context.Context, l *store.Ledger, q attribution.Query, changes []attribution.Hour) (spanSums, error) {
	sums := spanSums{}
	for c, err := range l.Cells(ctx, q, changes) {
		if err != nil {
			return nil, err
		}
		s := sums.of(c.Key, &q, changes)
		s.Samples.Add(&c.Samples)
		s.Series += c.SeriesHours
		for _, r := range c.Rules {
			s.rule(r.Rule, r.Dropped, r.Downsampled, r.SeriesHours)
		}
	}
	return sums, nil
}

// A modelRun does to a ledger and to a model the same.
type modelRun struct {
	ledgers   [2]*store.Ledger
	db        *store.DB
	model     *model
	now       attribution.Hour
	month     attribution.Month // the first of two; hours are of its last and the other's first days
	writer    string
	sequences [2]uint64
	last      [2]*attribution.Batch
	changes   []attribution.Hour
}

func (r *modelRun) hour(t *rapid.T) attribution.Hour {
	return r.month.To() + rapid.SampledFrom([]attribution.Hour{-25, -24, -20, -1, 0, 12, 23, 24}).Draw(t, "hour")
}

func (r *modelRun) commit(t *rapid.T) {
	w := rapid.IntRange(0, 1).Draw(t, "writer")
	r.sequences[w]++
	b := batch(fmt.Sprint(r.writer, w), r.sequences[w])
	byKey := map[attribution.Key]bool{}
	for range rapid.IntRange(10, 40).Draw(t, "cells") {
		k := key(r.hour(t), rapid.SampledFrom([]string{"shop", "wiki"}).Draw(t, "tenant"), rapid.SampledFrom([]string{"a", attribution.Unowned}).Draw(t, "team"),
			fmt.Sprint("m", rapid.IntRange(0, 1).Draw(t, "metric")))
		k.Service = rapid.SampledFrom([]string{"", "web"}).Draw(t, "service")
		if byKey[k] {
			continue
		}
		byKey[k] = true
		n := rapid.Uint64Range(0, 1000).Draw(t, "samples")
		d := attribution.Delta{Key: k, Samples: attribution.Counts{n, n, 0, 1}}
		if rapid.Bool().Draw(t, "has series") {
			d.Series = series(rapid.SliceOfN(rapid.Uint64Range(0, 6), 1, 4).Draw(t, "series")...)
		}
		if rapid.Bool().Draw(t, "has rules") {
			d.Rules = []attribution.RuleDelta{{Rule: "r0", Dropped: n}, {Rule: "r1", Downsampled: 1, Series: series(n % 3)}}
		}
		b.Deltas = append(b.Deltas, d)
	}
	slices.SortFunc(b.Deltas, func(x, y attribution.Delta) int { return int(x.Hour - y.Hour) })
	r.last[w] = b
	if err := r.ledgers[w].Commit(t.Context(), b); err != nil {
		t.Fatal(err)
	}
	r.model.commit(b)
}

func (r *modelRun) step(t *rapid.T) {
	steps := []string{"commit", "commit", "commit", "commit", "again", "settle", "settle", "close", "roll up", "delete", "price", "tick", "tick"}
	var err error
	switch rapid.SampledFrom(steps).Draw(t, "step") {
	case "commit":
		r.commit(t)
	case "again":
		w := rapid.IntRange(0, 1).Draw(t, "writer")
		if r.last[w] != nil {
			err = r.ledgers[1-w].Commit(t.Context(), r.last[w])
		}
	case "settle":
		h := r.hour(t)
		r.now = max(r.now, h+6)
		r.model.settle(h)
		err = r.ledgers[0].Settle(t.Context(), h)
	case "tick": // to an hour that may have cells
		r.now = max(r.now, r.hour(t))
	case "close":
		if r.model.closed[r.month] {
			return
		}
		r.model.closed[r.month] = true
		c := attribution.Closing{Month: r.month, At: noon}
		for _, h := range r.changes {
			c.Prices = append(c.Prices, attribution.Price{Currency: "USD", PerMillionSamples: 1, ValidFrom: h})
		}
		err = r.ledgers[1].Close(t.Context(), c)
	case "roll up":
		err = r.ledgers[1].RollUp(t.Context(), r.hour(t))
	case "delete":
		h := r.month.To() + attribution.Hour(rapid.IntRange(-50, 0).Draw(t, "before"))
		r.model.deleteBefore(h)
		_, err = r.db.DeleteLedgerBefore(t.Context(), h.Time().Add(30*time.Minute), 7)
	case "price":
		if h := r.hour(t); !r.model.closed[h.Month()] && !slices.Contains(r.changes, h) {
			r.changes = append(r.changes, h)
			slices.Sort(r.changes)
		}
	}
	if err != nil {
		t.Fatal(err)
	}
}

// check compares a report of all and one of a part.
func (r *modelRun) check(t *rapid.T) {
	all := attribution.Query{From: r.month.From(), To: r.month.Next().To()}
	part := attribution.Query{From: r.hour(t), To: r.hour(t)}
	if part.From > part.To {
		part.From, part.To = part.To, part.From
	}
	for _, h := range []*attribution.Hour{&part.From, &part.To} {
		if r.model.closed[h.Month()] {
			*h = h.Day() // it may have been rolled up
		}
	}
	part.Tenant = rapid.SampledFrom([]tenant.ID{"", "shop"}).Draw(t, "of tenant")
	part.Team = rapid.SampledFrom([]string{"", "", "a", attribution.Unowned}).Draw(t, "of team")
	part.Service = rapid.SampledFrom([]string{"", "", "web"}).Draw(t, "of service")
	part.Metric = rapid.SampledFrom([]string{"", "", "m1"}).Draw(t, "of metric")
	part.Shared = rapid.SampledFrom([]attribution.Sharing{attribution.Keep, attribution.Even}).Draw(t, "shared")
	for _, c := range []attribution.Column{attribution.ByDay, attribution.ByService, attribution.ByMetric, attribution.ByRule} {
		if rapid.Bool().Draw(t, "by "+string(c)) {
			all.By, part.By = append(all.By, c), append(part.By, c)
		}
	}
	for _, q := range []attribution.Query{all, part} {
		got, err := sumsOf(t.Context(), r.ledgers[0], q, r.changes)
		if diff := gocmp.Diff(r.model.sums(q, r.changes), got); diff != "" || err != nil {
			t.Fatalf("%+v, changes %v: %v (-want +got):\n%s", q, r.changes, err, diff)
		}
	}
}

// TestEveryReportEqualsASumOverAList does at random what happens to a ledger, and
// compares what it says then with a list of what was stored.
func TestEveryReportEqualsASumOverAList(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url string) {
		db := open(t, url)
		runs, failed := 0, false
		rapid.Check(t, func(t *rapid.T) {
			if runs++; runs > 25 && !failed { // databases are slow
				return
			}
			defer func() { failed = failed || t.Failed() }()
			r := &modelRun{db: db, model: newModel(), writer: fmt.Sprint(runs, "w"), month: attribution.Month{Year: 2000 + runs, Month: time.May}}
			r.now = r.month.To() - 20
			for i := range r.ledgers {
				r.ledgers[i] = db.Ledger(sets, func() time.Time { return r.now.Time() })
			}
			for range rapid.IntRange(8, 25).Draw(t, "steps") {
				r.step(t)
				r.check(t)
			}
		})
	})
}

// TestTwoGatewaysAddUp has two processes store, and a third settle and sum up, all at
// once.
func TestTwoGatewaysAddUp(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url string) {
		const batches, metrics = 12, 30
		day := noonHour.Day() - 48
		done := make(chan error, 3)
		want := newModel()
		for w := range 2 {
			var bs []*attribution.Batch
			for i := range batches {
				b := batch(fmt.Sprint("w", w), uint64(i+1))
				for m := range metrics {
					// Series come for hours alone that are not settled.
					old := attribution.Delta{Key: key(day+attribution.Hour((i+m)%24), "shop", fmt.Sprint("t", m%3), fmt.Sprint("m", m)), Samples: attribution.Counts{uint64(i)}}
					fresh := attribution.Delta{Key: key(day+48, "shop", fmt.Sprint("t", m%3), fmt.Sprint("m", m)), Samples: attribution.Counts{0, 1},
						Series: series(uint64(i), uint64(i*m)), Rules: []attribution.RuleDelta{{Rule: "r", Dropped: 1, Series: series(uint64(i + w))}}}
					b.Deltas = append(b.Deltas, old, fresh)
				}
				slices.SortFunc(b.Deltas, func(x, y attribution.Delta) int { return int(x.Hour - y.Hour) })
				want.commit(b)
				bs = append(bs, b)
			}
			l := ledger(open(t, url))
			go func() {
				for _, b := range bs {
					if err := l.Commit(t.Context(), b); err != nil {
						done <- err
						return
					}
				}
				done <- nil
			}()
		}
		l := ledger(open(t, url))
		go func() {
			for range 5 {
				if err := l.Settle(t.Context(), day+47); err != nil {
					done <- err
					return
				}
			}
			done <- nil
		}()
		for range 3 {
			if err := <-done; err != nil {
				t.Error(err)
			}
		}
		if err := l.Settle(t.Context(), day+47); err != nil {
			t.Fatal(err)
		}
		if n := count(t, open(t, url), "ledger_packs"); n != 2 {
			t.Errorf("%d days are packed, want 2", n)
		}
		for _, by := range [][]attribution.Column{nil, {attribution.ByMetric, attribution.ByRule}} {
			q := attribution.Query{From: day, To: day + 72, By: by}
			got, err := sumsOf(t.Context(), l, q, nil)
			if diff := gocmp.Diff(want.sums(q, nil), got); diff != "" || err != nil {
				t.Errorf("by %v: %v (-want +got):\n%s", by, err, diff)
			}
		}
	})
}
