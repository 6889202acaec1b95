package gateway

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/prometheus/common/config"
	"github.com/prometheus/common/model"

	"github.com/headgate/headgate/internal/remotewrite"
	"github.com/headgate/headgate/internal/tenant"
)

// Config is the gateway section of the configuration file.
type Config struct {
	Upstream        UpstreamConfig               `yaml:"upstream"`
	TenantUpstreams map[tenant.ID]UpstreamConfig `yaml:"tenant_upstreams"`
	TenantHeader    string                       `yaml:"tenant_header"`
	DefaultTenant   tenant.ID                    `yaml:"default_tenant"`

	MaxBodyBytes        int64 `yaml:"max_body_bytes"`    // compressed
	MaxDecodedBytes     int   `yaml:"max_decoded_bytes"` // decompressed
	MaxInflightBytes    int64 `yaml:"max_inflight_bytes"`
	MaxLabels           int   `yaml:"max_labels"` // of a series
	MaxLabelNameBytes   int   `yaml:"max_label_name_bytes"`
	MaxLabelValueBytes  int   `yaml:"max_label_value_bytes"`
	MaxSeriesPerRequest int   `yaml:"max_series_per_request"`

	SeriesTableBytes   int64 `yaml:"series_table_bytes"`
	OverflowCacheBytes int   `yaml:"overflow_cache_bytes"`
}

// UpstreamConfig says where samples are forwarded to, and how.
type UpstreamConfig struct {
	URL     string            `yaml:"url"`
	Timeout model.Duration    `yaml:"timeout"` // of a whole attempt
	Headers map[string]string `yaml:"headers"`
	On429   string            `yaml:"on_429"` // pass or retry

	HTTP config.HTTPClientConfig `yaml:",inline"`
}

// What an upstream's 429 becomes.
const (
	pass429  = "pass"  // 429: the sender's own setting decides
	retry429 = "retry" // 503: every sender comes back
)

// DefaultConfig is what an absent section means.
func DefaultConfig() Config {
	return Config{
		Upstream:            DefaultUpstreamConfig(),
		TenantHeader:        "X-Scope-OrgID",
		DefaultTenant:       "default",
		MaxBodyBytes:        16 << 20,
		MaxDecodedBytes:     32 << 20, // as Prometheus' receiver
		MaxInflightBytes:    256 << 20,
		MaxLabels:           64,
		MaxLabelNameBytes:   1024,
		MaxLabelValueBytes:  8192,
		MaxSeriesPerRequest: 200_000,
		SeriesTableBytes:    128 << 20,
		OverflowCacheBytes:  64 << 20,
	}
}

// DefaultUpstreamConfig is what an upstream is where nothing is said of it.
func DefaultUpstreamConfig() UpstreamConfig {
	h := config.DefaultHTTPClientConfig
	h.FollowRedirects = false // a redirect is a mistake in the configuration
	return UpstreamConfig{
		URL:     "http://127.0.0.1:9090/api/v1/write",
		Timeout: model.Duration(20 * time.Second), // below the 30s of senders
		On429:   pass429,
		HTTP:    h,
	}
}

// UnmarshalYAML lets an upstream begin with its defaults, wherever it stands.
func (c *UpstreamConfig) UnmarshalYAML(unmarshal func(any) error) error {
	type plain UpstreamConfig
	*c = DefaultUpstreamConfig()
	if err := unmarshal((*plain)(c)); err != nil {
		return err
	}
	c.HTTP.FollowRedirects = false
	return c.HTTP.Validate()
}

// Validate returns all that is wrong with c.
func (c *Config) Validate() error {
	var errs []error
	check := func(ok bool, format string, args ...any) {
		if !ok {
			errs = append(errs, fmt.Errorf(format, args...))
		}
	}
	errs = append(errs, c.Upstream.validate("upstream"))
	for t, u := range c.TenantUpstreams {
		if _, err := tenant.Parse(string(t)); err != nil {
			errs = append(errs, fmt.Errorf("tenant_upstreams: %q: %w", t, err))
		}
		errs = append(errs, u.validate(fmt.Sprintf("tenant_upstreams: %s", t)))
	}
	if _, err := tenant.Parse(string(c.DefaultTenant)); err != nil {
		errs = append(errs, fmt.Errorf("default_tenant: %w", err))
	}
	check(validHeader(c.TenantHeader), "tenant_header: %q is not the name of an HTTP header", c.TenantHeader)
	check(c.MaxBodyBytes > 0, "max_body_bytes: %d must be positive", c.MaxBodyBytes)
	check(c.MaxDecodedBytes > 0 && c.MaxDecodedBytes <= 1<<30, "max_decoded_bytes: %d must be from 1 to 1073741824", c.MaxDecodedBytes)
	check(c.MaxInflightBytes >= 2*(c.MaxBodyBytes+int64(c.MaxDecodedBytes)),
		"max_inflight_bytes: %d must be at least twice max_body_bytes + max_decoded_bytes, since no tenant may hold more than half of it", c.MaxInflightBytes)
	check(c.MaxLabels > 0, "max_labels: %d must be positive", c.MaxLabels)
	check(c.MaxLabelNameBytes > 0, "max_label_name_bytes: %d must be positive", c.MaxLabelNameBytes)
	check(c.MaxLabelValueBytes > 0, "max_label_value_bytes: %d must be positive", c.MaxLabelValueBytes)
	check(c.MaxSeriesPerRequest > 0, "max_series_per_request: %d must be positive", c.MaxSeriesPerRequest)
	check(c.SeriesTableBytes >= 1<<20, "series_table_bytes: %d must be at least 1048576", c.SeriesTableBytes)
	check(c.OverflowCacheBytes > 0, "overflow_cache_bytes: %d must be positive", c.OverflowCacheBytes)
	return errors.Join(errs...)
}

func (c *UpstreamConfig) validate(where string) error {
	var errs []error
	u, err := url.Parse(c.URL)
	switch {
	case err != nil:
		errs = append(errs, fmt.Errorf("%s: url cannot be parsed", where)) // the error would show a password
	case u.Scheme != "http" && u.Scheme != "https" || u.Host == "":
		errs = append(errs, fmt.Errorf("%s: url needs a scheme, http or https, and a host", where))
	}
	if c.Timeout < model.Duration(time.Millisecond) {
		errs = append(errs, fmt.Errorf("%s: timeout %s is too short", where, c.Timeout))
	}
	if c.On429 != pass429 && c.On429 != retry429 {
		errs = append(errs, fmt.Errorf("%s: on_429 is %q; write pass or retry", where, c.On429))
	}
	for name := range c.Headers {
		if !validHeader(name) {
			errs = append(errs, fmt.Errorf("%s: headers: %q is not the name of an HTTP header", where, name))
		} else if reserved[http.CanonicalHeaderKey(name)] {
			errs = append(errs, fmt.Errorf("%s: headers: %s is set by Headgate itself", where, name))
		}
	}
	return errors.Join(errs...)
}

// reserved are the headers that remote-write gives a meaning to.
var reserved = map[string]bool{
	"Content-Encoding": true, "Content-Type": true, "Content-Length": true, "Host": true, "User-Agent": true,
	"Transfer-Encoding": true, "X-Prometheus-Remote-Write-Version": true, "Retry-Attempt": true,
}

// validHeader reports whether s is a token of RFC 9110, section 5.6.2.
func validHeader(s string) bool {
	for i := range len(s) {
		c := s[i]
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
		case c == '-', c == '_', c == '.', c == '!', c == '#', c == '$', c == '%', c == '&', c == '\'', c == '*', c == '+', c == '^', c == '`', c == '|', c == '~':
		default:
			return false
		}
	}
	return s != ""
}

func (c *Config) limits() remotewrite.Limits {
	return remotewrite.Limits{
		MaxDecodedBytes:    c.MaxDecodedBytes,
		MaxSeries:          c.MaxSeriesPerRequest,
		MaxLabels:          c.MaxLabels,
		MaxLabelNameBytes:  c.MaxLabelNameBytes,
		MaxLabelValueBytes: c.MaxLabelValueBytes,
	}
}
