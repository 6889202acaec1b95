package ui

import (
	"fmt"
	"time"

	"github.com/a-h/templ"

	"github.com/headgate/headgate/internal/auth"
	"github.com/headgate/headgate/internal/control"
	"github.com/headgate/headgate/limiter"
)

// tenantsPerPage is how many tenants the page of limits shows.
const tenantsPerPage = 100

// A limitsView is the tenants that have a limit.
type limitsView struct {
	Head    headView
	Default string // the limit of everyone else, in words
	Rows    []limitRowView
	Pager   pagerView
}

// A limitRowView is one tenant with its limit.
type limitRowView struct {
	Name          nameView
	State         badgeView
	Demand, Limit string // samples per second; Limit "" for none
	Usage         barView
	Series        string
	SeriesLimit   string
	Shed          string
	Source        string
}

func (r *request) limits() (page, error) {
	list := r.control.Limits(control.LimitsQuery{Limit: tenantsPerPage, Cursor: r.get("cursor")})
	return page{Title: "Limits", Place: "Limits", Tenant: noTenant, Body: limitsPage(newLimitsView(r, list, r.control.DefaultLimit()))}, nil
}

func newLimitsView(r *request, list control.LimitsPage, other limiter.Limit) limitsView {
	v := limitsView{
		Head: headView{
			Title: "Limits", Lead: "What each tenant uses of what it may send. Over it, its least important series are shed first.", AsOf: newWhen(r.now, r.now),
			Tools: []toolView{{"CSV", r.link("/limits.csv")}, {"Refresh", r.here()}},
		},
		Default: limitWords(other),
	}
	for _, l := range list.Limits {
		v.Rows = append(v.Rows, newLimitRowView(r, l))
	}
	v.Pager.Shown = plural(len(list.Limits), "tenant") + " on this page"
	if r.get("cursor") != "" {
		v.Pager.First = r.here()
	}
	if list.Next != "" {
		v.Pager.Next = r.here("cursor", list.Next)
	}
	return v
}

// limitWords says a limit in words.
func limitWords(l limiter.Limit) string {
	var words string
	add := func(n int64, what string) {
		if n > 0 {
			if words != "" {
				words += ", "
			}
			words += count(float64(n)) + " " + what
		}
	}
	add(l.SamplesPerSecond, "samples/s")
	add(l.ActiveSeries, "active series")
	add(l.HardSamplesPerSecond, "samples/s at most, beyond which requests are refused")
	if words == "" {
		return "no limit"
	}
	return words
}

func newLimitRowView(r *request, l control.Limit) limitRowView {
	v := limitRowView{
		Name: newNameView(string(l.Tenant), r.link(pathOf("/limits", string(l.Tenant)), "tenant", "")), State: limitState(l),
		Demand: rate(l.Demand), Series: "–", Shed: "0", Source: l.Source,
	}
	if l.File != "" {
		v.Source = shown(l.File)
	}
	if n := l.Status.Limit.SamplesPerSecond; n > 0 {
		v.Limit = rate(float64(n))
		v.Usage = barView{Share: min(1, l.Usage()), Title: percent(l.Usage()) + " of its limit"}
	}
	if n := l.Status.Limit.ActiveSeries; n > 0 {
		v.Series, v.SeriesLimit = count(float64(l.ActiveSeries)), count(float64(n))
	}
	if sum := shedSum(l); sum > 0 {
		v.Shed = rate(sum)
	}
	return v
}

func shedSum(l control.Limit) (sum float64) {
	for _, s := range l.Shed {
		sum += s.SamplesPerSecond
	}
	return sum
}

func limitState(l control.Limit) badgeView {
	switch {
	case l.Over && l.Shadow:
		return badgeView{Text: "over, only counted", Tone: "warn", Title: "The limit is in mode shadow: nothing is shed"}
	case l.Over:
		return badgeView{Text: "over", Tone: "bad", Title: "It is over its limit: the least important series are shed"}
	case l.Usage() >= nearLimit:
		return badgeView{Text: "near", Tone: "warn", Title: "It demands over four fifths of its limit"}
	}
	return badgeView{Text: "within", Tone: "good", Title: "It is within its limit"}
}

// nearLimit is from which part of its limit on a tenant is close to it.
const nearLimit = 0.8

// A limitView is one tenant's limit.
type limitView struct {
	Head    headView
	State   badgeView
	Note    string // where it comes from, and where it is changed
	Unkept  string // what of it is not in force, and why
	Edit    templ.SafeURL
	Locked  bool          // Edit only shows what another limit would do
	Delete  templ.SafeURL // "" where nothing is to be deleted
	Open    string        // until when new series are not checked, and why
	Stats   []statView
	Chart   *chartView
	Pools   []poolView
	Shares  []shareView
	Shed    []shedView
	Refused []factView
	Copies  []copyView
}

// A poolView is a pool of a tenant's limit.
type poolView struct {
	Name       string
	State      badgeView
	Share      string
	Guaranteed string
	Demand     string
	Used       string
	Bar        barView // demand of what is guaranteed
	Passes     string
}

// A shareView is a pool's part of the limit, in a box of 100.
type shareView struct {
	X, Width string
	Title    string
	Odd      bool
}

// A shedView is what does not pass.
type shedView struct {
	Pool, Priority string
	Samples        string
	Fraction       barView
	Part           string
}

func (r *request) limit() (page, error) {
	name := r.http.PathValue("tenant")
	l, err := r.control.Limit(name)
	if err != nil {
		return page{}, err
	}
	h, err := r.control.LimitHistory(name, int(time.Hour/time.Second))
	if err != nil {
		return page{}, err
	}
	return page{
		Title: "Limit of " + name, Place: "Limits", Tenant: noTenant, Crumbs: []crumb{{"Limits", r.link("/limits")}},
		Body: limitPage(newLimitView(r, l, h)),
	}, nil
}

func newLimitView(r *request, l control.Limit, h control.LimitHistory) limitView {
	name, limit := string(l.Tenant), l.Status.Limit
	v := limitView{
		Head:  headView{Title: name, Code: true, Lead: sentence(limitWords(limit)) + ".", AsOf: newWhen(r.now, r.now), Tools: []toolView{{"Refresh", r.here()}, {"Metrics", r.link("/profile/metrics", "tenant", name)}}},
		State: limitState(l), Note: limitOrigin(r, l), Unkept: l.Unkept, Locked: l.Source == control.FromFile,
	}
	if r.may(auth.WriteLimits) {
		v.Edit = r.site.address(pathOf("/limits", name)+"/edit", nil)
		if l.Source == control.FromAPI {
			v.Delete = r.site.address(pathOf("/limits", name)+"/delete", nil)
		}
	}
	demand := statView{Label: "Demand", Value: rate(l.Demand), Unit: "samples/s"}
	if limit.SamplesPerSecond > 0 {
		demand.Note = percent(l.Usage()) + " of " + rate(float64(limit.SamplesPerSecond))
		if l.Over {
			demand.Tone, demand.Note = "bad", demand.Note+", over it since "+ago(l.Since, r.now)
		}
		v.Chart = newChartView(h, float64(limit.SamplesPerSecond), float64(limit.SamplesPerSecond))
	}
	v.Stats = []statView{demand, {Label: "Passes", Value: rate(l.Used), Unit: "samples/s"}, {Label: "Shed", Value: rate(shedSum(l)), Unit: "samples/s"}}
	if limit.LimitsSeries() {
		v.Stats = append(v.Stats, statView{Label: "Active series", Value: count(float64(l.ActiveSeries)), Note: "of " + count(float64(limit.ActiveSeries))})
	}
	if s := l.Suggestion; s.SamplesPerSecond > 0 {
		v.Stats = append(v.Stats, statView{
			Label: "Would have sufficed", Value: rate(float64(s.SamplesPerSecond)), Unit: "samples/s", Note: "a fifth over the 99th percentile of " + plural(s.Minutes, "minute"),
		})
	}
	if l.Suspended.After(r.now) {
		v.Open = "New series are admitted without a check until " + newWhen(l.Suspended, r.now).Exact + ": " + shown(l.Why) + "."
	}
	v.Pools, v.Shares = newPools(l)
	for _, s := range l.Shed {
		v.Shed = append(v.Shed, shedView{
			Pool: shown(s.Pool), Priority: s.Priority.String(), Samples: rate(s.SamplesPerSecond),
			Fraction: barView{Share: s.SeriesFraction, Title: percent(s.SeriesFraction) + " of its families"}, Part: percent(s.SeriesFraction),
		})
	}
	for _, s := range l.Refused {
		v.Refused = append(v.Refused, factView{Name: s.Priority.String(), Text: count(float64(s.Series)) + " new series"})
	}
	if l.HardRefusals > 0 {
		v.Refused = append(v.Refused, factView{Name: "requests", Text: count(float64(l.HardRefusals)) + " past the hard limit"})
	}
	v.Copies = []copyView{
		{ID: "limit-yaml", Title: "headgate.yml", Text: limitYAML(name, limit)},
		{ID: "limit-curl", Title: "From the API", Text: "curl " + shell(r.apiURL(pathOf("/limits", name)))},
	}
	return v
}

// newPools shows pools, and how the limit is shared among them.
func newPools(l control.Limit) (pools []poolView, shares []shareView) {
	if len(l.Pools) < 2 {
		return nil, nil // default alone
	}
	at := 0.0
	for i, p := range l.Pools {
		v := poolView{
			Name: shown(p.Name), State: badgeView{Text: "within", Tone: "good"}, Share: percent(p.Share), Guaranteed: rate(p.Guaranteed), Demand: rate(p.Demand), Used: rate(p.Used),
			Bar: barView{Share: part(p.Demand, p.Guaranteed), Title: percent(p.Demand/max(p.Guaranteed, 1)) + " of what is guaranteed"}, Passes: shown(p.Passes),
		}
		if p.Over {
			v.State = badgeView{Text: "over", Tone: "warn", Title: "It is over its share while the tenant is over its limit"}
		}
		pools = append(pools, v)
		shares = append(shares, shareView{X: units(100 * at), Width: units(100 * p.Share), Title: fmt.Sprintf("%s: %s", v.Name, v.Share), Odd: i%2 == 1})
		at += p.Share
	}
	return pools, shares
}

// limitOrigin says where a limit comes from.
func limitOrigin(r *request, l control.Limit) string {
	switch l.Source {
	case control.FromFile:
		return "It is managed by " + shown(l.File) + ", under limits.tenants: change it there and reload."
	case control.FromAPI:
		return "Set by " + shown(l.UpdatedBy) + ", " + ago(l.UpdatedAt, r.now) + "."
	}
	return "It is the limit of every tenant that is not named."
}
