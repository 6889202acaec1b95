package ui

import (
	"cmp"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/a-h/templ"

	"github.com/headgate/headgate/internal/control"
	"github.com/headgate/headgate/profiler"
)

const (
	topMetrics = 8  // on the overview
	topTenants = 20 // whose metrics the overview of all tenants looks at
)

// An overviewView is what is going on now.
type overviewView struct {
	Head      headView
	First     *copyView // on first run: how samples come here
	Demo      copyView  // and where there is nothing to send them
	Poll      templ.SafeURL
	Arrived   bool // somebody waited for the first sample, and it is here
	Attention []attentionView
	Stats     []statView
	Flow      flowView
	Metrics   []metricRowView
	More      templ.SafeURL
	Tenants   bool // rows name theirs
	Profiled  bool
	Events    []eventView
	Activity  templ.SafeURL
	Incidents []incidentView
	Landing   landingView
}

// An attentionView is something that somebody should look at.
type attentionView struct {
	Tone, Word string // warn or bad
	Text       string
	Href       templ.SafeURL
	Go         string
}

// An overviewData is what control says for the overview.
type overviewData struct {
	flow    control.Flow
	history control.FlowHistory
	tops    []tenantTop
	limits  []control.Limit
	bursts  []control.Incident
	events  control.EventPage
	status  control.Status
	cost    *control.CostSummary // nil where the ledger cannot be read, or not by who asks
}

// A tenantTop is a tenant's greatest metrics.
type tenantTop struct {
	tenant string
	control.MetricsPage
}

func (r *request) overview() (page, error) {
	var d overviewData
	var err error
	if d.flow, err = r.control.Flow(control.FlowQuery{Tenant: r.tenant()}); err != nil {
		return page{}, err
	}
	if d.history, err = r.control.FlowHistory(r.tenant()); err != nil {
		return page{}, err
	}
	if d.status, err = r.control.Process(); err != nil {
		return page{}, err
	}
	if d.events, err = r.control.Events(r.context(), control.EventQuery{Tenant: r.tenant(), Limit: latelyRead}); err != nil {
		return page{}, err
	}
	if cost, err := r.control.CostSummary(r.context(), control.SummaryQuery{Tenant: r.tenant()}); err == nil {
		d.cost = &cost
	}
	if d.bursts, err = r.control.Incidents(r.context(), r.tenant()); err != nil {
		return page{}, err
	}
	d.limits = r.control.Limits(control.LimitsQuery{}).Limits
	if d.status.Profiled {
		for _, t := range r.overviewTenants() {
			top, err := r.control.ProfileMetrics(r.context(), control.MetricsQuery{Tenant: t, Limit: topMetrics, Brief: true})
			if err != nil {
				return page{}, err
			}
			d.tops = append(d.tops, tenantTop{t, top})
			if t == r.profiled() {
				d.status.LetGo = top.LetGo
			}
		}
	}
	v := newOverviewView(r, d)
	return page{Title: "Overview", Place: "Overview", Tenant: allTenants, Body: overviewPage(v)}, nil
}

// overviewTenants returns the tenants whose metrics the overview shows.
func (r *request) overviewTenants() []string {
	if t := r.tenant(); t != "" {
		return []string{t}
	}
	var names []string
	for _, t := range r.control.Tenants() {
		names = append(names, string(t))
	}
	return names[:min(len(names), topTenants)]
}

func newOverviewView(r *request, d overviewData) overviewView {
	last, known := d.history.PerSecond()
	v := overviewView{
		Head: headView{Title: "Overview", AsOf: newWhen(d.flow.To, r.now), Tools: []toolView{{"Refresh", r.here("waiting", "")}}},
		Flow: newFlowView(r, d.flow, last, known), Activity: r.link("/activity"), More: r.link("/profile/metrics"),
		Profiled: d.status.Profiled, Tenants: len(d.tops) > 1,
	}
	v.Events = lately(r, d.events.Events)
	v.Attention = newAttention(r, d, last)
	if d.flow.Counts.Received == 0 {
		v.First, v.Poll = firstRun(r), r.here("waiting", "yes")
		v.Demo = copyView{
			ID: "demo", Title: "In a checkout of Headgate", Text: "make demo\n",
			Note: "It starts a Prometheus, a shop whose metrics explode and a store, writes through a Headgate of its own and says where its pages are. Nothing of it comes here.",
		}
		return v
	}
	v.Arrived = r.get("waiting") != ""
	v.Stats, v.Metrics = newOverviewStats(r, d, last, known), overviewMetrics(r, d.tops)
	for i, n := range d.bursts {
		v.Incidents = append(v.Incidents, newIncidentView(r, "incident-"+strconv.Itoa(i+1), n))
	}
	v.Landing = newLandingView(r, d.limits)
	return v
}

func newOverviewStats(r *request, d overviewData, last control.Rates, known bool) []statView {
	var received []float64
	for _, s := range d.history.Steps {
		received = append(received, float64(s.Received)/d.history.Step.Seconds())
	}
	perSecond := statView{Label: "Received", Value: "…", Unit: "samples/s", Note: "measured in a few seconds"}
	if known {
		perSecond.Value, perSecond.Note = rate(last.Received), "over the last minute"
		perSecond.Spark = newSpark(received, "Samples received per second, up to an hour back; now "+rate(last.Received))
	}
	removed := last.Dropped + last.Downsampled + last.Shed
	list := []statView{perSecond}
	if known {
		list = append(list, statView{
			Label: "Removed on purpose", Value: percent(part(removed, last.Received)), Unit: "of samples",
			Note: rate(removed) + " a second by rules and limits",
		})
	}
	if d.status.Profiled {
		var series float64
		var metrics int
		for _, t := range d.tops {
			series += t.TotalSeries
			metrics += t.TotalMetrics
		}
		list = append(list,
			statView{Label: "Active series", Value: count(series), Note: "within the window", Href: r.link("/profile/metrics")},
			statView{Label: "Metrics", Value: count(float64(metrics)), Href: r.link("/profile/metrics")})
	}
	if d.cost != nil {
		list = append(list, costStat(r, *d.cost))
	}
	return list
}

// costStat shows how this month stands, against its budget where there is one.
func costStat(r *request, s control.CostSummary) statView {
	v := statView{Label: "Cost of this month", Value: amount(s.Total), Unit: s.Currency, Href: r.link("/teams"), Note: amount(s.Forecast.Expected) + " expected"}
	if s.Currency == "" {
		v.Value, v.Note = "no price", "how to set one"
	}
	if b := s.Budget; b != nil {
		v.Note = percent(b.Used) + " of the budget; " + exhaustion(*b)
		v.Tone = budgetStat(*b, s.Currency).Tone
	}
	return v
}

// overviewMetrics returns the rows of the metrics with the most series.
func overviewMetrics(r *request, tops []tenantTop) []metricRowView {
	type row struct {
		tenant string
		profiler.MetricRow
	}
	var rows []row
	total := 0.0
	for _, t := range tops {
		total += t.TotalSeries
		for _, m := range t.Metrics {
			rows = append(rows, row{t.tenant, m})
		}
	}
	slices.SortStableFunc(rows, func(a, b row) int { return cmp.Compare(b.Series, a.Series) })
	var list []metricRowView
	for _, m := range rows[:min(len(rows), topMetrics)] {
		list = append(list, newBriefRow(r, m.tenant, &m.MetricRow, total))
	}
	return list
}

// newAttention returns what somebody should look at, the worst first.
func newAttention(r *request, d overviewData, last control.Rates) []attentionView {
	var list []attentionView
	add := func(tone, word, text, href, words string, pairs ...string) {
		list = append(list, attentionView{tone, word, text, r.link(href, pairs...), words})
	}
	if last.Failed > 0 {
		add("bad", "Upstream", rate(last.Failed)+" samples a second are not stored: the upstream fails or cannot be reached. Senders keep them and try again.", "/activity", "Events", "kind", "upstream")
	}
	if !d.status.Journal.Failing.IsZero() {
		add("bad", "Store", "Headgate’s own store takes nothing since "+newWhen(d.status.Journal.Failing, r.now).Ago+". Samples are forwarded regardless.", "/status", "Status")
	}
	for _, l := range d.limits {
		if !l.Over || r.tenant() != "" && r.tenant() != string(l.Tenant) {
			continue
		}
		text := "Tenant " + string(l.Tenant) + " demands " + rate(l.Demand) + " samples/s of " + rate(float64(l.Status.Limit.SamplesPerSecond)) + ", since " + newWhen(l.Since, r.now).Ago + "."
		if l.Shadow {
			text += " The limit only counts: nothing is shed."
		}
		add("warn", "Over its limit", text, "/limits/"+url.PathEscape(string(l.Tenant)), "Limit")
	}
	if last.Rejected > 0 {
		add("warn", "Rejected", rate(last.Rejected)+" samples a second can never be stored; senders drop them.", "/activity", "Events")
	}
	for _, text := range d.status.LetGo {
		add("warn", "Memory", sentence(text), "/status", "Status")
	}
	return list
}

// firstRun says how samples come here.
func firstRun(r *request) *copyView {
	c := &copyView{
		ID: "remote-write", Title: "prometheus.yml",
		Text: "remote_write:\n  - url: " + r.ingestURL() + "\n    queue_config:\n      retry_on_http_429: true\n",
		Note: "Then reload Prometheus. This page shows the first sample within seconds of its arrival.",
	}
	if t := r.tenant(); t != "" {
		c.Text += "    headers:\n      X-Scope-OrgID: " + t + "\n"
	}
	return c
}

// ingestURL returns where senders write to.
func (r *request) ingestURL() string {
	u := r.site.options.Ingest
	at := r.origin()
	u.Scheme = cmp.Or(u.Scheme, at.Scheme)
	host, port := u.Hostname(), u.Port()
	if ip := net.ParseIP(host); u.Host == "" {
		u.Host = at.Host
	} else if host == "" || ip != nil && ip.IsUnspecified() {
		u.Host = net.JoinHostPort(strings.Trim(at.Hostname(), "[]"), port)
	}
	u.Path = cmp.Or(u.Path, "/api/v1/write")
	return u.String()
}
