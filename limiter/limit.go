package limiter

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/prometheus/common/model"

	"github.com/headgate/headgate/internal/series"
	"github.com/headgate/headgate/internal/tenant"
)

// DefaultBurst is the burst of a limit that names none.
const DefaultBurst = 60 * time.Second

// What a limit may hold.
const (
	MaxSamplesPerSecond = 1_000_000_000
	MaxActiveSeries     = 100_000_000
	MinBurst            = time.Second
	MaxBurst            = time.Hour
	MaxPools            = 20 // besides the pool default
	MaxPoolNameBytes    = 63
	MaxTeamBytes        = 256
)

// The words of mode.
const (
	Enforce = "enforce" // what does not fit is shed
	Shadow  = "shadow"  // everything passes; what would be shed is counted
)

// Config is the limits section of the configuration file.
type Config struct {
	Default Limit               `yaml:"default" json:"default"` // of every tenant that is not named
	Tenants map[tenant.ID]Limit `yaml:"tenants" json:"tenants"` // each stands for itself; nothing is taken from Default
	File    string              `yaml:"file" json:"-"`          // where admitted families are saved; "" for nowhere. Its reader is whoever calls Save and Load
}

// DefaultConfig is what an absent section means: no limits.
func DefaultConfig() Config { return Config{Default: DefaultLimit(), File: "data/limits"} }

// A Limit is what one tenant may send, as people write it, the same in files and
// in the API. Zero means that there is no such limit.
type Limit struct {
	SamplesPerSecond     int64        `yaml:"samples_per_second" json:"samples_per_second"`
	Burst                Duration     `yaml:"burst" json:"burst"` // the buckets hold what the rates allow in this time; 0: DefaultBurst
	ActiveSeries         int64        `yaml:"active_series" json:"active_series"`
	HardSamplesPerSecond int64        `yaml:"hard_samples_per_second" json:"hard_samples_per_second"`
	DefaultPriority      string       `yaml:"default_priority" json:"default_priority,omitempty"` // of series that no rule gives one
	Mode                 string       `yaml:"mode" json:"mode,omitempty"`                         // Enforce or Shadow; "": Enforce
	Pools                []PoolConfig `yaml:"pools" json:"pools"`
}

// A PoolConfig guarantees a share of its tenant's limit to some of its series. A
// series belongs to the first pool that has its team or matches it.
type PoolConfig struct {
	Name         string    `yaml:"name" json:"name"`
	Share        float64   `yaml:"share" json:"share"` // of samples_per_second, over 0 to 1
	Teams        []string  `yaml:"teams" json:"teams,omitempty"`
	Match        Selectors `yaml:"match" json:"match,omitempty"`                 // any of them
	ActiveSeries int64     `yaml:"active_series" json:"active_series,omitempty"` // the pool's own; 0: only the tenant's
}

// DefaultLimit is a limit that limits nothing.
func DefaultLimit() Limit { return Limit{Burst: Duration(DefaultBurst)} }

// Limits reports whether l limits anything.
func (l *Limit) Limits() bool {
	return l.SamplesPerSecond > 0 || l.HardSamplesPerSecond > 0 || l.LimitsSeries()
}

// LimitsSeries reports whether l limits active series.
func (l *Limit) LimitsSeries() bool {
	return l.ActiveSeries > 0 || slices.ContainsFunc(l.Pools, func(p PoolConfig) bool { return p.ActiveSeries > 0 })
}

func (l *Limit) burst() time.Duration {
	if l.Burst == 0 {
		return DefaultBurst
	}
	return time.Duration(l.Burst)
}

func (l *Limit) shadow() bool { return l.Mode == Shadow }

// Validate returns all that is wrong with c.
func (c Config) Validate() error {
	errs := []error{nested("default", c.Default.Validate())}
	for _, t := range slices.Sorted(maps.Keys(c.Tenants)) {
		if _, err := tenant.Parse(string(t)); err != nil {
			errs = append(errs, fmt.Errorf("tenants: %q: %w", t, err))
		}
		l := c.Tenants[t]
		errs = append(errs, nested(fmt.Sprintf("tenants: %s", t), l.Validate()))
	}
	return errors.Join(errs...)
}

// Validate returns all that is wrong with l.
func (l *Limit) Validate() error {
	var errs []error
	check := func(ok bool, format string, args ...any) {
		if !ok {
			errs = append(errs, fmt.Errorf(format, args...))
		}
	}
	amount := func(key string, n, most int64) {
		check(n >= 0, "%s: %d is negative; write 0 for no limit", key, n)
		check(n <= most, "%s: %d is more than %d; lower it, or write 0 for no limit", key, n, most)
	}
	amount("samples_per_second", l.SamplesPerSecond, MaxSamplesPerSecond)
	amount("active_series", l.ActiveSeries, MaxActiveSeries)
	amount("hard_samples_per_second", l.HardSamplesPerSecond, MaxSamplesPerSecond)
	check(l.HardSamplesPerSecond <= 0 || l.HardSamplesPerSecond >= l.SamplesPerSecond,
		"hard_samples_per_second: %d is below samples_per_second, %d; raise it, or write 0 for no hard limit", l.HardSamplesPerSecond, l.SamplesPerSecond)
	b := time.Duration(l.Burst)
	check(b == 0 || b >= MinBurst && b <= MaxBurst, "burst: %s is not from %s to %s; write burst: 60s", l.Burst, Duration(MinBurst), Duration(MaxBurst))
	if _, err := series.ParsePriority(l.DefaultPriority); err != nil && l.DefaultPriority != "" {
		errs = append(errs, fmt.Errorf("default_priority: %w; use one of them", err))
	}
	check(l.Mode == "" || l.Mode == Enforce || l.Mode == Shadow, "mode: %.64q is neither enforce nor shadow; use one of them", l.Mode)
	check(len(l.Pools) <= MaxPools, "pools: there are %d, the most is %d; join some", len(l.Pools), MaxPools)
	check(len(l.Pools) == 0 || l.SamplesPerSecond > 0 || l.LimitsSeries(), "pools: there is no limit to share; set samples_per_second or remove the pools")
	errs = append(errs, validatePools(l.Pools)...)
	return errors.Join(errs...)
}

func validatePools(pools []PoolConfig) []error {
	var errs []error
	names, teams, sum := map[string]int{}, map[string]string{}, 0.0
	for i, p := range pools {
		where := "pools: number " + strconv.Itoa(i+1)
		check := func(ok bool, format string, args ...any) {
			if !ok {
				errs = append(errs, fmt.Errorf("%s: %w", where, fmt.Errorf(format, args...)))
			}
		}
		check(validPoolName(p.Name), "name: %.64q is no name of a pool; use 1 to %d of a-z, 0-9 and -", p.Name, MaxPoolNameBytes)
		check(p.Name != defaultPool, "name: default is the pool of all series that are in no other; choose another name")
		check(names[p.Name] == 0, "name: %.64q is there already, as number %d; rename one of them", p.Name, names[p.Name])
		check(p.Share > 0 && p.Share <= 1, "share: %v is not over 0 and up to 1; write 0.4 for four tenths of the limit", p.Share)
		check(p.ActiveSeries >= 0 && p.ActiveSeries <= MaxActiveSeries, "active_series: %d is not from 0 to %d; write 0 for no limit of the pool's own", p.ActiveSeries, int64(MaxActiveSeries))
		check(len(p.Teams)+len(p.Match) > 0, "it has neither teams nor match; say which series are in it")
		for _, t := range p.Teams {
			other, taken := teams[t]
			check(t != "" && len(t) <= MaxTeamBytes, "teams: %.64q is no team; name one of 1 to %d bytes", t, MaxTeamBytes)
			check(!taken, "teams: %.64q is in the pool %.64q already; leave it in one of them", t, other)
			teams[t] = p.Name
		}
		for _, m := range p.Match {
			_, err := series.ParseSelector(m)
			check(err == nil, "match: %w", err)
		}
		names[p.Name] = i + 1
		sum += p.Share
	}
	if sum > 1+shareSlack {
		errs = append(errs, fmt.Errorf("pools: their shares add up to %.4g, and only 1 can be given away; lower some", sum))
	}
	return errs
}

// shareSlack forgives what adding decimal fractions in binary makes of 1.
const shareSlack = 1e-9

func validPoolName(s string) bool {
	for i := range len(s) {
		if c := s[i]; !('a' <= c && c <= 'z' || '0' <= c && c <= '9' || c == '-') {
			return false
		}
	}
	return 0 < len(s) && len(s) <= MaxPoolNameBytes
}

// nested puts where before each error in err.
func nested(where string, err error) error {
	many, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return err
	}
	errs := slices.Clone(many.Unwrap())
	for i, e := range errs {
		errs[i] = fmt.Errorf("%s: %w", where, e)
	}
	return errors.Join(errs...)
}

// A Duration is a time.Duration that is written as Prometheus writes it, in whole
// seconds where it has any: 60s.
type Duration time.Duration

// String returns d as it is written in files.
func (d Duration) String() string {
	if t := time.Duration(d); t%time.Second == 0 && t >= 0 {
		return strconv.FormatInt(int64(t/time.Second), 10) + "s"
	}
	return model.Duration(d).String()
}

// UnmarshalText is the inverse of String, and understands 1h30m.
func (d *Duration) UnmarshalText(text []byte) error {
	parsed, err := model.ParseDuration(string(text))
	if err != nil {
		return fmt.Errorf("%.64q is no duration; write it as in 60s or 1m30s", text)
	}
	*d = Duration(parsed)
	return nil
}

// MarshalText returns String.
func (d Duration) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalYAML reads d from a string.
func (d *Duration) UnmarshalYAML(unmarshal func(any) error) error {
	var s string
	if err := unmarshal(&s); err != nil {
		return err
	}
	return d.UnmarshalText([]byte(s))
}

// MarshalYAML returns String.
func (d Duration) MarshalYAML() (any, error) { return d.String(), nil }

// Selectors are one or several series selectors. Files and the API may write one
// of them without a list.
type Selectors []string

// UnmarshalYAML reads a string or a list of them.
func (s *Selectors) UnmarshalYAML(unmarshal func(any) error) error {
	var v any
	if err := unmarshal(&v); err != nil {
		return err
	}
	return s.set(v)
}

// UnmarshalJSON reads a string or a list of them.
func (s *Selectors) UnmarshalJSON(data []byte) error {
	var v any
	if err := json.Unmarshal(data, &v); err != nil {
		return err
	}
	return s.set(v)
}

func (s *Selectors) set(v any) error {
	list, ok := v.([]any)
	if !ok && v != nil {
		list = []any{v}
	}
	*s = nil
	for _, item := range list {
		text, ok := item.(string)
		if !ok {
			return errors.New("this is neither a selector nor a list of them; write '{namespace=\"checkout\"}'")
		}
		*s = append(*s, text)
	}
	return nil
}
