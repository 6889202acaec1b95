package api

import (
	"time"

	"github.com/headgate/headgate/internal/control"
	"github.com/headgate/headgate/internal/series"
	"github.com/headgate/headgate/limiter"
)

// LimitRates are the parts of a limit besides its pools. 0 is no limit.
type LimitRates struct {
	SamplesPerSecond     int64  `json:"samples_per_second" required:"false"`
	Burst                string `json:"burst" required:"false" doc:"The buckets hold what the rates allow in this time; 1s to 1h, 60s where absent." example:"60s"`
	ActiveSeries         int64  `json:"active_series" required:"false"`
	HardSamplesPerSecond int64  `json:"hard_samples_per_second" required:"false" doc:"Past it requests are refused with 429."`
	DefaultPriority      string `json:"default_priority" required:"false" enum:"critical,high,default,low" doc:"Of series that no rule gives one."`
	Mode                 string `json:"mode" required:"false" enum:"enforce,shadow" doc:"shadow: everything passes, and what would be shed is counted."`
}

// PoolSettings are a pool as files hold it.
type PoolSettings struct {
	Name         string   `json:"name"`
	Share        float64  `json:"share" doc:"Of samples_per_second: over 0 to 1; the shares of all pools add up to 1 at most."`
	Teams        []string `json:"teams,omitempty"`
	Match        Match    `json:"match,omitempty"`
	ActiveSeries int64    `json:"active_series,omitempty" doc:"A limit of the pool's own."`
}

// LimitSettings are a limit as files hold it.
type LimitSettings struct {
	LimitRates
	Pools []PoolSettings `json:"pools" required:"false" maxItems:"20" doc:"A series is in the first that has its team or matches it."`
}

// A Limit is a tenant's limit and what has come of it. Rates are of the last
// minute, or of the longest interval of thinning where that is longer.
type Limit struct {
	Tenant string `json:"tenant"`
	LimitRates
	Pools []PoolLimit `json:"pools" doc:"The pool default, of series in no other, stands first."`

	Used       LimitUse   `json:"used"`
	Demand     float64    `json:"demand" doc:"Samples per second, before rules with when: over_limit and before shedding."`
	Over       bool       `json:"over" doc:"In mode shadow, too."`
	Since      *time.Time `json:"since" doc:"Since when it is over its limit; null where it is not."`
	Shed       []Shed     `json:"shed" doc:"What does not pass, or in mode shadow would not; most important first."`
	Refused    []Refused  `json:"refused" doc:"Because of active_series, since the tenant is known."`
	Refusals   uint64     `json:"hard_refusals" doc:"Requests refused because of hard_samples_per_second, since the tenant is known."`
	Unchecked  *Unchecked `json:"unchecked" doc:"Until when new series are admitted whatever active_series says; null where it is kept."`
	Suggestion Suggestion `json:"suggestion"`
	LimitOrigin
	NotInForce string       `json:"not_in_force,omitempty" doc:"What of the limit is written and not in force, and why."`
	Effect     *LimitEffect `json:"effect,omitempty" doc:"What the change would do; in the answer to a change with dry_run alone."`
}

// A LimitOrigin says where a limit comes from.
type LimitOrigin struct {
	Source    string    `json:"source" enum:"file,api,default"`
	File      string    `json:"file,omitempty" doc:"The configuration file that names the tenant: the limit is changed there."`
	Revision  int64     `json:"revision" doc:"Its ETag; 0 where nobody set it by API."`
	UpdatedAt time.Time `json:"updated_at,omitzero"`
	UpdatedBy string    `json:"updated_by,omitempty"`
}

// A PoolLimit is a pool and what has come of it.
type PoolLimit struct {
	PoolSettings
	Guaranteed float64  `json:"guaranteed" doc:"Samples per second."`
	Demand     float64  `json:"demand"`
	Used       LimitUse `json:"used"`
	Over       bool     `json:"over" doc:"Rules with when: over_limit apply to it."`
	Passes     string   `json:"passes" doc:"What of it does, in words."`
}

// A LimitUse is what passed.
type LimitUse struct {
	SamplesPerSecond float64 `json:"samples_per_second"`
	ActiveSeries     int64   `json:"active_series" doc:"Counted where active_series is limited."`
}

// A Shed is what does not pass of one pool and priority.
type Shed struct {
	Pool             string  `json:"pool"`
	Priority         string  `json:"priority" enum:"critical,high,default,low"`
	SamplesPerSecond float64 `json:"samples_per_second"`
	SeriesFraction   float64 `json:"series_fraction" doc:"Of its families."`
}

// Refused is how often a new series was not admitted.
type Refused struct {
	Priority string `json:"priority" enum:"critical,high,default,low"`
	Series   uint64 `json:"series" doc:"Sightings: a series that is sent again is refused again."`
}

// Unchecked says that new series are admitted without a check.
type Unchecked struct {
	Until time.Time `json:"until"`
	Why   string    `json:"why"`
}

// A Suggestion is a limit that would have let pass what was seen.
type Suggestion struct {
	SamplesPerSecond int64   `json:"samples_per_second" doc:"p99 and a fifth more; 0 where too little was seen."`
	P99              float64 `json:"p99" doc:"Of the minutes with any demand in the last seven days, samples per second."`
	Minutes          int     `json:"minutes" doc:"How many there were."`
}

// A LimitHistory is what became of a tenant's samples, second by second.
type LimitHistory struct {
	Tenant  string         `json:"tenant"`
	From    time.Time      `json:"from" doc:"When the first second began, to within one."`
	Seconds int            `json:"seconds"`
	History []LevelHistory `json:"history" doc:"Most important first."`
}

// A LevelHistory holds samples in each second, oldest first.
type LevelHistory struct {
	Priority string   `json:"priority" enum:"critical,high,default,low"`
	Demand   []uint32 `json:"demand"`
	Used     []uint32 `json:"used"`
	Shed     []uint32 `json:"shed"`
}

func newLimitRates(l limiter.Limit) LimitRates {
	r := LimitRates{
		l.SamplesPerSecond, l.Burst.String(), l.ActiveSeries, l.HardSamplesPerSecond, l.DefaultPriority, l.Mode,
	}
	if l.Burst == 0 {
		r.Burst = limiter.Duration(limiter.DefaultBurst).String()
	}
	if r.DefaultPriority == "" {
		r.DefaultPriority = series.Default.String()
	}
	if r.Mode == "" {
		r.Mode = limiter.Enforce
	}
	return r
}

func newLimitSettings(l limiter.Limit) LimitSettings {
	out := LimitSettings{newLimitRates(l), []PoolSettings{}}
	for _, p := range l.Pools {
		out.Pools = append(out.Pools, newPoolSettings(p))
	}
	return out
}

func newPoolSettings(p limiter.PoolConfig) PoolSettings {
	return PoolSettings{p.Name, p.Share, p.Teams, Match(p.Match), p.ActiveSeries}
}

func newLimit(l control.Limit) Limit {
	out := Limit{
		Tenant: string(l.Tenant), LimitRates: newLimitRates(l.Status.Limit), Pools: []PoolLimit{},
		Used:   LimitUse{rateDigits(l.Used), l.ActiveSeries},
		Demand: rateDigits(l.Demand), Over: l.Over, Shed: []Shed{}, Refused: []Refused{}, Refusals: l.HardRefusals,
		Suggestion:  Suggestion{l.Suggestion.SamplesPerSecond, rateDigits(l.Suggestion.P99), l.Suggestion.Minutes},
		LimitOrigin: LimitOrigin{l.Source, l.File, l.Revision, l.UpdatedAt, l.UpdatedBy},
		NotInForce:  l.Unkept,
	}
	settings := map[string]PoolSettings{}
	for _, p := range l.Status.Limit.Pools {
		settings[p.Name] = newPoolSettings(p)
	}
	for _, p := range l.Pools {
		of := settings[p.Name]
		of.Name, of.Share = p.Name, rateDigits(p.Share)
		out.Pools = append(out.Pools, PoolLimit{
			of, rateDigits(p.Guaranteed), rateDigits(p.Demand), LimitUse{rateDigits(p.Used), p.ActiveSeries}, p.Over, p.Passes,
		})
	}
	if !l.Since.IsZero() {
		since := l.Since.UTC()
		out.Since = &since
	}
	for _, s := range l.Shed {
		out.Shed = append(out.Shed, Shed{s.Pool, s.Priority.String(), rateDigits(s.SamplesPerSecond), rateDigits(s.SeriesFraction)})
	}
	for _, r := range l.Refused {
		out.Refused = append(out.Refused, Refused{r.Priority.String(), r.Series})
	}
	if l.Suspended.After(time.Now()) {
		out.Unchecked = &Unchecked{l.Suspended.UTC(), l.Why}
	}
	return out
}

func newLimitHistory(tenant string, h control.LimitHistory) LimitHistory {
	out := LimitHistory{Tenant: tenant, From: h.From.UTC(), Seconds: len(h.Seconds)}
	for level := range len(limiter.Second{}.Demand) {
		of := LevelHistory{Priority: (series.Critical - series.Priority(level)).String()}
		for i := range h.Seconds {
			s := &h.Seconds[i]
			of.Demand = append(of.Demand, s.Demand[level])
			of.Used = append(of.Used, s.Granted[level])
			of.Shed = append(of.Shed, s.Shed[level])
		}
		out.History = append(out.History, of)
	}
	return out
}
