package bench

import (
	"fmt"

	"go.yaml.in/yaml/v3"
)

// A Rule is one rule of Headgate's rule files.
type Rule struct {
	Name     string `yaml:"name"`
	Match    string `yaml:"match"`
	Action   string `yaml:"action"`
	Interval string `yaml:"interval,omitempty"`
	Priority string `yaml:"priority,omitempty"`
}

// IdleRules returns n rules of every shape that match nothing in the workload:
// what a policy of many teams looks like to the series that it leaves alone.
func IdleRules(n int) []Rule {
	out := make([]Rule, n)
	for i := range out {
		r := Rule{Name: fmt.Sprintf("idle-%04d", i)}
		switch i % 5 {
		case 0:
			r.Action, r.Match = "drop", fmt.Sprintf("debug_probe_%04d_total", i)
		case 1:
			r.Action, r.Match = "drop", fmt.Sprintf(`{__name__=~"legacy_%04d_.*"}`, i)
		case 2:
			r.Action, r.Interval = "downsample", "60s"
			r.Match = fmt.Sprintf(`{__name__=~"http_.*", namespace="retired-%04d"}`, i)
		case 3:
			r.Action, r.Priority = "prioritize", "low"
			r.Match = fmt.Sprintf(`{job="batch-%04d"}`, i)
		case 4:
			r.Action, r.Priority = "prioritize", "high"
			r.Match = fmt.Sprintf(`container_cpu_usage_seconds_total{pod=~"canary-%04d-.*"}`, i)
		}
		out[i] = r
	}
	return out
}

// DropRules returns the drops as Headgate's rules.
func DropRules(drops []Drop) []Rule {
	var out []Rule
	for _, d := range drops {
		out = append(out, Rule{Name: d.Name, Match: d.Selector(), Action: "drop"})
	}
	return out
}

// ThinRule keeps one sample a minute of every series.
func ThinRule() Rule {
	return Rule{Name: "thin-everything", Match: `{__name__=~".+"}`, Action: "downsample", Interval: "60s"}
}

// ruleFile writes rules as a rule file.
func ruleFile(rules []Rule) ([]byte, error) {
	return yaml.Marshal(map[string][]Rule{"rules": rules})
}
