package profiler

import (
	"fmt"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/headgate/headgate/internal/series"
	"github.com/headgate/headgate/profiler/sketch"
)

func TestSmallMetricIsExact(t *testing.T) {
	f := newFixture(t)
	f.see(users("orders", 0, 300)...)
	f.see(labels("orders", "team", "checkout", "zone", "0"))
	f.see(users("orders", 0, 300)...)
	d := f.metric(t, "orders")
	if d.Series != 301 || d.SeriesError != 0 || d.SeriesForwarded != 301 || d.Detail != Exact || d.Team != "checkout" || d.Churn != 1 || d.MetricRow.Labels != 3 {
		t.Errorf("%+v, want 301 series, exactly", d.MetricRow)
	}
	user := d.label(t, "user")
	// Without user there remain three zones, one of which the series without user has, too.
	if user.Values != 300 || user.SeriesWithout != 3 || math.Abs(user.Reduction-(1-3.0/301)) > 1e-9 {
		t.Errorf("user: %+v, want 300 values and 3 series without it", user)
	}
	if zone := d.label(t, "zone"); zone.Values != 3 || zone.SeriesWithout != 301 || zone.Reduction != 0 || zone.Top[0] != (TopValue{"0", 101, 0}) {
		t.Errorf("zone: %+v, want 3 values, and no series fewer without it", zone)
	}
	if d.Labels[0].Label != "user" {
		t.Errorf("%s leads, want user: it reduces most", d.Labels[0].Label)
	}
}

// A metric that is too large for rows is estimated, and what was a row before is
// part of the estimate.
func TestLargeMetricIsEstimated(t *testing.T) {
	f := newFixture(t)
	const n = 50_000
	f.see(users("orders", 0, n)...)
	d := f.metric(t, "orders")
	within := func(what string, got, want float64) {
		t.Helper()
		if math.Abs(got-want) > 0.03*want {
			t.Errorf("%s is %.0f, want %.0f", what, got, want)
		}
	}
	within("series", d.Series, n)
	if d.Detail != Sketched || d.SeriesError == 0 {
		t.Errorf("%+v, want an estimate with its error", d.MetricRow)
	}
	user := d.label(t, "user")
	within("values of user", user.Values, n)
	if user.SeriesWithout != 3 {
		t.Errorf("%v series without user, want 3", user.SeriesWithout)
	}
	zone := d.label(t, "zone")
	within("series without zone", zone.SeriesWithout, n)
	if zone.Values != 3 || len(zone.Top) != 3 || zone.Top[0].Series < n/3 {
		t.Errorf("zone: %+v, want the three with %d series each", zone, n/3)
	}
}

// A label that comes late counts the series that lacked it as they are.
func TestLateLabelCountsWhatLackedIt(t *testing.T) {
	f := newFixture(t)
	f.see(users("orders", 0, 20_000)...)
	late := users("orders", 0, 10_000)
	for i := range late {
		late[i] = append(late[i], series.Label{Name: "zz_shard", Value: fmt.Sprint(i % 2)})
	}
	f.see(late...)
	d := f.metric(t, "orders")
	if shard := d.label(t, "zz_shard"); math.Abs(shard.SeriesWithout-20_000) > 600 || math.Abs(d.Series-30_000) > 900 {
		t.Errorf("%.0f series, %.0f without the late label; want 30000 and 20000", d.Series, shard.SeriesWithout)
	}
}

// What is always there estimates constant through the turn of parts; what stopped
// is gone once the window has passed, and not before. Each series is shown at its
// own moment of a part, as the gateway does.
func TestWindowSlides(t *testing.T) {
	for _, n := range []int{900, 40_000} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			f := newFixture(t)
			stay, leave := users("m", 0, n), users("m", n, n)
			f.see(slices.Concat(stay, leave)...)
			first := f.at.Part
			show := func(list []series.Labels, turn uint8) {
				var due []series.Labels
				for _, ls := range list {
					if uint8(sketch.Final(sketch.Sum(ls))>>32)%8 == turn {
						due = append(due, ls)
					}
				}
				f.see(due...)
			}
			for part := first + 1; part <= first+2*sketch.Parts; part++ {
				for turn := range uint8(8) {
					f.at.Part, f.at.Turn = part, turn*32
					show(stay, turn)
					want := float64(2 * n)
					if part-first >= sketch.Parts {
						want = float64(n)
					}
					if got := f.metric(t, "m").Series; math.Abs(got-want) > 0.04*want || n < 1000 && got != want {
						t.Fatalf("part %d.%d: %.0f series, want %.0f", part-first, turn, got, want)
					}
				}
				for _, p := range f.profiles() {
					p.turn(f.at)
				}
			}
			if churn := f.metric(t, "m").Churn; math.Abs(churn-2) > 0.15 {
				t.Errorf("churn is %.2f, want 2: twice as many series in 24 hours", churn)
			}
			f.at.Part += 2 * sketch.Parts
			for _, p := range f.profiles() {
				p.turn(f.at)
			}
			if got := f.metric(t, "m").Series; got > 0.01*float64(n) {
				t.Errorf("%.0f series after all stopped, want none", got)
			}
		})
	}
}

// Received and forwarded are told apart, and follow a change of the verdict.
func TestForwardedIsWhatIsForwarded(t *testing.T) {
	for _, n := range []int{100, 40_000} {
		f := newFixture(t)
		list := users("m", 0, n)
		seen := make([]Seen, n)
		for i := range list {
			seen[i] = Seen{Labels: list[i], Forwarded: i%4 != 0}
		}
		f.Observe(shop, Sender{}, f.at, seen)
		d := f.metric(t, "m")
		if want := float64(n) * 3 / 4; math.Abs(d.SeriesForwarded-want) > 0.04*want {
			t.Errorf("%.0f of %d series forwarded, want %.0f", d.SeriesForwarded, n, want)
		}
	}
}

func TestRatesFollowWhatIsReceived(t *testing.T) {
	f := newFixture(t)
	f.see(users("m", 0, 10)...)
	for range 40 {
		f.Count(shop, []MetricSamples{{"m", 1500}, {"m", 500}, {"unknown", 7}}, 10*time.Second)
	}
	if d := f.metric(t, "m"); math.Abs(d.SamplesPerSecond-200) > 1 {
		t.Errorf("%.1f samples/s, want 200", d.SamplesPerSecond)
	}
	for range 40 {
		f.Count(shop, nil, 10*time.Second)
	}
	if d := f.metric(t, "m"); d.SamplesPerSecond > 1 {
		t.Errorf("%.1f samples/s after nothing was received, want 0", d.SamplesPerSecond)
	}
}

// Pages together show every metric once, in order.
func TestPagesShowEveryMetricOnce(t *testing.T) {
	f := newFixture(t)
	for i := range 25 {
		f.see(users(fmt.Sprintf("m%02d", i), 0, 1+i%5)...)
	}
	var got []MetricRow
	q := Query{Tenant: shop, Limit: 7}
	for {
		page, err := f.metricsAt(q, f.at, time.Now())
		if err != nil || page.TotalMetrics != 25 || page.TotalSeries != 75 {
			t.Fatalf("%+v, %v; want 25 metrics of 75 series", page, err)
		}
		got = append(got, page.Metrics...)
		if q.Cursor = page.Next; q.Cursor == "" {
			break
		}
	}
	names := map[string]bool{}
	for i, r := range got {
		names[r.Metric] = true
		if i > 0 && (got[i-1].Series < r.Series || got[i-1].Series == r.Series && got[i-1].Metric >= r.Metric) {
			t.Errorf("%s with %.0f series follows %s with %.0f", r.Metric, r.Series, got[i-1].Metric, got[i-1].Series)
		}
	}
	if len(got) != 25 || len(names) != 25 {
		t.Errorf("%d rows of %d metrics, want 25", len(got), len(names))
	}
	for _, q := range []Query{{Sort: "colour"}, {Cursor: "%"}, {Cursor: "AAAA"}} {
		q.Tenant = shop
		if _, err := f.metricsAt(q, f.at, time.Now()); err == nil {
			t.Errorf("query %+v succeeded, want an error", q)
		}
	}
}

func TestNamesBeyondTheLimitShareOne(t *testing.T) {
	f := newFixture(t, func(c *Config) { c.MaxMetrics = 10 })
	for i := range 30 {
		f.see(users(fmt.Sprintf("small%02d", i), 0, 2)...)
	}
	f.see(users("late_and_large", 0, 500)...)
	page, err := f.metricsAt(Query{Tenant: shop}, f.at, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	if page.TotalSeries != 560 || page.Metrics[0].Metric != Overflow || page.Metrics[0].Series != 540 || len(page.LetGo) != 1 {
		t.Errorf("%+v, want 560 series, 540 of them in the overflow, and a sentence that says so", page)
	}
	// The largest gets its name when the part turns.
	for _, p := range f.profiles() {
		p.turn(f.at)
	}
	f.at.Part++
	f.see(users("late_and_large", 0, 500)...)
	if d := f.metric(t, "late_and_large"); d.Series != 500 {
		t.Errorf("%.0f series of the largest, want 500", d.Series)
	}
}

func TestSendersSayWhatMetricsAre(t *testing.T) {
	f := newFixture(t)
	f.see(labels("latency_seconds_bucket", "le", "1"), labels("latency_seconds_count"), labels("up"))
	f.Describe(shop, []Account{{"latency_seconds", About{"histogram", "How long.", "seconds"}}, {"unknown", About{"gauge", "", ""}}})
	for _, name := range []string{"latency_seconds_bucket", "latency_seconds_count"} {
		if d := f.metric(t, name); d.About != (About{"histogram", "How long.", "seconds"}) {
			t.Errorf("%s is %+v", name, d.About)
		}
	}
	if d := f.metric(t, "up"); d.About != (About{}) {
		t.Errorf("up is %+v, and nobody said so", d.About)
	}
}
