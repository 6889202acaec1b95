package ui

import (
	"fmt"

	"github.com/a-h/templ"

	"github.com/headgate/headgate/internal/control"
	"github.com/headgate/headgate/profiler/inventory"
)

// A limitEffectView is what a limit would do, beside the form that describes it.
type limitEffectView struct {
	Wrong       []string // why there is none
	State       badgeView
	Lead        string
	Stats       []statView
	Chart       *chartView
	Shares      []shareView
	Shared      []factView // the shares in words
	Parts       []limitPartView
	Teams       []limitTeamView
	MoreTeams   string
	Rooms       []limitRoomsView
	Suggestions []suggestionView
	Notes       []string
}

// A limitPartView is one pool and priority.
type limitPartView struct {
	Pool, Priority string
	Demand         string
	Now, Then      string // samples per second, shed
	Fraction       barView
	Part           string
}

// A limitTeamView is what a team loses.
type limitTeamView struct {
	Name                 nameView
	Now, Then, ThenError string // samples per second
	Series, SeriesError  string
	SeriesNow            string
}

// A limitRoomsView is how many new series there is room for.
type limitRoomsView struct {
	Title string
	Rows  []limitRoomView
}

// A limitRoomView is the room of one priority.
type limitRoomView struct{ Priority, From, Now, Then string }

// A suggestionView is a value that a field may have.
type suggestionView struct {
	Field, Value, Why string
	Use               templ.SafeURL
}

func newLimitEffectView(r *request, p control.LimitPreview) limitEffectView {
	then := p.Then
	v := limitEffectView{Lead: shedChange(p), Notes: p.Notes, State: badgeView{Text: "within", Tone: "good", Title: "Demand is within the limit"}}
	if then.Over {
		v.State = badgeView{Text: "over", Tone: "bad", Title: "Demand is over the limit"}
	}
	shed := statView{Label: "Shed", Value: rate(then.Sheds()), Unit: "samples/s", Note: "now " + rate(p.Now.Sheds()) + ", of a demand of " + rate(then.Demand)}
	series := statView{Label: "Series shed", Value: count(p.Series.Then.Value), Error: plusMinus(p.Series.Then.Error), Note: "now " + count(p.Series.Now.Value)}
	v.Stats = []statView{shed, series}
	if k := p.Peak; k != nil {
		peak := statView{Label: "Highest minute", Value: rate(k.PerSecond), Unit: "samples/s", Note: "within it, " + ago(k.At, r.now)}
		if k.Then.Over {
			peak.Note = rate(k.Then.Sheds()) + " of it shed, " + ago(k.At, r.now)
		}
		v.Stats = append(v.Stats, peak)
	}
	if p.Currency != "" {
		saves := statView{Label: "Saves in a month", Value: amount(p.Saves), Unit: p.Currency, Note: "beside the limit in force"}
		if p.Saves < 0 {
			saves.Label, saves.Value = "Costs more in a month", amount(-p.Saves)
		}
		v.Stats = append(v.Stats, saves)
	}
	for _, x := range p.Parts {
		v.Parts = append(v.Parts, limitPartView{
			shown(x.Pool), x.Priority.String(), rate(x.Demand), rate(x.ShedNow), rate(x.ShedThen), barView{Share: x.FractionThen, Title: percent(x.FractionThen) + " of its series"}, percent(x.FractionThen),
		})
	}
	for _, x := range p.Teams {
		v.Teams = append(v.Teams, limitTeamView{
			Name: newNameView(x.Name, r.link(pathOf("/teams", x.Name), "tenant", "")), Now: rate(x.Samples.Now.Value), Then: rate(x.Samples.Then.Value), ThenError: plusMinus(x.Samples.Then.Error),
			Series: count(x.Series.Then.Value), SeriesError: plusMinus(x.Series.Then.Error), SeriesNow: count(x.Series.Now.Value),
		})
	}
	if p.MoreTeams > 0 {
		v.MoreTeams = plural(p.MoreTeams, "more team") + " lose less."
	}
	for _, a := range p.Active {
		if a.LimitNow > 0 || a.LimitThen > 0 {
			v.Rooms = append(v.Rooms, newLimitRooms(a))
		}
	}
	return v
}

// newLimitRooms shows how many new series there is room for, critical last.
func newLimitRooms(a control.LimitActive) limitRoomsView {
	v := limitRoomsView{Title: "Of " + count(a.Series) + " active series"}
	if a.Pool != "" {
		v.Title += " of pool " + shown(a.Pool)
	}
	room := func(n int64) string {
		if n == control.Endless {
			return "all"
		}
		return count(float64(n))
	}
	for _, x := range a.Rooms {
		row := limitRoomView{x.Priority.String(), "never", room(x.Now), room(x.Then)}
		if x.From > 0 {
			row.From = count(float64(x.From))
		}
		v.Rows = append(v.Rows, row)
	}
	return v
}

// shedChange says in a sentence what a limit would do that the one in force does not.
func shedChange(p control.LimitPreview) string {
	now, then := p.Now.Sheds(), p.Then.Sheds()
	is := "Now nothing is shed"
	if now > 0 {
		is = "Now " + rate(now) + " samples/s are shed"
		if p.Now.Shadow() {
			is = "Now " + rate(now) + " samples/s would be shed, were it enforced"
		}
	}
	switch {
	case now == 0 && then == 0:
		return "Nothing is shed now, and nothing would be."
	case then > 0 && p.Series.Then != (inventory.Estimate{}):
		return fmt.Sprintf("%s; then it would be %s samples/s of %s series.", is, rate(then), count(p.Series.Then.Value))
	case then > 0:
		return fmt.Sprintf("%s; then it would be %s samples/s.", is, rate(then))
	}
	return is + "; then nothing would be."
}
