package api

import (
	"context"
	"math"
	"net/http"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/headgate/headgate/internal/control"
	"github.com/headgate/headgate/internal/series"
	"github.com/headgate/headgate/profiler"
	"github.com/headgate/headgate/profiler/inventory"
)

// A Profile is what is known of one metric, besides its labels.
type Profile struct {
	Metric           string    `json:"metric"`
	Series           int64     `json:"series" doc:"Received within the window, before any rule hides them."`
	SeriesError      float64   `json:"series_error" doc:"Standard error of series, in series; 0 where it is exact."`
	SeriesForwarded  int64     `json:"series_forwarded"`
	SamplesPerSecond float64   `json:"samples_per_second" doc:"Received, over about the last minute."`
	Churn            float64   `json:"churn" doc:"Unique series in 24 hours, divided by those within the window: 1 where all stay."`
	Team             string    `json:"team" doc:"Of most of its series."`
	FirstSeen        time.Time `json:"first_seen"`
	Type             string    `json:"type" doc:"As senders say; empty where they do not. So are help and unit."`
	Help             string    `json:"help"`
	Unit             string    `json:"unit"`
	Detail           string    `json:"detail" enum:"exact,sketched,counted" doc:"exact: every series is known. sketched: series and labels are estimates. counted: series are an estimate, and labels were let go for want of memory."`
}

// A MetricDetail is a metric with its labels.
type MetricDetail struct {
	Profile
	Moves  *float64   `json:"moves" doc:"Of the looks at its series, a part of the window apart, the part that found another value. Null where no series was looked at for a whole window: it is not known."`
	AsOf   time.Time  `json:"as_of"`
	Labels []LabelRow `json:"labels" doc:"Greatest reduction first; empty where detail is counted."`
}

// A LabelRow says what one label makes of a metric's series.
type LabelRow struct {
	Label         string     `json:"label"`
	Values        int64      `json:"values" doc:"Unique ones."`
	ValuesError   float64    `json:"values_error" doc:"Standard error of values, in values; 0 where it is exact."`
	SeriesWithout int64      `json:"series_without" doc:"How many series would remain without the label; its relative error is that of series."`
	Reduction     float64    `json:"reduction" doc:"The part of the series that would go: 1 - series_without / series."`
	Top           []TopValue `json:"top" doc:"The values with the most series."`
}

// A TopValue is a value of a label with the number of series that have it.
type TopValue struct {
	Value  string `json:"value"`
	Series int64  `json:"series" doc:"At most; at least it is series - error."`
	Error  int64  `json:"error" doc:"A bound, and no standard error; 0 where series is exact."`
}

// A LabelsPage is a list of labels, each over all metrics.
type LabelsPage struct {
	Labels     []LabelsRow `json:"labels" doc:"Most values first."`
	NextCursor string      `json:"next_cursor" doc:"Of the next page; empty where there is none."`
}

// A LabelsRow is one label over all metrics that have it.
type LabelsRow struct {
	Label       string  `json:"label"`
	Values      int64   `json:"values" doc:"Unique ones."`
	ValuesError float64 `json:"values_error" doc:"Standard error of values, in values; 0 where it is exact."`
	Metrics     int     `json:"metrics" doc:"How many metrics have the label."`
	Series      int64   `json:"series" doc:"How many series have it."`
}

// A SeriesCount says how many series match.
type SeriesCount struct {
	Series           int64         `json:"series"`
	SeriesError      float64       `json:"series_error" doc:"Standard error of series, in series; 0 where it is exact. In 95 of 100 cases the truth is within 1.96 times that."`
	AtMost           int64         `json:"at_most" doc:"The upper end of that interval. Where none was seen, this says how many there may be nevertheless; then 0 is certain."`
	SeriesForwarded  int64         `json:"series_forwarded"`
	SamplesPerSecond float64       `json:"samples_per_second" doc:"Received, by the intervals between the series' samples."`
	Metrics          int           `json:"metrics" doc:"How many metrics have series that were seen to match."`
	Groups           []SeriesGroup `json:"groups" doc:"By the values of the labels in by, most series first."`
	Examples         []string      `json:"examples" doc:"Series that match, as PromQL writes them."`
}

// A SeriesGroup is the series that have the same values of some labels.
type SeriesGroup struct {
	By               map[string]string `json:"by" doc:"An empty value stands for series without the label."`
	Series           int64             `json:"series"`
	SeriesError      float64           `json:"series_error" doc:"Standard error of series, in series; 0 where it is exact."`
	SamplesPerSecond float64           `json:"samples_per_second"`
}

type metricInput struct {
	Tenant string `query:"tenant" doc:"The tenant of senders that name none, where absent."`
	Metric string `query:"metric" required:"true" doc:"Its name."`
}

type metricOutput struct{ Body MetricDetail }

type labelsInput struct {
	Tenant string   `query:"tenant" doc:"The tenant of senders that name none, where absent."`
	Match  []string `query:"match,explode" maxItems:"64" doc:"A PromQL series selector; may be repeated: any of them."`
	Limit  int      `query:"limit" minimum:"1" maximum:"10000" default:"100"`
	Cursor string   `query:"cursor" maxLength:"16384" doc:"next_cursor of the page before."`
}

type labelsOutput struct{ Body LabelsPage }

type seriesInput struct {
	Tenant   string   `query:"tenant" doc:"The tenant of senders that name none, where absent."`
	Match    []string `query:"match,explode" required:"true" maxItems:"64" doc:"A PromQL series selector; may be repeated: any of them."`
	By       []string `query:"by,explode" maxItems:"8" doc:"A label by whose values to group; may be repeated."`
	Limit    int      `query:"limit" minimum:"1" maximum:"10000" default:"100" doc:"Of groups."`
	Examples int      `query:"examples" minimum:"0" maximum:"100" default:"10" doc:"How many series to show."`
}

type seriesOutput struct{ Body SeriesCount }

func registerProfile(a huma.API, c *control.Control) {
	registerMetrics(a, c)
	huma.Register(a, operation(http.MethodGet, "/profile/metric", "get-profiled-metric", "One metric: which labels make its series, and how many would remain without each"),
		func(ctx context.Context, in *metricInput) (*metricOutput, error) {
			d, err := c.As(actor(ctx)).ProfileMetric(in.Tenant, in.Metric)
			if err != nil {
				return nil, problem(err)
			}
			return &metricOutput{newMetricDetail(d)}, nil
		})
	huma.Register(a, operation(http.MethodGet, "/profile/labels", "list-profiled-labels", "The labels by unique values, over all metrics"),
		func(ctx context.Context, in *labelsInput) (*labelsOutput, error) {
			page, err := c.As(actor(ctx)).ProfileLabels(control.LabelsQuery{Tenant: in.Tenant, Match: in.Match, Limit: in.Limit, Cursor: in.Cursor})
			if err != nil {
				return nil, problem(err)
			}
			return &labelsOutput{newLabelsPage(page)}, nil
		})
	huma.Register(a, operation(http.MethodGet, "/profile/series", "count-profiled-series", "How many series match, by the values of labels"),
		func(ctx context.Context, in *seriesInput) (*seriesOutput, error) {
			r, err := c.As(actor(ctx)).ProfileSeries(control.SeriesQuery{Tenant: in.Tenant, Match: in.Match, By: in.By, Limit: in.Limit, Examples: in.Examples})
			if err != nil {
				return nil, problem(err)
			}
			return &seriesOutput{newSeriesCount(r, in.By)}, nil
		})
}

func newProfile(r profiler.MetricRow) Profile {
	return Profile{
		Metric: r.Metric, Series: whole(r.Series), SeriesError: errorDigits(r.SeriesError), SeriesForwarded: whole(r.SeriesForwarded),
		SamplesPerSecond: rateDigits(r.SamplesPerSecond), Churn: rateDigits(r.Churn), Team: r.Team, FirstSeen: r.FirstSeen.UTC(),
		Type: r.About.Type, Help: r.About.Help, Unit: r.About.Unit, Detail: string(r.Detail),
	}
}

func newMetricDetail(d profiler.MetricDetail) MetricDetail {
	out := MetricDetail{Profile: newProfile(d.MetricRow), AsOf: d.AsOf.UTC(), Labels: make([]LabelRow, len(d.Labels))}
	if d.Movement.Known > 0 {
		moves := rateDigits(d.Movement.Share())
		out.Moves = &moves
	}
	for i, l := range d.Labels {
		top := make([]TopValue, len(l.Top))
		for n, v := range l.Top {
			top[n] = TopValue{v.Value, whole(v.Series), whole(v.Error)}
		}
		out.Labels[i] = LabelRow{l.Label, whole(l.Values), errorDigits(l.ValuesError), whole(l.SeriesWithout), rateDigits(l.Reduction), top}
	}
	return out
}

func newLabelsPage(p control.LabelsPage) LabelsPage {
	out := LabelsPage{Labels: make([]LabelsRow, len(p.Labels)), NextCursor: p.Next}
	for i, l := range p.Labels {
		out.Labels[i] = LabelsRow{l.Label, whole(l.Values), errorDigits(l.ValuesError), l.Metrics, whole(l.Series)}
	}
	return out
}

// normal95 is how many standard errors half a 95 % interval has.
const normal95 = 1.96

func newSeriesCount(r inventory.Result, by []string) SeriesCount {
	out := SeriesCount{
		Series: whole(r.Series.Value), SeriesError: errorDigits(r.Series.Error / normal95), AtMost: int64(math.Ceil(r.Series.Value + r.Series.Error)),
		SeriesForwarded: whole(r.Forwarded.Value), SamplesPerSecond: rateDigits(r.PerSecond.Value), Metrics: r.Metrics,
		Groups: []SeriesGroup{}, Examples: make([]string, len(r.Examples)),
	}
	for _, g := range r.Groups {
		values := make(map[string]string, len(by))
		for i, name := range by {
			values[name] = g.Values[i]
		}
		out.Groups = append(out.Groups, SeriesGroup{values, whole(g.Series.Value), errorDigits(g.Series.Error / normal95), rateDigits(g.PerSecond.Value)})
	}
	for i, ls := range r.Examples {
		out.Examples[i] = series.Labels(ls).String()
	}
	return out
}

// whole rounds an estimate of a count.
func whole(x float64) int64 { return int64(math.Round(x)) }

// rateDigits and errorDigits round to what an estimate can tell: six and three
// digits.
func rateDigits(x float64) float64  { return digits(x, 6) }
func errorDigits(x float64) float64 { return digits(x, 3) }

func digits(x float64, n int) float64 {
	rounded, _ := strconv.ParseFloat(strconv.FormatFloat(x, 'g', n, 64), 64) // what it wrote itself
	return rounded
}
