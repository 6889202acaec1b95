package ui

import (
	"cmp"
	"slices"

	"github.com/a-h/templ"

	"github.com/headgate/headgate/internal/auth"
	"github.com/headgate/headgate/internal/control"
)

// A landingView is what concerns who asks before all else: its teams, and for those
// who set limits the tenants that come close to theirs.
type landingView struct {
	Teams []myTeamView
	Close []closeView
	All   templ.SafeURL // limits
	Sets  bool          // it sets limits
}

// A myTeamView is a team of who asks.
type myTeamView struct {
	ID       string
	Name     nameView
	Stats    []statView
	Findings []findingView
	Wrong    string // why there is no more of it
}

// A closeView is a tenant that is close to its limit, or over it.
type closeView struct {
	Name  nameView
	State badgeView
	Text  string
	Bar   barView
}

const (
	// myTeams is how many teams of who asks the overview shows.
	myTeams = 2

	// closeTo is the part of a limit from which on a tenant is close to it, and
	// closeShown how many such are shown.
	closeTo    = 0.8
	closeShown = 5
)

func newLandingView(r *request, limits []control.Limit) landingView {
	v := landingView{All: r.site.address("/limits", nil), Sets: r.actor.May(auth.WriteLimits)}
	for i, name := range r.actor.Teams[:min(len(r.actor.Teams), myTeams)] {
		v.Teams = append(v.Teams, newMyTeamView(r, "team-"+count(float64(i+1)), name))
	}
	if v.Sets {
		v.Close = closeOnes(r, limits)
	}
	return v
}

func newMyTeamView(r *request, id, name string) myTeamView {
	v := myTeamView{ID: id, Name: newNameView(name, r.teamLink(name))}
	t, err := r.control.Team(r.context(), name, control.TeamsQuery{Tenant: r.tenant()})
	if err != nil {
		v.Wrong = "Its costs cannot be read now: the status says more."
		return v
	}
	if t.Summary.Currency != "" {
		v.Stats = newTeamStats(r, t)
	}
	for _, f := range t.Findings {
		v.Findings = append(v.Findings, newFindingView(r, f))
	}
	return v
}

// closeOnes returns the tenants that use most of their limits, if it is much.
func closeOnes(r *request, limits []control.Limit) (list []closeView) {
	type used struct {
		part float64
		of   control.Limit
	}
	var all []used
	for _, l := range limits {
		if part := useOf(l); l.Over || part >= closeTo {
			all = append(all, used{part, l})
		}
	}
	slices.SortStableFunc(all, func(a, b used) int { return cmp.Compare(b.part, a.part) })
	for _, u := range all[:min(len(all), closeShown)] {
		l := u.of
		v := closeView{
			Name: newNameView(string(l.Tenant), r.link(pathOf("/limits", string(l.Tenant)), "tenant", "")), State: limitState(l),
			Text: rate(l.Demand) + " of " + rate(float64(l.Status.Limit.SamplesPerSecond)) + " samples/s",
			Bar:  barView{Share: u.part, Title: percent(u.part) + " of its limit"},
		}
		if n := l.Status.Limit.ActiveSeries; n > 0 && u.part > l.Usage() {
			v.Text = count(float64(l.ActiveSeries)) + " of " + count(float64(n)) + " series"
		}
		list = append(list, v)
	}
	return list
}

// useOf returns the part of its limit that a tenant uses, of samples or of series,
// whichever is more.
func useOf(l control.Limit) float64 {
	part := 0.0
	if l.Status.Limit.SamplesPerSecond > 0 {
		part = l.Usage()
	}
	if n := l.Status.Limit.ActiveSeries; n > 0 {
		part = max(part, float64(l.ActiveSeries)/float64(n))
	}
	return part
}
