//go:build unix

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/golang/snappy"
	"github.com/prometheus/prometheus/prompb"
)

// The test binary stands in for every program of the demo: for the demo itself
// where its first argument is "demo", and else for what the arguments show.
const (
	envStandIn = "DEMO_TEST_STANDIN" // a directory for a locked file a process
	envDie     = "DEMO_TEST_DIE"     // who dies: "headgate at start", "node later"
	envLeak    = "DEMO_TEST_LEAK"    // "1": the stand-in Headgate drops nothing
	envLoss    = "DEMO_TEST_LOSS"    // "costs": it forgets a sample there
	envNoPage  = "DEMO_TEST_NO_PAGE" // path of a page that it does not have
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(envStandIn); dir != "" {
		if err := standIn(dir, os.Args[1:]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

func standIn(dir string, args []string) error {
	ctx, cancel := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer cancel()
	lock, err := os.Create(filepath.Join(dir, fmt.Sprint(os.Getpid())))
	if err != nil {
		return err
	}
	defer lock.Close()
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
		return err
	}

	if args[0] == "demo" {
		self, err := os.Executable()
		if err != nil {
			return err
		}
		return show(ctx, options{}, programs{headgate: self, prometheus: self, node: self}, os.Stdout)
	}
	flag := func(name string) string {
		for _, a := range args {
			if value, ok := strings.CutPrefix(a, "--"+name+"="); ok {
				return value
			}
		}
		return ""
	}
	p := &memory{metrics: map[string]map[string]int64{}}
	mux := http.NewServeMux()
	mux.HandleFunc("/-/ready", func(http.ResponseWriter, *http.Request) {})
	role := strings.TrimSuffix(flag("config.file"), ".yml")
	switch role {
	case "store":
		if !slices.Contains(args, "--web.enable-remote-write-receiver") {
			return fmt.Errorf("the store does not receive: %q", args)
		}
		mux.HandleFunc("/api/v1/write", p.write)
		mux.HandleFunc("/api/v1/query", p.query)
	case "sender":
		if err := p.send(); err != nil { // everything, before it is ready
			return err
		}
		mux.HandleFunc("/api/v1/query", p.query)
	case "headgate":
		g, err := newStandInHeadgate()
		if err != nil {
			return err
		}
		mux.HandleFunc("/api/v1/flow", g.flow)
		mux.HandleFunc("/api/v1/costs", g.costs)
		goodLimit.handle(mux)
		goodProfile().handle(mux)
		for _, path := range shownPages {
			path, _, _ = strings.Cut(path, "?")
			if path == "/" {
				path = "/{$}"
			}
			if path != os.Getenv(envNoPage) {
				mux.HandleFunc("GET "+path, func(http.ResponseWriter, *http.Request) {})
			}
		}
		go http.ListenAndServe(flag("ingest.listen-address"), http.HandlerFunc(g.write))
	default:
		role = "node"
		mux.HandleFunc("/metrics", func(http.ResponseWriter, *http.Request) {})
	}

	switch os.Getenv(envDie) {
	case role + " at start":
		return fmt.Errorf("%s: no space left on device", role)
	case role + " later":
		time.AfterFunc(500*time.Millisecond, func() {
			fmt.Fprintf(os.Stderr, "%s: out of memory\n", role)
			os.Exit(3)
		})
	}
	server := &http.Server{Addr: flag("web.listen-address"), Handler: mux}
	context.AfterFunc(ctx, func() { server.Close() })
	if err := server.ListenAndServe(); err != http.ErrServerClosed {
		return err
	}
	return nil
}

// A memory counts samples by metric and series: what a Prometheus would store.
type memory struct {
	mu      sync.Mutex
	metrics map[string]map[string]int64
}

func (m *memory) add(req *prompb.WriteRequest) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, ts := range req.Timeseries {
		metric, series := ts.Labels[0].Value, ts.Labels[1].Value
		if m.metrics[metric] == nil {
			m.metrics[metric] = map[string]int64{}
		}
		m.metrics[metric][series] += int64(len(ts.Samples))
	}
}

func (m *memory) write(w http.ResponseWriter, r *http.Request) {
	req, err := readRequest(r)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	m.add(req)
	w.WriteHeader(http.StatusNoContent)
}

var countQuery = regexp.MustCompile(`^(count|sum)\(count_over_time\((\w+)\[1d\]\)\)$`)

func (m *memory) query(w http.ResponseWriter, r *http.Request) {
	asked := countQuery.FindStringSubmatch(r.FormValue("query"))
	if asked == nil {
		http.Error(w, "not understood: "+r.FormValue("query"), http.StatusBadRequest)
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	samples := int64(0)
	for _, n := range m.metrics[asked[2]] {
		samples += n
	}
	answer := fmt.Sprintf(`[{"metric":{},"value":[1,"%d"]}]`, samples)
	if asked[1] == "count" {
		answer = fmt.Sprintf(`[{"metric":{},"value":[1,"%d"]}]`, len(m.metrics[asked[2]]))
	}
	if samples == 0 {
		answer = "[]"
	}
	fmt.Fprintf(w, `{"status":"success","data":{"resultType":"vector","result":%s}}`, answer)
}

// send writes ten requests to where sender.yml says.
func (m *memory) send() error {
	url, err := configured("sender.yml")
	if err != nil {
		return err
	}
	for i := range 10 {
		req := &prompb.WriteRequest{}
		for _, s := range [][2]string{
			{"checkout_orders_total", "card"},
			{"pod_cpu_seconds_total", fmt.Sprint("pod", i/5)},
			{"debug_request_duration_seconds", fmt.Sprint("request", i)},
			{"warehouse_stock_items", "shelf"},
			{"checkout_cart_requests_total", fmt.Sprint("user", i)},
		} {
			req.Timeseries = append(req.Timeseries, prompb.TimeSeries{
				Labels:  []prompb.Label{{Name: "__name__", Value: s[0]}, {Name: "it", Value: s[1]}},
				Samples: []prompb.Sample{{Value: 1, Timestamp: int64(i)}},
			})
		}
		m.add(req)
		if err := post(url, req); err != nil {
			return err
		}
	}
	return nil
}

// A standInHeadgate knows two rules of the example, by heart.
type standInHeadgate struct {
	upstream string
	mu       sync.Mutex
	total    flow
}

func newStandInHeadgate() (*standInHeadgate, error) {
	url, err := configured("headgate.yml")
	if err != nil {
		return nil, err
	}
	rules, err := filepath.Glob("rules/*.yml")
	if err != nil || len(rules) == 0 {
		return nil, fmt.Errorf("no rules (%v)", err)
	}
	return &standInHeadgate{upstream: url}, nil
}

func (g *standInHeadgate) write(w http.ResponseWriter, r *http.Request) {
	g.mu.Lock()
	defer g.mu.Unlock()
	req, err := readRequest(r)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	t := g.total
	kept := &prompb.WriteRequest{}
	for _, ts := range req.Timeseries {
		t.Received += int64(len(ts.Samples))
		metric := ts.Labels[slices.IndexFunc(ts.Labels, func(l prompb.Label) bool { return l.Name == "__name__" })].Value
		if metric == "debug_request_duration_seconds" && os.Getenv(envLeak) == "" {
			t.Dropped += int64(len(ts.Samples))
			continue
		}
		if metric == "warehouse_stock_items" && ts.Samples[0].Timestamp%30 != 0 {
			t.Downsampled += int64(len(ts.Samples))
			continue
		}
		t.Forwarded += int64(len(ts.Samples))
		kept.Timeseries = append(kept.Timeseries, ts)
	}
	if err := post(g.upstream, kept); err != nil {
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
		return
	}
	g.total = t
	w.WriteHeader(http.StatusNoContent)
}

func (g *standInHeadgate) flow(w http.ResponseWriter, _ *http.Request) {
	g.mu.Lock()
	defer g.mu.Unlock()
	json.NewEncoder(w).Encode(g.total)
}

// costs are of two teams.
func (g *standInHeadgate) costs(w http.ResponseWriter, r *http.Request) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if r.FormValue("by") != "team" || r.FormValue("from") == "" || r.FormValue("to") == "" {
		http.Error(w, "not understood: "+r.URL.RawQuery, http.StatusBadRequest)
		return
	}
	n := g.total.Forwarded - 20
	if os.Getenv(envLoss) == "costs" {
		n--
	}
	fmt.Fprintf(w, `{"currency":"USD","total_micro":1234567,"rows":[{"team":"search","samples":20,"series_hours":4,"cost_micro":1234000,"saved_micro":0},{"team":"checkout","samples":%d,"series_hours":3,"cost_micro":567,"saved_micro":12}]}`, n)
}

var configuredURL = regexp.MustCompile(`url: (http://127\.0\.0\.1:\d+/api/v1/write)\n`)

// configured returns the one URL to write to that a file names.
func configured(file string) (string, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return "", err
	}
	found := configuredURL.FindAllSubmatch(text, -1)
	if len(found) != 1 {
		return "", fmt.Errorf("%s names %d URLs to write to, want 1:\n%s", file, len(found), text)
	}
	return string(found[0][1]), nil
}

func readRequest(r *http.Request) (*prompb.WriteRequest, error) {
	compressed, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	body, err := snappy.Decode(nil, compressed)
	if err != nil {
		return nil, err
	}
	req := &prompb.WriteRequest{}
	return req, req.Unmarshal(body)
}

func post(url string, req *prompb.WriteRequest) error {
	body, err := req.Marshal()
	if err != nil {
		return err
	}
	resp, err := http.Post(url, "application/x-protobuf", bytes.NewReader(snappy.Encode(nil, body)))
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusNoContent {
		return fmt.Errorf("%s answers %s", url, resp.Status)
	}
	return nil
}
