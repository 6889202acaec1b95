package main

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/headgate/headgate/internal/api"
)

// A view is what headgate top shows.
type view struct {
	by, tenant string
	match      []string
	page       api.MetricsPage
	culprits   []string // of the first metrics of page
	problem    error    // why page is not of now
}

// A column is one of the table of metrics.
type column struct {
	title   string
	width   int  // in columns of the terminal
	most    int  // that width may be where the terminal is narrow; 0 for no limit
	numbers bool // aligned to the right
	worth   int  // the column of least worth goes first where there is no room
	cells   []string
}

// minMetric is how narrow the metrics' names may get before other columns go.
const minMetric = 20

// gap stands between columns.
const gap = "  "

// lines returns the view for a terminal of a size; 0 is endless.
func (v *view) lines(columns, rows int) []string {
	lines := v.head(columns)
	if len(v.page.Metrics) == 0 {
		return atMost(lines, rows)
	}
	table := v.table()
	if columns > 0 {
		table = fit(table, columns)
	}
	for i := range len(v.page.Metrics) + 1 {
		lines = append(lines, row(table, i))
	}
	return atMost(lines, rows)
}

// atMost returns the first n lines, or all where n is 0.
func atMost(lines []string, n int) []string {
	if n > 0 {
		return lines[:min(n, len(lines))]
	}
	return lines
}

// head returns what stands above the table.
func (v *view) head(columns int) []string {
	tenant := legible(v.tenant)
	if tenant == "" {
		tenant = "the default tenant"
	}
	which := ""
	if len(v.match) > 0 {
		which = " of " + legible(strings.Join(v.match, " or "))
	}
	var text []string
	if !v.page.AsOf.IsZero() {
		text = append(text, fmt.Sprintf("%s: %s in %s%s, by %s, as of %s", tenant, count(v.page.TotalSeries, "series", "series"),
			count(int64(v.page.TotalMetrics), "metric", "metrics"), which, v.by, v.page.AsOf.Format(time.RFC3339)))
	}
	if v.problem != nil {
		text = append(text, "! "+v.problem.Error()+"; it is tried again")
	}
	for _, l := range v.page.LetGo {
		text = append(text, "~ "+legible(l))
	}
	switch {
	case v.page.AsOf.IsZero() || v.page.TotalMetrics > 0:
	case which != "":
		text = append(text, "Nothing"+which+" was received lately.")
	default:
		text = append(text, "Nothing was received lately: does a Prometheus write to Headgate's --ingest.listen-address?")
	}
	var lines []string
	for _, t := range text {
		lines = append(lines, wrap(t, columns)...)
	}
	return lines
}

// count writes n with its unit.
func count(n int64, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return strconv.FormatInt(n, 10) + " " + many
}

// table returns the columns with their cells.
func (v *view) table() []column {
	table := []column{
		{title: "METRIC", worth: 9},
		{title: "TEAM", most: 12, worth: 2},
		{title: "SERIES", numbers: true, worth: 8},
		{title: "±", numbers: true, worth: 4},
		{title: "SAMPLES/S", numbers: true, worth: 6},
		{title: "LABELS", numbers: true, worth: 1},
		{title: "CHURN", numbers: true, worth: 3},
		{title: "CULPRIT", most: 20, worth: 5},
	}
	for i, m := range v.page.Metrics {
		culprit := ""
		if i < len(v.culprits) {
			culprit = orNone(v.culprits[i])
		}
		for c, cell := range []string{
			legible(m.Metric), orNone(legible(m.Team)), strconv.FormatInt(m.Series, 10), relative(m.SeriesError, m.Series),
			short(m.SamplesPerSecond), strconv.Itoa(m.Labels), short(m.Churn), culprit,
		} {
			table[c].cells = append(table[c].cells, cell)
		}
	}
	sorted := map[string]string{"series": "SERIES", "samples": "SAMPLES/S", "churn": "CHURN"}[v.by]
	for c := range table {
		if table[c].title == sorted {
			table[c].worth = 8
		}
		table[c].width = widthOf(table[c].title)
		for _, cell := range table[c].cells {
			table[c].width = max(table[c].width, widthOf(cell))
		}
	}
	return table
}

// fit makes a table as narrow as the terminal is: first the long cells shrink,
// then the names of metrics, then columns go.
func fit(table []column, columns int) []column {
	for c := range table {
		if most := table[c].most; most > 0 {
			table[c].width = min(table[c].width, most)
		}
	}
	for {
		rest := columns
		for _, c := range table[1:] {
			rest -= len(gap) + c.width
		}
		if rest >= min(minMetric, table[0].width) || len(table) == 1 {
			table[0].width = max(1, min(rest, table[0].width))
			return table
		}
		least := 1
		for c := range table {
			if table[c].worth < table[least].worth {
				least = c
			}
		}
		table = slices.Delete(table, least, least+1)
	}
}

// row returns the table's line i; 0 is that of the titles.
func row(table []column, i int) string {
	var b strings.Builder
	for n, c := range table {
		cell := c.title
		if i > 0 {
			cell = c.cells[i-1]
		}
		cell = shorten(cell, c.width)
		pad := strings.Repeat(" ", c.width-widthOf(cell))
		if n > 0 {
			b.WriteString(gap)
		}
		if c.numbers {
			b.WriteString(pad + cell)
		} else {
			b.WriteString(cell + pad)
		}
	}
	return strings.TrimRight(b.String(), " ")
}

// relative writes a standard error in per cent of what it is of.
func relative(e float64, of int64) string {
	if e == 0 || of == 0 {
		return "-"
	}
	return short(100*e/float64(of)) + "%"
}

// short writes what is not negative with three digits or all that stand before
// the point.
func short(x float64) string {
	switch {
	case x >= 100:
		return strconv.FormatFloat(x, 'f', 0, 64)
	case x > 0 && x < 0.001:
		return "<0.001"
	}
	return strconv.FormatFloat(x, 'g', 3, 64)
}

func orNone(s string) string {
	if s == "" {
		return "-"
	}
	return s
}
