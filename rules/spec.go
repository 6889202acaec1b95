package rules

import (
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/prometheus/common/model"

	"github.com/headgate/headgate/internal/series"
	"github.com/headgate/headgate/internal/tenant"
)

// A Spec is a rule as people write it, the same in files and in the API. Empty
// fields are absent ones.
type Spec struct {
	Name      string    `json:"name" yaml:"name"`
	Tenant    string    `json:"tenant,omitempty" yaml:"tenant,omitempty"`
	Match     Selectors `json:"match" yaml:"match"`
	Action    string    `json:"action" yaml:"action"`
	Interval  string    `json:"interval,omitempty" yaml:"interval,omitempty"`     // as Prometheus writes durations
	AllowGaps bool      `json:"allow_gaps,omitempty" yaml:"allow_gaps,omitempty"` // an interval over 4m is meant
	Priority  string    `json:"priority,omitempty" yaml:"priority,omitempty"`
	When      string    `json:"when,omitempty" yaml:"when,omitempty"`
	Mode      string    `json:"mode,omitempty" yaml:"mode,omitempty"`
	Canary    int       `json:"canary,omitempty" yaml:"canary,omitempty"`   // percent
	Expires   string    `json:"expires,omitempty" yaml:"expires,omitempty"` // RFC 3339
	Team      string    `json:"team,omitempty" yaml:"team,omitempty"`
	Reason    string    `json:"reason,omitempty" yaml:"reason,omitempty"`
}

// A FieldError is what is wrong with one field of a rule.
type FieldError struct {
	Field  string // its key, as in Spec's tags
	Item   int    // which selector of match, from 0
	Offset int    // bytes of the value before the place
	Text   string // what, and what to do
}

// Error returns the text under the field's name.
func (e FieldError) Error() string { return e.Field + ": " + e.Text }

// Spec returns r as people write it.
func (r *Rule) Spec() Spec {
	s := Spec{
		Name: r.Name, Tenant: string(r.Tenant), Action: r.Action.String(),
		AllowGaps: r.AllowGaps, Canary: r.Canary, Team: r.Team, Reason: r.Reason,
	}
	for _, sel := range r.Match {
		s.Match = append(s.Match, sel.String())
	}
	if r.Interval != 0 {
		s.Interval = model.Duration(r.Interval).String()
	}
	if r.Action == Prioritize || r.Priority != series.Default {
		s.Priority = r.Priority.String()
	}
	if r.When != Always {
		s.When = r.When.String()
	}
	if r.Mode != Enforce {
		s.Mode = r.Mode.String()
	}
	if !r.Expires.IsZero() {
		s.Expires = r.Expires.UTC().Format(time.RFC3339Nano)
	}
	return s
}

// Rule returns the rule that s describes, or all that is wrong with s.
func (s Spec) Rule() (*Rule, []FieldError) {
	r := &Rule{Name: s.Name, AllowGaps: s.AllowGaps, Canary: s.Canary, Team: s.Team, Reason: s.Reason}
	var errs []FieldError
	add := func(field, format string, args ...any) {
		errs = append(errs, FieldError{Field: field, Text: fmt.Sprintf(format, args...)})
	}

	if !validName(s.Name) {
		add("name", "%s is no rule name; use 1 to 63 of a-z, 0-9 and -", quoted(s.Name))
	}
	if s.Tenant != "" {
		id, err := tenant.Parse(s.Tenant)
		if err != nil {
			add("tenant", "%v; leave tenant out where the rule is for every tenant", err)
		}
		r.Tenant = id
	}
	var matchErrs []FieldError
	r.Match, matchErrs = s.Match.parse()
	errs = append(errs, matchErrs...)

	action, actionOK := word(actionWords, s.Action)
	if !actionOK {
		add("action", "%s", notOneOf(s.Action, actionWords))
	}
	r.Action = Action(action)
	if when, ok := word(whenWords, s.When); ok || s.When == "" {
		r.When = When(when)
	} else {
		add("when", "%s", notOneOf(s.When, whenWords))
	}
	if mode, ok := word(modeWords, s.Mode); ok || s.Mode == "" {
		r.Mode = Mode(mode)
	} else {
		add("mode", "%s", notOneOf(s.Mode, modeWords))
	}
	if actionOK {
		errs = append(errs, s.interval(r)...)
		errs = append(errs, s.priority(r)...)
		switch {
		case s.Canary < 0 || s.Canary > 99:
			add("canary", "%d is no part; write 1 to 99, the percentage of families to begin with, or remove it for all", s.Canary)
		case s.Canary > 0 && r.Action != Drop && r.Action != Downsample:
			add("canary", "only action: drop and downsample have a canary; remove it")
		}
	}
	if s.Expires != "" {
		t, err := time.Parse(time.RFC3339Nano, s.Expires)
		if err != nil || t.IsZero() {
			add("expires", "%s is no time; write it as in 2027-01-01T00:00:00Z", quoted(s.Expires))
		}
		r.Expires = t
	}
	if len(s.Team) > MaxTeamBytes || !utf8.ValidString(s.Team) {
		add("team", "a team is at most %d bytes of UTF-8; shorten it", MaxTeamBytes)
	}
	if len(s.Reason) > MaxReasonBytes || !utf8.ValidString(s.Reason) {
		add("reason", "a reason is at most %d bytes of UTF-8; shorten it", MaxReasonBytes)
	}
	if len(errs) > 0 {
		return nil, errs
	}
	return r, nil
}

// interval sets r's interval, which only thinning has.
func (s Spec) interval(r *Rule) []FieldError {
	one := func(field, text string) []FieldError { return []FieldError{{Field: field, Text: text}} }
	if r.Action != Downsample {
		switch {
		case s.Interval != "":
			return one("interval", "only action: downsample has an interval; remove it")
		case s.AllowGaps:
			return one("allow_gaps", "only action: downsample has allow_gaps; remove it")
		}
		return nil
	}
	if s.Interval == "" {
		return one("interval", "action: downsample needs an interval; write interval: 60s")
	}
	d, err := model.ParseDuration(s.Interval)
	if err != nil {
		return one("interval", quoted(s.Interval)+" is no duration; write it as in 60s or 1m30s")
	}
	r.Interval = time.Duration(d)
	switch {
	case r.Interval < MinInterval:
		return one("interval", fmt.Sprintf("%s is shorter than 1s; make it at least 1s", d))
	case r.Interval > MaxInterval && !s.AllowGaps:
		return one("interval", fmt.Sprintf("%s is longer than 4m, so graphs and alerts would see gaps (lookback is 5m); shorten it or add allow_gaps: true", d))
	}
	return nil
}

// priority sets r's priority, which only prioritizing has.
func (s Spec) priority(r *Rule) []FieldError {
	one := func(field, text string) []FieldError { return []FieldError{{Field: field, Text: text}} }
	if r.Action != Prioritize {
		if s.Priority != "" {
			return one("priority", "only action: prioritize has a priority; remove it")
		}
		return nil
	}
	if s.Priority == "" {
		return one("priority", "action: prioritize needs a priority: critical, high, default or low")
	}
	var errs []FieldError
	p, err := series.ParsePriority(s.Priority)
	if err != nil {
		errs = one("priority", notOneOf(s.Priority, []string{"critical", "high", "default", "low"}))
	}
	r.Priority = p
	if r.When == OverLimit {
		errs = append(errs, one("when", "a priority is one for all times, it cannot depend on the limit; remove when")...)
	}
	return errs
}

func validName(s string) bool {
	for i := range len(s) {
		if c := s[i]; !('a' <= c && c <= 'z' || '0' <= c && c <= '9' || c == '-') {
			return false
		}
	}
	return 0 < len(s) && len(s) <= MaxNameBytes
}

// word returns the index of s in words; 0, false where it is none.
func word(words []string, s string) (int, bool) {
	i := slices.Index(words, s)
	return max(i, 0), i >= 0
}

func notOneOf(s string, words []string) string {
	list := strings.Join(words, ", ")
	if s == "" {
		return "is missing; write one of " + list
	}
	if near := Nearest(s, words); near != "" {
		return fmt.Sprintf("%s is none of %s; did you mean %s?", quoted(s), list, near)
	}
	return fmt.Sprintf("%s is none of %s; use one of them", quoted(s), list)
}

// quoted returns s for an error text: printable, and short.
func quoted(s string) string {
	const most = 64
	if len(s) > most {
		return fmt.Sprintf("%.*q…", most, s)
	}
	return fmt.Sprintf("%q", s)
}
