package main

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/headgate/headgate/internal/control"
)

// inForce returns what may be shown of a configuration that is in force from now on.
func (r *reloading) inForce(l *loaded) *control.Configuration {
	c := &control.Configuration{
		File: l.config.file.file, Text: l.config.shown(), Hash: fmt.Sprintf("%012x", l.hash),
		LoadedAt: time.Now(), Waiting: r.waiting(l),
	}
	for _, cc := range l.config.Gateway.Credentials {
		kind := control.BearerToken
		if cc.BasicAuth != nil {
			kind = control.BasicAuth
		}
		c.Credentials = append(c.Credentials, control.Credential{Kind: kind, Tenants: cc.Tenants})
	}
	return c
}

// shown returns the configuration as YAML, with what defaults add to the file and
// without secrets.
func (c *Config) shown() string {
	var n yaml.Node
	if err := n.Encode(c); err != nil {
		return "# it cannot be shown: " + err.Error() + "\n"
	}
	mask(&n, false)
	text, err := yaml.Marshal(&n)
	if err != nil {
		return "# it cannot be shown: " + err.Error() + "\n"
	}
	return string(text)
}

// hidden stands where a secret is.
const hidden = "<secret>"

// secretKeys are the keys whose values are secrets, or hold some. Prometheus' own
// types hide theirs; these are the others.
var secretKeys = []string{
	"headers", "http_headers", "proxy_connect_header", "endpoint_params",
	"password", "password_hash", "client_secret", "bearer_token", "secret", "key", "client_certificate_key",
}

// mask replaces the secrets below n, all of it where it is secret itself.
func mask(n *yaml.Node, secret bool) {
	switch n.Kind {
	case yaml.ScalarNode:
		if secret && n.Value != "" && n.ShortTag() != "!!null" {
			n.SetString(hidden)
		} else if n.ShortTag() == "!!str" {
			n.Value = withoutPassword(n.Value)
		}
	case yaml.MappingNode:
		for i := 0; i+1 < len(n.Content); i += 2 {
			mask(n.Content[i+1], secret || slices.Contains(secretKeys, n.Content[i].Value))
		}
	default:
		for _, item := range n.Content {
			mask(item, secret)
		}
	}
}

// withoutPassword hides the user and the query of a URL, which may hold secrets.
// What only looks like a URL is hidden as a whole.
func withoutPassword(text string) string {
	scheme, rest, ok := strings.Cut(text, "://")
	if !ok || strings.ContainsAny(scheme, " {\"'=~") { // a selector, say
		return text
	}
	u, err := url.Parse(text)
	if err != nil {
		return hidden
	}
	if scheme == strings.TrimSuffix(sqliteScheme, "://") {
		before, _, has := strings.Cut(rest, "?")
		if has {
			before += "?" + hidden
		}
		return sqliteScheme + before
	}
	shown := scheme + "://"
	if u.User != nil {
		shown += hidden + "@"
	}
	shown += u.Host + u.EscapedPath()
	if u.RawQuery != "" {
		shown += "?" + hidden
	}
	return shown
}
