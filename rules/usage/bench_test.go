package usage

import (
	"fmt"
	"syscall"
	"testing"
	"time"

	"github.com/headgate/headgate/rules"
)

// benchQueries returns queries of the shapes that dashboards and rule files have, over
// a fifth as many metrics.
func benchQueries(n int) []*Query {
	shapes := []string{
		`sum by (job) (rate(app%d_component_requests_total{namespace="shop",code=~"5.."}[5m]))`,
		`histogram_quantile(0.99, sum by (le, job) (rate(app%d_component_duration_seconds_bucket{namespace=~"shop|pay"}[5m])))`,
		`app%d_component_temperature_celsius{sensor!~"test.*"} > 80`,
		`max_over_time(app%[1]d_component_queue_length[10m]) / on (instance) group_left app%[1]d_component_queue_limit`,
		`topk(5, {__name__=~"app%d_component_(received|sent)_bytes_total", job="api"})`,
		`count by (__name__) ({__name__=~"app%d_.+_info", cluster=~"eu-.*"})`,
		`avg by (pod) (avg_over_time(other%d_usage_ratio{pod=~"web-[0-9a-f]+-.*"}[2m]))`,
		`absent(up{job="app%d"})`,
	}
	list := make([]*Query, n)
	for i := range list {
		list[i] = query(fmt.Sprintf(shapes[i%len(shapes)], i/5))
		list[i].Name = fmt.Sprintf("query %d", i)
	}
	return list
}

// processorTime returns what the process has used of processors: on a machine with
// other work, it says more than the time on the wall.
func processorTime(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkBreaks judges a rule over many queries.
func BenchmarkBreaks(b *testing.B) {
	ix := NewIndex(benchQueries(5000), nil)
	for _, bb := range []struct {
		name string
		rule *rules.Rule
	}{
		{"one metric", drop(b, `app7_component_requests_total`)},
		{"pattern that many match", drop(b, `{__name__=~"app.*_bucket"}`)},
		{"pattern with a prefix", drop(b, `{__name__=~"app1_component_.*", code="500"}`)},
		{"pattern that few match", drop(b, `{__name__=~"debug_.+|trace_[a-z]+_total"}`)},
		{"pattern with labels", drop(b, `{__name__=~".*_(bucket|total)", namespace=~"sh.*", pod!~"web-.*"}`)},
		{"labels alone", drop(b, `{namespace=~"(shop|pay)-?.*"}`)},
		{"thinning by pattern", thin(b, "60s", `{__name__=~"app[0-9]+_component_.*"}`)},
		{"ignoring case", drop(b, `{__name__=~"(?i)APP.*_total"}`)},
	} {
		b.Run(bb.name, func(b *testing.B) {
			n, before := 0, processorTime(b)
			for b.Loop() {
				ix.expressions = expressions{} // nothing is remembered of the rule before
				n = len(ix.Breaks(bb.rule, nil))
			}
			b.ReportMetric(float64(n), "broken")
			b.ReportMetric(float64((processorTime(b)-before).Microseconds())/1e3/float64(b.N), "cpu-ms/rule")
		})
	}
}
