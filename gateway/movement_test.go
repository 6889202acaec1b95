package gateway

import (
	"fmt"
	"math"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/prometheus/model/histogram"
	"github.com/prometheus/prometheus/prompb"

	"github.com/headgate/headgate/internal/remotewrite"
	"github.com/headgate/headgate/profiler/inventory"
)

// A sample every half minute for three hours: what is told of whether values move is
// what they did, whatever the protocol, and also where they move in step with the
// parts of the window.
func TestWhetherValuesMoveReachesTheProfile(t *testing.T) {
	const series = 40
	values := map[string]func(minute int) float64{
		"constant": func(int) float64 { return 7 },
		"broken":   func(int) float64 { return math.NaN() },
		"counter":  func(m int) float64 { return float64(m) },
		"hourly":   func(m int) float64 { return float64(m / 60) },
		"job":      func(m int) float64 { return float64(max(0, m%10-6)) }, // runs for three minutes of each ten
	}
	for _, version := range []remotewrite.Version{remotewrite.V1, remotewrite.V2} {
		synctest.Test(t, func(t *testing.T) {
			f := profiled(t, "")
			for tick := range 2 * 180 {
				now := time.Now().UnixMilli()
				var entries []entry
				for name, value := range values {
					for i := range series {
						entries = append(entries, at(fmt.Sprintf(`%s{i="%d"}`, name, i), value(tick/2), now))
					}
				}
				for i := range series {
					v := staleNaN // a target that comes and goes
					if tick%4 < 2 {
						v = 7
					}
					entries = append(entries, at(fmt.Sprintf(`flapping{i="%d"}`, i), v, now),
						entry{labels: fmt.Sprintf(`native{i="%d"}`, i), hists: []prompb.Histogram{nativeHistogram(now, histogram.NotCounterReset, false)}})
				}
				body := bodyV1
				if version == remotewrite.V2 {
					body = bodyV2
				}
				if rec := f.post(version, body(entries...)); rec.Code != 204 {
					t.Fatalf("answer %d %s", rec.Code, rec.Body)
				}
				time.Sleep(30 * time.Second)
			}
			check := func(name string, want func(m *inventory.Movement) bool) {
				d, ok := f.engines.Profiler.Metric("default", name)
				if m := &d.Movement.Movement; !ok || m.Rows != series || !want(m) {
					t.Errorf("%s by %v: %+v", name, version, d.Movement)
				}
			}
			whole := func(m *inventory.Movement) bool { return m.Known == series && m.Looks >= 15*series && m.Most <= 18 }
			check("constant", func(m *inventory.Movement) bool { return whole(m) && m.Moves == 0 })
			check("broken", func(m *inventory.Movement) bool { return whole(m) && m.Moves == 0 })
			check("counter", func(m *inventory.Movement) bool { return whole(m) && m.Moves == m.Looks && m.Busy == series })
			check("hourly", func(m *inventory.Movement) bool { return whole(m) && m.Moves == 2*series && m.Busy == 0 })
			check("job", func(m *inventory.Movement) bool { return whole(m) && m.Share() > 0.2 })
			check("flapping", func(m *inventory.Movement) bool { return m.Moves == 0 && m.Looks > 0 })
			check("native", func(m *inventory.Movement) bool { return m.Known == 0 })
		})
	}
}
