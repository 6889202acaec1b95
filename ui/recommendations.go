package ui

import (
	"fmt"

	"github.com/a-h/templ"

	"github.com/headgate/headgate/internal/control"
)

// A recommendationsView is what would save the most.
type recommendationsView struct {
	Head  headView
	Notes []string
	List  []recommendationView
}

// A recommendationView is one change that would save money.
type recommendationView struct {
	Number string // its heading's
	Kind   badgeView
	About  nameView
	Text   string
	Loses  string
	Stats  []statView
	Copies []copyView
	Rule   templ.SafeURL // the form, filled in; "" for those who may make none
}

// recommended are the kinds of recommendations, with what they mean.
var recommended = map[string]badgeView{
	control.Unused:    {Text: "unused", Title: "Nothing that is known uses it"},
	control.Buckets:   {Text: "buckets", Title: "Only its sum or count is used"},
	control.Frequent:  {Text: "too frequent", Title: "Samples come closer than most need them"},
	control.Slow:      {Text: "slow", Title: "A gauge that seldom changes"},
	control.Duplicate: {Text: "twice", Title: "A pair of servers sends everything twice"},
	control.Explosive: {Text: "a label makes the series", Tone: "warn", Title: "Values of a label that mean nothing to queries"},
}

func (r *request) recommendations() (page, error) {
	found, err := r.control.Recommend(r.context(), control.RecommendQuery{Tenant: r.tenant(), Team: r.get("team")})
	if err != nil {
		return page{}, err
	}
	return page{
		Title: "Recommendations", Place: "Recommendations", Crumbs: []crumb{{"Rules", r.link("/rules", "team", "")}},
		Body: recommendationsPage(newRecommendationsView(r, found)),
	}, nil
}

func newRecommendationsView(r *request, found control.Recommendations) recommendationsView {
	v := recommendationsView{
		Head: headView{
			Title: "Recommendations", Lead: "What would save the most, each with a rule that is tried in mode shadow first. None of them breaks a query that is known.",
			AsOf: newWhen(found.At, r.now), Tools: []toolView{{"Refresh", r.here()}},
		},
		Notes: found.Notes,
	}
	for i, rec := range found.List {
		v.List = append(v.List, newRecommendationView(r, i+1, rec))
	}
	return v
}

func newRecommendationView(r *request, n int, rec control.Recommendation) recommendationView {
	v := recommendationView{Number: fmt.Sprintf("recommendation-%d", n), Kind: recommended[rec.Kind], Text: shown(rec.Text), Loses: shown(rec.Loses)}
	switch {
	case rec.Metric != "":
		v.About = newNameView(rec.Metric, r.link("/profile/metric", "tenant", string(rec.Tenant), "metric", rec.Metric, "team", ""))
	case rec.Label != "":
		v.About = newNameView(rec.Label, "")
	}
	v.Stats = newPreviewStats(rec.Preview)
	if rec.Source != "" {
		v.Copies = append(v.Copies, copyView{ID: v.Number + "-source", Title: "Better at the source: scrape_config of Prometheus", Text: rec.Source, Note: rec.Warning})
	}
	v.Copies = append(v.Copies, copyView{ID: v.Number + "-rule", Title: "The rule as YAML", Text: rec.YAML})
	if r.mayChangeRules() {
		v.Rule = r.draftLink(rec.Rule)
	}
	return v
}
