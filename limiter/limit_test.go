package limiter

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"

	"github.com/headgate/headgate/internal/series"
	"github.com/headgate/headgate/internal/tenant"
)

const exampleConfig = `
default: {samples_per_second: 1000, active_series: 10000}
tenants:
  payments:
    samples_per_second: 50000
    burst: 90s
    active_series: 500000
    hard_samples_per_second: 100000
    default_priority: low
    mode: shadow
    pools:
      - {name: checkout, share: 0.4, teams: [checkout]}
      - {name: batch, share: 0.1, match: '{job="batch"}', active_series: 1000}
      - {name: edge, share: 0.25, match: ['{zone="edge"}', 'up']}
`

func parseConfig(t *testing.T, text string) Config {
	t.Helper()
	c := DefaultConfig()
	d := yaml.NewDecoder(strings.NewReader(text))
	d.KnownFields(true)
	if err := d.Decode(&c); err != nil {
		t.Fatal(err)
	}
	return c
}

func TestConfigIsRead(t *testing.T) {
	want := Config{
		Default: Limit{SamplesPerSecond: 1000, ActiveSeries: 10000, Burst: Duration(time.Minute)},
		Tenants: map[tenant.ID]Limit{"payments": {
			SamplesPerSecond: 50000, Burst: Duration(90 * time.Second), ActiveSeries: 500000, HardSamplesPerSecond: 100000,
			DefaultPriority: "low", Mode: Shadow,
			Pools: []PoolConfig{
				{Name: "checkout", Share: 0.4, Teams: []string{"checkout"}},
				{Name: "batch", Share: 0.1, Match: Selectors{`{job="batch"}`}, ActiveSeries: 1000},
				{Name: "edge", Share: 0.25, Match: Selectors{`{zone="edge"}`, "up"}},
			},
		}},
		File: "data/limits",
	}
	got := parseConfig(t, exampleConfig)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("config (-want +got):\n%s", diff)
	}
	if err := got.Validate(); err != nil {
		t.Error(err)
	}
}

func TestALimitIsTheSameInTheAPI(t *testing.T) {
	l := parseConfig(t, exampleConfig).Tenants["payments"]
	text, err := json.Marshal(l)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(text), `"burst":"90s"`) {
		t.Errorf("%s lacks the burst in seconds", text)
	}
	var back Limit
	if err := json.Unmarshal(text, &back); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(l, back); diff != "" {
		t.Errorf("written and read again (-want +got):\n%s", diff)
	}
	if err := json.Unmarshal([]byte(`{"samples_per_second": 5, "pools": [{"name": "a", "share": 1, "match": "up"}]}`), &back); err != nil || back.Pools[0].Match[0] != "up" {
		t.Errorf("one selector without a list: %v, %v", back, err)
	}
}

func TestValidate(t *testing.T) {
	tests := []struct{ name, text, want string }{
		{"nothing is no limit", ``, ""},
		{"a hard limit may stand alone", `default: {hard_samples_per_second: 5}`, ""},
		{"thirds add up to one", `default: {samples_per_second: 1, pools: [{name: a, share: 0.1, teams: [a]}, {name: b, share: 0.2, teams: [b]}, {name: c, share: 0.7, teams: [c]}]}`, ""},
		{"negative amounts", `default: {samples_per_second: -1, active_series: -1, hard_samples_per_second: -1}`,
			"default: samples_per_second: -1 is negative; write 0 for no limit\n" +
				"default: active_series: -1 is negative; write 0 for no limit\n" +
				"default: hard_samples_per_second: -1 is negative; write 0 for no limit"},
		{"amounts that are surely a mistake", `default: {samples_per_second: 2000000000}`,
			"default: samples_per_second: 2000000000 is more than 1000000000; lower it, or write 0 for no limit"},
		{"a hard limit below the other", `default: {samples_per_second: 10, hard_samples_per_second: 5}`,
			"default: hard_samples_per_second: 5 is below samples_per_second, 10; raise it, or write 0 for no hard limit"},
		{"a burst of nothing", `default: {burst: 5ms}`, "default: burst: 5ms is not from 1s to 3600s; write burst: 60s"},
		{"words that are none", `default: {default_priority: urgent, mode: dry}`,
			`default: default_priority: priority "urgent" is none of critical, high, default, low; use one of them` + "\n" +
				`default: mode: "dry" is neither enforce nor shadow; use one of them`},
		{"a tenant that is none", `tenants: {a/b: {}}`, `tenants: "a/b": tenant ID has a character other than 0-9 A-Z a-z ! - _ . * ' ( )`},
		{"pools without a limit", `tenants: {t: {pools: [{name: a, share: 1, teams: [a]}]}}`,
			"tenants: t: pools: there is no limit to share; set samples_per_second or remove the pools"},
		{"shares that are none", `tenants: {t: {samples_per_second: 1, pools: [{name: a, teams: [a]}, {name: b, share: 2, teams: [b]}]}}`,
			"tenants: t: pools: number 1: share: 0 is not over 0 and up to 1; write 0.4 for four tenths of the limit\n" +
				"tenants: t: pools: number 2: share: 2 is not over 0 and up to 1; write 0.4 for four tenths of the limit\n" +
				"tenants: t: pools: their shares add up to 2, and only 1 can be given away; lower some"},
		{"names", `tenants: {t: {samples_per_second: 1, pools: [{name: default, share: 0.1, teams: [a]}, {name: A, share: 0.1, teams: [b]}, {name: c, share: 0.1, teams: [c]}, {name: c, share: 0.1, teams: [d]}]}}`,
			"tenants: t: pools: number 1: name: default is the pool of all series that are in no other; choose another name\n" +
				`tenants: t: pools: number 2: name: "A" is no name of a pool; use 1 to 63 of a-z, 0-9 and -` + "\n" +
				`tenants: t: pools: number 4: name: "c" is there already, as number 3; rename one of them`},
		{"what is in a pool", `tenants: {t: {samples_per_second: 1, pools: [{name: a, share: 0.1}, {name: b, share: 0.1, teams: [x]}, {name: c, share: 0.1, teams: [x], match: 'up{'}]}}`,
			"tenants: t: pools: number 1: it has neither teams nor match; say which series are in it\n" +
				`tenants: t: pools: number 3: teams: "x" is in the pool "b" already; leave it in one of them` + "\n" +
				"tenants: t: pools: number 3: match: 1:4: parse error: unexpected end of input inside braces"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := DefaultConfig()
			if tt.text != "" {
				c = parseConfig(t, tt.text)
			}
			got := ""
			if err := c.Validate(); err != nil {
				got = err.Error()
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("errors (-want +got):\n%s", diff)
			}
		})
	}
}

func TestPoolsOfSeries(t *testing.T) {
	l := parseConfig(t, exampleConfig).Tenants["payments"]
	p, err := newPools(&l, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ name, series, team, want string }{
		{"by team", `x`, "checkout", "checkout"},
		{"by selector", `x{job="batch"}`, "", "batch"},
		{"any of several", `up`, "", "edge"},
		{"the first pool wins, by team", `x{job="batch"}`, "checkout", "checkout"},
		{"the first pool wins, by selector", `up{job="batch"}`, "", "batch"},
		{"no pool is default", `x`, "search", "default"},
	} {
		ls, err := series.ParseLabels(tt.series)
		if err != nil {
			t.Fatal(err)
		}
		if got := p.Name(p.Of(ls, tt.team)); got != tt.want {
			t.Errorf("%s: %s of team %q is in %s, want %s", tt.name, tt.series, tt.team, got, tt.want)
		}
	}
	if p.Priority(series.Default, false) != series.Low || p.Priority(series.Default, true) != series.Default {
		t.Error("default_priority is for series that no rule gives one")
	}
	if again, _ := newPools(&l, p); again != p {
		t.Error("pools that say the same are others")
	}
}
