package ui

import (
	"net/http"
	"slices"
	"strings"

	"github.com/headgate/headgate/internal/auth"
)

// route adds every route. To add a page: write foo.go and foo.templ, add a line
// here, and where it is to be in the navigation, one in places.
func (s *site) route(mux *http.ServeMux) {
	mux.Handle("GET /{$}", s.front())
	s.page(mux, "/flow", (*request).flows)
	s.page(mux, "/profile/metrics", (*request).metrics)
	s.page(mux, "/profile/metric", (*request).metric)
	s.page(mux, "/profile/labels", (*request).labels)
	s.page(mux, "/profile/series", (*request).series)
	s.page(mux, "/rules", (*request).rules)
	s.page(mux, "/rules/new", (*request).newRule)
	s.post(mux, "/rules/new", (*request).createRule)
	s.page(mux, "/rules/{name}", (*request).rule)
	s.page(mux, "/rules/{name}/rule", (*request).rule) // for a rule called new
	s.page(mux, "/rules/{name}/edit", (*request).editRule)
	s.post(mux, "/rules/{name}/edit", (*request).saveRule)
	s.post(mux, "/rules/{name}/mode", (*request).switchRule)
	s.page(mux, "/rules/{name}/history", (*request).ruleHistory)
	s.page(mux, "/rules/{name}/revert", (*request).askRevert)
	s.post(mux, "/rules/{name}/revert", (*request).revertRule)
	s.page(mux, "/rules/{name}/delete", (*request).askDelete)
	s.post(mux, "/rules/{name}/delete", (*request).deleteRule)
	s.page(mux, "/recommendations", (*request).recommendations)
	s.page(mux, "/limits", (*request).limits)
	s.page(mux, "/limits/{tenant}", (*request).limit)
	s.page(mux, "/limits/{tenant}/edit", (*request).editLimit)
	s.post(mux, "/limits/{tenant}/edit", (*request).saveLimit)
	s.page(mux, "/limits/{tenant}/delete", (*request).askDeleteLimit)
	s.post(mux, "/limits/{tenant}/delete", (*request).deleteLimit)
	s.page(mux, "/teams", (*request).teams)
	s.page(mux, "/teams/{team}", (*request).team)
	s.page(mux, "/unowned", (*request).unowned)
	s.page(mux, "/costs", (*request).costs)
	s.page(mux, "/costs/figure", (*request).figure)
	s.page(mux, "/explain", (*request).explain)
	s.page(mux, "/activity", (*request).activity)
	s.page(mux, "/activity/audit", (*request).audit)
	s.page(mux, "/status", (*request).status)
	s.post(mux, "/status/bypass", (*request).setBypass)
	s.post(mux, "/status/bypass/end", (*request).endBypass)
	s.page(mux, "/tokens", (*request).tokens)
	s.post(mux, "/tokens", (*request).createToken)
	s.post(mux, "/tokens/{id}/revoke", (*request).revokeToken)
	s.file(mux, "/flow.csv", (*request).flowsCSV)
	s.file(mux, "/profile/metrics.csv", (*request).metricsCSV)
	s.file(mux, "/profile/metric.csv", (*request).metricCSV)
	s.file(mux, "/rules.csv", (*request).rulesCSV)
	s.file(mux, "/limits.csv", (*request).limitsCSV)
	s.file(mux, "/activity.csv", (*request).activityCSV)
	s.file(mux, "/activity/audit.csv", (*request).auditCSV)
	s.file(mux, "/profile/labels.csv", (*request).labelsCSV)
	s.file(mux, "/profile/series.csv", (*request).seriesCSV)
	s.file(mux, "/teams.csv", (*request).teamsCSV)
	s.file(mux, "/unowned.csv", (*request).unownedCSV)
	if s.options.Storybook {
		s.page(mux, "/-/storybook", (*request).storybook)
	}
	mux.Handle("GET "+assetsPath, s.assets)
	s.page(mux, "/", (*request).nowhere)
}

// A place is an entry of the navigation.
type place struct {
	Name, Path string
	Key        string // that goes there, after g
}

// has says that a page belongs to the place, other than the place itself.
func (p place) has(path string) bool {
	switch p.Path {
	case "/":
		return false
	case "/profile/metrics":
		return path != p.Path && strings.HasPrefix(path, "/profile/")
	case "/teams":
		return strings.HasPrefix(path, "/teams/") || strings.HasPrefix(path, "/costs") || path == "/unowned"
	}
	return strings.HasPrefix(path, p.Path+"/")
}

// places are the navigation, in order.
var places = []place{
	{"Overview", "/", "o"},
	{"Metrics", "/profile/metrics", "m"},
	{"Rules", "/rules", "r"},
	{"Recommendations", "/recommendations", "c"},
	{"Limits", "/limits", "l"},
	{"Teams & cost", "/teams", "t"},
	{"Explain", "/explain", "e"},
	{"Activity", "/activity", "a"},
	{"Status", "/status", "s"},
}

// places returns those that who asks may go to.
func (r *request) places() []place {
	if r.may(auth.ManageTokens) {
		return append(slices.Clone(places), place{"Tokens", "/tokens", "k"})
	}
	return places
}
