package usage

import (
	"github.com/prometheus/prometheus/model/labels"

	"github.com/headgate/headgate/internal/series"
)

// A Kind says what a query belongs to, in the words of API and pages.
type Kind string

// The kinds.
const (
	Alert     Kind = "alert"
	Record    Kind = "record"
	Dashboard Kind = "dashboard"
	Asked     Kind = "query" // somebody asked it, and may again
)

// A Query is one expression that somebody relies on. It is immutable, and belongs
// to one [Index].
type Query struct {
	Kind Kind
	Name string // of the alert, the recorded metric, or the dashboard and its panel
	File string
	Line int    // from 1; 0 where the file as a whole is meant
	Expr string // as it is written
	Link string // path of the panel in Grafana; "" for none

	Needs   []Need
	Vague   bool   // Needs are less certain than they look: it may break, at most
	Trouble string // why Needs are not all that it reads; "" where they are

	makes []labelValues // of series that evaluating it makes
	order int           // among those of its index
}

// labelValues are equalities that hold for series.
type labelValues []*labels.Matcher

// produced returns what is known of the series that a rule makes: their names and
// the labels that it sets.
func produced(kind Kind, name string, set map[string]string) []labelValues {
	var fixed labelValues
	for l, v := range set {
		if v != "" && l != series.MetricName {
			fixed = append(fixed, equal(l, v))
		}
	}
	if kind == Record {
		return []labelValues{append(labelValues{equal(series.MetricName, name)}, fixed...)}
	}
	fixed = append(fixed, equal("alertname", name))
	return []labelValues{
		append(labelValues{equal(series.MetricName, "ALERTS")}, fixed...),
		append(labelValues{equal(series.MetricName, "ALERTS_FOR_STATE")}, fixed...),
	}
}

// equal returns a matcher for which there is no error.
func equal(name, value string) *labels.Matcher {
	return &labels.Matcher{Type: labels.MatchEqual, Name: name, Value: value}
}
