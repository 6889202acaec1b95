package main

import (
	"github.com/prometheus/common/config"
)

// A secretFile is a file that the configuration names and that is read when a
// request is sent: where it is missing, nothing could be forwarded.
type secretFile struct {
	place string // of its key in the configuration
	name  string
}

// secretFiles returns the files that upstreams read. Paths are resolved.
func (c *Config) secretFiles() []secretFile {
	files := upstreamFiles("gateway.upstream", &c.Gateway.Upstream.HTTP)
	for t, u := range c.Gateway.TenantUpstreams {
		files = append(files, upstreamFiles("gateway.tenant_upstreams."+string(t), &u.HTTP)...)
	}
	return files
}

func upstreamFiles(place string, h *config.HTTPClientConfig) []secretFile {
	var files []secretFile
	add := func(key, name string) {
		if name != "" {
			files = append(files, secretFile{place + "." + key, name})
		}
	}
	tls := func(key string, t *config.TLSConfig) {
		add(key+"tls_config.ca_file", t.CAFile)
		add(key+"tls_config.cert_file", t.CertFile)
		add(key+"tls_config.key_file", t.KeyFile)
	}
	tls("", &h.TLSConfig)
	add("bearer_token_file", h.BearerTokenFile)
	if h.BasicAuth != nil {
		add("basic_auth.username_file", h.BasicAuth.UsernameFile)
		add("basic_auth.password_file", h.BasicAuth.PasswordFile)
	}
	if h.Authorization != nil {
		add("authorization.credentials_file", h.Authorization.CredentialsFile)
	}
	if h.OAuth2 != nil {
		add("oauth2.client_secret_file", h.OAuth2.ClientSecretFile)
		tls("oauth2.", &h.OAuth2.TLSConfig)
	}
	return files
}
