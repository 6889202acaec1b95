// Package shop exposes the metrics of a make-believe web shop in which
// everything that explodes in real ones has exploded: a user id, a URL path and
// a request id as labels, a histogram with far too many buckets, and pods that
// come and go.
package shop

import (
	"fmt"
	"math"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// The explosion begins when a release gives the suggestions a label with the
// user's id. It is more than all the rest within a minute.
const (
	Exploding = "search_suggestions_total"

	ReleaseAfter                               = 15 * time.Second
	firstReaders, readersPerSecond, maxReaders = 500, 60, 6000
)

// How much there is of everything else. About 1 000 series stand there at
// first, and 4 500 after ten minutes.
const (
	firstUsers, usersPerSecond, maxUsers = 200, 4, 2000
	firstPaths, pathsPerSecond, maxPaths = 100, 3, 1500

	requests       = 150 // debugged at any time
	requestLife    = 5 * time.Second
	latencyRoutes  = 6
	latencyBuckets = 40
	pods           = 60
	podLife        = 90 * time.Second
	shelves        = 300
	stockLife      = 10 * time.Minute // how often stock is counted
)

// A Shop is a collector of its own metrics. They are a function of the time
// alone, so a Shop may be collected from any number of goroutines.
type Shop struct {
	opened time.Time
	now    func() time.Time
}

// New returns a shop that opens now.
func New(now func() time.Time) *Shop {
	return &Shop{opened: now(), now: now}
}

// Handler serves the shop's metrics as Prometheus scrapes them.
func (s *Shop) Handler() http.Handler {
	reg := prometheus.NewRegistry()
	reg.MustRegister(s)
	return promhttp.HandlerFor(reg, promhttp.HandlerOpts{})
}

var (
	ordersDesc = prometheus.NewDesc("checkout_orders_total",
		"Orders by means of payment.", []string{"team", "method"}, nil)
	cartsDesc = prometheus.NewDesc("checkout_cart_requests_total",
		"Requests to the cart by user: explodes with the users.", []string{"team", "user_id"}, nil)
	debugDesc = prometheus.NewDesc("debug_request_duration_seconds",
		"Duration of one request: a series for every request.", []string{"team", "request_id"}, nil)
	searchesDesc = prometheus.NewDesc("search_requests_total",
		"Searches by raw URL path: explodes with what people look for.", []string{"team", "path", "code"}, nil)
	suggestionsDesc = prometheus.NewDesc(Exploding,
		"Suggestions shown: by user, since a release.", []string{"team", "user_id"}, nil)
	latencyDesc = prometheus.NewDesc("search_latency_seconds",
		"Latency of searches, in far too many buckets.", []string{"team", "route"}, nil)
	podCPUDesc = prometheus.NewDesc("pod_cpu_seconds_total",
		"CPU time by pod: explodes with every rollout.", []string{"team", "namespace", "pod"}, nil)
	podMemoryDesc = prometheus.NewDesc("pod_memory_bytes",
		"Resident memory by pod.", []string{"team", "namespace", "pod"}, nil)
	stockDesc = prometheus.NewDesc("warehouse_stock_items",
		"Items on a shelf: counted every ten minutes.", []string{"team", "shelf"}, nil)
)

// Describe implements [prometheus.Collector].
func (s *Shop) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{
		ordersDesc, cartsDesc, debugDesc, searchesDesc, suggestionsDesc, latencyDesc, podCPUDesc, podMemoryDesc, stockDesc,
	} {
		ch <- d
	}
}

// Collect implements [prometheus.Collector].
func (s *Shop) Collect(ch chan<- prometheus.Metric) {
	now := s.now()
	open := now.Sub(s.opened)
	s.checkout(ch, now, open)
	s.search(ch, open)
	s.platform(ch, now, open)
}

func (s *Shop) checkout(ch chan<- prometheus.Metric, now time.Time, open time.Duration) {
	for i, method := range []string{"card", "invoice", "wallet"} {
		ch <- counter(ordersDesc, open.Seconds()*float64(3-i), "checkout", method)
	}
	for i := range grown(open, firstUsers, usersPerSecond, maxUsers) {
		ch <- counter(cartsDesc, open.Seconds()*fraction(i), "checkout", fmt.Sprintf("user-%05d", i))
	}
	batch := int(now.UnixNano() / int64(requestLife))
	for i := range requests {
		id := mix(uint64(batch*requests + i))
		ch <- gauge(debugDesc, 0.5*fraction(i), "checkout", fmt.Sprintf("%016x", id))
	}
}

func (s *Shop) search(ch chan<- prometheus.Metric, open time.Duration) {
	for i := range grown(open, firstPaths, pathsPerSecond, maxPaths) {
		ch <- counter(searchesDesc, open.Seconds()*fraction(i), "search", fmt.Sprintf("/find/%06x/page/%d", mix(uint64(i))>>40, i%7+1), "200")
	}
	if open < ReleaseAfter {
		ch <- counter(suggestionsDesc, open.Seconds()*20, "search", "")
	} else {
		for i := range grown(open-ReleaseAfter, firstReaders, readersPerSecond, maxReaders) {
			ch <- counter(suggestionsDesc, open.Seconds()*fraction(i), "search", fmt.Sprintf("user-%05d", i))
		}
	}
	for route := range latencyRoutes {
		count := open.Seconds() * float64(10+route)
		buckets := make(map[float64]uint64, latencyBuckets)
		for b := range latencyBuckets {
			le := 0.001 * math.Pow(1.25, float64(b))
			buckets[le] = uint64(count * (1 - math.Exp(-le/0.1)))
		}
		ch <- prometheus.MustNewConstHistogram(latencyDesc, uint64(count), count*0.1, buckets, "search", fmt.Sprintf("/route/%d", route))
	}
}

func (s *Shop) platform(ch chan<- prometheus.Metric, now time.Time, open time.Duration) {
	for i := range pods {
		// Pods are replaced one after the other, each when its life is over.
		age := open + podLife*time.Duration(i)/pods
		generation := int(age / podLife)
		age %= podLife
		team := []string{"checkout", "search", "warehouse"}[i%3]
		pod := fmt.Sprintf("%s-%02d-%05x", team, i, mix(uint64(generation*pods+i))>>44)
		ch <- counter(podCPUDesc, age.Seconds()*fraction(i), team, team, pod)
		ch <- gauge(podMemoryDesc, math.Round(1e8*(1+fraction(i)+age.Seconds()/podLife.Seconds())), team, team, pod)
	}
	count := int(now.UnixNano() / int64(stockLife))
	for i := range shelves {
		items := mix(uint64(count*shelves+i)) % 500
		ch <- gauge(stockDesc, float64(items), "warehouse", fmt.Sprintf("%c-%03d", 'A'+i%6, i))
	}
}

func counter(d *prometheus.Desc, v float64, labels ...string) prometheus.Metric {
	return prometheus.MustNewConstMetric(d, prometheus.CounterValue, math.Floor(v), labels...)
}

func gauge(d *prometheus.Desc, v float64, labels ...string) prometheus.Metric {
	return prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
}

// grown returns how many there are of what began with first and grows by
// perSecond, up to most.
func grown(open time.Duration, first, perSecond, most int) int {
	return min(first+int(open.Seconds())*perSecond, most)
}

// fraction returns a number in [0, 1) that is i's own.
func fraction(i int) float64 { return float64(mix(uint64(i))>>11) / (1 << 53) }

// mix is the finalizer of SplitMix64: neighbours come out far apart, and no two
// numbers alike.
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}
