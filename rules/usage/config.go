package usage

// Config is the usage section of the configuration file: what rules may not
// break. Entries are glob patterns and directories.
type Config struct {
	RuleFiles  []string `yaml:"rule_files"` // Prometheus alerting and recording rules
	Dashboards []string `yaml:"dashboards"` // Grafana dashboards as JSON

	QueryLog []string `yaml:"query_log"` // Prometheus' query logs: files and glob patterns
	File     string   `yaml:"file"`      // what queries asked for is saved here; "" for nowhere
}

// DefaultConfig is what an absent section means: nothing is known of queries.
func DefaultConfig() Config { return Config{File: "data/queries"} }
