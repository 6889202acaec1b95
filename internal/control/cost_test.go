package control

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"maps"
	"math/big"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/headgate/headgate/attribution"
	"github.com/headgate/headgate/internal/auth"
	"github.com/headgate/headgate/internal/store"
	"github.com/headgate/headgate/internal/store/storetest"
	"github.com/headgate/headgate/internal/tenant"
)

// A hashes is a sketch that is exact.
type hashes map[uint64]bool

func (s hashes) Insert(hash uint64) { s[hash] = true }
func (s hashes) Estimate() uint64   { return uint64(len(s)) }

func (s hashes) Union(o attribution.Sketch) error {
	maps.Copy(s, o.(hashes))
	return nil
}

func (s hashes) AppendBinary(b []byte) ([]byte, error) {
	for _, h := range slices.Sorted(maps.Keys(s)) {
		b = binary.BigEndian.AppendUint64(b, h)
	}
	return b, nil
}

var exactly = attribution.Sketching{
	New: func() attribution.Sketch { return hashes{} },
	Read: func(b []byte) (attribution.Sketch, error) {
		s := hashes{}
		for ; len(b) >= 8; b = b[8:] {
			s.Insert(binary.BigEndian.Uint64(b))
		}
		return s, nil
	},
}

// someSeries returns a sketch of n series.
func someSeries(n int) []byte {
	s := hashes{}
	for i := range n {
		s.Insert(uint64(i))
	}
	b, _ := s.AppendBinary(nil)
	return b
}

// halfPast is what the clock of a ledgered Control shows.
var halfPast = time.Date(2026, 11, 21, 12, 30, 0, 0, time.UTC)

func hourOf(t *testing.T, text string) attribution.Hour {
	t.Helper()
	h, err := attribution.ParseHour(text)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// used is what one hour brought: a place such as shop/checkout/up, samples and
// series forwarded, and samples that the rule drop-debug dropped.
func used(t *testing.T, hour, place string, samples uint64, series int, dropped uint64) attribution.Delta {
	t.Helper()
	names := strings.Split(place, "/")
	d := attribution.Delta{
		Key:     attribution.Key{Hour: hourOf(t, hour), Tenant: tenant.ID(names[0]), Team: names[1], Metric: names[2]},
		Samples: attribution.Counts{attribution.Forwarded: samples, attribution.Dropped: dropped},
	}
	if series > 0 {
		d.Series = someSeries(series)
	}
	if dropped > 0 {
		d.Rules = []attribution.RuleDelta{{Rule: "drop-debug", Dropped: dropped}}
	}
	return d
}

const (
	ten  = "0.10" // per million samples
	five = "5"    // per thousand series-months
)

// priced is the attribution section of a file with a price.
func priced(t *testing.T, samples, series string) attribution.Config {
	t.Helper()
	c := attribution.DefaultConfig()
	c.Shared = attribution.Keep
	p := attribution.Price{Currency: "USD"}
	for text, d := range map[string]*attribution.Decimal{samples: &p.PerMillionSamples, series: &p.PerThousandSeriesMonth} {
		var err error
		if *d, err = attribution.ParseDecimal(text); err != nil {
			t.Fatal(err)
		}
	}
	c.Prices = attribution.Prices{p}
	return c
}

// ledgered returns a Control with a ledger, and the ledger, which holds deltas.
func ledgered(t *testing.T, c attribution.Config, deltas ...attribution.Delta) (*Control, *store.Ledger) {
	t.Helper()
	now := func() time.Time { return halfPast }
	l := openStore(t, storetest.SQLite(t)).Ledger(exactly, now)
	commit(t, l, 1, deltas...)
	return withLedger(t, c, l), l
}

func withLedger(t *testing.T, c attribution.Config, s attribution.Store) *Control {
	t.Helper()
	policies, err := NewPolicies(PolicyFile{Name: "headgate.yml", Config: c}, noPolicyStore, discard)
	if err != nil {
		t.Fatal(err)
	}
	return New(Parts{Policies: policies, Events: NewEvents(discard), Ledger: func() attribution.Store { return s }, Now: func() time.Time { return halfPast }})
}

func commit(t *testing.T, l *store.Ledger, sequence uint64, deltas ...attribution.Delta) {
	t.Helper()
	slices.SortFunc(deltas, func(a, b attribution.Delta) int { return strings.Compare(keyText(a), keyText(b)) })
	if err := l.Commit(t.Context(), &attribution.Batch{Writer: "w", Sequence: sequence, Deltas: deltas}); err != nil {
		t.Fatal(err)
	}
}

func keyText(d attribution.Delta) string { return fmt.Sprintf("%012d/%s", d.Hour, d.Key) }

// lines are a report's rows for people.
func lines(r CostReport) string {
	var out []string
	for _, row := range r.Rows {
		line := strings.Trim(fmt.Sprintf("%s %s %s %s", row.Tenant, row.Team, row.Metric, row.Rule), " ")
		if row.Adjustment != nil {
			line += " correction of " + row.Adjustment.Of.String()
		}
		out = append(out, fmt.Sprintf("%s: %d samples %d series-hours %s", line, row.Samples[attribution.Forwarded], row.SeriesHours, row.Cost))
	}
	return strings.Join(append(out, "= "+r.Total.String()), "\n")
}

// november is three teams' month: nobody's among them.
func november(t *testing.T) []attribution.Delta {
	return []attribution.Delta{
		used(t, "2026-11-02", "shop/checkout/calls", 3_000_000, 1000, 2_000_000),
		used(t, "2026-11-02", "shop/unowned/stray", 1_000_000, 10, 0),
		used(t, "2026-11-20T10:00:00Z", "shop/search/calls", 1_000_000, 100, 0),
		used(t, "2026-11-21T12:00:00Z", "bank/ledger/up", 500_000, 7, 0),
		used(t, "2026-10-31T23:00:00Z", "shop/checkout/calls", 9_000_000, 9, 0),
	}
}

func TestCostsOfTheMonthSoFar(t *testing.T) {
	c, _ := ledgered(t, priced(t, ten, five), november(t)...)
	for _, tt := range []struct {
		name string
		q    CostQuery
		want string
	}{
		{"without a question, the total of the month", CostQuery{}, `
: 5500000 samples 1117 series-hours 0.557651
= 0.557651`},
		{"by team, the dearest first", CostQuery{By: "team"}, `
checkout: 3000000 samples 1000 series-hours 0.306849
search: 1000000 samples 100 series-hours 0.100685
unowned: 1000000 samples 10 series-hours 0.100069
ledger: 500000 samples 7 series-hours 0.050048
= 0.557651`},
		{"shared evenly, the teams of the tenant pay what nobody owns", CostQuery{By: "tenant,team", Shared: "even"}, `
shop checkout: 3000000 samples 1000 series-hours 0.356884
shop search: 1000000 samples 100 series-hours 0.150719
bank ledger: 500000 samples 7 series-hours 0.050048
shop unowned: 1000000 samples 10 series-hours 0.00
= 0.557651`},
		{"a month by name", CostQuery{Month: "2026-10", By: "metric"}, `
calls: 9000000 samples 9 series-hours 0.900062
= 0.900062`},
		{"from a full hour to another", CostQuery{From: "2026-10-31T23:00:00Z", To: "2026-11-02T01:00:00Z", By: "metric"}, `
calls: 12000000 samples 1009 series-hours 1.206911
stray: 1000000 samples 10 series-hours 0.100068
= 1.306979`},
		{"of one team by rule", CostQuery{By: "rule", Team: "checkout"}, `
: 3000000 samples 1000 series-hours 0.306849
drop-debug: 0 samples 0 series-hours 0.00
= 0.306849`},
		{"of another tenant alone", CostQuery{Tenant: "bank", By: "team"}, `
ledger: 500000 samples 7 series-hours 0.050048
= 0.050048`},
		{"of nothing", CostQuery{Metric: "none"}, `= 0.00`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r, err := c.Costs(t.Context(), tt.q)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(strings.TrimSpace(tt.want), lines(r)); diff != "" {
				t.Errorf("report (-want +got):\n%s", diff)
			}
		})
	}
}

// Whatever it is grouped by and however unowned cost is shared, a report is what was
// committed times its price, to the micro-unit.
func TestReportsAddUpToWhatWasCommitted(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	var deltas []attribution.Delta
	exact := new(big.Rat)
	for day := range 9 {
		for _, place := range []string{"a/x/m1", "a/x/m2", "a/y/m1", "a/unowned/m3", "a/unowned/m4", "b/x/m1", "b/unowned/m1", "c/unowned/m1"} {
			samples, series := random.Uint64N(5_000_000), random.IntN(300)
			deltas = append(deltas, used(t, fmt.Sprintf("2026-11-%02d", day+1), place, samples, series, random.Uint64N(1000)))
			exact.Add(exact, new(big.Rat).SetFrac64(int64(samples), 10*1_000_000))
			exact.Add(exact, new(big.Rat).SetFrac64(int64(series)*5, 730_000))
		}
	}
	exact.Mul(exact, big.NewRat(1_000_000, 1))
	rounded := new(big.Int).Div(new(big.Int).Add(new(big.Int).Mul(exact.Num(), big.NewInt(2)), exact.Denom()), new(big.Int).Mul(exact.Denom(), big.NewInt(2)))
	want := attribution.Micro(rounded.Int64())

	c, _ := ledgered(t, priced(t, ten, five), deltas...)
	for _, by := range []string{"", "team", "tenant", "metric", "rule", "service", "day", "tenant,team", "team,metric", "day,tenant,team,metric,rule"} {
		for _, shared := range []string{"keep", "even", "proportional"} {
			r, err := c.Costs(t.Context(), CostQuery{By: by, Shared: shared})
			if err != nil {
				t.Fatal(err)
			}
			var sum attribution.Micro
			for _, row := range r.Rows {
				sum += row.Cost
			}
			if r.Total != want || sum != want {
				t.Errorf("by %q, %s: the total is %d and its rows %d, want %d", by, shared, r.Total, sum, want)
			}
		}
	}
	focus, err := c.FocusCosts(t.Context(), CostQuery{By: "metric"})
	if err != nil || focus.Total != want {
		t.Errorf("charges are %d, %v; want %d", focus.Total, err, want)
	}
}

func TestClosedMonthsKeepTheirPriceAndAreCorrected(t *testing.T) {
	c, l := ledgered(t, priced(t, ten, five), november(t)...)
	october := attribution.Month{Year: 2026, Month: time.October}
	if err := l.Close(t.Context(), attribution.Closing{Month: october, At: halfPast, Prices: priced(t, "1", "0").Prices}); err != nil {
		t.Fatal(err)
	}
	commit(t, l, 2, used(t, "2026-10-31T23:00:00Z", "shop/checkout/calls", 2_000_000, 0, 0))
	r, err := c.Costs(t.Context(), CostQuery{Month: "2026-10", By: "team"})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff("checkout: 9000000 samples 9 series-hours 9.00\n= 9.00", lines(r)); diff != "" {
		t.Errorf("the closed month (-want +got):\n%s", diff)
	}
	if r, err = c.Costs(t.Context(), CostQuery{By: "team", Team: "checkout"}); err != nil {
		t.Fatal(err)
	}
	want := "checkout correction of 2026-10: 0 samples 0 series-hours 2.00\ncheckout: 3000000 samples 1000 series-hours 0.306849\n= 2.306849"
	if diff := cmp.Diff(want, lines(r)); diff != "" {
		t.Errorf("this month (-want +got):\n%s", diff)
	}
	figures, err := c.CostFigures(t.Context(), CostQuery{By: "team"}, []string{"team:checkout"})
	if err != nil || len(figures) != 2 || figures[0].Fixed != nil || figures[1].Fixed == nil || figures[1].Cost != 2_000_000 {
		t.Errorf("the figures are %+v, %v; want that of the row, then the correction", figures, err)
	}
}

func TestFigures(t *testing.T) {
	c, _ := ledgered(t, priced(t, ten, five), november(t)...)
	figures, err := c.CostFigures(t.Context(), CostQuery{By: "team,tenant", Shared: "even"}, []string{"tenant:shop", "team:search"})
	if err != nil || len(figures) != 1 {
		t.Fatal(figures, err)
	}
	want := `1000000 samples ÷ 1 000 000 × 0.1 USD = 0.1 USD (price of every tenant, always)
100 series-hours ÷ 730 000 × 5 USD = 0.000684931506849315 USD (price of every tenant, always)
share of what nobody owns of tenant shop, even among 2 teams: 0.050034246575342466 USD
together 0.150719178082191781 USD, rounded to 0.150719 USD so that the rows add up`
	if diff := cmp.Diff(want, strings.Join(figures[0].Lines("USD"), "\n")); diff != "" {
		t.Errorf("figure (-want +got):\n%s", diff)
	}
	if _, err := c.CostFigures(t.Context(), CostQuery{By: "team"}, []string{"team:nobody"}); !errors.Is(err, ErrNotFound) {
		t.Errorf("a row that is not there: %v, want not found", err)
	}
}

func TestWithoutAPriceThereAreQuantities(t *testing.T) {
	c, _ := ledgered(t, attribution.DefaultConfig(), november(t)...)
	r, err := c.Costs(t.Context(), CostQuery{By: "team", Tenant: "bank"})
	if err != nil || lines(r) != "ledger: 500000 samples 7 series-hours 0.00\n= 0.00" || len(r.Notes) != 1 || !strings.Contains(r.Notes[0], "attribution.prices") {
		t.Errorf("the report is %q with %q, %v; want quantities and how to set a price", lines(r), r.Notes, err)
	}
	later := priced(t, ten, five)
	later.Prices[0].ValidFrom = hourOf(t, "2026-11-20")
	c, _ = ledgered(t, later, november(t)...)
	if r, err = c.Costs(t.Context(), CostQuery{}); err != nil || len(r.Notes) != 1 || !strings.Contains(r.Notes[0], "4000000 samples and 1010 series-hours") {
		t.Errorf("the notes are %q, %v; want what has no price", r.Notes, err)
	}
}

func TestCostsRefuse(t *testing.T) {
	c, _ := ledgered(t, priced(t, ten, five))
	costs := func(q CostQuery) error { _, err := c.Costs(t.Context(), q); return err }
	figure := func(row ...string) error {
		_, err := c.CostFigures(t.Context(), CostQuery{By: "team,metric"}, row)
		return err
	}
	flow := func(q FlowQuery) error { _, err := c.LedgerFlow(t.Context(), q); return err }
	sinceStart := func(q FlowQuery) error { _, err := c.Flow(q); return err }
	focus := func(c *Control, q CostQuery) error { _, err := c.FocusCosts(t.Context(), q); return err }
	free, _ := ledgered(t, attribution.DefaultConfig())
	for _, tt := range []struct {
		field string
		err   error
		text  string
	}{
		{"team", sinceStart(FlowQuery{Team: "checkout"}), "say from when"},
		{"from", costs(CostQuery{From: "yesterday"}), "write a day"},
		{"from", costs(CostQuery{From: "2026-11-01T00:30:00Z"}), "within an hour"},
		{"from", costs(CostQuery{From: "1969-01-01"}), "before 1970"},
		{"from", costs(CostQuery{From: "2027-01-01"}), "yet to come"},
		{"from", costs(CostQuery{From: "2020-01-01"}), "1098 days at most"},
		{"from", costs(CostQuery{From: "9999-01-01", To: "9999-02-01"}), "yet to come"},
		{"to", costs(CostQuery{To: "tomorrow"}), "write a day"},
		{"to", costs(CostQuery{From: "2026-11-02", To: "2026-11-02"}), "not after from"},
		{"month", costs(CostQuery{Month: "November"}), "2026-11"},
		{"month", costs(CostQuery{Month: "2026-12"}), "yet to come"},
		{"month", costs(CostQuery{Month: "0001-01"}), "before 1970"},
		{"month", costs(CostQuery{Month: "2026-11", To: "2026-11-03"}), "leave it out"},
		{"by", costs(CostQuery{By: "team,colour"}), "colour"},
		{"by", costs(CostQuery{By: "team,team"}), "twice"},
		{"shared", costs(CostQuery{Shared: "gladly"}), "keep, even, proportional"},
		{"tenant", costs(CostQuery{Tenant: "a/b"}), ""},
		{"row", figure("team"), "team:checkout"},
		{"row", figure("team:a"), "which metric?"},
		{"row", figure("team:a", "team:b"), "twice"},
		{"row", figure("day:a"), "not by"},
		{"by", focus(c, CostQuery{By: "rule"}), "leave rule out"},
		{"format", focus(free, CostQuery{}), "prices"},
		{"from", flow(FlowQuery{To: halfPast}), "from when?"},
		{"from", flow(FlowQuery{From: time.Unix(-1e12, 0)}), "before 1970"},
		{"to", flow(FlowQuery{From: halfPast, To: halfPast.Add(-48 * time.Hour)}), "not after from"},
		{"by", flow(FlowQuery{From: halfPast, By: "colour"}), "metric, team, rule"},
	} {
		invalid, ok := errors.AsType[*Invalid](tt.err)
		if !ok || invalid.Field != tt.field || !strings.Contains(invalid.Text, tt.text) {
			t.Errorf("%v, want %s to be invalid: %s", tt.err, tt.field, tt.text)
		}
	}
}

func TestCostsReachNoFurtherThanTheActor(t *testing.T) {
	c, _ := ledgered(t, priced(t, ten, five), november(t)...)
	one := c.As(auth.Actor{Name: "ann", Role: auth.Viewer, Tenants: []tenant.ID{"bank"}})
	if r, err := one.Costs(t.Context(), CostQuery{}); err != nil || r.Total != 50_048 {
		t.Errorf("who may ask about bank sees %v, %v; want its cost", r.Report, err)
	}
	if _, err := one.Costs(t.Context(), CostQuery{Tenant: "shop"}); !errors.Is(err, ErrForbidden) {
		t.Errorf("who may not ask about shop: %v, want forbidden", err)
	}
	if l, err := one.Teams(t.Context(), TeamsQuery{}); err != nil || l.Total != 50_048 {
		t.Errorf("teams cost %v, %v; want what bank does", l.Total, err)
	}
	two := c.As(auth.Actor{Name: "bob", Role: auth.Viewer, Tenants: []tenant.ID{"bank", "shop"}})
	if _, err := two.CostSummary(t.Context(), SummaryQuery{}); err == nil || !strings.Contains(err.Error(), "name a tenant") {
		t.Errorf("who may ask about two tenants, and names none: %v", err)
	}
}

// A failingLedger answers nothing, or fails.
type failingLedger struct {
	attribution.Store
	err error
}

func (b failingLedger) Closings(context.Context) ([]attribution.Closing, error) { return nil, nil }

func (b failingLedger) Cells(ctx context.Context, _ attribution.Query, _ []attribution.Hour) iter.Seq2[attribution.Cell, error] {
	return func(yield func(attribution.Cell, error) bool) {
		if b.err != nil {
			yield(attribution.Cell{}, b.err)
			return
		}
		<-ctx.Done()
		yield(attribution.Cell{}, ctx.Err())
	}
}

func TestAReportThatIsNotMade(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, tt := range []struct {
			name string
			s    attribution.Store
			text string
		}{
			{"the store is not open", nil, "not open"},
			{"the store is slow", failingLedger{}, "choose a shorter time"},
			{"the store fails", failingLedger{err: errors.New("password is secret")}, "try again"},
		} {
			_, err := withLedger(t, priced(t, ten, five), tt.s).Costs(t.Context(), CostQuery{})
			if !errors.Is(err, ErrUnavailable) || !strings.Contains(err.Error(), tt.text) || strings.Contains(err.Error(), "secret") {
				t.Errorf("%s: %v, want it unavailable: %s", tt.name, err, tt.text)
			}
		}
		// Two reports that take long leave no room for a third.
		c := withLedger(t, priced(t, ten, five), failingLedger{})
		for range reportsAtOnce {
			go func() { _, _ = c.Costs(t.Context(), CostQuery{}) }()
		}
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := c.Costs(ctx, CostQuery{}); !errors.Is(err, ErrUnavailable) || !strings.Contains(err.Error(), "other reports") {
			t.Errorf("a third report: %v, want it unavailable", err)
		}
		synctest.Wait()
		time.Sleep(reportTimeout) // so that all of them are over
	})
}

// A store that fails is in the log once, and once more where it has answered in
// between; its words are for the log alone.
func TestALedgerThatIsNotReadIsLoggedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		failing := error(errors.New("disk full"))
		c := withLedger(t, priced(t, ten, five), nil)
		c.parts.Ledger = func() attribution.Store { return failingLedger{err: failing} }
		var log strings.Builder
		c.parts.Policies.log = slog.New(slog.NewTextHandler(&log, nil))
		ask := func(ctx context.Context, want string) {
			t.Helper()
			log.Reset()
			for range 3 {
				if _, err := c.As(c.actor).Costs(ctx, CostQuery{}); err == nil || strings.Contains(err.Error(), "disk full") {
					t.Errorf("%v, want an error without the store's words", err)
				}
			}
			if got := log.String(); strings.Count(got, "a report is not made") != min(1, len(want)) || !strings.Contains(got, want) {
				t.Errorf("the log is %q, want %q once", got, want)
			}
		}
		ask(t.Context(), `kind=error err="disk full"`)
		ask(t.Context(), "")
		failing = nil // it answers nothing in time
		ask(t.Context(), "kind=timeout")
		gone, cancel := context.WithCancel(t.Context())
		cancel()
		ask(gone, "")
		c.unread.note(t.Context(), c.parts.Policies.log, nil)
		failing = errors.New("disk full")
		ask(t.Context(), "kind=error")
	})
}

func TestFlowByTheLedger(t *testing.T) {
	c, _ := ledgered(t, attribution.DefaultConfig(), november(t)...)
	at := time.Date(2026, 11, 1, 23, 59, 0, 0, time.UTC)
	f, err := c.LedgerFlow(t.Context(), FlowQuery{From: at, To: at.Add(2 * time.Minute), By: "rule"})
	if err != nil {
		t.Fatal(err)
	}
	want := Flow{
		From: at.Add(-59 * time.Minute), To: at.Add(61 * time.Minute),
		Counts: Counts{Received: 6_000_000, Forwarded: 4_000_000, Dropped: 2_000_000},
		Rows: []FlowRow{
			{Counts: Counts{Received: 4_000_000, Forwarded: 4_000_000}},
			{Key: "drop-debug", Counts: Counts{Received: 2_000_000, Dropped: 2_000_000}},
		},
	}
	if diff := cmp.Diff(want, f); diff != "" {
		t.Errorf("flow by rule (-want +got):\n%s", diff)
	}
	for team, want := range map[string]string{
		"checkout": ": 0 of 3000000 dropped, drop-debug: 2000000 of 2000000 dropped", "unowned": ": 0 of 1000000 dropped", "search": "",
	} {
		f, err := c.LedgerFlow(t.Context(), FlowQuery{From: at, To: at.Add(2 * time.Minute), By: "rule", Team: team})
		if err != nil {
			t.Fatal(err)
		}
		var rows []string
		for _, r := range f.Rows {
			rows = append(rows, fmt.Sprintf("%s: %d of %d dropped", r.Key, r.Counts.Dropped, r.Counts.Received))
		}
		if got := strings.Join(rows, ", "); got != want {
			t.Errorf("of the team %s: %q, want %q", team, got, want)
		}
	}
	for by, want := range map[string]string{"": "[]", "team": "[checkout search unowned ledger]", "metric": "[calls stray up]"} {
		f, err := c.LedgerFlow(t.Context(), FlowQuery{From: at, By: by})
		if err != nil {
			t.Fatal(err)
		}
		var keys []string
		for _, r := range f.Rows {
			keys = append(keys, r.Key)
		}
		if fmt.Sprint(keys) != want || f.Counts.Received != 7_500_000 || !f.To.Equal(halfPast.Truncate(time.Hour).Add(time.Hour)) {
			t.Errorf("by %q up to now: %v of %+v up to %s, want %s", by, keys, f.Counts, f.To, want)
		}
	}
}

// Whatever a question says, it is refused or is about a bounded time.
func FuzzCostQuery(f *testing.F) {
	f.Add("2026-11-01", "2026-11-02T05:00:00Z", "", "team,metric", "even", "shop", "team:a")
	f.Add("", "", "2026-11", "day", "", "", "day:2026-11-01")
	policies, err := NewPolicies(PolicyFile{Config: attribution.DefaultConfig()}, noPolicyStore, discard)
	if err != nil {
		f.Fatal(err)
	}
	c := New(Parts{Policies: policies})
	f.Fuzz(func(t *testing.T, from, to, month, by, shared, tenantName, row string) {
		q, err := c.query(CostQuery{From: from, To: to, Month: month, By: by, Shared: shared, Tenant: tenantName}, halfPast)
		if err != nil {
			if _, ok := errors.AsType[*Invalid](err); !ok {
				t.Errorf("%v is no Invalid", err)
			}
			return
		}
		if q.From < 0 || q.From >= q.To || q.To-q.From > maxSpan || q.From > attribution.HourOf(halfPast) {
			t.Errorf("from %s to %s is asked", q.From, q.To)
		}
		if values, err := rowValues(q.By, []string{row}); err == nil && len(values) != len(q.By) {
			t.Errorf("%q gives %v for %v", row, values, q.By)
		}
	})
}
