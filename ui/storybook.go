package ui

import (
	"strings"
	"time"

	"github.com/headgate/headgate/internal/control"
	"github.com/headgate/headgate/limiter"
)

// A storybookView is every component, with what is hard to show.
type storybookView struct {
	Stats    []statView
	Badges   []badgeView
	Bars     []barView
	Table    metricsTableView
	Flow     flowView
	Chart    chartView
	Filter   filterView
	Pager    pagerView
	Empty    emptyView
	Copy     copyView
	Events   []eventView
	Error    errorView
	Chapters []linkView // of other components
}

// storybook shows the small components, or those of one part of the pages: what has
// the same IDs cannot stand on one page.
func (r *request) storybook() (page, error) {
	chapters := make([]linkView, len(stories))
	for i, s := range stories {
		chapters[i] = linkView{s.title, r.here("show", s.name), s.name == r.get("show")}
		if chapters[i].Current {
			v := chapterView{Title: s.title, Back: r.here("show", ""), Scenes: s.tell(r, newHostile(r))}
			return page{Title: s.title, Tenant: noTenant, Body: chapterPage(v)}, nil
		}
	}
	v := newStorybookView(r)
	v.Chapters = chapters
	return page{Title: "Storybook", Tenant: allTenants, Body: storybookPage(v)}, nil
}

func newStorybookView(r *request) storybookView {
	v := storybookView{
		Stats: []statView{
			{Label: "Active series", Value: count(1_234_567), Error: plusMinus(9_876), Href: r.here()},
			{Label: "Received", Value: rate(12_345.6), Unit: "samples/s", Note: "over the last minute", Spark: newSpark([]float64{1, 4, 2, 8, 5, 7}, "An example")},
			{Label: "Shed", Value: rate(0.004), Unit: "samples/s", Tone: "warn"},
			{Label: "Failed", Value: rate(17), Unit: "samples/s", Tone: "bad"},
			{Label: "Forwarded", Value: percent(0.999), Tone: "good"},
		},
		Badges: []badgeView{{Text: "plain"}, {Text: "good", Tone: "good"}, {Text: "warn", Tone: "warn"}, {Text: "bad", Tone: "bad"}},
		Bars:   []barView{{Share: 0}, {Share: 0.02, Error: 0.01}, {Share: 0.4, Error: 0.1}, {Share: 1}},
		Filter: filterView{Action: r.here(), Label: "Part of a name, or a PromQL selector", Query: "http_"},
		Pager:  pagerView{Shown: "50 metrics of 1 234", First: r.here(), Next: r.here()},
		Empty:  emptyView{Title: "Nothing is here", Text: []string{"Why that is, and what to do about it."}, Link: r.here(), Go: "Do it"},
		Copy:   copyView{ID: "story-copy", Title: "rules/first.yml", Text: "rules:\n  - name: first\n", Note: "Where it goes."},
		Error:  errorView{Status: 404, Title: "There is no such page", Text: "What to do instead."},
	}
	for i := range v.Bars {
		v.Bars[i].Title = percent(v.Bars[i].Share)
	}
	for i, name := range hostileNames {
		row := metricRowView{Name: newNameView(name, r.here()), Type: "counter", Series: count(float64(i * 1000)), Error: plusMinus(float64(i)), Samples: rate(float64(i)), Churn: "–", Owner: linkView{Text: cut(name, maxTeam), Href: r.here()}, Priority: "default", Draft: r.here()}
		row.Share = barView{Share: float64(i) / float64(len(hostileNames)), Title: "a part"}
		v.Table.Rows = append(v.Table.Rows, row)
		v.Events = append(v.Events, newEventView(r, control.Event{At: r.now.Add(-time.Duration(i) * time.Hour), Kind: kinds[i%len(kinds)].word, Tenant: "shop", Text: name}))
	}
	v.Table.Caption = "Names that somebody else chose"
	v.Table.Sorts = newMetricSorts(r, "")
	v.Flow = newFlowView(r, control.Flow{From: r.now.Add(-time.Hour), Counts: control.Counts{Received: 1_000_000, Forwarded: 700_000, Dropped: 150_000, Downsampled: 100_000, Shed: 30_000, Rejected: 1, Failed: 19_999}},
		control.Rates{}, false)
	seconds := make([]limiter.Second, 3600)
	for i := range seconds {
		seconds[i].Demand[2], seconds[i].Granted[2] = uint32(500+i/4), uint32(min(1000, 500+i/4))
		seconds[i].Shed[2] = seconds[i].Demand[2] - seconds[i].Granted[2]
	}
	v.Chart = *newChartView(control.LimitHistory{Seconds: seconds}, 1000, 1000)
	return v
}

// hostileNames are names that a page must bear.
var hostileNames = []string{
	"http_requests_total",
	`<script>alert(1)</script>`,
	`"><img src=x onerror=alert(1)>`,
	"' onmouseover='alert(1)",
	"javascript:alert(1)",
	"=HYPERLINK(\"http://evil.example\")",
	"right\u202eto left",
	"two\nlines\tand\x00more",
	"not\xffutf8",
	"längster Ümläut 計量 🚰",
	strings.Repeat("very_long_", 60),
	strings.Repeat("W", 400),
}
