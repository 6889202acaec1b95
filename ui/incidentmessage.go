package ui

import (
	"fmt"
	"strings"

	"github.com/headgate/headgate/internal/control"
)

// incidentMessage tells of an incident to people who do not see its card, with where
// they do.
func (r *request) incidentMessage(n control.Incident, v incidentView) string {
	var b strings.Builder
	does := "explodes"
	if n.Settled {
		does = "exploded and stays high"
	}
	fmt.Fprintf(&b, "%s of tenant %s %s: series %s, since %s.\n", short(n.Metric), n.Tenant, does, v.Grown, v.Since.Exact)
	for _, l := range n.Labels {
		fmt.Fprintf(&b, "Label %s: from %s to %s values.\n", short(l.Label), count(l.From), count(l.To))
	}
	if len(n.Samples) > 0 {
		samples := make([]string, len(n.Samples))
		for i, value := range n.Samples {
			samples[i] = short(value)
		}
		fmt.Fprintf(&b, "New values: %s.\n", strings.Join(samples, ", "))
	}
	var where []string
	for _, o := range v.Origins {
		where = append(where, "mostly "+o.Name+" "+o.Text)
	}
	if n.Sender != "" {
		where = append(where, "sent by "+v.Sender)
	}
	if n.Team != "" {
		where = append(where, "team "+short(n.Team))
	}
	if len(where) > 0 {
		b.WriteString(sentence(strings.Join(where, "; ")) + ".\n")
	}
	b.WriteString(r.absolute(v.Metric.Href) + "\n")
	return b.String()
}
