package main

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"

	"github.com/prometheus/exporter-toolkit/web"
	"go.yaml.in/yaml/v3"
)

// access is what a web config file of the exporter-toolkit says of who may come.
type access struct{ basicAuth, clientCerts, tls bool }

// readAccess reads file, "" for none, and checks all of it.
func readAccess(flag, file string) (access, error) {
	if file == "" {
		return access{}, nil
	}
	if err := web.Validate(file); err != nil {
		return access{}, fmt.Errorf("%s=%s: %w", flag, file, err)
	}
	data, err := os.ReadFile(file)
	if err != nil {
		return access{}, fmt.Errorf("%s: %w", flag, err)
	}
	var c web.Config
	if err := yaml.Unmarshal(data, &c); err != nil {
		return access{}, fmt.Errorf("%s=%s: %w", flag, filepath.Base(file), err)
	}
	return access{
		basicAuth: len(c.Users) > 0,
		// Any certificate will do where it is not verified.
		clientCerts: c.TLSConfig.ClientAuth == "RequireAndVerifyClientCert",
		tls:         c.TLSConfig.TLSCert != "" || c.TLSConfig.TLSCertPath != "",
	}, nil
}

// loopback reports whether only this machine can reach address.
func loopback(address string) bool {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return false
	}
	if host == "localhost" {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}

// checkAccess refuses what would let strangers in, or keep senders out. It
// returns whether the ingest listener trusts whoever reaches it.
func (f *serveFlags) checkAccess(l *loaded) (trusting bool, err error) {
	pages, err := readAccess("--web.config.file", f.webConfig)
	if err != nil {
		return false, err
	}
	if !loopback(f.webAddress) && !pages.basicAuth && !pages.clientCerts && !l.auth.Enabled() {
		return false, fmt.Errorf("--web.listen-address=%s can be reached from other machines, and nothing says who may come; "+
			"either listen on this machine only (--web.listen-address=127.0.0.1:9390), "+
			"or say who may come: by auth in the configuration file, or by a --web.config.file with basic_auth_users or with client_auth_type: RequireAndVerifyClientCert", f.webAddress)
	}
	if l.auth.Enabled() && pages.basicAuth {
		return false, errors.New("auth of the configuration file and basic_auth_users of --web.config.file would share one header; remove one of them")
	}
	if o := l.auth.OIDC; o != nil && o.RedirectURL == "" && (f.externalURL == nil || f.externalURL.Host == "") && !loopback(f.webAddress) {
		return false, errors.New("an identity provider has to know where browsers reach Headgate: set --web.external-url, or auth.oidc.redirect_url")
	}
	senders, flag := pages, "--web.config.file"
	if !f.shared() {
		flag = "--ingest.config.file"
		if senders, err = readAccess(flag, f.ingestConfig); err != nil {
			return false, err
		}
	} else if f.ingestConfig != "" {
		return false, errors.New("--ingest.config.file is not used where both listeners have one address: --web.config.file governs; remove it")
	}
	credentials := l.settings.Auth != nil
	if credentials && senders.basicAuth {
		return false, fmt.Errorf("gateway.credentials and basic_auth_users of %s would share one header; remove one of them", flag)
	}
	return !credentials && !senders.basicAuth && !senders.clientCerts && !loopback(f.ingestAddress), nil
}

// https reports whether browsers come to the web listener by https: itself, or the
// proxy in front of it.
func (f *serveFlags) https() bool {
	if f.externalURL != nil && f.externalURL.Host != "" {
		return f.externalURL.Scheme == "https"
	}
	pages, err := readAccess("--web.config.file", f.webConfig)
	return err == nil && pages.tls
}
