package limiter

import (
	"bytes"
	"sync"
	"testing"
	"time"

	"github.com/headgate/headgate/internal/series"
	"github.com/headgate/headgate/internal/tenant"
)

// Everything at once, for the race detector. Afterwards the books balance.
func TestConcurrentUse(t *testing.T) {
	limit := Limit{SamplesPerSecond: 1000, Burst: Duration(time.Second), HardSamplesPerSecond: 100_000, ActiveSeries: 500, Pools: []PoolConfig{pool("a", 0.5)}}
	l, err := New(Config{Tenants: map[tenant.ID]Limit{payments: limit}}, start, func(Event) {})
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for g := range 4 {
		wg.Go(func() {
			var u Usage
			for i := range 300 {
				now := start.Add(time.Duration(i) * 100 * time.Millisecond)
				tn := l.For(payments, now)
				tn.Thinning(now, 0, time.Duration(i%2)*time.Minute)
				p := tn.Plan(now)
				u.Reset()
				for f := range uint64(20) {
					if n := Pool(f % uint64(p.Pools().Len())); p.Admits(n, series.Low, f) {
						u.Add(n, series.Low, Count{Demand: 50, Steady: 50, Granted: 50})
					}
				}
				if _, ok := tn.Take(now, 1000); !ok {
					continue
				}
				if i%5 == 0 {
					tn.Refund(now, 1000)
					continue
				}
				tn.Settle(now, p, &u)
				as := arrivals(series.Priority(i%4-1), g*100+i, g*100+i+50)
				tn.AdmitSeries(now, as)
				tn.CommitSeries(now, as)
			}
		})
	}
	wg.Go(func() {
		for i := range 60 {
			now := start.Add(time.Duration(i) * time.Second)
			limit.SamplesPerSecond = int64(500 + 100*i)
			limit.Pools = limit.Pools[:i%2]
			if err := l.Reload(Config{Tenants: map[tenant.ID]Limit{payments: limit}}, now); err != nil {
				t.Error(err)
			}
			limit.Pools = limit.Pools[:1]
			l.Tick(now)
			l.Statuses(now)
			var b bytes.Buffer
			if err := l.Save(&b, now); err != nil {
				t.Error(err)
			}
		}
	})
	wg.Wait()
	s := l.For(payments, start).Status(start.Add(time.Minute))
	total := int64(0)
	for _, p := range s.Pools {
		total += p.ActiveSeries
	}
	if total != s.ActiveSeries {
		t.Errorf("%d series are active, in the pools %d", s.ActiveSeries, total)
	}
}
