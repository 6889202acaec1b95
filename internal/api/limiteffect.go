package api

import (
	"time"

	"github.com/headgate/headgate/internal/control"
	"github.com/headgate/headgate/limiter"
	"github.com/headgate/headgate/profiler/inventory"
)

// A LimitEffect is what a limit would do to what a tenant sends now, beside what the
// limit in force does, once either has settled.
type LimitEffect struct {
	Now         LimitOutcome     `json:"now" doc:"By the limit in force."`
	Then        LimitOutcome     `json:"then" doc:"By the new one."`
	Measured    bool             `json:"measured" doc:"Demand is measured by pool and priority; else that is estimated from the inventory."`
	Peak        *LimitPeak       `json:"peak,omitempty" doc:"The minute of the last hour with the most demand; absent where none is known."`
	Parts       []LimitPart      `json:"parts" doc:"Pools and priorities with a demand."`
	Teams       []LimitTeam      `json:"teams" doc:"What teams lose, by the inventory; the most first, 20 of them."`
	MoreTeams   int              `json:"more_teams" doc:"That are not in the list."`
	Active      []LimitActive    `json:"active_series" doc:"Of the tenant, then of pools with a limit of their own."`
	Saves       int64            `json:"saves_per_month_micro" doc:"Beside the limit in force, for 730 hours, by the prices of this hour. Less than 0: it costs more."`
	Currency    string           `json:"currency" doc:"Empty where no price is set, or the actor may not know it."`
	Suggestions []LimitSuggested `json:"suggestions"`
	Notes       []string         `json:"notes" doc:"What else is to be known, in sentences."`
}

// A LimitOutcome is what a limit makes of a demand, in samples per second.
type LimitOutcome struct {
	Over        bool    `json:"over"`
	Demand      float64 `json:"demand"`
	Passes      float64 `json:"passes"`
	Shed        float64 `json:"shed"`
	Thinned     float64 `json:"thinned" doc:"By rules with when: over_limit."`
	Refused     float64 `json:"refused" doc:"Past the hard limit, with whatever is in those requests, critical too."`
	SeriesShed  int64   `json:"series_shed" doc:"Of those received within the window."`
	SeriesError float64 `json:"series_error" doc:"The truth is within that of series_shed in 95 of 100 cases; 0 where it is exact."`
}

// A LimitPeak is the minute with the most demand.
type LimitPeak struct {
	At      time.Time `json:"at"`
	Demand  float64   `json:"demand" doc:"Samples per second."`
	Seconds int       `json:"seconds" doc:"How far back is known."`
	Over    bool      `json:"over" doc:"With the new limit, if that demand went on; so is shed."`
	Shed    float64   `json:"shed"`
}

// A LimitPart is one pool and priority, in samples per second.
type LimitPart struct {
	Pool         string  `json:"pool"`
	Priority     string  `json:"priority" enum:"critical,high,default,low"`
	Demand       float64 `json:"demand"`
	ShedNow      float64 `json:"shed_now"`
	ShedThen     float64 `json:"shed_then"`
	FractionThen float64 `json:"series_fraction_then" doc:"Of its families, shed."`
	LimitSeries
}

// LimitSeries are series that are shed.
type LimitSeries struct {
	Now       int64   `json:"series_now"`
	Then      int64   `json:"series_then"`
	ThenError float64 `json:"series_then_error"`
}

// A LimitTeam is what one team loses.
type LimitTeam struct {
	Team        string  `json:"team"`
	SamplesNow  float64 `json:"samples_per_second_now"`
	SamplesThen float64 `json:"samples_per_second_then"`
	LimitSeries
}

// A LimitActive is how active series stand to the limits of them.
type LimitActive struct {
	Pool      string      `json:"pool" doc:"Empty for the tenant."`
	Series    int64       `json:"series"`
	Counted   bool        `json:"counted" doc:"By the limit in force; else estimated by the profiler."`
	LimitNow  int64       `json:"limit_now"`
	LimitThen int64       `json:"limit_then"`
	Rooms     []LimitRoom `json:"rooms"`
}

// A LimitRoom is how many new series of a priority are admitted before they are refused.
type LimitRoom struct {
	Priority string `json:"priority" enum:"critical,high,default,low"`
	From     int64  `json:"refused_from" doc:"Active series; 0: never."`
	Now      int64  `json:"room_now" doc:"-1: all."`
	Then     int64  `json:"room_then" doc:"-1: all."`
}

// A LimitSuggested is what a limit may be.
type LimitSuggested struct {
	Field string `json:"field" enum:"samples_per_second,active_series"`
	Value int64  `json:"value"`
	Why   string `json:"why"`
}

func newLimitEffect(p control.LimitPreview) *LimitEffect {
	out := &LimitEffect{
		Now: newLimitOutcome(p.Now, p.Series.Now), Then: newLimitOutcome(p.Then, p.Series.Then), Measured: p.Measured,
		Parts: []LimitPart{}, Teams: []LimitTeam{}, MoreTeams: p.MoreTeams, Active: []LimitActive{},
		Saves: int64(p.Saves), Currency: p.Currency, Suggestions: []LimitSuggested{}, Notes: append([]string{}, p.Notes...),
	}
	if k := p.Peak; k != nil {
		out.Peak = &LimitPeak{k.At.UTC(), rateDigits(k.PerSecond), int(k.Known.Seconds()), k.Then.Over, rateDigits(k.Then.Sheds())}
	}
	for _, x := range p.Parts {
		out.Parts = append(out.Parts, LimitPart{
			x.Pool, x.Priority.String(), rateDigits(x.Demand), rateDigits(x.ShedNow), rateDigits(x.ShedThen), rateDigits(x.FractionThen), newLimitSeries(x.Series),
		})
	}
	for _, x := range p.Teams {
		out.Teams = append(out.Teams, LimitTeam{x.Name, rateDigits(x.Samples.Now.Value), rateDigits(x.Samples.Then.Value), newLimitSeries(x.Series)})
	}
	for _, x := range p.Active {
		a := LimitActive{Pool: x.Pool, Series: whole(x.Series), Counted: x.Counted, LimitNow: x.LimitNow, LimitThen: x.LimitThen, Rooms: []LimitRoom{}}
		for _, r := range x.Rooms {
			a.Rooms = append(a.Rooms, LimitRoom{r.Priority.String(), r.From, r.Now, r.Then})
		}
		out.Active = append(out.Active, a)
	}
	for _, x := range p.Suggestions {
		out.Suggestions = append(out.Suggestions, LimitSuggested(x))
	}
	return out
}

func newLimitOutcome(t *limiter.Trial, series inventory.Estimate) LimitOutcome {
	return LimitOutcome{
		t.Over, rateDigits(t.Demand), rateDigits(t.Passes), rateDigits(t.Sheds()), rateDigits(t.Thinned), rateDigits(t.Refused), whole(series.Value), errorDigits(series.Error),
	}
}

func newLimitSeries(s control.LimitSums) LimitSeries {
	return LimitSeries{whole(s.Now.Value), whole(s.Then.Value), errorDigits(s.Then.Error)}
}
