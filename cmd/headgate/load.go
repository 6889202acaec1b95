package main

import (
	"crypto/sha256"
	"encoding/binary"
	"os"

	"github.com/headgate/headgate/attribution"
	"github.com/headgate/headgate/gateway"
	"github.com/headgate/headgate/internal/auth"
	"github.com/headgate/headgate/internal/control"
	"github.com/headgate/headgate/rules"
	"github.com/headgate/headgate/rules/usage"
)

// A loaded is everything that files say, read and checked, not yet in force.
type loaded struct {
	config   *Config
	settings gateway.Settings
	auth     *auth.Settings
	rules    []*rules.Rule
	catalogs []*attribution.Catalog
	skipped  []attribution.Problem // entries of catalogs
	stamp    uint64                // of the catalogs' files
	usage    *usage.Index          // of rule files and dashboards; nil where nobody asks for it
	hash     uint64                // of what was read; 48 bits, so that a float64 holds it
}

// load reads the configuration file and all that it names. Where there is a
// problem, nothing is loaded.
func load(file, upstreamURL string) (*loaded, []rules.Problem) {
	c, problems := readConfig(file, upstreamURL)
	if len(problems) > 0 {
		return nil, problems
	}
	l := &loaded{config: c, settings: gateway.Settings{Config: c.Gateway.Config}}
	l.rules, problems = rules.LoadFiles(c.Rules.Files, c.dir)
	problems = append(problems, l.loadParts()...)
	if len(problems) > 0 {
		return nil, problems
	}
	l.hash = hash(c.text, l.rules)
	return l, nil
}

// loadQueries reads the rule files and dashboards that the configuration names.
func (l *loaded) loadQueries() { l.usage = usage.Load(l.config.Usage, l.config.dir) }

// loadParts makes of the configuration what the gateway wants.
func (l *loaded) loadParts() []rules.Problem {
	c := l.config
	for _, f := range c.secretFiles() {
		if _, err := os.ReadFile(f.name); err != nil {
			c.file.reportAt(f.place, unreadable(f.name, err).String())
		}
	}
	credentials, err := auth.LoadCredentials(c.Gateway.Credentials)
	if credentials != nil { // an interface that holds a nil pointer would not be nil
		l.settings.Auth = credentials
	}
	c.reportAll("gateway", err)
	l.auth, err = auth.Load(c.Auth)
	c.reportAll("auth", err)
	l.stamp = attribution.CatalogStamp(c.Attribution.Catalogs, c.dir)
	l.catalogs, l.skipped = attribution.LoadCatalogs(c.Attribution.Catalogs, c.dir)
	return c.file.problems
}

// policies returns what file says of owners, prices and budgets.
func (l *loaded) policies(file string) control.PolicyFile {
	return control.PolicyFile{Name: file, Config: l.config.Attribution, Catalogs: l.catalogs, Skipped: l.skipped}
}

// hash returns a number that changes with the configuration.
func hash(config []byte, rs []*rules.Rule) uint64 {
	h := sha256.New()
	h.Write(config)
	if text, err := rules.FormatFile(rs); err == nil {
		h.Write(text)
	}
	return binary.BigEndian.Uint64(h.Sum(nil)) >> 16
}
