package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"github.com/headgate/headgate/internal/api"
)

// A running is headgate serve in this process, on ports of its own.
type running struct {
	t           *testing.T
	dir         string
	web, ingest string // host:port
	log         *buffer
	client      *http.Client
	scheme      string
	stop        func() int // ends it as SIGTERM does, and returns the exit status
}

// write writes files, given as name and content, into dir.
func write(t *testing.T, dir string, files map[string]string) {
	t.Helper()
	for name, content := range files {
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// serveArgs are the arguments of headgate serve on free ports, with those in args,
// in which DIR stands for dir. What it keeps, it keeps there: where no
// configuration file is given, it gets one that says nothing.
func serveArgs(t *testing.T, dir string, args []string) []string {
	t.Helper()
	all := []string{"serve"}
	given := strings.Join(args, " ")
	if !strings.Contains(given, "--config.file") {
		write(t, dir, map[string]string{"nothing.yml": "{}\n"})
		args = append([]string{"--config.file=DIR/nothing.yml"}, args...)
	}
	for _, a := range []string{"--web.listen-address=127.0.0.1:0", "--ingest.listen-address=localhost:0"} {
		if flag, _, _ := strings.Cut(a, "="); !strings.Contains(given, flag) {
			all = append(all, a)
		}
	}
	for _, a := range args {
		all = append(all, strings.ReplaceAll(a, "DIR", dir))
	}
	return all
}

// launch runs headgate serve with the files in a directory of their own; in args,
// DIR stands for it.
func launch(t *testing.T, files map[string]string, args ...string) *running {
	t.Helper()
	r := &running{t: t, dir: t.TempDir(), log: &buffer{}, client: &http.Client{Timeout: patience}, scheme: "http"}
	write(t, r.dir, files)
	ctx, cancel := context.WithCancel(context.Background())
	ended, code := make(chan struct{}), -1
	go func() {
		defer close(ended)
		code = run(ctx, serveArgs(t, r.dir, args), io.Discard, r.log)
	}()
	r.stop = func() int {
		cancel()
		r.client.CloseIdleConnections()
		select {
		case <-ended:
			return code
		case <-time.After(patience):
			t.Errorf("headgate does not end:\n%s", r.log)
			return -1
		}
	}
	t.Cleanup(func() { r.stop() })
	eventually(t, "headgate listens", func() bool {
		select {
		case <-ended:
			t.Fatalf("headgate ended with %d:\n%s", code, r.log)
		default:
		}
		r.web, r.ingest = r.listener("web"), r.listener("ingest")
		return r.web != "" && r.ingest != ""
	})
	return r
}

// refusedAtStart runs headgate serve, which must end, and returns what it wrote.
func refusedAtStart(t *testing.T, files map[string]string, args ...string) string {
	t.Helper()
	dir := t.TempDir()
	write(t, dir, files)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	var log buffer
	if code := run(ctx, serveArgs(t, dir, args), io.Discard, &log); code != exitError {
		t.Fatalf("headgate ended with %d, want %d:\n%s", code, exitError, &log)
	}
	return log.String()
}

// listener returns the address that the log names for one of the two, or "".
func (r *running) listener(name string) string {
	m := regexp.MustCompile(`msg="Listening on" listener="?(?:web and ingest|` + name + `)"? address=(\S+)`).FindStringSubmatch(r.log.String())
	if m == nil {
		return ""
	}
	return m[1]
}

// do sends a request; change may be nil.
func (r *running) do(method, address, path string, body []byte, change func(*http.Request)) (*http.Response, string) {
	r.t.Helper()
	req, err := http.NewRequestWithContext(r.t.Context(), method, r.scheme+"://"+address+path, bytes.NewReader(body))
	if err != nil {
		r.t.Fatal(err)
	}
	if change != nil {
		change(req)
	}
	resp, err := r.client.Do(req)
	if err != nil {
		r.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		r.t.Fatal(err)
	}
	return resp, string(text)
}

// get returns what the web listener answers, which must be of the status.
func (r *running) get(path string, status int) string {
	r.t.Helper()
	resp, text := r.do(http.MethodGet, r.web, path, nil, nil)
	if resp.StatusCode != status {
		r.t.Fatalf("GET %s: %s %s, want %d", path, resp.Status, text, status)
	}
	return text
}

// read decodes what the web listener answers.
func (r *running) read(path string, into any) {
	r.t.Helper()
	if err := json.Unmarshal([]byte(r.get(path, http.StatusOK)), into); err != nil {
		r.t.Fatalf("GET %s: %v", path, err)
	}
}

// send sends a remote-write request and returns the answer.
func (r *running) send(w wire, body []byte, change func(*http.Request)) (int, string) {
	r.t.Helper()
	resp, text := r.do(http.MethodPost, r.ingest, "/api/v1/write", body, func(req *http.Request) {
		w.setHeaders(req)
		if change != nil {
			change(req)
		}
	})
	return resp.StatusCode, strings.TrimSpace(text)
}

// wantSent sends a request that must be taken.
func (r *running) wantSent(w wire, body []byte) {
	r.t.Helper()
	if status, text := r.send(w, body, nil); status != http.StatusNoContent {
		r.t.Fatalf("write: %d %s, want 204", status, text)
	}
}

// wantConserved returns the flow, after it has checked that nothing is lost in it.
func (r *running) wantConserved(query string) api.Flow {
	r.t.Helper()
	var f api.Flow
	r.read("/api/v1/flow"+query, &f)
	if sum := f.Forwarded + f.Dropped + f.Downsampled + f.Shed + f.Rejected + f.Failed; sum != f.Received {
		r.t.Errorf("%d samples are received, and the outcomes sum to %d", f.Received, sum)
	}
	return f
}

// metrics returns what /metrics shows.
func (r *running) metrics() map[string]*dto.MetricFamily {
	r.t.Helper()
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(strings.NewReader(r.get("/metrics", http.StatusOK)))
	if err != nil {
		r.t.Fatal(err)
	}
	return families
}

// gauge returns the value of a gauge without labels.
func (r *running) gauge(name string) float64 {
	r.t.Helper()
	f := r.metrics()[name]
	if f == nil || len(f.Metric) != 1 {
		r.t.Fatalf("metric %s: %v, want one", name, f)
	}
	return f.Metric[0].GetGauge().GetValue()
}

// A buffer is what a program writes, to be read at any time.
type buffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

func basic(user, password string) func(*http.Request) {
	return func(r *http.Request) { r.SetBasicAuth(user, password) }
}

func header(pairs ...string) func(*http.Request) {
	return func(r *http.Request) {
		for i := 0; i < len(pairs); i += 2 {
			r.Header.Add(pairs[i], pairs[i+1])
		}
	}
}

// configFor is a configuration that forwards to upstream, with more of it in YAML.
func configFor(upstream, more string) string {
	return fmt.Sprintf("gateway:\n  upstream: {url: %q, timeout: 10s}\n%s", upstream, more)
}
