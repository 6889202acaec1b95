package gateway

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/headgate/headgate/internal/series"
	"github.com/headgate/headgate/internal/tenant"
	"github.com/headgate/headgate/limiter"
)

func TestLimitMetricsAreThoseOfLimitedTenants(t *testing.T) {
	c := limiter.DefaultConfig()
	c.Tenants = map[tenant.ID]limiter.Limit{
		"free":   {},
		"hard":   {HardSamplesPerSecond: 5},
		"rate":   {SamplesPerSecond: 1, Burst: limiter.Duration(time.Second), Pools: []limiter.PoolConfig{{Name: "p", Share: 0.5, Teams: []string{"t"}}}},
		"series": {ActiveSeries: 1},
	}
	l, err := limiter.New(c, time.Now(), nil)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	l.For("hard", now).Take(now, 1000)
	l.For("hard", now).Take(now, 1000)
	arrivals := []limiter.Arrival{{Family: 1, Priority: series.Low}}
	l.For("series", now).AdmitSeries(now, arrivals)
	l.For("series", now).CommitSeries(now, arrivals)
	l.For("series", now).AdmitSeries(now, []limiter.Arrival{{Family: 2, Priority: series.Low}})
	want := `
# HELP headgate_limit_active_series Active series that count against a tenant's limits of them.
# TYPE headgate_limit_active_series gauge
headgate_limit_active_series{tenant="series"} 1
# HELP headgate_limit_active_series_limit Limit of a tenant's active series; absent where only pools have one.
# TYPE headgate_limit_active_series_limit gauge
headgate_limit_active_series_limit{tenant="series"} 1
# HELP headgate_limit_hard_refusals_total Requests that were refused with 429 because of a hard limit.
# TYPE headgate_limit_hard_refusals_total counter
headgate_limit_hard_refusals_total{tenant="hard"} 1
# HELP headgate_limit_over 1 while a tenant is over its limit of samples per second, in mode shadow too.
# TYPE headgate_limit_over gauge
headgate_limit_over{tenant="rate"} 0
# HELP headgate_limit_refused_series_total Sightings of new series that were refused because of a limit of active series.
# TYPE headgate_limit_refused_series_total counter
headgate_limit_refused_series_total{priority="default",tenant="series"} 0
headgate_limit_refused_series_total{priority="high",tenant="series"} 0
headgate_limit_refused_series_total{priority="low",tenant="series"} 1
# HELP headgate_limit_samples_per_second Limit of a tenant's samples per second.
# TYPE headgate_limit_samples_per_second gauge
headgate_limit_samples_per_second{tenant="rate"} 1
# HELP headgate_limit_shed_samples_per_second What a limit sheds (mode enforce), or would shed (mode shadow), over the last minute.
# TYPE headgate_limit_shed_samples_per_second gauge
headgate_limit_shed_samples_per_second{mode="enforce",pool="default",priority="default",tenant="rate"} 0
headgate_limit_shed_samples_per_second{mode="enforce",pool="default",priority="high",tenant="rate"} 0
headgate_limit_shed_samples_per_second{mode="enforce",pool="default",priority="low",tenant="rate"} 0
headgate_limit_shed_samples_per_second{mode="enforce",pool="p",priority="default",tenant="rate"} 0
headgate_limit_shed_samples_per_second{mode="enforce",pool="p",priority="high",tenant="rate"} 0
headgate_limit_shed_samples_per_second{mode="enforce",pool="p",priority="low",tenant="rate"} 0
# HELP headgate_limit_demand_samples_per_second What a limited tenant demands: samples that pass the rules of all times, over the last minute.
# TYPE headgate_limit_demand_samples_per_second gauge
headgate_limit_demand_samples_per_second{tenant="rate"} 0
`
	if err := testutil.CollectAndCompare(LimitCollector(l), strings.NewReader(want)); err != nil {
		t.Error(err)
	}
}

func TestLimitMetricsAreBounded(t *testing.T) {
	var list []limiter.Status
	for i := range 2 * maxTenantMetrics {
		list = append(list, limiter.Status{
			Tenant: tenant.ID(fmt.Sprintf("t%04d", i)), Limit: limiter.Limit{SamplesPerSecond: 1},
			Over: i == 1500 || i == 3, Named: i == 1999,
		})
	}
	got := limited(list)
	if len(got) != maxTenantMetrics || got[0].Tenant != "t1999" || got[1].Tenant != "t0003" || got[2].Tenant != "t1500" || got[3].Tenant != "t0000" {
		t.Errorf("%d tenants, first %s, %s, %s, %s; want %d, those that matter first", len(got), got[0].Tenant, got[1].Tenant, got[2].Tenant, got[3].Tenant, maxTenantMetrics)
	}
}
