package api

import (
	"encoding/json"
	"math"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/headgate/headgate/internal/control"
	"github.com/headgate/headgate/rules"
)

// A Rule is a rule as files hold it, and what is known of it besides.
type Rule struct {
	Name      string `json:"name"`
	Tenant    string `json:"tenant,omitempty" doc:"Every tenant where absent."`
	Match     Match  `json:"match"`
	Action    string `json:"action" enum:"keep,drop,downsample,prioritize"`
	Interval  string `json:"interval,omitempty"`
	AllowGaps bool   `json:"allow_gaps,omitempty"`
	Priority  string `json:"priority,omitempty"`
	When      string `json:"when" enum:"always,over_limit"`
	Mode      string `json:"mode" enum:"enforce,shadow,off"`
	Canary    int    `json:"canary,omitempty" doc:"Percent of families that it acts on; to the others it is a shadow. It acts on all where absent."`
	Expires   string `json:"expires,omitempty" format:"date-time"`
	Team      string `json:"team,omitempty"`
	Reason    string `json:"reason,omitempty"`

	Source                  string    `json:"source" enum:"file,api"`
	File                    string    `json:"file,omitempty" doc:"Where the rule is changed, where source is file."`
	Line                    int       `json:"line,omitempty"`
	Position                int       `json:"position" doc:"In the order of precedence, from 1."`
	Revision                int64     `json:"revision" doc:"Its ETag; 0 where it is in a file."`
	UpdatedAt               time.Time `json:"updated_at,omitzero"`
	UpdatedBy               string    `json:"updated_by,omitempty"`
	State                   string    `json:"state" enum:"active,expired,off,shadow"`
	MatchedSeries           *int64    `json:"matched_series" doc:"Active series that it matches, at most half a minute ago; null where nothing is profiled, and where there was no time to count."`
	MatchedSeriesError      int64     `json:"matched_series_error,omitempty" doc:"The truth is within, in 95 of 100 cases; absent where matched_series is exact."`
	RemovedSamplesPerSecond float64   `json:"removed_samples_per_second" doc:"Over the last minute; of a shadow rule: what it would remove."`
}

// RuleSettings are a rule as files hold it, and how it is to be saved.
type RuleSettings struct {
	Name      string `json:"name" required:"false" doc:"1 to 63 of a-z, 0-9 and -. Of a rule that is there, that of the path."`
	Tenant    string `json:"tenant" required:"false" doc:"Every tenant where absent."`
	Match     Match  `json:"match"`
	Action    string `json:"action" doc:"keep, drop, downsample or prioritize."`
	Interval  string `json:"interval" required:"false" doc:"Of downsample." example:"60s"`
	AllowGaps bool   `json:"allow_gaps" required:"false"`
	Priority  string `json:"priority" required:"false" doc:"Of prioritize: critical, high, default or low."`
	When      string `json:"when" required:"false" doc:"always, or over_limit."`
	Mode      string `json:"mode" required:"false" doc:"enforce, shadow or off."`
	Canary    int    `json:"canary" required:"false" doc:"Percent of families that it acts on, 1 to 99; to the others it is a shadow. It acts on all where absent."`
	Expires   string `json:"expires" required:"false" doc:"RFC 3339."`
	Team      string `json:"team" required:"false"`
	Reason    string `json:"reason" required:"false" doc:"Why there is the rule."`

	Position     int    `json:"position" required:"false" minimum:"0" doc:"In the order of precedence, behind those of files. Where absent it stays where it is, and a new rule becomes the last."`
	ChangeReason string `json:"change_reason" required:"false" maxLength:"1024" doc:"Why it is changed, for the history; reason where absent."`
	Override     bool   `json:"override" required:"false" doc:"It is meant although it breaks alerts; needs a reason."`
}

func (s *RuleSettings) spec() rules.Spec {
	return rules.Spec{
		Name: s.Name, Tenant: s.Tenant, Match: rules.Selectors(s.Match), Action: s.Action, Interval: s.Interval, AllowGaps: s.AllowGaps,
		Priority: s.Priority, When: s.When, Mode: s.Mode, Canary: s.Canary, Expires: s.Expires, Team: s.Team, Reason: s.Reason,
	}
}

// A RuleRevert names what a rule is to say again.
type RuleRevert struct {
	Revision int64  `json:"revision" minimum:"1" doc:"Of the history: the rule is to say what it said after it."`
	Reason   string `json:"reason" required:"false" maxLength:"1024" doc:"Why, for the history."`
	Override bool   `json:"override" required:"false" doc:"It is meant although it breaks alerts; needs a reason."`
}

// A RuleRevision is one change of a rule.
type RuleRevision struct {
	Revision int64           `json:"revision"`
	At       time.Time       `json:"at"`
	By       string          `json:"by"`
	Action   string          `json:"action" enum:"saved,moved,deleted,reverted,expired"`
	Reason   string          `json:"reason,omitempty"`
	Before   json.RawMessage `json:"before" doc:"The rule as files hold it; null where there was none."`
	After    json.RawMessage `json:"after" doc:"The rule as files hold it; null where there is none since."`
}

// A Match is one PromQL series selector, or a list of them, any of which may match.
type Match rules.Selectors

// MarshalJSON implements json.Marshaler.
func (m Match) MarshalJSON() ([]byte, error) { return rules.Selectors(m).MarshalJSON() }

// Schema implements huma.SchemaProvider.
func (Match) Schema(huma.Registry) *huma.Schema {
	selector := &huma.Schema{Type: huma.TypeString}
	return &huma.Schema{
		Description: "One PromQL series selector, or a list of them, any of which may match.",
		OneOf:       []*huma.Schema{selector, {Type: huma.TypeArray, Items: selector}},
	}
}

func newRule(r control.Rule, matched control.Matched) Rule {
	s := r.Rule.Spec()
	out := Rule{
		Name: s.Name, Tenant: s.Tenant, Match: Match(s.Match), Action: s.Action, Interval: s.Interval, AllowGaps: s.AllowGaps,
		Priority: s.Priority, When: r.Rule.When.String(), Mode: r.Rule.Mode.String(), Canary: s.Canary, Expires: s.Expires, Team: s.Team, Reason: s.Reason,
		Source: r.Source, File: r.Rule.File, Line: r.Rule.Line,
		Position: r.Position, Revision: r.Revision, UpdatedAt: r.UpdatedAt, UpdatedBy: r.UpdatedBy,
		State: string(r.State), RemovedSamplesPerSecond: r.RemovedSamplesPerSecond,
	}
	if matched.Known {
		n := int64(math.Round(matched.Series))
		out.MatchedSeries, out.MatchedSeriesError = &n, int64(math.Ceil(matched.Error))
	}
	return out
}

func newRuleRevision(r control.RuleRevision) RuleRevision {
	return RuleRevision{r.Revision, r.At.UTC(), r.By, string(r.Action), r.Reason, orNull(r.Before), orNull(r.After)}
}

// orNull returns raw, or null where it is empty.
func orNull(raw json.RawMessage) json.RawMessage {
	if len(raw) == 0 {
		return json.RawMessage("null")
	}
	return raw
}
