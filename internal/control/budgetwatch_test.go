package control

import (
	"context"
	"errors"
	"iter"
	"maps"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/headgate/headgate/attribution"
	"github.com/headgate/headgate/internal/store"
	"github.com/headgate/headgate/internal/store/storetest"
	"github.com/headgate/headgate/internal/tenant"
)

// noSeries is a sketch of nothing: what is spent here is spent on samples.
type noSeries struct{}

func (noSeries) Insert(uint64)                         {}
func (noSeries) Union(attribution.Sketch) error        { return nil }
func (noSeries) Estimate() uint64                      { return 0 }
func (noSeries) AppendBinary(b []byte) ([]byte, error) { return b, nil }

var sketching = attribution.Sketching{
	New:  func() attribution.Sketch { return noSeries{} },
	Read: func([]byte) (attribution.Sketch, error) { return noSeries{}, nil },
}

// A watched is a store with a ledger, where a million samples cost 1 USD.
type watched struct {
	t        *testing.T
	ledger   *store.Ledger
	sequence uint64
}

// spend adds what costs so many USD.
func (w *watched) spend(at string, id tenant.ID, team string, whole uint64) {
	w.t.Helper()
	w.sequence++
	d := attribution.Delta{Key: attribution.Key{Hour: hour(at), Tenant: id, Team: team, Metric: "up"}}
	d.Samples[attribution.Forwarded] = whole * 1_000_000
	if err := w.ledger.Commit(w.t.Context(), &attribution.Batch{Writer: "w", Sequence: w.sequence, Deltas: []attribution.Delta{d}}); err != nil {
		w.t.Fatal(err)
	}
}

// watching returns a Control of the store at url that watches budgets.
func watching(t *testing.T, url string, bs attribution.Budgets) (*Control, *watched) {
	t.Helper()
	db := openStore(t, url)
	c := attribution.DefaultConfig()
	c.Prices, c.Budgets = attribution.Prices{usd("", "1")}, bs
	of := policing(t, PolicyFile{Name: "headgate.yml", Config: c}, policyStore(db))
	w := &watched{t: t, ledger: db.Ledger(sketching, func() time.Time { return hour("2026-11-30").Time() })}
	of.parts.Ledger = func() attribution.Store { return w.ledger }
	return of, w
}

// check looks at budgets, and returns what was told, oldest first.
func check(t *testing.T, c *Control, at string) []string {
	t.Helper()
	before := len(events(t, c, "budget"))
	if err := c.checkBudgets(t.Context(), hour(at).Time()); err != nil {
		t.Fatal(err)
	}
	told := events(t, c, "budget")
	var fresh []string
	for i := len(told) - before - 1; i >= 0; i-- {
		text, _, _ := strings.Cut(told[i], ", between")
		fresh = append(fresh, text)
	}
	return fresh
}

func TestBudgetsAreWatched(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url string) {
		bs := attribution.Budgets{"shop": amount(100), "tenant:payments": amount(1000), "quiet": amount(1)}
		c, w := watching(t, url, bs)
		other, _ := watching(t, url, bs)
		want := func(of *Control, at string, want ...string) {
			t.Helper()
			var got []string
			for _, text := range check(t, of, at) {
				if strings.Contains(text, " is spent: ") { // forecasts have a test of their own
					got = append(got, text)
				}
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("told at %s (-want +got):\n%s", at, diff)
			}
		}
		want(c, "2026-11-01")
		w.spend("2026-11-01T05:00:00Z", "payments", "shop", 10)
		w.spend("2026-10-31T23:00:00Z", "payments", "shop", 900) // of another month
		want(c, "2026-11-02")
		w.spend("2026-11-03", "payments", "shop", 30)
		w.spend("2026-11-03", "payments", attribution.Unowned, 10) // shop is the only team, and pays it
		want(c, "2026-11-04", "team shop: 50 % of the budget of 100.00 USD for 2026-11 is spent: 50.00")
		want(c, "2026-11-04")
		want(other, "2026-11-04") // told by the first

		// One who was started again tells what is new alone, and the highest of several.
		w.spend("2026-11-05", "payments", "shop", 60)
		again, _ := watching(t, url, bs)
		want(again, "2026-11-06", "team shop: 100 % of the budget of 100.00 USD for 2026-11 is spent: 110.00")
		want(c, "2026-11-06")

		// A budget that is raised is another one; in the next month all begins anew.
		raised := maps.Clone(bs)
		raised["shop"] = amount(120)
		higher, _ := watching(t, url, raised)
		want(higher, "2026-11-06", "team shop: 80 % of the budget of 120.00 USD for 2026-11 is spent: 110.00")
		w.spend("2026-12-01", "payments", "shop", 55)
		want(c, "2026-12-02", "team shop: 50 % of the budget of 100.00 USD for 2026-12 is spent: 55.00")
	})
}

// A month that is expected to end over its budget is told of before it does, and
// when that has passed.
func TestAForecastOverTheBudgetIsTold(t *testing.T) {
	c, w := watching(t, storetest.SQLite(t), attribution.Budgets{"tenant:payments": amount(200)})
	for day := hour("2026-10-01"); day < hour("2026-11-04"); day += 24 {
		w.spend(day.String(), "payments", "shop", 5)
	}
	if got := check(t, c, "2026-11-04"); got != nil {
		t.Errorf("told though 150 of 200 are expected: %q", got)
	}
	for _, day := range []string{"2026-11-04", "2026-11-05", "2026-11-06"} {
		w.spend(day, "payments", attribution.Unowned, 25)
	}
	got := check(t, c, "2026-11-07")
	if len(got) != 1 || !strings.HasPrefix(got[0], "tenant payments: 2026-11 is expected to end at ") {
		t.Errorf("told of a month that grows: %q, want that it is expected over the budget", got)
	}
	page, err := c.Events(t.Context(), EventQuery{Kind: "budget", Tenant: "payments"})
	if err != nil || len(page.Events) != 1 {
		t.Errorf("events of the tenant are %+v, %v; want one", page.Events, err)
	}
	if got := check(t, c, "2026-11-07"); got != nil {
		t.Errorf("told again: %q", got)
	}
	if got := check(t, c, "2026-11-27"); len(got) != 1 || !strings.Contains(got[0], "within the budget of 200.00 again") {
		t.Errorf("told of a month in which nothing more was spent: %q, want that it is within the budget", got)
	}
}

func TestNothingIsToldWithoutPricesOrStore(t *testing.T) {
	c, w := watching(t, storetest.SQLite(t), attribution.Budgets{"shop": amount(1)})
	w.spend("2026-11-01", "a", "shop", 5)
	ledger := c.parts.Ledger
	c.parts.Ledger = func() attribution.Store { return nil }
	if got := check(t, c, "2026-11-02"); got != nil {
		t.Errorf("told without a ledger: %q", got)
	}
	c.parts.Ledger = ledger
	free := attribution.DefaultConfig()
	free.Budgets = attribution.Budgets{"shop": amount(1)}
	if err := c.parts.Policies.Reload(PolicyFile{Config: free}); err != nil {
		t.Fatal(err)
	}
	if got := check(t, c, "2026-11-02"); got != nil {
		t.Errorf("told without prices: %q", got)
	}
}

// A brokenLedger counts how often it is asked, and fails.
type brokenLedger struct {
	attribution.Store
	asked atomic.Int64
}

func (b *brokenLedger) Closings(context.Context) ([]attribution.Closing, error) {
	b.asked.Add(1)
	return nil, errors.New("the disk is on fire")
}

func (b *brokenLedger) Cells(context.Context, attribution.Query, []attribution.Hour) iter.Seq2[attribution.Cell, error] {
	panic("asked for cells")
}

// nothingTold is a store of policies in which nothing is.
type nothingTold struct{ memoryPolicies }

func (*nothingTold) Told(context.Context, attribution.Month) (map[attribution.Budget]attribution.Told, error) {
	return nil, nil
}

func TestTheWatchGoesOnWhileTheLedgerIsGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := policing(t, policyFile(t), policyStore(&nothingTold{}))
		ledger := &brokenLedger{}
		c.parts.Ledger = func() attribution.Store { return ledger }
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- c.WatchBudgets(ctx) }()
		synctest.Wait()
		for _, want := range []int64{1, 2, 3} {
			if got := ledger.asked.Load(); got != want {
				t.Errorf("the ledger was asked %d times, want %d", got, want)
			}
			time.Sleep(budgetsEvery)
			synctest.Wait()
		}
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

func TestPricesKeepToTheCurrencyOfClosedMonths(t *testing.T) {
	c, w := watching(t, storetest.SQLite(t), nil)
	if err := c.parts.Policies.Reload(PolicyFile{Config: attribution.DefaultConfig()}); err != nil {
		t.Fatal(err)
	}
	w.spend("2026-09-01", "a", "shop", 5)
	closing := attribution.Closing{Month: attribution.Month{Year: 2026, Month: 9}, At: hour("2026-10-04").Time(), Prices: []attribution.Price{usd("", "1")}}
	if err := w.ledger.Close(t.Context(), closing); err != nil {
		t.Fatal(err)
	}
	eur := usd("a", "1")
	eur.Currency = "EUR"
	_, err := c.SetPrices(t.Context(), prices(eur), Change{0})
	if got := fields(t, err); !cmp.Equal(got, []string{"prices[0].currency"}) {
		t.Errorf("prices in EUR after a month in USD: %v", err)
	}
	if _, err := c.SetPrices(t.Context(), prices(usd("a", "1")), Change{0}); err != nil {
		t.Error(err)
	}
}
