package ui

import (
	"net/url"
	"regexp"
	"strings"

	"github.com/a-h/templ"
	"go.yaml.in/yaml/v3"

	"github.com/headgate/headgate/internal/series"
	"github.com/headgate/headgate/limiter"
	"github.com/headgate/headgate/rules"
)

// draftRule writes a rule in shadow mode that would drop what a selector matches;
// "" where that cannot be a rule.
func draftRule(tenant, match, about string) string {
	spec := rules.Spec{
		Name: slug("drop", about), Tenant: tenant, Match: rules.Selectors{match}, Action: rules.Drop.String(), Mode: rules.Shadow.String(),
		Reason: "say why, and for how long",
	}
	r, problems := spec.Rule()
	if len(problems) > 0 {
		return ""
	}
	text, err := rules.FormatFile([]*rules.Rule{r})
	if err != nil {
		return ""
	}
	return string(text)
}

// draftOf returns the address of the form for a rule that would drop what a selector
// matches; "" for those who may make none.
func (r *request) draftOf(match, about string) templ.SafeURL {
	return r.draftFor(rules.Spec{Match: rules.Selectors{match}}, about)
}

// draftFor is draftOf where more of the rule is given.
func (r *request) draftFor(s rules.Spec, about string) templ.SafeURL {
	if !r.mayChangeRules() {
		return ""
	}
	s.Name, s.Tenant, s.Action, s.Mode = slug("drop", about), r.profiled(), rules.Drop.String(), rules.Shadow.String()
	return r.draftLink(s)
}

var notSlug = regexp.MustCompile(`[^a-z0-9]+`)

// slug makes a rule's name of words.
func slug(words ...string) string {
	s := strings.Trim(notSlug.ReplaceAllString(strings.ToLower(strings.Join(words, "-")), "-"), "-")
	return strings.Trim(s[:min(len(s), 63)], "-")
}

// relabelling writes what removes a label from a metric where it is scraped.
func relabelling(metric, label string) string {
	type config struct {
		SourceLabels []string `yaml:"source_labels,flow"`
		Regex        string   `yaml:"regex"`
		TargetLabel  string   `yaml:"target_label"`
		Replacement  string   `yaml:"replacement"`
	}
	return yamlOf(map[string]any{"metric_relabel_configs": []config{{[]string{series.MetricName}, regexp.QuoteMeta(metric), label, ""}}})
}

// relabelDrop writes what removes a metric where it is scraped.
func relabelDrop(metric string) string {
	type config struct {
		SourceLabels []string `yaml:"source_labels,flow"`
		Regex        string   `yaml:"regex"`
		Action       string   `yaml:"action"`
	}
	return yamlOf(map[string]any{"metric_relabel_configs": []config{{[]string{series.MetricName}, regexp.QuoteMeta(metric), "drop"}}})
}

// limitYAML writes a tenant's limit as the configuration file does, without what is
// absent.
func limitYAML(tenant string, l limiter.Limit) string {
	type pool struct {
		Name         string            `yaml:"name"`
		Share        float64           `yaml:"share"`
		Teams        []string          `yaml:"teams,omitempty,flow"`
		Match        limiter.Selectors `yaml:"match,omitempty"`
		ActiveSeries int64             `yaml:"active_series,omitempty"`
	}
	type limit struct {
		SamplesPerSecond     int64            `yaml:"samples_per_second,omitempty"`
		Burst                limiter.Duration `yaml:"burst,omitempty"`
		ActiveSeries         int64            `yaml:"active_series,omitempty"`
		HardSamplesPerSecond int64            `yaml:"hard_samples_per_second,omitempty"`
		DefaultPriority      string           `yaml:"default_priority,omitempty"`
		Mode                 string           `yaml:"mode,omitempty"`
		Pools                []pool           `yaml:"pools,omitempty"`
	}
	out := limit{l.SamplesPerSecond, l.Burst, l.ActiveSeries, l.HardSamplesPerSecond, l.DefaultPriority, l.Mode, nil}
	for _, p := range l.Pools {
		out.Pools = append(out.Pools, pool{p.Name, p.Share, p.Teams, p.Match, p.ActiveSeries})
	}
	return yamlOf(map[string]any{"limits": map[string]any{"tenants": map[string]limit{tenant: out}}})
}

func yamlOf(v any) string {
	var b strings.Builder
	enc := yaml.NewEncoder(&b)
	enc.SetIndent(2)
	if err := enc.Encode(v); err != nil {
		return ""
	}
	return b.String()
}

// curl writes the command that asks the API for the same as a page.
func (r *request) curl(path string, pairs ...string) string {
	var b strings.Builder
	b.WriteString("curl -G " + shell(r.apiURL(path)))
	for i := 0; i < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			b.WriteString(" \\\n  --data-urlencode " + shell(pairs[i]+"="+pairs[i+1]))
		}
	}
	return b.String()
}

// apiURL returns the address of a path of the API, which is escaped.
func (r *request) apiURL(path string) string {
	u := r.origin()
	return u.String() + r.site.options.Base + "/api/v1" + path
}

// absolute returns the whole address of a page.
func (r *request) absolute(page templ.SafeURL) string {
	u := r.origin()
	return u.String() + string(page)
}

// shell writes one word for a shell.
func shell(word string) string { return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'" }

// rulePath returns where a rule is shown. That of the form for a new rule is taken: a
// rule of that name has another.
func rulePath(name string) string {
	path := pathOf("/rules", name)
	if path == "/rules/new" {
		path += "/rule"
	}
	return path
}

// pathOf joins a path with a name that somebody else chose.
func pathOf(path, name string) string { return path + "/" + url.PathEscape(name) }
