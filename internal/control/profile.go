package control

import (
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"math"
	"slices"

	"github.com/headgate/headgate/internal/auth"
	"github.com/headgate/headgate/internal/series"
	"github.com/headgate/headgate/internal/tenant"
	"github.com/headgate/headgate/profiler"
	"github.com/headgate/headgate/profiler/inventory"
)

// ProfileMetric returns what is known of one metric, or an ErrNotFound.
func (c *Control) ProfileMetric(tenantName, metric string) (profiler.MetricDetail, error) {
	t, _, err := c.profiled(tenantName, nil)
	if err != nil {
		return profiler.MetricDetail{}, err
	}
	if metric == "" {
		return profiler.MetricDetail{}, &Invalid{"metric", "which one? give its name"}
	}
	d, ok := c.parts.Profiler.Metric(t, metric)
	if !ok {
		return d, &missing{fmt.Sprintf("metric %.200q is not known of tenant %s: it was not received lately, or it is one of many in %s; GET /api/v1/profile/metrics lists those that are known",
			metric, t, profiler.Overflow)}
	}
	return d, nil
}

// A LabelsQuery says which labels of the profile are meant: those of series that
// match.
type LabelsQuery struct {
	Tenant string
	Match  []string
	Search string // part of the metric's name, in any case; "" for all
	Limit  int    // 0 for all
	Cursor string
}

// A LabelsPage is a list of labels.
type LabelsPage struct {
	Labels []profiler.LabelsRow // most values first
	Next   string               // cursor of the next page; "" where there is none
}

// ProfileLabels returns the labels of a tenant's series, over all metrics.
func (c *Control) ProfileLabels(q LabelsQuery) (LabelsPage, error) {
	t, match, err := c.profiled(q.Tenant, q.Match)
	if err != nil {
		return LabelsPage{}, err
	}
	rows, err := c.parts.Profiler.Labels(t, match, named(q.Search, nil))
	if err != nil {
		return LabelsPage{}, err
	}
	if rows, err = labelsAfter(rows, q.Cursor); err != nil {
		return LabelsPage{}, err
	}
	page := LabelsPage{Labels: rows}
	if q.Limit > 0 && len(rows) > q.Limit {
		page.Labels = rows[:q.Limit]
		page.Next = labelsCursor(rows[q.Limit-1])
	}
	return page, nil
}

// labelsCursor names the place after r.
func labelsCursor(r profiler.LabelsRow) string {
	b := binary.BigEndian.AppendUint64(nil, math.Float64bits(r.Values))
	return base64.RawURLEncoding.EncodeToString(append(b, r.Label...))
}

// labelsAfter returns the rows behind the cursor. Figures move between pages: what
// passed the cursor meanwhile is shown twice or not at all.
func labelsAfter(rows []profiler.LabelsRow, cursor string) ([]profiler.LabelsRow, error) {
	if cursor == "" {
		return rows, nil
	}
	b, err := base64.RawURLEncoding.DecodeString(cursor)
	if err != nil || len(b) < 8 {
		return nil, &Invalid{"cursor", profiler.ErrCursor.Error()}
	}
	values, label := math.Float64frombits(binary.BigEndian.Uint64(b)), string(b[8:])
	i := slices.IndexFunc(rows, func(r profiler.LabelsRow) bool {
		return r.Values < values || r.Values == values && r.Label > label
	})
	if i < 0 {
		return nil, nil
	}
	return rows[i:], nil
}

// A SeriesQuery asks how many series match, by the values of some labels.
type SeriesQuery struct {
	Tenant   string
	Match    []string // at least one
	By       []string
	Limit    int // of groups; 0 for all
	Examples int // how many series are to be shown
}

// ProfileSeries counts a tenant's series that match. The groups with the most come
// first.
func (c *Control) ProfileSeries(q SeriesQuery) (inventory.Result, error) {
	t, match, err := c.profiled(q.Tenant, q.Match)
	if err != nil {
		return inventory.Result{}, err
	}
	if len(match) == 0 {
		return inventory.Result{}, &Invalid{"match", `which series? write a selector as in {job="api"}`}
	}
	for i, name := range q.By {
		if name == "" || slices.Contains(q.By[:i], name) {
			return inventory.Result{}, &Invalid{"by", fmt.Sprintf("%.80q: name each label once", name)}
		}
	}
	r := c.parts.Profiler.Select(t, &inventory.Query{Selectors: match, By: q.By, Examples: q.Examples})
	if q.Limit > 0 && len(r.Groups) > q.Limit {
		r.Groups = r.Groups[:q.Limit]
	}
	return r, nil
}

// TSDB returns a tenant's statistics in the words of Prometheus, with up to limit
// names in each list.
func (c *Control) TSDB(tenantName string, limit int) (profiler.TSDBStats, error) {
	t, _, err := c.profiled(tenantName, nil)
	if err != nil {
		return profiler.TSDBStats{}, err
	}
	return c.parts.Profiler.TSDB(t, limit), nil
}

const unprofiled = "nothing is profiled: profiler.memory_limit_bytes is 0; set it, or leave it out for the default, and restart"

// profiled parses what every question about the profile has.
func (c *Control) profiled(tenantName string, match []string) (tenant.ID, []*series.Selector, error) {
	if err := c.may(auth.ReadTraffic); err != nil {
		return "", nil, err
	}
	if c.parts.Profiler == nil {
		return "", nil, &missing{unprofiled}
	}
	t, err := c.tenantOrDefault(auth.ReadTraffic, tenantName)
	if err != nil {
		return "", nil, err
	}
	var selectors []*series.Selector
	for _, text := range match {
		s, err := series.ParseSelector(text)
		if err != nil {
			return "", nil, &Invalid{"match", err.Error() + `; write it as in {job="api"}`}
		}
		selectors = append(selectors, s)
	}
	return t, selectors, nil
}
