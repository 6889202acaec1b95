package controltest

import (
	"fmt"
	"testing"
	"time"

	"github.com/headgate/headgate/attribution"
	"github.com/headgate/headgate/internal/tenant"
	"github.com/headgate/headgate/limiter"
)

const payingCatalog = `
apiVersion: backstage.io/v1alpha1
kind: Group
metadata: {name: checkout, title: Check-out}
spec: {type: team, children: [], profile: {displayName: Check-out}, members: [ann, bob, carla]}
---
apiVersion: backstage.io/v1alpha1
kind: Component
metadata: {name: checkout-api}
spec: {type: service, lifecycle: production, owner: checkout}
---
apiVersion: backstage.io/v1alpha1
kind: Group
metadata: {name: idle, title: The idle}
spec: {type: team, children: [], members: []}
`

// Paying returns a Shop whose ledger has two months up to Noon, with prices and
// budgets: checkout is over its own, search will be, platform is not.
func Paying(t testing.TB) *Headgate {
	t.Helper()
	catalog, problems := attribution.ReadCatalog(attribution.CatalogConfig{Type: attribution.Backstage, Join: attribution.JoinConfig{Label: "service"}},
		[]attribution.CatalogFile{{Name: "catalog.yml", Data: []byte(payingCatalog)}})
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	h := New(t, Config{Alerts: shopAlerts, Panels: shopPanels, Asked: shopAsked(),
		Rules: shopRules, Limits: limiter.DefaultConfig(), Stored: true, Ledger: true, Now: Noon, Prices: prices(t), Catalogs: []*attribution.Catalog{catalog},
		Owners: []attribution.OwnerConfig{{Match: `{job=~"checkout|payments"}`, Team: "checkout"}, {Match: `{__name__=~"node_.*"}`, Team: "platform"}, {Label: "team"}},
		Budgets: attribution.Budgets{
			"checkout": {Month: attribution.Amount{Micro: 430e6}}, "search": {Month: attribution.Amount{Micro: 250e6}}, "platform": {Month: attribution.Amount{Micro: 900e6}},
			"tenant:payments": {Month: attribution.Amount{Micro: 200e6}},
		},
	})
	for i := range 3 {
		h.Send(t, "", h.began.Add(time.Duration(i)*15*time.Second), Series(t, `orders_total{job="catalog",namespace="catalog-prod",team="search"}`, `orders_open{job="catalog",team="search"}`)...)
		h.Trade(t, 3000)
		h.Measure(t)
	}
	h.Record(t, 1, payingUses()...)
	return h
}

// payingUses are what the teams use of every day, more on working days, and of
// which checkout's begins to grow in November.
func payingUses() (list []Use) {
	const samples = 100_000
	for day := time.Date(2026, 9, 7, 0, 0, 0, 0, time.UTC); day.Before(Noon); day = day.AddDate(0, 0, 1) {
		jitter := uint64(day.YearDay() * 37 % 23)
		work := 100 + jitter
		if d := day.Weekday(); d == time.Saturday || d == time.Sunday {
			work = 60 + jitter
		}
		growth := uint64(10)
		if day.Month() == time.November {
			growth = 14 + uint64(day.Day())/3
		}
		add := func(of tenant.ID, team, service, metric string, forwarded uint64, series int) {
			list = append(list, Use{Day: day.Format(time.DateOnly), Tenant: of, Team: team, Service: service, Metric: metric, Forwarded: forwarded, Series: series})
		}
		add("default", "checkout", "checkout-api", "checkout_session_events_total", 9*samples*work*growth/10, 3000)
		add("default", "checkout", "checkout-api", "http_requests_total", 3*samples*work, 96)
		add("payments", "checkout", "ledger", "payment_attempts_total", 4*samples*work, 300)
		add("default", "search", "search-api", "http_requests_total", 9*samples*work, 96)
		add("default", "platform", "", "node_cpu_seconds_total", 7*samples*work, 48)
		for i := range 12 {
			add("default", "platform", "", fmt.Sprintf("node_disk_%02d_bytes_total", i), samples*work/2, 24)
		}
		add("default", attribution.Unowned, "", "go_goroutines", 3*samples*work, 12)
		list[len(list)-1].Dropped, list[len(list)-1].Rule = 2*samples*work, "drop-debug"
		list[len(list)-2].Dropped, list[len(list)-2].Rule = samples*work, "thin-disks"
	}
	return list
}
