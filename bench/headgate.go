package bench

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"go.yaml.in/yaml/v3"
)

// Headgate is the gateway, started from a configuration file made for it.
type Headgate struct {
	Program string
	Setting string
	Rules   []Rule
	// TableBytes is gateway.series_table_bytes; the default where 0.
	TableBytes int
	// Owners leaves attribution.owners out where false.
	Owners bool
	// Window is profiler.window; "" for the default, "off" for no profiler.
	Window string
	// Limit is limits.default; none where nil.
	Limit *Limit
	// Costs has prices and budgets.
	Costs bool
	// Alerts are expressions of alerts that read the upstream.
	Alerts []string
	// Past is what the ledger holds before the start; nothing where nil.
	Past *past
}

// Name is headgate and the setting.
func (h *Headgate) Name() string { return "headgate " + h.Setting }

const (
	rulesFile  = "rules.yml"
	alertsFile = "alerts.yml"
)

// Start runs headgate serve. Its database lies in the process's directory.
func (h *Headgate) Start(ctx context.Context, upstream string) (*Process, error) {
	dir, addr, err := home(2)
	if err != nil {
		return nil, err
	}
	config, err := h.config(upstream)
	if err != nil {
		return nil, err
	}
	file := filepath.Join(dir, "headgate.yml")
	if err := os.WriteFile(file, config, 0o644); err != nil {
		return nil, err
	}
	p := &Process{Name: h.Name(), Write: "http://" + addr[1] + "/api/v1/write", Admin: "http://" + addr[0], Dir: dir}
	if err := writeRules(p, h.Rules); err != nil {
		return nil, err
	}
	if err := writeAlerts(dir, h.Alerts); err != nil {
		return nil, err
	}
	if h.Past != nil {
		if err := h.Past.write(ctx, "sqlite://"+filepath.Join(dir, "headgate.db"), time.Now()); err != nil {
			return nil, err
		}
	}
	return launch(ctx, p, p.Admin+"/-/ready", h.Program, "serve", "--config.file="+file,
		"--web.listen-address="+addr[0], "--ingest.listen-address="+addr[1], "--web.enable-lifecycle")
}

func (h *Headgate) config(upstream string) ([]byte, error) {
	gateway := map[string]any{"upstream": map[string]any{"url": upstream}}
	if h.TableBytes > 0 {
		gateway["series_table_bytes"] = h.TableBytes
	}
	// Whatever else a run leaves on the disk, a profile of its series is not needed.
	profiler := map[string]any{"file": ""}
	switch h.Window {
	case "":
	case "off":
		profiler["memory_limit_bytes"] = 0
	default:
		profiler["window"] = h.Window
	}
	limits := map[string]any{"file": ""}
	if h.Limit != nil {
		limits["default"] = h.Limit
	}
	config := map[string]any{
		"gateway":  gateway,
		"profiler": profiler,
		"limits":   limits,
		"rules":    map[string]any{"files": []string{rulesFile}},
		"storage":  map[string]any{"url": "sqlite://headgate.db"},
	}
	about := map[string]any{}
	if h.Owners {
		var owners []map[string]string
		for _, d := range domains {
			owners = append(owners, map[string]string{"match": fmt.Sprintf(`{namespace=~"%s-.*"}`, d), "team": d})
		}
		owners = append(owners, map[string]string{"label": "team"})
		about["owners"] = owners
	}
	if h.Costs {
		about["prices"] = map[string]any{"currency": "USD", "per_million_samples": "0.10", "per_thousand_series_month": "5.00"}
		budgets := map[string]any{}
		for i, d := range domains {
			budgets[d] = map[string]any{"month": 400 << (i % 4)}
		}
		about["budgets"] = budgets
	}
	if len(about) > 0 {
		config["attribution"] = about
	}
	if len(h.Alerts) > 0 {
		config["usage"] = map[string]any{"rule_files": []string{alertsFile}}
	}
	return yaml.Marshal(config)
}

func writeRules(p *Process, rules []Rule) error {
	b, err := ruleFile(rules)
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(p.Dir, rulesFile), b, 0o644)
}

func writeAlerts(dir string, exprs []string) error {
	if len(exprs) == 0 {
		return nil
	}
	var list []map[string]string
	for i, e := range exprs {
		list = append(list, map[string]string{"alert": fmt.Sprint("Alert", i), "expr": e})
	}
	b, err := yaml.Marshal(map[string]any{"groups": []any{map[string]any{"name": "bench", "rules": list}}})
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, alertsFile), b, 0o644)
}

// Reload gives a running Headgate other rules, through its rule file.
func (h *Headgate) Reload(ctx context.Context, p *Process, rules []Rule) error {
	if err := writeRules(p, rules); err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, p.Admin+"/-/reload", nil)
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return fmt.Errorf("reload %s: %w", p.Name, err)
	}
	defer resp.Body.Close()
	if resp.StatusCode/100 != 2 {
		return fmt.Errorf("reload %s: answered %s:\n%s", p.Name, resp.Status, p.Log())
	}
	return nil
}

// Direct is no program at all: the sender talks to the upstream itself. What
// it takes is what the machine and the sink take.
type Direct struct{}

// Name is direct.
func (Direct) Name() string { return "direct" }

// Start returns a process that is none.
func (Direct) Start(_ context.Context, upstream string) (*Process, error) {
	return &Process{Name: "direct", Write: upstream}, nil
}
