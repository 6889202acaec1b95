package control

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/headgate/headgate/internal/auth"
	"github.com/headgate/headgate/internal/series"
	"github.com/headgate/headgate/internal/store/storetest"
	"github.com/headgate/headgate/internal/tenant"
	"github.com/headgate/headgate/limiter"
	"github.com/headgate/headgate/profiler/sketch"
)

const previewedRules = `
  - {name: slo, match: slo, action: prioritize, priority: critical}
  - {name: batch, match: '{team="batch"}', action: prioritize, priority: low}
  - {name: gone, match: gone, action: drop}
`

// shop is what the tenant of these tests sends: 50 critical series and 200 of the
// priority default of team web, 400 low ones of team batch, and 30 that a rule drops.
func shop(t *testing.T) (list []sent) {
	for metric, n := range map[string]int{"slo": 50, "web": 200, "rows": 400, "gone": 30} {
		team := "web"
		if metric == "rows" {
			team = "batch"
		}
		for i := range n {
			list = append(list, sending(t, 60, fmt.Sprintf(`%s{team="%s",pod="%d"}`, metric, team, i))...)
		}
	}
	return list
}

// overLimit returns a seer whose tenant shop is over a limit.
func overLimit(t *testing.T, l limiter.Limit) *seer {
	t.Helper()
	s := seeing(t, 0, previewedRules)
	limitShop(t, s, l)
	list := shop(t)
	for range 3 { // the first finds a full bucket, the second one that owes
		s.write(t, "shop", list, 60)
	}
	return s
}

func limitShop(t *testing.T, s *seer, l limiter.Limit) {
	t.Helper()
	c := limiter.DefaultConfig()
	if l.Limits() {
		c.Tenants = map[tenant.ID]limiter.Limit{"shop": l}
	}
	if err := s.parts.Limits.Reload(c, "headgate.yml"); err != nil {
		t.Fatal(err)
	}
}

// previewed returns a preview in a moment in which nothing else has changed: rates are
// of whole seconds.
func previewed(t *testing.T, s *seer, l limiter.Limit) (LimitPreview, Limit) {
	t.Helper()
	for {
		before := s.limitOf("shop")
		p, err := s.PreviewLimit(t.Context(), "shop", l)
		if err != nil {
			t.Fatal(err)
		}
		if after := s.limitOf("shop"); after.Demand == before.Demand && after.Used == before.Used {
			return p, after
		}
	}
}

func TestThePreviewOfTheLimitInForceIsWhatItDoes(t *testing.T) {
	l := limiter.Limit{SamplesPerSecond: 10, Burst: limiter.Duration(time.Second), Pools: []limiter.PoolConfig{{Name: "web", Share: 0.5, Teams: []string{"web"}}}}
	s := overLimit(t, l)
	p, is := previewed(t, s, l)
	if !is.Over || !p.Measured || len(is.Shed) == 0 {
		t.Fatalf("over: %t, measured: %t: want the limit exceeded: %+v", is.Over, p.Measured, is)
	}
	if p.Saves != 0 || p.Currency != somePrice || p.Series.Now != p.Series.Then {
		t.Errorf("saved is %d %s, shed are %+v series: the limit is the one in force", p.Saves, p.Currency, p.Series)
	}
	if diff := cmp.Diff(p.Now.Shed, p.Then.Shed); diff != "" {
		t.Errorf("the same limit sheds otherwise:\n%s", diff)
	}
	if math.Abs(p.Then.Demand-is.Demand) > 1e-6 || p.Then.Pools[0].Passes != is.Pools[0].Passes || p.Then.Pools[1].Passes != is.Pools[1].Passes {
		t.Errorf("demand is %v and %+v pass, want %v and %+v", p.Then.Demand, p.Then.Pools, is.Demand, is.Pools)
	}
	// The series of each team that are shed are those that the plan in force sheds.
	plan := s.parts.Limits.limiter.Find("shop").Plan(time.Now())
	want := map[string]float64{}
	for _, x := range shop(t) {
		ls, err := series.ParseLabels(x.text)
		if err != nil {
			t.Fatal(err)
		}
		ls.Sort()
		metric, team := ls.Metric(), ls.Get("team")
		priority := map[string]series.Priority{"slo": series.Critical, "web": series.Default, "rows": series.Low}[metric]
		if metric != "gone" && !plan.Admits(plan.Pools().Of(ls, team), priority, uint64(sketch.Family(ls))) {
			want[team]++
		}
	}
	got := map[string]float64{}
	for _, team := range p.Teams {
		got[team.Name] = team.Series.Then.Value
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("series shed by team (-want +got):\n%s", diff)
	}
}

func TestAHigherLimitNeverShedsMore(t *testing.T) {
	s := overLimit(t, limiter.Limit{SamplesPerSecond: 10, Burst: limiter.Duration(time.Second)})
	before := LimitPreview{}
	for i, perSecond := range []int64{1, 5, 9, 10, 11, 15, 40, 1000, 1_000_000} {
		p, _ := previewed(t, s, limiter.Limit{SamplesPerSecond: perSecond, Burst: limiter.Duration(time.Second)})
		part := func(p *LimitPreview) float64 { return p.Then.Removes() / p.Then.Demand }
		if i > 0 && (part(&p) > part(&before)+1e-9 || p.Series.Then.Value > before.Series.Then.Value) {
			t.Errorf("a limit of %d sheds %+v, a lower one %+v", perSecond, p.Series.Then, before.Series.Then)
		}
		for _, of := range p.Parts {
			if of.Priority == series.Critical && (of.ShedThen != 0 || of.Series.Then.Value != 0) {
				t.Errorf("with a limit of %d critical is shed: %+v", perSecond, of)
			}
		}
		before = p
	}
	if before.Then.Over || len(before.Then.Shed) != 0 || before.Saves >= 0 {
		t.Errorf("a limit far above demand sheds %+v and saves %d: want nothing, and that it costs more", before.Then.Shed, before.Saves)
	}
}

func TestALimitOfATenantWithoutOneIsPreviewed(t *testing.T) {
	s := seeing(t, 0, previewedRules)
	list := shop(t)
	s.write(t, "shop", list, 60)
	if err := s.Measure(time.Now().Add(-time.Minute)); err != nil {
		t.Fatal(err)
	}
	s.write(t, "shop", list, 60)
	if err := s.Measure(time.Now()); err != nil {
		t.Fatal(err)
	}
	p, err := s.PreviewLimit(t.Context(), "shop", limiter.Limit{SamplesPerSecond: 10, HardSamplesPerSecond: 20, ActiveSeries: 700})
	if err != nil {
		t.Fatal(err)
	}
	if p.Measured || p.Now.Over || !p.Then.Over || p.Peak == nil || p.Peak.Then == nil || math.Abs(p.Peak.PerSecond-65) > 0.01 {
		t.Errorf("the preview is %+v with the peak %+v, want an estimate by what passed the rules", p, p.Peak)
	}
	parts := map[string]float64{}
	for _, x := range p.Parts {
		parts[x.Priority.String()] = math.Round(100 * x.Demand / p.Then.Demand)
	}
	if diff := cmp.Diff(map[string]float64{"critical": 8, "default": 31, "low": 62}, parts); diff != "" {
		t.Errorf("percent of the demand by priority (-want +got):\n%s", diff)
	}
	if len(p.Teams) == 0 || p.Teams[0].Name != "batch" || p.Teams[0].Series.Now.Value != 0 {
		t.Errorf("teams are %+v, want batch hit first, and not now", p.Teams)
	}
	a := p.Active[0]
	if a.Counted || a.Series != 650 || a.Rooms[0].From != 560 || a.Rooms[0].Then != 0 || a.Rooms[1].Then != 0 || a.Rooms[2].Then != 50 || a.Rooms[3].Then != Endless || a.Rooms[0].Now != Endless {
		t.Errorf("active series are %+v, want 650, and room for 50 of high alone", a)
	}
	fields := map[string]int64{}
	for _, x := range p.Suggestions {
		fields[x.Field] = x.Value
	}
	if fields["samples_per_second"] != 78 || fields["active_series"] != 980 {
		t.Errorf("%+v are suggested, want a fifth above the peak and above what is active", p.Suggestions)
	}
	if text := strings.Join(p.Notes, " "); !strings.Contains(text, "each is new when it first comes") || !strings.Contains(text, "estimated") {
		t.Errorf("it says %q, want that series begin to be counted, and that priorities are estimated", text)
	}
}

func TestAHardLimitHitsCritical(t *testing.T) {
	s := overLimit(t, limiter.Limit{SamplesPerSecond: 10, Burst: limiter.Duration(time.Second)})
	p, _ := previewed(t, s, limiter.Limit{SamplesPerSecond: 10, HardSamplesPerSecond: 10})
	text := strings.Join(p.Notes, " ")
	if p.Then.Refused <= 0 || !strings.Contains(text, "Critical is hit, too") || !strings.Contains(text, "Critical alone is more than the limit") {
		t.Errorf("refused are %v, it says %q: want critical hit", p.Then.Refused, text)
	}
	p, _ = previewed(t, s, limiter.Limit{SamplesPerSecond: 10, Mode: limiter.Shadow})
	if text := strings.Join(p.Notes, " "); !strings.Contains(text, "In mode shadow nothing is shed") || len(p.Then.Shed) == 0 {
		t.Errorf("a shadow's preview says %q and sheds %+v, want what it would", text, p.Then.Shed)
	}
}

func TestOtherPoolsArePreviewedByTheInventory(t *testing.T) {
	s := overLimit(t, limiter.Limit{SamplesPerSecond: 10, Burst: limiter.Duration(time.Second)})
	p, is := previewed(t, s, limiter.Limit{SamplesPerSecond: 100, Pools: []limiter.PoolConfig{{Name: "batch", Share: 0.9, Match: limiter.Selectors{"rows"}}}})
	if p.Measured || len(p.Then.Pools) != 2 || math.Abs(p.Then.Demand-is.Demand) > 1e-6 {
		t.Fatalf("the preview is of %v samples/s in %+v, want the %v that are measured, divided by the inventory", p.Then.Demand, p.Then.Pools, is.Demand)
	}
	if got := p.Then.Pools[1].Demand / p.Then.Demand; math.Abs(got-400./650) > 0.01 {
		t.Errorf("the new pool has %.2f of the demand, want 400 of 650", got)
	}
}

func TestPreviewsOfLimitsAreRefused(t *testing.T) {
	s := seeing(t, 0, "")
	for name, tt := range map[string]struct {
		as     auth.Actor
		tenant string
		limit  limiter.Limit
		want   string
	}{
		"without a tenant":    {auth.Actor{Role: auth.Admin}, "", limiter.Limit{}, "tenant"},
		"of no tenant":        {auth.Actor{Role: auth.Admin}, "a b", limiter.Limit{}, "tenant"},
		"of another's tenant": {auth.Actor{Role: auth.Viewer, Tenants: []tenant.ID{"own"}}, "shop", limiter.Limit{}, "you may ask about tenant own only"},
		"without a role":      {auth.Actor{}, "shop", limiter.Limit{}, "may not"},
		"of no limit":         {auth.Actor{Role: auth.Admin}, "shop", limiter.Limit{SamplesPerSecond: -1}, "samples_per_second"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := s.As(tt.as).PreviewLimit(t.Context(), tt.tenant, tt.limit)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%v, want it to say %s", err, tt.want)
			}
		})
	}
	p, err := s.As(auth.Actor{Role: auth.Viewer}).PreviewLimit(t.Context(), "nobody", limiter.Limit{SamplesPerSecond: 5})
	if err != nil || p.Then.Over || p.Then.Demand != 0 || len(p.Suggestions) != 0 {
		t.Errorf("of a tenant that sends nothing: %+v, %v", p, err)
	}
}

func TestADryRunOfALimitChangesNothing(t *testing.T) {
	db := storing(openStore(t, storetest.SQLite(t)))
	c := limiting(t, db)
	dry := LimitChange{Change: Change{0}, DryRun: true}
	would, err := c.SetLimit(t.Context(), "shop", limiter.Limit{SamplesPerSecond: 7}, dry)
	if err != nil || would.Status.Limit.SamplesPerSecond != 7 || would.Source != FromAPI {
		t.Errorf("it would be %+v, %v", would, err)
	}
	wantLimit(t, c, "shop", 10, FromDefault)
	set(t, c, "shop", limiter.Limit{SamplesPerSecond: 9})
	if _, err := c.SetLimit(t.Context(), "shop", limiter.Limit{}, dry); !errors.Is(err, ErrConflict) {
		t.Errorf("a trial at a revision that is past: %v, want a conflict", err)
	}
	dry.Revision = 1
	if err := c.DeleteLimit(t.Context(), "shop", dry); err != nil {
		t.Fatal(err)
	}
	wantLimit(t, c, "shop", 9, FromAPI)
	if _, err := c.SetLimit(t.Context(), "shop", limiter.Limit{}, LimitChange{Change: Change{1}, Reason: strings.Repeat("x", maxReason+1)}); err == nil {
		t.Error("a reason without end was taken")
	}
}
