package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"text/tabwriter"
	"time"

	"github.com/alecthomas/kingpin/v2"

	"github.com/headgate/headgate/attribution"
	"github.com/headgate/headgate/internal/api"
	"github.com/headgate/headgate/internal/control"
	"github.com/headgate/headgate/internal/tenant"
	"github.com/headgate/headgate/limiter"
	"github.com/headgate/headgate/rules"
)

// An explainer is the command headgate explain.
type explainer struct {
	*client
	config string // file to read instead of asking
	tenant string
	json   bool
	series string
}

func addExplain(app *kingpin.Application, commands map[string]command) {
	c := app.Command("explain", "Say why a series is forwarded or not: of a running Headgate, or with --config.file of a configuration.")
	x := &explainer{client: clientFlags(c)}
	c.Flag("config.file", "Explain by this configuration file, without asking a running Headgate.").StringVar(&x.config)
	c.Flag("tenant", "The series' tenant; that of senders that name none where absent.").StringVar(&x.tenant)
	c.Flag("json", "Write what the API answers.").BoolVar(&x.json)
	c.Arg("series", `The series as PromQL writes it, 'up{job="api"}', or as a JSON object of its labels.`).Required().StringVar(&x.series)
	commands[c.FullCommand()] = func(ctx context.Context, stdout, stderr io.Writer) int {
		ask := x.online
		if x.config != "" {
			ask = x.offline
		}
		e, err := ask(ctx)
		if err == nil {
			err = x.write(stdout, e)
		}
		if err != nil {
			return fail(stderr, err)
		}
		return exitOK
	}
}

// online asks a running Headgate.
func (x *explainer) online(ctx context.Context) (api.Explanation, error) {
	var e api.Explanation
	q := url.Values{"series": {x.series}}
	if x.tenant != "" {
		q.Set("tenant", x.tenant)
	}
	err := x.do(ctx, http.MethodGet, "/explain", q, nil, &e)
	return e, err
}

// offline evaluates the configuration file.
func (x *explainer) offline(context.Context) (api.Explanation, error) {
	l, problems := load(x.config, "")
	if err := asError(problems); err != nil {
		return api.Explanation{}, fmt.Errorf("configuration:\n%w", err)
	}
	t := l.settings.Config.DefaultTenant
	if x.tenant != "" {
		var err error
		if t, err = tenant.Parse(x.tenant); err != nil {
			return api.Explanation{}, fmt.Errorf("--tenant: %w", err)
		}
	}
	ls, err := control.ParseSeries(x.series)
	if err != nil {
		return api.Explanation{}, err
	}
	engine := rules.NewEngine()
	if err := engine.Load(l.rules); err != nil {
		return api.Explanation{}, err
	}
	owners, err := attribution.New(l.config.Attribution, l.catalogs...)
	if err != nil {
		return api.Explanation{}, err
	}
	lim, err := limiter.New(l.config.Limits, time.Now(), nil)
	if err != nil {
		return api.Explanation{}, err
	}
	within := l.settings.ExplainOffline(engine.For(t, time.Now()), owners, t, ls, lim.For(t, time.Now()).Plan(time.Now()))
	return api.NewExplanation(control.Explained(within)), nil
}

// write writes e for people, or as JSON.
func (x *explainer) write(w io.Writer, e api.Explanation) error {
	if x.json {
		enc := json.NewEncoder(w)
		enc.SetEscapeHTML(false)
		enc.SetIndent("", "  ")
		return enc.Encode(e)
	}
	table := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	for _, s := range e.Steps {
		mark := "-"
		if s.Matched {
			mark = "+"
		}
		fmt.Fprintf(table, "%s %s\t%s\t%s\n", mark, s.Step, printable(s.Name), printable(s.Detail))
	}
	if err := table.Flush(); err != nil {
		return err
	}
	fmt.Fprintf(w, "= %s\n", verdict(e))
	if e.Sighting != nil {
		fmt.Fprintf(w, "  %.4g samples/s received, %.4g pass", e.SamplesPerSecond, e.SamplesPassing)
		if e.Currency != "" {
			fmt.Fprintf(w, ", %s %s a month", attribution.Micro(e.CostPerMonthMicro), e.Currency)
		}
		fmt.Fprintln(w)
	}
	for _, n := range e.Notes {
		fmt.Fprintf(w, "  %s\n", printable(n))
	}
	return nil
}

// verdict says the outcome of e in a line.
func verdict(e api.Explanation) string {
	v := e.Verdict
	if v.Refused != "" {
		return "refused: " + printable(v.Refused)
	}
	text := v.Action
	if v.Rule != "" {
		text += " by rule " + v.Rule
	} else {
		text += ", no rule decides"
	}
	text += fmt.Sprintf("; priority %s; team %s", v.Priority, printable(v.Team))
	if v.Pool != "" && v.Pool != "default" { // default is where there are no pools
		text += "; pool " + printable(v.Pool)
	}
	if v.Shed {
		text += "; shed by a limit"
	}
	if e.Last != nil {
		text += "; last " + e.Last.Outcome
		if !e.Last.At.IsZero() {
			text += " at " + e.Last.At.Format(time.RFC3339)
		}
	}
	return text
}

// printable returns s with what could confuse a terminal escaped: names of
// metrics and labels are anything.
func printable(s string) string {
	q := fmt.Sprintf("%+q", s)
	for _, r := range s {
		if r < ' ' || r == 0x7f || 0x80 <= r && r < 0xa0 {
			return q
		}
	}
	return s
}
