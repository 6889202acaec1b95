package ui

import (
	"math"
	"strings"
)

// metricCSV holds the labels of a metric, with their top values.
func (r *request) metricCSV() (table, error) {
	metric := r.query.Get("metric")
	d, err := r.control.ProfileMetric(r.tenant(), metric)
	if err != nil {
		return table{}, err
	}
	t := table{name: "labels-of-a-metric", header: []string{"metric", "label", "values", "values_error", "series_without", "reduction", "top_values", "series_of_top_values", "as_of"}}
	t.rows = func(yield func([]string) bool) {
		for _, l := range d.Labels {
			values, series := make([]string, len(l.Top)), make([]string, len(l.Top))
			for i, top := range l.Top {
				values[i], series[i] = top.Value, number(math.Round(top.Series))
			}
			if !yield([]string{
				metric, l.Label, number(math.Round(l.Values)), number(l.ValuesError), number(math.Round(l.SeriesWithout)), number(l.Reduction),
				strings.Join(values, "\n"), strings.Join(series, "\n"), stamp(d.AsOf),
			}) {
				return
			}
		}
	}
	return t, nil
}
