package bench

import (
	"fmt"
	"regexp"
	"strings"
)

// A Drop is a rule that removes series, in a form that both Headgate and
// vmagent can be told.
type Drop struct {
	Name   string
	Label  string // the label looked at; "__name__" is the metric name
	Regexp string // anchored at both ends
}

// TenDrops are the ten rules of the comparison: what people remove first. They
// remove about a quarter of the series.
func TenDrops() []Drop {
	return []Drop{
		{"drop-apiserver-buckets", "__name__", "apiserver_request_duration_seconds_bucket"},
		{"drop-etcd-buckets", "__name__", "etcd_request_duration_seconds_bucket"},
		{"drop-container-details", "__name__", "container_(tasks_state|memory_failures_total)"},
		{"drop-container-specs", "__name__", "container_spec_.*"},
		{"drop-scrape-collectors", "__name__", "node_scrape_collector_.*"},
		{"drop-go-memstats", "__name__", "go_memstats_(mallocs|frees)_.*"},
		{"drop-go-gc", "__name__", "go_gc_duration_seconds.*"},
		{"drop-kube-phases", "__name__", "kube_pod_(tolerations|created|owner)"},
		{"drop-development", "namespace", ".+-dev"},
		{"drop-users", "user_id", ".+"},
	}
}

// Selector returns the rule as a PromQL selector.
func (d Drop) Selector() string {
	return fmt.Sprintf("{%s=~%q}", d.Label, d.Regexp)
}

// A dropper answers which series a list of rules removes.
type dropper struct {
	rules   []Drop
	regexps []*regexp.Regexp
}

func newDropper(rules []Drop) *dropper {
	d := &dropper{rules: rules}
	for _, r := range rules {
		d.regexps = append(d.regexps, regexp.MustCompile("^(?:"+r.Regexp+")$"))
	}
	return d
}

// drops reports whether a rule removes s.
func (d *dropper) drops(s *Series) bool {
	if len(d.rules) == 0 {
		return false
	}
	ls := s.Decode()
	for i, r := range d.rules {
		for j := 0; j+1 < len(ls); j += 2 {
			if ls[j] == r.Label && d.regexps[i].MatchString(ls[j+1]) {
				return true
			}
		}
	}
	return false
}

// relabelConfig writes rules as vmagent and Prometheus take them.
func relabelConfig(rules []Drop) string {
	var b strings.Builder
	for _, r := range rules {
		fmt.Fprintf(&b, "- source_labels: [%s]\n  regex: '%s'\n  action: drop\n", r.Label, r.Regexp)
	}
	return b.String()
}
