package control

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/headgate/headgate/attribution"
	"github.com/headgate/headgate/internal/auth"
	"github.com/headgate/headgate/internal/series"
	"github.com/headgate/headgate/internal/store"
	"github.com/headgate/headgate/internal/store/storetest"
	"github.com/headgate/headgate/internal/tenant"
)

// policyFile is a configuration file that says something of everything.
func policyFile(t *testing.T) PolicyFile {
	t.Helper()
	catalog, problems := attribution.ReadCatalog(
		attribution.CatalogConfig{Type: attribution.CSV, Join: attribution.JoinConfig{Label: "service"}},
		[]attribution.CatalogFile{{Name: "owners.csv", Data: []byte("service,owner\nads,ads\n,none\n")}})
	c := attribution.DefaultConfig()
	c.Owners = []attribution.OwnerConfig{{Match: `{namespace="shop"}`, Team: "shop"}, {Label: "team"}}
	c.Prices = attribution.Prices{usd("", "0.10"), usd("payments", "0.15")}
	c.Budgets = attribution.Budgets{"shop": amount(1200)}
	c.Ledger.ServiceLabel = "service"
	return PolicyFile{Name: "/etc/headgate/headgate.yml", Config: c, Catalogs: []*attribution.Catalog{catalog}, Skipped: problems}
}

// usd is a price of a tenant, "" for everyone, by million samples.
func usd(id tenant.ID, million string, from ...string) attribution.Price {
	p := attribution.Price{Tenant: id, Currency: "USD", PerMillionSamples: decimal(million)}
	for _, text := range from {
		p.ValidFrom = hour(text)
	}
	return p
}

func hour(s string) attribution.Hour {
	h, err := attribution.ParseHour(s)
	if err != nil {
		panic(err)
	}
	return h
}

func decimal(s string) attribution.Decimal {
	d, err := attribution.ParseDecimal(s)
	if err != nil {
		panic(err)
	}
	return d
}

func amount(whole int64) attribution.BudgetConfig {
	return attribution.BudgetConfig{Month: attribution.Amount{Micro: attribution.Micro(whole * 1e6)}}
}

// policing returns a Control of policies alone, for ann. open returns the store.
func policing(t *testing.T, f PolicyFile, open func() PolicyStore) *Control {
	t.Helper()
	ps, err := NewPolicies(f, open, discard)
	if err != nil {
		t.Fatal(err)
	}
	ps.Refresh(t.Context())
	return New(Parts{Policies: ps, Events: NewEvents(discard)}).As(auth.Actor{Name: "ann", Role: auth.Admin})
}

func policyStore(s PolicyStore) func() PolicyStore { return func() PolicyStore { return s } }

func noPolicyStore() PolicyStore { return nil }

func owner(match, team string) OwnerEntry {
	return OwnerEntry{OwnerConfig: attribution.OwnerConfig{Match: match, Team: team}}
}

func prices(ps ...attribution.Price) []PriceEntry {
	var entries []PriceEntry
	for _, p := range ps {
		entries = append(entries, PriceEntry{Price: p})
	}
	return entries
}

func budgets(bs attribution.Budgets) map[string]BudgetEntry {
	entries := map[string]BudgetEntry{}
	for key, b := range bs {
		entries[key] = BudgetEntry{BudgetConfig: b}
	}
	return entries
}

// teamOf returns whose a series is.
func teamOf(t *testing.T, c *Control, text string) string {
	t.Helper()
	ls, err := series.ParseLabels(text)
	if err != nil {
		t.Fatal(err)
	}
	team, _ := c.parts.Policies.Owners().Team(ls)
	return team
}

// events returns the texts of events of a kind, newest first.
func events(t *testing.T, c *Control, kind string) []string {
	t.Helper()
	page, err := c.Events(t.Context(), EventQuery{Kind: kind})
	if err != nil {
		t.Fatal(err)
	}
	var texts []string
	for _, e := range page.Events {
		texts = append(texts, e.Text)
	}
	return texts
}

// fields returns what is invalid according to err.
func fields(t *testing.T, err error) []string {
	t.Helper()
	many, ok := err.(interface{ Unwrap() []error })
	if !ok {
		t.Fatalf("the error is %v, want many", err)
	}
	var names []string
	for _, e := range many.Unwrap() {
		invalid, ok := errors.AsType[*Invalid](e)
		if !ok || invalid.Text == "" {
			t.Fatalf("%v is no Invalid with a text", e)
		}
		names = append(names, invalid.Field)
	}
	return names
}

func TestWhatTheFileSaysStandsFirst(t *testing.T) {
	db := openStore(t, storetest.SQLite(t))
	c := policing(t, policyFile(t), policyStore(db))
	if _, err := c.SetOwners(t.Context(), []OwnerEntry{owner(`{job="ads"}`, "ads"), owner(`{namespace="shop",job="api"}`, "api")}, Change{0}); err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]string{
		`up{namespace="shop",job="api"}`: "shop", // the file's clause
		`up{job="ads",team="web"}`:       "web",  // the file's label
		`up{job="ads",service="ads"}`:    "ads",
		`up{service="ads"}`:              "ads", // the catalog
		`up`:                             attribution.Unowned,
	} {
		if got := teamOf(t, c, text); got != want {
			t.Errorf("%s is of %s, want %s", text, got, want)
		}
	}
	if got := c.parts.Policies.Owners().Service(series.Labels{{Name: "service", Value: "ads"}}); got != "ads" {
		t.Errorf("the service is %q, want ads", got)
	}
	o := c.Owners()
	var sources []string
	for _, e := range o.Entries {
		sources = append(sources, e.Source+" "+e.File)
	}
	if diff := cmp.Diff([]string{"file headgate.yml", "file headgate.yml", "api ", "api "}, sources); diff != "" || len(o.Catalogs) != 1 || o.UpdatedBy != "ann" {
		t.Errorf("the owners are %+v, sources (-want +got):\n%s", o, diff)
	}

	if _, err := c.SetPrices(t.Context(), prices(usd("ads", "0.2"), usd("ads", "0.3", "2026-12-01")), Change{0}); err != nil {
		t.Fatal(err)
	}
	tariff, err := attribution.NewTariff(c.parts.Policies.Prices())
	if err != nil {
		t.Fatal(err)
	}
	for id, want := range map[tenant.ID]string{"": "0.1", "payments": "0.15", "ads": "0.2"} {
		if p, ok := tariff.At(id, hour("2026-11-21")); !ok || p.PerMillionSamples != decimal(want) {
			t.Errorf("tenant %q pays %s, want %s", id, p.PerMillionSamples, want)
		}
	}
	bs, err := c.SetBudgets(t.Context(), budgets(attribution.Budgets{"ads": amount(5), "tenant:payments": amount(7)}), Change{0})
	if err != nil || len(bs.Entries) != 3 || bs.Entries["shop"].Source != FromFile || bs.Entries["ads"].Source != FromAPI {
		t.Errorf("the budgets are %+v, %v", bs, err)
	}
	want := []attribution.Budget{{Team: "ads", Month: 5e6}, {Team: "shop", Month: 1200e6}, {Tenant: "payments", Month: 7e6}}
	if diff := cmp.Diff(want, c.parts.Policies.Budgets()); diff != "" {
		t.Errorf("budgets in force (-want +got):\n%s", diff)
	}
	if got := c.CatalogProblems(); len(got) != 1 || got[0].File != "owners.csv" || got[0].Line != 3 {
		t.Errorf("problems of catalogs are %v, want that of owners.csv, line 3", got)
	}
}

func TestWhatIsReadIsSetAgain(t *testing.T) {
	db := openStore(t, storetest.SQLite(t))
	c := policing(t, policyFile(t), policyStore(db))
	ctx := t.Context()
	o, err := c.SetOwners(ctx, append(c.Owners().Entries, owner("up", "a")), Change{0})
	if err != nil {
		t.Fatal(err)
	}
	again, err := c.SetOwners(ctx, o.Entries, Change{o.Revision})
	if err != nil || !cmp.Equal(again.Entries, o.Entries) || again.Revision <= o.Revision {
		t.Errorf("owners set as they were read are %+v, %v; want %+v", again, err, o)
	}
	p, err := c.SetPrices(ctx, append(c.Prices().Entries, prices(usd("a", "1"))...), Change{0})
	if err != nil {
		t.Fatal(err)
	}
	if again, err := c.SetPrices(ctx, p.Entries, Change{p.Revision}); err != nil || !cmp.Equal(again.Entries, p.Entries) {
		t.Errorf("prices set as they were read are %+v, %v; want %+v", again, err, p)
	}
	b, err := c.SetBudgets(ctx, budgets(attribution.Budgets{"a": amount(1), "shop": amount(1200)}), Change{0})
	if err != nil {
		t.Fatal(err)
	}
	if again, err := c.SetBudgets(ctx, b.Entries, Change{b.Revision}); err != nil || !cmp.Equal(again.Entries, b.Entries) {
		t.Errorf("budgets set as they were read are %+v, %v; want %+v", again, err, b)
	}
	list, err := db.Policies(ctx)
	if err != nil {
		t.Fatal(err)
	}
	var stored []string
	for _, p := range list {
		stored = append(stored, string(p.Document))
	}
	want := []string{`{"a":{"month":1}}`, `[{"match":"up","team":"a"}]`, `[{"tenant":"a","currency":"USD","per_million_samples":1,"per_thousand_series_month":0}]`}
	if diff := cmp.Diff(want, stored); diff != "" {
		t.Errorf("what the file names is stored (-want +got):\n%s", diff)
	}
}

func TestAFileLocksWhatItNames(t *testing.T) {
	c := policing(t, policyFile(t), noPolicyStore)
	file := Origin{Source: FromFile}
	for _, tt := range []struct {
		name string
		set  func() error
		want string
	}{
		{"a clause of the file is for another team", func() error {
			_, err := c.SetOwners(t.Context(), []OwnerEntry{owner("up", "a"), owner(`{namespace = "shop"}`, "a")}, Change{0})
			return err
		}, `owners[1]: match {namespace="shop"}, team shop, is in headgate.yml, under attribution.owners: change it there`},
		{"a clause that was the file's is changed", func() error {
			_, err := c.SetOwners(t.Context(), []OwnerEntry{{attribution.OwnerConfig{Match: `{namespace="other"}`, Team: "shop"}, file}}, Change{0})
			return err
		}, "owners[0]: this clause is in headgate.yml, under attribution.owners"},
		{"everyone's price", func() error {
			_, err := c.SetPrices(t.Context(), prices(usd("", "9")), Change{0})
			return err
		}, "prices[0]: the price of everyone is in headgate.yml, under attribution.prices"},
		{"a later price of a tenant of the file", func() error {
			_, err := c.SetPrices(t.Context(), prices(usd("a", "9"), usd("payments", "9", "2027-01-01")), Change{0})
			return err
		}, "prices[1]: the price of tenant payments is in headgate.yml, under attribution.prices"},
		{"a budget", func() error {
			_, err := c.SetBudgets(t.Context(), budgets(attribution.Budgets{"shop": amount(1201)}), Change{0})
			return err
		}, "budgets.shop: this budget is in headgate.yml, under attribution.budgets"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if err := tt.set(); !errors.Is(err, ErrLocked) || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("the error is %v, want it locked: %s", err, tt.want)
			}
		})
	}
}

// What the file comes to name is not in force any more, and is again when the file
// does not name it; a change of the rest meanwhile leaves it.
func TestWhatTheFileComesToNameComesBack(t *testing.T) {
	db := openStore(t, storetest.SQLite(t))
	c := policing(t, PolicyFile{Config: attribution.DefaultConfig()}, policyStore(db))
	ctx := t.Context()
	_, errPrices := c.SetPrices(ctx, prices(usd("", "1"), usd("payments", "2")), Change{0})
	_, errBudgets := c.SetBudgets(ctx, budgets(attribution.Budgets{"shop": amount(1), "ads": amount(2)}), Change{0})
	if err := errors.Join(errPrices, errBudgets); err != nil {
		t.Fatal(err)
	}
	if err := c.parts.Policies.Reload(policyFile(t)); err != nil {
		t.Fatal(err)
	}
	if got := c.Prices().Entries; len(got) != 2 || got[0].Source != FromFile || got[1].Source != FromFile {
		t.Errorf("the prices are %+v, want those of the file", got)
	}
	if got := c.Budgets().Entries; got["shop"].Source != FromFile || got["ads"].Source != FromAPI {
		t.Errorf("the budgets are %+v, want shop's of the file", got)
	}
	_, errPrices = c.SetPrices(ctx, prices(usd("ads", "3")), Change{AnyRevision})
	_, errBudgets = c.SetBudgets(ctx, nil, Change{AnyRevision})
	if err := errors.Join(errPrices, errBudgets); err != nil {
		t.Fatal(err)
	}
	if err := c.parts.Policies.Reload(PolicyFile{Config: attribution.DefaultConfig()}); err != nil {
		t.Fatal(err)
	}
	if got := c.parts.Policies.Prices(); !cmp.Equal(got, attribution.Prices{usd("", "1"), usd("payments", "2"), usd("ads", "3")}) {
		t.Errorf("the prices are %+v", got)
	}
	if got := c.parts.Policies.Budgets(); !cmp.Equal(got, []attribution.Budget{{Team: "shop", Month: 1e6}}) {
		t.Errorf("the budgets are %+v", got)
	}
}

func TestPricesInAnotherCurrencyThanTheFilesAreNotInForce(t *testing.T) {
	db := openStore(t, storetest.SQLite(t))
	c := policing(t, PolicyFile{Config: attribution.DefaultConfig()}, policyStore(db))
	eur := usd("ads", "1")
	eur.Currency = "EUR"
	if _, err := c.SetPrices(t.Context(), prices(eur), Change{0}); err != nil {
		t.Fatal(err)
	}
	f := policyFile(t)
	if err := c.parts.Policies.Reload(f); err != nil {
		t.Fatal(err)
	}
	if got := c.parts.Policies.Prices(); !cmp.Equal(got, f.Config.Prices) {
		t.Errorf("the prices are %+v, want those of the file alone", got)
	}
	_, err := c.SetPrices(t.Context(), prices(eur), Change{AnyRevision})
	if got := fields(t, err); !cmp.Equal(got, []string{"prices[0].currency"}) {
		t.Errorf("in another currency: %v", err)
	}
	if _, err := c.SetPrices(t.Context(), prices(usd("ads", "1")), Change{AnyRevision}); err != nil {
		t.Error(err)
	}
}

func TestWhatIsWrongWithAPolicyHasItsPlace(t *testing.T) {
	c := policing(t, policyFile(t), noPolicyStore)
	long := strings.Repeat("x", attribution.MaxTeamBytes+1)
	_, err := c.SetOwners(t.Context(), []OwnerEntry{
		owner("up", "a"), owner("{", "a"), owner("up", ""), {OwnerConfig: attribution.OwnerConfig{Label: "\xff"}}, owner("{", long), {},
		{OwnerConfig: attribution.OwnerConfig{Label: "team"}}, // the file's
		{OwnerConfig: attribution.OwnerConfig{Label: "a", Team: "b"}},
	}, Change{0})
	if diff := cmp.Diff([]string{"owners[1].match", "owners[2]", "owners[3].label", "owners[4].match", "owners[4].team", "owners[5]", "owners[7]"}, fields(t, err)); diff != "" {
		t.Errorf("%v\nfields (-want +got):\n%s", err, diff)
	}
	eur := usd("e", "1")
	eur.Currency = "EUR"
	_, err = c.SetPrices(t.Context(), prices(usd("payments", "0.15"), usd("a", "1"), eur, usd("a", "2"), usd("a/b", "1"), attribution.Price{Tenant: "c", Currency: "usd"}), Change{0})
	if diff := cmp.Diff([]string{"prices[2].currency", "prices[3].valid_from", "prices[4].tenant", "prices[5].currency"}, fields(t, err)); diff != "" {
		t.Errorf("%v\nfields (-want +got):\n%s", err, diff)
	}
	_, err = c.SetBudgets(t.Context(), budgets(attribution.Budgets{"": amount(1), "a": amount(0), "b": amount(1), "tenant:a/b": amount(1), "tenant:": amount(1), long: amount(1), "n\x00": amount(1)}), Change{0})
	want := []string{"budgets.", "budgets.a.month", "budgets.n\x00", "budgets.tenant:", "budgets.tenant:a/b", "budgets." + long[:64] + "…"}
	if diff := cmp.Diff(want, fields(t, err)); diff != "" {
		t.Errorf("%v\nfields (-want +got):\n%s", err, diff)
	}
}

func TestPoliciesAreBounded(t *testing.T) {
	c := policing(t, policyFile(t), noPolicyStore)
	var os []OwnerEntry
	for i := range maxStoredOwners + 1 {
		os = append(os, owner("up", fmt.Sprint(i)))
	}
	_, err := c.SetOwners(t.Context(), os, Change{0})
	if got := fields(t, err); !cmp.Equal(got, []string{"owners"}) {
		t.Errorf("too many owners: %v", err)
	}
	_, err = c.SetPrices(t.Context(), prices(make([]attribution.Price, maxStoredPrices+1)...), Change{0})
	if !errors.Is(err, ErrLocked) { // that of everyone
		t.Errorf("many prices of everyone: %v", err)
	}
	many := attribution.Budgets{}
	for i := range maxStoredBudgets + 1 {
		many[fmt.Sprint(i)] = amount(0)
	}
	_, err = c.SetBudgets(t.Context(), budgets(many), Change{0})
	if got := fields(t, err); len(got) != maxInvalid {
		t.Errorf("%d mistakes are told, want %d", len(got), maxInvalid)
	}
}

func TestWhoSetsAPolicySaysWhichOne(t *testing.T) {
	c := policing(t, policyFile(t), policyStore(openStore(t, storetest.SQLite(t))))
	change := func(revision int64) (int64, error) {
		o, err := c.SetOwners(t.Context(), []OwnerEntry{owner("up", "a")}, Change{revision})
		return o.Revision, err
	}
	for revision, want := range map[int64]error{NoRevision: ErrRevision, NotRevision: ErrConflict, 7: ErrConflict} {
		if _, err := change(revision); !errors.Is(err, want) {
			t.Errorf("set with revision %d: %v, want %v", revision, err, want)
		}
	}
	first, err := change(0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := change(0); !errors.Is(err, ErrConflict) {
		t.Errorf("set as if nobody had: %v, want a conflict", err)
	}
	// A change of something else is none of owners.
	if _, err := c.SetBudgets(t.Context(), nil, Change{0}); err != nil {
		t.Error(err)
	}
	if second, err := change(first); err != nil || second != first+2 {
		t.Errorf("set again: revision %d, %v; want %d", second, err, first+2)
	}
}

func TestWithoutAStoreNoPolicyIsSet(t *testing.T) {
	c := policing(t, policyFile(t), noPolicyStore)
	if _, err := c.SetOwners(t.Context(), nil, Change{0}); !errors.Is(err, ErrUnavailable) {
		t.Errorf("set: %v, want it unavailable", err)
	}
	if c.parts.Policies.Known() || !policing(t, policyFile(t), policyStore(openStore(t, storetest.SQLite(t)))).parts.Policies.Known() {
		t.Error("what a store holds is known without one, or not known with one")
	}
	if got := teamOf(t, c, `up{namespace="shop"}`); got != "shop" {
		t.Errorf("the file's owners are not in force: %s", got)
	}
}

func TestChangesOfPolicyAreEvents(t *testing.T) {
	c := policing(t, policyFile(t), policyStore(openStore(t, storetest.SQLite(t))))
	ctx := t.Context()
	var err error
	do := func(_ any, failed error) {
		if err == nil {
			err = failed
		}
	}
	a, b := owner("up", "a"), owner("down", "b")
	do(c.SetOwners(ctx, []OwnerEntry{a, b}, Change{0}))
	do(c.SetOwners(ctx, []OwnerEntry{b, a}, Change{AnyRevision}))
	do(c.SetOwners(ctx, []OwnerEntry{a, {OwnerConfig: attribution.OwnerConfig{Label: "owner"}}}, Change{AnyRevision}))
	do(c.SetPrices(ctx, prices(usd("ads", "0.1")), Change{0}))
	do(c.As(auth.Actor{Name: "bob", Role: auth.Admin, From: "10.0.0.1"}).SetPrices(ctx, prices(usd("ads", "0.2"), usd("ads", "0.3", "2026-12-01")), Change{AnyRevision}))
	do(c.SetBudgets(ctx, budgets(attribution.Budgets{"a": amount(5), "tenant:t": amount(6)}), Change{0}))
	do(c.SetBudgets(ctx, budgets(attribution.Budgets{"a": amount(7)}), Change{AnyRevision}))
	do(c.SetBudgets(ctx, budgets(attribution.Budgets{"a": amount(7)}), Change{AnyRevision}))
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"budgets: set by ann: nothing changed",
		"budgets: set by ann: changed team a: 5.00 to 7.00; removed tenant t: 6.00",
		"budgets: set by ann: added team a: 5.00; added tenant t: 6.00",
		"prices: set by bob from 10.0.0.1: changed the price of tenant ads from always: USD 0.1 per million samples and 0 per thousand series-months to USD 0.2 per million samples and 0 per thousand series-months; " +
			"added the price of tenant ads from 2026-12-01: USD 0.3 per million samples and 0 per thousand series-months",
		"prices: set by ann: added the price of tenant ads from always: USD 0.1 per million samples and 0 per thousand series-months",
		"owners: set by ann: added label owner; removed match down, team b",
		"owners: set by ann: their order changed",
		"owners: set by ann: added match up, team a; added match down, team b",
	}
	if diff := cmp.Diff(want, events(t, c, "policy")); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
	for who, want := range map[string]int{"ann": 7, "bob": 1, "bob from 10.0.0.1": 0, "": 8} {
		page, err := c.Events(ctx, EventQuery{Kind: "policy", Who: who})
		if err != nil || len(page.Events) != want {
			t.Errorf("%d events by %q, %v; want %d", len(page.Events), who, err, want)
		}
	}
}

func TestAChangeReachesEveryProcess(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url string) {
		a, b := policing(t, policyFile(t), policyStore(openStore(t, url))), policing(t, policyFile(t), policyStore(openStore(t, url)))
		before := b.parts.Policies.Owners()
		if _, err := a.SetOwners(t.Context(), []OwnerEntry{owner(`{job="x"}`, "x")}, Change{0}); err != nil {
			t.Fatal(err)
		}
		if got := teamOf(t, b, `up{job="x"}`); got != attribution.Unowned || b.parts.Policies.Owners() != before {
			t.Errorf("before b has read the store, the series is of %s", got)
		}
		b.parts.Policies.Refresh(t.Context())
		if got := teamOf(t, b, `up{job="x"}`); got != "x" {
			t.Errorf("b says the series is of %s, want x", got)
		}
		// What is not owners leaves the very same ones, so that no series is
		// attributed anew.
		is := b.parts.Policies.Owners()
		if _, err := a.SetBudgets(t.Context(), budgets(attribution.Budgets{"x": amount(1)}), Change{0}); err != nil {
			t.Fatal(err)
		}
		b.parts.Policies.Refresh(t.Context())
		if b.parts.Policies.Owners() != is || len(b.parts.Policies.Budgets()) != 2 {
			t.Error("a change of budgets changed owners, or did not arrive")
		}
		// Both change what they have read: one of them was faster.
		revision := b.Owners().Revision
		if _, err := b.SetOwners(t.Context(), nil, Change{revision}); err != nil {
			t.Error(err)
		}
		if _, err := a.SetOwners(t.Context(), nil, Change{revision}); !errors.Is(err, ErrConflict) {
			t.Errorf("the slower one: %v, want a conflict", err)
		}
	})
}

// A brokenPolicies is a store that fails when it is told to.
type brokenPolicies struct {
	PolicyStore
	broken bool
}

func (b *brokenPolicies) PolicyRevision(ctx context.Context) (int64, error) {
	if b.broken {
		return 0, errors.New("the disk is on fire")
	}
	return b.PolicyStore.PolicyRevision(ctx)
}

func TestAPolicyThatCannotBeReadStaysInForce(t *testing.T) {
	s := &brokenPolicies{PolicyStore: openStore(t, storetest.SQLite(t))}
	c := policing(t, policyFile(t), policyStore(s))
	if _, err := c.SetOwners(t.Context(), []OwnerEntry{owner("up", "a")}, Change{0}); err != nil {
		t.Fatal(err)
	}
	s.broken = true
	c.parts.Policies.Refresh(t.Context())
	if err := c.parts.Policies.Reload(policyFile(t)); err != nil {
		t.Fatal(err)
	}
	if got := teamOf(t, c, "up"); got != "a" {
		t.Errorf("up is of %s, want a", got)
	}
	if _, err := c.SetOwners(t.Context(), nil, Change{AnyRevision}); !errors.Is(err, ErrUnavailable) || strings.Contains(err.Error(), "fire") {
		t.Errorf("set: %v, want it unavailable, and the cause in the log", err)
	}
}

func TestAPolicyThatThisVersionDoesNotUnderstandIsNotInForce(t *testing.T) {
	db := openStore(t, storetest.SQLite(t))
	for kind, document := range map[store.PolicyKind]string{
		store.OwnersPolicy: `[{"match":"up","team":"a","colour":"red"}]`, store.PricesPolicy: `[{"currency":"usd"}]`, store.BudgetsPolicy: `{"a":{"month":1}}`, "taxes": `{}`,
	} {
		if _, err := db.PutPolicy(t.Context(), store.Policy{Kind: kind, Document: []byte(document)}, 0); err != nil {
			t.Fatal(err)
		}
	}
	c := policing(t, PolicyFile{Config: attribution.DefaultConfig()}, policyStore(db))
	if len(c.parts.Policies.Prices()) > 0 || teamOf(t, c, "up") != attribution.Unowned || len(c.parts.Policies.Budgets()) != 1 {
		t.Errorf("in force are %+v, %+v, %+v; want the budget alone", c.Owners(), c.Prices(), c.Budgets())
	}
	if o := c.Owners(); o.Revision == 0 {
		t.Error("what is not understood has no revision, and would be replaced by who never saw it")
	}
}

// memoryPolicies is a store that a bubble of synctest can hold: a real one has
// goroutines of its own.
type memoryPolicies struct {
	PolicyStore
	mu       sync.Mutex
	policies []store.Policy
}

func (m *memoryPolicies) set(p store.Policy) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.policies = []store.Policy{p}
}

func (m *memoryPolicies) Policies(context.Context) ([]store.Policy, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.policies, nil
}

func (m *memoryPolicies) PolicyRevision(context.Context) (int64, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return int64(len(m.policies)), nil
}

func TestAPolicyOfAnotherProcessIsInForceWithinASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &memoryPolicies{}
		c := policing(t, policyFile(t), policyStore(m))
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- c.parts.Policies.Run(ctx) }()
		synctest.Wait()
		m.set(store.Policy{Kind: store.OwnersPolicy, Document: []byte(`[{"match":"up","team":"a"}]`), Revision: 1})
		time.Sleep(time.Second)
		synctest.Wait()
		if got := teamOf(t, c, "up"); got != "a" {
			t.Errorf("up is of %s, want a", got)
		}
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}
