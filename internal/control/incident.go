package control

import (
	"cmp"
	"context"
	"encoding/json"
	"slices"
	"time"

	"github.com/headgate/headgate/internal/auth"
	"github.com/headgate/headgate/internal/store"
	"github.com/headgate/headgate/internal/tenant"
	"github.com/headgate/headgate/profiler"
	"github.com/headgate/headgate/profiler/explosion"
)

// explosionKind is the kind of event that an explosion is.
const explosionKind = "explosion"

// An Incident is a metric that makes too many series.
type Incident struct {
	Tenant  tenant.ID
	Metric  string
	Since   time.Time // when the rise began, as far as can be told
	At      time.Time // of the latest reading that was told
	Settled bool      // it grows no more, and stays
	From    float64   // active series before
	To      float64   // and at the latest reading
	Labels  []IncidentLabel
	Samples []string // of new values of the first label
	Looks   string   // what these look like; "" where they look like nothing known
	Team    string   // of most of its series
	Sender  string   // of most new series; "" where that is unknown
	Share   float64  // of the new series that came from it

	// Where most of its series come from now, by the labels that say so.
	Origins []IncidentOrigin
}

// An IncidentLabel is a label whose values made the series.
type IncidentLabel struct {
	Label    string
	From, To float64 // unique values
}

// An IncidentOrigin is the value of a label that most of a metric's series have.
type IncidentOrigin struct {
	Label, Value string
	Series       float64
}

// explosionDetail is what an event of an explosion holds besides its text.
type explosionDetail struct {
	Metric  string          `json:"metric"`
	State   string          `json:"state"`
	Since   int64           `json:"since"` // unix seconds
	From    float64         `json:"from"`
	To      float64         `json:"to"`
	Labels  []IncidentLabel `json:"labels,omitempty"`
	Samples []string        `json:"samples,omitempty"`
	Looks   string          `json:"looks,omitempty"`
	Team    string          `json:"team,omitempty"`
	Sender  string          `json:"sender,omitempty"`
	Share   float64         `json:"share,omitempty"`
}

// maxExplosionDetail is how many bytes of detail an event of an explosion holds.
// Beyond it, as with a metric whose name is a page long, the text has to do.
const maxExplosionDetail = 8 << 10

// Exploded takes what the profiler tells of a metric. It never blocks.
func (es *Events) Exploded(x profiler.Explosion) {
	d := explosionDetail{
		Metric: x.Metric, State: x.State.String(), Since: x.Since * 60, From: x.From, To: x.To, Samples: x.Samples, Team: x.Team, Share: x.Share,
	}
	if x.Look.Form != explosion.Other {
		d.Looks = string(x.Look.Form)
	}
	if x.Sender != (profiler.Sender{}) {
		d.Sender = x.Sender.String()
	}
	for _, c := range x.Culprits {
		d.Labels = append(d.Labels, IncidentLabel{c.Label, c.From, c.To})
	}
	e := Event{At: time.Now(), Kind: explosionKind, Tenant: x.Tenant, Team: x.Team, Text: x.String()}
	if detail, err := json.Marshal(d); err == nil && len(detail) <= maxExplosionDetail {
		e.Detail = detail
	}
	es.Add(e)
}

// ExplodedMetric returns the metric that an event says explodes; "" where it says no
// such thing.
func ExplodedMetric(e Event) string {
	var d explosionDetail
	if e.Kind != explosionKind || json.Unmarshal(e.Detail, &d) != nil {
		return ""
	}
	return d.Metric
}

const (
	// incidentsFor is how long an incident is shown after it was told of last.
	incidentsFor = 6 * time.Hour

	maxIncidents     = 5
	maxIncidentLabel = 3
)

// Incidents returns the metrics that explode, or did in the last hours and are not
// back to what they were; the latest first.
func (c *Control) Incidents(ctx context.Context, tenantName string) ([]Incident, error) {
	t, err := c.tenantOrAll(auth.ReadEvents, tenantName)
	if err != nil {
		return nil, err
	}
	page, err := c.parts.Events.Events(ctx, store.EventQuery{Kind: explosionKind, Tenant: t, From: time.Now().Add(-incidentsFor), Limit: 200})
	if err != nil {
		return nil, err
	}
	list := incidentsOf(page.Events)
	for i := range list {
		list[i].Origins = c.originsOf(list[i].Tenant, list[i].Metric)
	}
	return list, nil
}

// incidentsOf makes incidents of events, of which the newest stands first.
func incidentsOf(events []Event) (list []Incident) {
	type metricOf struct {
		tenant tenant.ID
		metric string
	}
	at := map[metricOf]int{} // in list; -1 where older events say nothing more
	for _, e := range events {
		var d explosionDetail
		if json.Unmarshal(e.Detail, &d) != nil || d.Metric == "" {
			continue
		}
		of := metricOf{e.Tenant, d.Metric}
		i, known := at[of]
		if known && i < 0 {
			continue
		}
		if !known {
			if d.State == explosion.Over.String() || len(list) == maxIncidents {
				at[of] = -1
				continue
			}
			i = len(list)
			at[of] = i
			list = append(list, Incident{
				Tenant: e.Tenant, Metric: d.Metric, At: e.At, Since: time.Unix(d.Since, 0), From: d.From, To: d.To,
				Settled: d.State == explosion.Settled.String(), Team: d.Team, Sender: d.Sender, Share: d.Share,
			})
		}
		n := &list[i]
		if since := time.Unix(d.Since, 0); since.Before(n.Since) {
			n.Since, n.From = since, d.From
		}
		if len(n.Labels) == 0 && len(d.Labels) > 0 {
			n.Labels, n.Samples, n.Looks = d.Labels[:min(len(d.Labels), maxIncidentLabel)], d.Samples, d.Looks
		}
		if d.State == explosion.Began.String() {
			at[of] = -1 // what is older was another one
		}
	}
	return list
}

// originLabels say where series come from, the most telling first.
var originLabels = []string{"job", "namespace", "pod", "instance"}

// originsOf returns where most series of a metric come from.
func (c *Control) originsOf(t tenant.ID, metric string) (list []IncidentOrigin) {
	if c.parts.Profiler == nil {
		return nil
	}
	d, ok := c.parts.Profiler.Metric(t, metric)
	if !ok {
		return nil
	}
	for _, l := range d.Labels {
		if len(l.Top) > 0 && slices.Contains(originLabels, l.Label) {
			list = append(list, IncidentOrigin{l.Label, l.Top[0].Value, l.Top[0].Series})
		}
	}
	slices.SortFunc(list, func(a, b IncidentOrigin) int {
		return cmp.Compare(slices.Index(originLabels, a.Label), slices.Index(originLabels, b.Label))
	})
	return list
}
