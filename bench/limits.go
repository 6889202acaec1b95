package bench

// A Limit is a tenant's limit in Headgate's configuration.
type Limit struct {
	SamplesPerSecond     int    `yaml:"samples_per_second,omitempty"`
	Burst                string `yaml:"burst,omitempty"`
	ActiveSeries         int    `yaml:"active_series,omitempty"`
	HardSamplesPerSecond int    `yaml:"hard_samples_per_second,omitempty"`
	Pools                []Pool `yaml:"pools,omitempty"`
}

// A Pool is a share of a limit.
type Pool struct {
	Name  string   `yaml:"name"`
	Share float64  `yaml:"share"`
	Teams []string `yaml:"teams,omitempty"`
	Match string   `yaml:"match,omitempty"`
}

// FarLimit returns a limit of everything that can be limited, which no load here
// comes near.
func FarLimit() *Limit {
	return &Limit{
		SamplesPerSecond: 500_000_000, Burst: "60s", ActiveSeries: 50_000_000, HardSamplesPerSecond: 1_000_000_000,
		Pools: []Pool{
			{Name: "checkout", Share: 0.4, Teams: []string{"checkout"}},
			{Name: "payments", Share: 0.2, Teams: []string{"payments"}},
			{Name: "machines", Share: 0.1, Match: `{job="node-exporter"}`},
		},
	}
}

// OneSample returns the limit that everything is over, however slow the machine:
// nothing passes but what is critical.
func OneSample() *Limit { return &Limit{SamplesPerSecond: 1, Burst: "1s"} }

// half matches about half of the series, pod by pod, so that it never divides a
// family: names of pods end in one of 27 letters and digits.
var half = Drop{Name: "half", Label: "pod", Regexp: ".+[bcdfghjklmnpq]"}

// PriorityRules make the half low and everything else critical.
func PriorityRules() []Rule {
	return []Rule{
		{Name: "half-low", Match: half.Selector(), Action: "prioritize", Priority: "low"},
		{Name: "rest-critical", Match: `{__name__=~".+"}`, Action: "prioritize", Priority: "critical"},
	}
}
