package usage

import (
	"errors"
	"fmt"
	"net/url"
)

// Config is the usage section of the configuration file: what rules may not
// break. Entries are glob patterns and directories.
type Config struct {
	RuleFiles  []string `yaml:"rule_files"` // Prometheus alerting and recording rules
	Dashboards []string `yaml:"dashboards"` // Grafana dashboards as JSON

	GrafanaURL string `yaml:"grafana_url"` // that paths of panels follow; "" for no links

	QueryLog []string `yaml:"query_log"` // Prometheus' query logs: files and glob patterns
	File     string   `yaml:"file"`      // what queries asked for is saved here; "" for nowhere
}

// DefaultConfig is what an absent section means: nothing is known of queries.
func DefaultConfig() Config { return Config{File: "data/queries"} }

// Validate returns an error that says what is wrong and what to do.
func (c *Config) Validate() error {
	if c.GrafanaURL == "" {
		return nil
	}
	u, err := url.Parse(c.GrafanaURL)
	switch {
	case err != nil:
		return fmt.Errorf("grafana_url: %w", err)
	case u.Scheme != "http" && u.Scheme != "https" || u.Host == "":
		return errors.New("grafana_url: it is no address of http or https; write it as https://grafana.example")
	case u.User != nil || u.RawQuery != "" || u.Fragment != "":
		return errors.New("grafana_url: leave out what is not scheme, host and path")
	}
	return nil
}
