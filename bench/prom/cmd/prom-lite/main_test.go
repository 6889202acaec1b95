package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// asProgram makes this test binary behave as prom-lite: two of them cannot live
// in one process, since Prometheus' parts share a registry.
const asProgram = "PROM_LITE_TEST_AS_PROGRAM"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

func TestASenderScrapesAndAStoreReceives(t *testing.T) {
	store := start(t, "global: {}\n", "--web.enable-remote-write-receiver")
	address := freeAddress(t)
	sender := startAt(t, address, fmt.Sprintf(`
global: {scrape_interval: 200ms, scrape_timeout: 200ms}
scrape_configs:
- job_name: self
  static_configs: [{targets: [%q], labels: {zone: a}}]
remote_write:
- url: http://%s/api/v1/write
  queue_config: {batch_send_deadline: 100ms}
`, address, store.address))

	want := []result{{Metric: map[string]string{"__name__": "up", "instance": address, "job": "self", "zone": "a"}}}
	for _, p := range []*process{sender, store} {
		var got []result
		waitUntil(t, "up is 1 at "+p.address, func() bool {
			got = p.query(t, "/api/v1/query", url.Values{"query": {"up"}})
			return len(got) == 1 && len(got[0].Value) == 2 && got[0].Value[1] == "1"
		})
		if fmt.Sprint(got[0].Metric) != fmt.Sprint(want[0].Metric) {
			t.Errorf("series = %v, want %v", got[0].Metric, want[0].Metric)
		}
	}

	// What was scraped before the end is sent before the end.
	sender.stop(t)
	now := fmt.Sprint(time.Now().Unix() + 1)
	counted := store.query(t, "/api/v1/query", url.Values{"query": {"count_over_time(up[1m])"}, "time": {now}})
	if len(counted) != 1 {
		t.Errorf("count_over_time(up[1m]) = %v, want one series", counted)
	}
	ranged := store.query(t, "/api/v1/query_range", url.Values{"query": {"vector(1)"}, "start": {now}, "end": {now}, "step": {"15s"}})
	if len(ranged) != 1 || len(ranged[0].Values) != 1 {
		t.Errorf("vector(1) over one step = %v, want one point", ranged)
	}
	if none := store.query(t, "/api/v1/query", url.Values{"query": {"nobody_sends_this"}}); none == nil || len(none) != 0 {
		t.Errorf("an absent series = %#v, want an empty list", none)
	}
	store.stop(t)
}

func TestBadQueriesAreRefused(t *testing.T) {
	p := start(t, "global: {}\n")
	for _, query := range []string{"/api/v1/query?query=sum(", "/api/v1/query?query=up&time=noon", "/api/v1/query_range?query=up&start=1&end=2&step=0"} {
		resp := p.get(t, query)
		if resp.StatusCode != http.StatusBadRequest {
			t.Errorf("GET %s = %d, want 400", query, resp.StatusCode)
		}
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+p.address+"/api/v1/write", nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusNotFound {
		t.Errorf("remote-write without the flag = %d, want 404", resp.StatusCode)
	}
}

// A process is a running prom-lite.
type process struct {
	address string
	cmd     *exec.Cmd
	exited  chan struct{} // closed when cmd has ended
	log     bytes.Buffer  // to be read after that
}

func start(t *testing.T, config string, flags ...string) *process {
	t.Helper()
	return startAt(t, freeAddress(t), config, flags...)
}

func startAt(t *testing.T, address, config string, flags ...string) *process {
	t.Helper()
	dir := t.TempDir()
	file := filepath.Join(dir, "prometheus.yml")
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	p := &process{address: address, exited: make(chan struct{})}
	flags = append(flags, "--config.file="+file, "--web.listen-address="+address,
		"--storage.tsdb.path="+filepath.Join(dir, "data"), "--log.level=warn")
	p.cmd = exec.Command(os.Args[0], flags...)
	p.cmd.Env = append(os.Environ(), asProgram+"=1")
	p.cmd.Stdout, p.cmd.Stderr = &p.log, &p.log
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(p.exited)
		_ = p.cmd.Wait() // the state is read from cmd
	}()
	t.Cleanup(func() {
		_ = p.cmd.Process.Kill() // it may have ended already
		<-p.exited
		if t.Failed() {
			t.Logf("%s wrote:\n%s", p.address, p.log.String())
		}
	})
	waitUntil(t, "prom-lite is ready", func() bool {
		resp, err := http.Get("http://" + address + "/-/ready")
		if err != nil {
			return false
		}
		resp.Body.Close()
		return resp.StatusCode == http.StatusOK
	})
	return p
}

// stop ends p by SIGTERM.
func (p *process) stop(t *testing.T) {
	t.Helper()
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	select {
	case <-p.exited:
	case <-time.After(20 * time.Second):
		t.Fatal("prom-lite does not end")
	}
	if code := p.cmd.ProcessState.ExitCode(); code != 0 {
		t.Fatalf("prom-lite ended with %d", code)
	}
}

// A result is one series of an answer.
type result struct {
	Metric map[string]string `json:"metric"`
	Value  []any             `json:"value"`
	Values [][]any           `json:"values"`
}

func (p *process) query(t *testing.T, path string, parameters url.Values) []result {
	t.Helper()
	resp := p.get(t, path+"?"+parameters.Encode())
	var body struct {
		Status string
		Data   struct{ Result []result }
	}
	if err := json.Unmarshal(resp.body, &body); err != nil || body.Status != "success" {
		t.Fatalf("%s answers %s (%v)", path, resp.body, err)
	}
	return body.Data.Result
}

type response struct {
	*http.Response
	body []byte
}

func (p *process) get(t *testing.T, path string) response {
	t.Helper()
	resp, err := http.Get("http://" + p.address + path)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var body bytes.Buffer
	if _, err := body.ReadFrom(resp.Body); err != nil {
		t.Fatal(err)
	}
	return response{resp, body.Bytes()}
}

func freeAddress(t *testing.T) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	return ln.Addr().String()
}

func waitUntil(t *testing.T, what string, cond func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !cond() {
		select {
		case <-ctx.Done():
			t.Fatalf("it never came true that %s", what)
		case <-tick.C:
		}
	}
}
