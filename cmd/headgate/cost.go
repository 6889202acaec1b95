package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/alecthomas/kingpin/v2"

	"github.com/headgate/headgate/attribution"
	"github.com/headgate/headgate/internal/api"
)

// maxCostRows is how many rows of a table can be shown.
const maxCostRows = 10_000

// A cost is the command headgate cost.
type cost struct {
	*client
	query  costFlags
	format string
	limit  int
}

// costFlags are the flags that say which costs are meant, by their names in the API.
type costFlags struct{ by, month, from, to, tenant, team, service, metric, shared string }

func addCost(app *kingpin.Application, commands map[string]command) {
	c := app.Command("cost", "Show what was used and what it cost.")
	o := &cost{client: clientFlags(c)}
	c.Flag("url", "The same as --web.url.").PlaceHolder("http://127.0.0.1:9390").URLVar(&o.base)
	c.Flag("by", "What to group by: some of day, tenant, team, service, metric, rule, with commas between.").Default("team").StringVar(&o.query.by)
	c.Flag("month", "A month as in 2026-11; this one where absent.").StringVar(&o.query.month)
	c.Flag("from", "A day, or a full hour in RFC 3339, in place of a month.").StringVar(&o.query.from)
	c.Flag("to", "Likewise; it is not included.").StringVar(&o.query.to)
	c.Flag("tenant", "Of this tenant alone.").StringVar(&o.query.tenant)
	c.Flag("team", "Of this team alone.").StringVar(&o.query.team)
	c.Flag("service", "Of this service alone.").StringVar(&o.query.service)
	c.Flag("metric", "Of this metric alone.").StringVar(&o.query.metric)
	c.Flag("shared", "Who pays for what nobody owns: keep, even or proportional; as configured where absent.").EnumVar(&o.query.shared, "keep", "even", "proportional")
	c.Flag("format", "table, json, csv, or focus: FOCUS "+attribution.FocusVersion+" as CSV.").Default("table").EnumVar(&o.format, "table", "json", "csv", "focus")
	c.Flag("limit", "How many rows of a table, or of JSON, to show at most.").Default("100").IntVar(&o.limit)
	commands[c.FullCommand()] = func(ctx context.Context, stdout, stderr io.Writer) int {
		if err := o.run(ctx, stdout); err != nil {
			return fail(stderr, err)
		}
		return exitOK
	}
}

// values returns the query of the API.
func (f *costFlags) values() url.Values {
	q := url.Values{}
	for name, v := range map[string]string{
		"by": f.by, "month": f.month, "from": f.from, "to": f.to, "tenant": f.tenant, "team": f.team, "service": f.service, "metric": f.metric, "shared": f.shared,
	} {
		if v != "" {
			q.Set(name, v)
		}
	}
	return q
}

func (o *cost) run(ctx context.Context, stdout io.Writer) error {
	if o.limit < 1 || o.limit > maxCostRows {
		return fmt.Errorf("--limit: %d is not between 1 and %d", o.limit, maxCostRows)
	}
	q := o.query.values()
	if o.format == "csv" || o.format == "focus" {
		q.Set("format", o.format)
		return o.advise(o.copy(ctx, "/costs", q, stdout))
	}
	q.Set("limit", strconv.Itoa(o.limit))
	if o.format == "json" {
		return o.advise(o.copy(ctx, "/costs", q, stdout))
	}
	var costs api.Costs
	if err := o.do(ctx, http.MethodGet, "/costs", q, nil, &costs); err != nil {
		return o.advise(err)
	}
	_, err := io.WriteString(stdout, strings.Join(costLines(&costs), "\n")+"\n")
	return err
}

// costLines returns a report for a terminal.
func costLines(c *api.Costs) []string {
	lines := []string{fmt.Sprintf("%s to %s, UTC: %s", shortTime(c.From), shortTime(c.To), money(c.Total, c.Currency))}
	if c.Currency != "" {
		lines = append(lines, fmt.Sprintf("%s saved by rules; %.1f%% of the cost has an owner, the rest is %s",
			money(c.Saved, c.Currency), 100*c.Coverage, map[string]string{
				"keep": "kept as unowned", "even": "shared evenly", "proportional": "shared in proportion",
			}[c.Shared]))
	}
	for _, n := range c.Notes {
		lines = append(lines, "~ "+legible(n))
	}
	if len(c.Rows) == 0 {
		return append(lines, "The ledger has nothing of that time.")
	}
	table := costTable(c)
	for i := range len(c.Rows) + 1 {
		lines = append(lines, row(table, i))
	}
	if c.RestRows > 0 {
		lines = append(lines, fmt.Sprintf("and %s: %s; --limit shows more, --format=csv all", count(int64(c.RestRows), "row", "rows"), money(c.Rest, c.Currency)))
	}
	return lines
}

// costTable returns the columns with their cells.
func costTable(c *api.Costs) []column {
	var table []column
	add := func(title string, numbers bool, cell func(*api.CostRow) string) {
		of := column{title: title, numbers: numbers, width: widthOf(title)}
		for i := range c.Rows {
			text := cell(&c.Rows[i])
			of.cells = append(of.cells, text)
			of.width = max(of.width, widthOf(text))
		}
		table = append(table, of)
	}
	for _, by := range c.By {
		add(strings.ToUpper(legible(by)), false, func(r *api.CostRow) string {
			v := map[string]*string{"day": r.Day, "tenant": r.Tenant, "team": r.Team, "service": r.Service, "metric": r.Metric, "rule": r.Rule}[by]
			if v == nil {
				return "-"
			}
			return orNone(legible(*v))
		})
	}
	number := func(n uint64) string { return strconv.FormatUint(n, 10) }
	add("SAMPLES", true, func(r *api.CostRow) string { return number(r.Samples) })
	add("SERIES-HOURS", true, func(r *api.CostRow) string { return number(r.SeriesHours) })
	add("REMOVED", true, func(r *api.CostRow) string { return number(r.Dropped + r.Downsampled + r.Shed) })
	add("COST", true, func(r *api.CostRow) string { return attribution.Micro(r.Cost).String() })
	add("SHARED", true, func(r *api.CostRow) string { return attribution.Micro(r.Shared).String() })
	add("SAVED", true, func(r *api.CostRow) string { return attribution.Micro(r.Saved).String() })
	for _, r := range c.Rows {
		if r.Adjusts != "" {
			add("CORRECTS", false, func(r *api.CostRow) string { return orNone(legible(r.Adjusts)) })
			break
		}
	}
	return table
}

func money(micro int64, currency string) string {
	if currency == "" {
		return "no price"
	}
	return attribution.Micro(micro).String() + " " + legible(currency)
}

// shortTime writes a day where t begins one.
func shortTime(t time.Time) string { return attribution.HourOf(t).String() }
