package prom

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
)

// BuildHeadgate builds the headgate command of the module at root into dir and
// returns the program's path.
func BuildHeadgate(ctx context.Context, root, dir string) (string, error) {
	program := filepath.Join(dir, "headgate")
	cmd := exec.CommandContext(ctx, "go", "build", "-o", program, "./cmd/headgate")
	cmd.Dir = root
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build headgate: %w\n%s", err, out)
	}
	return program, nil
}

// A Headgate is a running headgate process on loopback ports that stay the
// same when it is killed and started again. It is safe for concurrent use; a
// reload and a change of the rules never meet a process that is being killed
// or started.
type Headgate struct {
	program string
	dir     string // working directory: configuration, rules, data
	web     string // host:port of pages, API and metrics
	ingest  string // host:port of remote-write
	client  *http.Client

	mu      sync.Mutex
	cmd     *exec.Cmd
	exited  chan struct{} // closed when cmd has ended
	ending  *atomic.Bool  // cmd was told to end
	started int

	lost   func(error) // called when the process ends unasked
	output output
}

// NewHeadgate prepares a headgate in dir that forwards to upstream under the
// given rules: the items of a rule file's list, or "". It is not started. When the
// process ends unasked, lost is called.
func NewHeadgate(ctx context.Context, program, dir, upstream, rules string, lost func(error)) (*Headgate, error) {
	h := &Headgate{program: program, dir: dir, lost: lost, client: &http.Client{Timeout: 5 * time.Second}}
	for _, address := range []*string{&h.web, &h.ingest} {
		ln, err := listen(ctx)
		if err != nil {
			return nil, err
		}
		defer ln.Close() // held until both are chosen, so that they differ
		*address = ln.Addr().String()
	}
	config := fmt.Sprintf("gateway:\n  upstream:\n    url: %s\n    timeout: 1s\nrules:\n  files: [%s]\n",
		upstream, h.rulesFile())
	if err := os.WriteFile(h.configFile(), []byte(config), 0o600); err != nil {
		return nil, fmt.Errorf("write configuration: %w", err)
	}
	if err := h.SetRules(rules); err != nil {
		return nil, err
	}
	return h, nil
}

func (h *Headgate) configFile() string { return filepath.Join(h.dir, "headgate.yml") }
func (h *Headgate) rulesFile() string  { return filepath.Join(h.dir, "rules.yml") }

// IngestURL is the scheme://host:port of remote-write.
func (h *Headgate) IngestURL() string { return "http://" + h.ingest }

// SetRules replaces the rule file at once; the process reads it when it is
// reloaded.
func (h *Headgate) SetRules(rules string) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.setRules(rules)
}

func (h *Headgate) setRules(rules string) error {
	next, list := h.rulesFile()+".next", "rules:\n"+rules
	if rules == "" {
		list = "rules: []\n"
	}
	if err := os.WriteFile(next, []byte(list), 0o600); err != nil {
		return fmt.Errorf("write rules: %w", err)
	}
	return os.Rename(next, h.rulesFile())
}

// Start starts the process and returns once it is ready.
func (h *Headgate) Start(ctx context.Context) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	cmd := exec.Command(h.program, "serve", "--config.file="+h.configFile(), "--web.enable-lifecycle",
		"--web.listen-address="+h.web, "--ingest.listen-address="+h.ingest)
	cmd.Dir, cmd.Stdout, cmd.Stderr = h.dir, &h.output, &h.output
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start headgate: %w", err)
	}
	exited, ending := make(chan struct{}), new(atomic.Bool)
	go func() {
		defer close(exited)
		_ = cmd.Wait() // the state is read from cmd
		if !ending.Load() {
			h.lost(fmt.Errorf("headgate ended unasked: %s", cmd.ProcessState))
		}
	}()
	h.cmd, h.exited, h.ending = cmd, exited, ending
	h.started++

	ctx, cancel := context.WithTimeout(ctx, 15*time.Second)
	defer cancel()
	if err := eventually(ctx, "headgate is ready", func() bool {
		status, _, err := h.call(ctx, http.MethodGet, "/-/ready")
		return err == nil && status == http.StatusOK
	}); err != nil {
		return fmt.Errorf("%w\n%s", err, h.output.tail())
	}
	return nil
}

// Kill ends the process by SIGKILL.
func (h *Headgate) Kill() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.cmd != nil {
		h.ending.Store(true)
		_ = h.cmd.Process.Kill() // it may have ended already
		<-h.exited
	}
}

// Stop ends the process by SIGTERM and reports how it ended.
func (h *Headgate) Stop(ctx context.Context) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.ending.Store(true)
	if err := h.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return fmt.Errorf("signal headgate: %w", err)
	}
	select {
	case <-h.exited:
	case <-ctx.Done():
		return fmt.Errorf("wait until headgate ends: %w", ctx.Err())
	}
	if code := h.cmd.ProcessState.ExitCode(); code != 0 {
		return fmt.Errorf("headgate ended with %s\n%s", h.cmd.ProcessState, h.output.tail())
	}
	return nil
}

// Starts counts how often the process was started.
func (h *Headgate) Starts() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.started
}

// Reload asks for a reload by HTTP and returns its answer.
func (h *Headgate) Reload(ctx context.Context) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	status, body, err := h.call(ctx, http.MethodPost, "/-/reload")
	if err == nil && status != http.StatusOK {
		err = fmt.Errorf("reload: %d: %s", status, body)
	}
	return err
}

// Hangup asks for a reload by SIGHUP, which has no answer.
func (h *Headgate) Hangup() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.cmd.Process.Signal(syscall.SIGHUP)
}

// ReloadBroken puts broken in the place of the rules, asks for a reload that
// must be refused, and puts rules back.
func (h *Headgate) ReloadBroken(ctx context.Context, broken, rules string) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if err := h.setRules(broken); err != nil {
		return err
	}
	status, _, err := h.call(ctx, http.MethodPost, "/-/reload")
	if err == nil && status/100 == 2 {
		err = fmt.Errorf("broken rules were loaded: %d", status)
	}
	return errors.Join(err, h.setRules(rules))
}

// A Flow is what became of samples, as headgate counts it.
type Flow struct {
	Received, Forwarded, Dropped, Downsampled, Shed, Rejected, Failed int
}

// Outcomes is the sum of all outcomes: at rest, what was received.
func (f Flow) Outcomes() int {
	return f.Forwarded + f.Dropped + f.Downsampled + f.Shed + f.Rejected + f.Failed
}

// Flow asks headgate for its totals since it was started.
func (h *Headgate) Flow(ctx context.Context) (Flow, error) {
	var f Flow
	status, body, err := h.call(ctx, http.MethodGet, "/api/v1/flow")
	if err == nil && status != http.StatusOK {
		err = fmt.Errorf("status %d: %s", status, body)
	}
	if err == nil {
		err = json.Unmarshal(body, &f)
	}
	if err != nil {
		return f, fmt.Errorf("read flow: %w", err)
	}
	return f, nil
}

// Metric adds up the counters and gauges of headgate's own metric name. A
// metric that does not exist is an error.
func (h *Headgate) Metric(ctx context.Context, name string) (float64, error) {
	status, body, err := h.call(ctx, http.MethodGet, "/metrics")
	if err != nil {
		return 0, err
	}
	if status != http.StatusOK {
		return 0, fmt.Errorf("read metrics: status %d: %s", status, body)
	}
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(strings.NewReader(string(body)))
	if err != nil {
		return 0, fmt.Errorf("read metrics: %w", err)
	}
	var family *dto.MetricFamily
	if family = families[name]; family == nil {
		return 0, fmt.Errorf("headgate has no metric %s", name)
	}
	return sum(family), nil
}

// call asks the admin listener and reads a bounded answer.
func (h *Headgate) call(ctx context.Context, method, path string) (int, []byte, error) {
	req, err := http.NewRequestWithContext(ctx, method, "http://"+h.web+path, nil)
	if err != nil {
		return 0, nil, err
	}
	resp, err := h.client.Do(req)
	if err != nil {
		return 0, nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 4<<20))
	return resp.StatusCode, body, err
}

// Output returns the last of what the process wrote.
func (h *Headgate) Output() string { return h.output.tail() }

// An output keeps the last part of what is written to it. It is safe for
// concurrent use.
type output struct {
	mu   sync.Mutex
	text []byte
}

const maxOutput = 16 << 10

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.text = append(o.text, p...)
	if n := len(o.text); n > maxOutput {
		o.text = append(o.text[:0], o.text[n-maxOutput:]...)
	}
	return len(p), nil
}

func (o *output) tail() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return string(o.text)
}
