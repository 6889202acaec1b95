package main

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/common/config"

	"github.com/headgate/headgate/attribution"
	"github.com/headgate/headgate/gateway"
	"github.com/headgate/headgate/internal/auth"
	"github.com/headgate/headgate/limiter"
	"github.com/headgate/headgate/profiler"
	"github.com/headgate/headgate/rules"
	"github.com/headgate/headgate/rules/usage"
)

// A Config is the configuration file: the sections of the packages.
type Config struct {
	Gateway     GatewayConfig      `yaml:"gateway"`
	Profiler    profiler.Config    `yaml:"profiler"`
	Rules       rules.Config       `yaml:"rules"`
	Limits      limiter.Config     `yaml:"limits"`
	Attribution attribution.Config `yaml:"attribution"`
	Usage       usage.Config       `yaml:"usage"`
	Storage     StorageConfig      `yaml:"storage"`
	Auth        auth.Config        `yaml:"auth"`

	dir  string // that relative paths start from
	text []byte // of the file
	file *document
}

// GatewayConfig is the gateway's section, with the senders' credentials.
type GatewayConfig struct {
	gateway.Config `yaml:",inline"`
	Credentials    []auth.CredentialConfig `yaml:"credentials"` // none: every sender is trusted
}

// DefaultConfig is what an absent file means.
func DefaultConfig() Config {
	return Config{
		Gateway:     GatewayConfig{Config: gateway.DefaultConfig()},
		Profiler:    profiler.DefaultConfig(),
		Rules:       rules.DefaultConfig(),
		Limits:      limiter.DefaultConfig(),
		Attribution: attribution.DefaultConfig(),
		Usage:       usage.DefaultConfig(),
		Storage:     DefaultStorageConfig(),
		Auth:        auth.DefaultConfig(),
	}
}

// readConfig reads the configuration file, or the defaults where file is "".
// upstreamURL is that of the flag; it may not contradict the file.
func readConfig(file, upstreamURL string) (*Config, []rules.Problem) {
	c := DefaultConfig()
	d := &document{file: file}
	c.file = d
	if file != "" {
		data, err := os.ReadFile(file)
		if err != nil {
			if pe, ok := errors.AsType[*os.PathError](err); ok {
				err = pe.Err
			}
			return nil, []rules.Problem{{File: file, Text: fmt.Sprintf("cannot be read: %v; name another with --config.file", err)}}
		}
		c.dir, c.text = filepath.Dir(file), data
		d.decode(data, &c)
	}
	if upstreamURL != "" {
		if d.places["gateway.upstream.url"] != nil {
			d.reportAt("gateway.upstream.url", "the flag --upstream.url names an upstream, too; remove one of them")
		}
		c.Gateway.Upstream.URL = upstreamURL
	}
	if len(d.problems) == 0 {
		c.reportAll("gateway", c.Gateway.Validate())
		c.reportAll("profiler", c.Profiler.Validate())
		c.reportAll("limits", c.Limits.Validate())
		c.checkWindow()
		c.reportAll("attribution", c.Attribution.Validate())
		c.reportAll("usage", c.Usage.Validate())
		c.reportAll("storage", c.Storage.Validate())
		c.reportAll("auth", c.Auth.Validate())
	}
	if len(d.problems) > 0 {
		slices.SortStableFunc(d.problems, func(a, b rules.Problem) int {
			return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Col, b.Col), cmp.Compare(a.Text, b.Text))
		})
		return nil, d.problems
	}
	c.resolvePaths()
	return &c, nil
}

// checkWindow sees to it that active series mean the same to the profiler, which
// says when a series is seen again, and to limits.
func (c *Config) checkWindow() {
	if time.Duration(c.Profiler.Window) == limiter.Window {
		return
	}
	limited := c.Limits.Default.LimitsSeries()
	for _, l := range c.Limits.Tenants {
		limited = limited || l.LimitsSeries()
	}
	if limited {
		c.file.reportAt("profiler.window", fmt.Sprintf("limits of active_series count the series of %s; leave the window at that, or remove those limits", limiter.Window))
	}
}

// reportAll reports every error of a section at the place that it names.
func (c *Config) reportAll(section string, err error) {
	if err == nil {
		return
	}
	if many, ok := err.(interface{ Unwrap() []error }); ok {
		for _, e := range many.Unwrap() {
			c.reportAll(section, e)
		}
		return
	}
	// Sections write errors as "key: key: text", and "number 2" or "clause 2" for
	// an item of a list; the text may begin with one more key.
	path, text := section, err.Error()
	for rest, more := text, true; more; {
		var word string
		word, rest, more = strings.Cut(rest, ": ")
		if !more {
			word, _, _ = strings.Cut(word, " ")
		}
		word = strings.TrimPrefix(strings.TrimPrefix(word, "number "), "clause ")
		if c.file.places[join(path, word)] == nil {
			break
		}
		path = join(path, word)
	}
	c.file.reportAt(path, text)
}

// resolvePaths makes relative paths start at the file's directory.
func (c *Config) resolvePaths() {
	c.Gateway.Upstream.HTTP.SetDirectory(c.dir)
	for t, u := range c.Gateway.TenantUpstreams {
		u.HTTP.SetDirectory(c.dir)
		c.Gateway.TenantUpstreams[t] = u
	}
	c.Storage.resolve(c.dir)
	c.Auth.SetDirectory(c.dir)
	c.Limits.File = config.JoinDir(c.dir, c.Limits.File)
	c.Profiler.File = config.JoinDir(c.dir, c.Profiler.File)
	c.Usage.File = config.JoinDir(c.dir, c.Usage.File)
	for i := range c.Gateway.Credentials {
		cc := &c.Gateway.Credentials[i]
		cc.BearerTokenFile = config.JoinDir(c.dir, cc.BearerTokenFile)
		if cc.BasicAuth != nil {
			cc.BasicAuth.PasswordFile = config.JoinDir(c.dir, cc.BasicAuth.PasswordFile)
		}
	}
}
