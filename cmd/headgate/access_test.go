package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/headgate/headgate/internal/api"
)

// The password is: correct horse. The cost is the lowest.
const users = "basic_auth_users: {ann: $2a$04$fKi/B60Zg0C0KfBPctY6c.m8rsygLlzaTIAqW5pwr8vg6LlDgSjIi}\n"

// certificate returns a certificate for 127.0.0.1 and its key, in PEM.
func certificate(t *testing.T) (cert, key string, pool *x509.CertPool) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "headgate"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	cert = string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	pool = x509.NewCertPool()
	pool.AppendCertsFromPEM([]byte(cert))
	return cert, string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER})), pool
}

func TestTLSAndBasicAuthOnBothListeners(t *testing.T) {
	cert, key, pool := certificate(t)
	up := newStore(t)
	web := users + "tls_server_config: {cert_file: cert.pem, key_file: key.pem}\n"
	r := launch(t, map[string]string{"web.yml": web, "cert.pem": cert, "key.pem": key},
		"--upstream.url="+up.URL, "--web.config.file=DIR/web.yml", "--ingest.config.file=DIR/web.yml")
	r.scheme = "https"
	r.client.Transport = &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}, ForceAttemptHTTP2: true}

	for _, path := range []string{"/", "/metrics", "/api/v1/flow", "/api/v1/openapi.json", "/debug/pprof/", "/-/reload", "/-/ready/", "//-/ready"} {
		r.get(path, http.StatusUnauthorized)
	}
	r.get("/-/healthy", http.StatusOK)
	r.get("/-/ready", http.StatusOK)
	if resp, _ := r.do(http.MethodGet, r.web, "/api/v1/flow", nil, basic("ann", "wrong horse")); resp.StatusCode != http.StatusUnauthorized {
		t.Errorf("a wrong password: %s, want 401", resp.Status)
	}
	resp, _ := r.do(http.MethodGet, r.web, "/api/v1/flow", nil, basic("ann", "correct horse"))
	if resp.StatusCode != http.StatusOK || resp.ProtoMajor != 2 {
		t.Errorf("the right password: %s by %s, want 200 by HTTP/2", resp.Status, resp.Proto)
	}

	body := wire1.body(t, 1000, "up")
	if status, _ := r.send(wire1, body, nil); status != http.StatusUnauthorized {
		t.Errorf("a write without a password: %d, want 401", status)
	}
	if status, text := r.send(wire1, body, basic("ann", "correct horse")); status != http.StatusNoContent {
		t.Errorf("a write with the password: %d %s, want 204", status, text)
	}
	if _, header := up.last(t); header.Get("Authorization") != "" {
		t.Error("the sender's password went to the upstream")
	}
}

const credentials = `  credentials:
    - {tenants: [payments], bearer_token_file: secrets/payments}
    - {tenants: [search, ads], basic_auth: {username: both, password_file: secrets/both}}
`

var secrets = map[string]string{"secrets/payments": "pay-token\n", "secrets/both": "both-password\n"}

func withSecrets(files map[string]string) map[string]string {
	for name, text := range secrets {
		files[name] = text
	}
	return files
}

func TestCredentials(t *testing.T) {
	up := newStore(t)
	r := launch(t, withSecrets(map[string]string{"headgate.yml": configFor(up.URL, credentials)}), "--config.file=DIR/headgate.yml")
	bearer := func(token string) []string { return []string{"Authorization", "Bearer " + token} }
	tenant := func(names ...string) (pairs []string) {
		for _, n := range names {
			pairs = append(pairs, "X-Scope-OrgID", n)
		}
		return pairs
	}
	both := func(r *http.Request) { r.SetBasicAuth("both", "both-password") }
	tests := []struct {
		name   string
		auth   func(*http.Request)
		header []string
		want   int
		tenant string // upstream
	}{
		{"one tenant, no header", nil, bearer("pay-token"), 204, "payments"},
		{"one tenant, its header", nil, append(bearer("pay-token"), tenant("payments")...), 204, "payments"},
		{"one tenant, another's header", nil, append(bearer("pay-token"), tenant("search")...), 403, ""},
		{"two tenants, no header", both, nil, 400, ""},
		{"two tenants, one's header", both, tenant("ads"), 204, "ads"},
		{"two tenants, another's header", both, tenant("payments"), 403, ""},
		{"no credential", nil, nil, 401, ""},
		{"no credential, a header", nil, tenant("payments"), 401, ""},
		{"a wrong token", nil, bearer("pay-tokem"), 401, ""},
		{"a wrong password", func(r *http.Request) { r.SetBasicAuth("both", "x") }, nil, 401, ""},
		{"a password as a token", nil, bearer("both:both-password"), 401, ""},
		{"a malformed header", nil, append(bearer("pay-token"), tenant("pay/ments")...), 400, ""},
		{"two tenants in one header", nil, append(bearer("pay-token"), tenant("payments|search")...), 400, ""},
		{"a repeated header", nil, append(bearer("pay-token"), tenant("payments", "payments")...), 400, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			status, text := r.send(wire1, wire1.body(t, 1000, "up"), func(req *http.Request) {
				if tt.auth != nil {
					tt.auth(req)
				}
				header(tt.header...)(req)
			})
			if status != tt.want {
				t.Fatalf("the answer is %d %s, want %d", status, text, tt.want)
			}
			if tt.tenant == "" {
				return
			}
			if _, h := up.last(t); h.Get("X-Scope-OrgID") != tt.tenant || h.Get("Authorization") != "" {
				t.Errorf("the upstream got tenant %q and credential %q, want %q and none", h.Get("X-Scope-OrgID"), h.Get("Authorization"), tt.tenant)
			}
		})
	}
	if f := r.wantConserved("?tenant=ads"); f.Forwarded != 1 {
		t.Errorf("flow of ads is %+v, want 1 forwarded", f.Counts)
	}
	if f := r.wantConserved(""); f.Received != 3 {
		t.Errorf("flow is %+v, want 3 received: what is refused before it is decoded has no samples", f.Counts)
	}
	if log := r.log.String(); strings.Contains(log, "pay-token") || strings.Contains(log, "both-password") {
		t.Error("a secret is in the log")
	}
}

func TestWithoutCredentialsTheHeaderIsBelieved(t *testing.T) {
	up := newStore(t)
	r := launch(t, nil, "--upstream.url="+up.URL)
	if status, text := r.send(wire1, wire1.body(t, 1000, "up"), header("X-Scope-OrgID", "payments")); status != http.StatusNoContent {
		t.Fatalf("the answer is %d %s, want 204", status, text)
	}
	if _, h := up.last(t); h.Get("X-Scope-OrgID") != "payments" {
		t.Errorf("the upstream got tenant %q, want payments", h.Get("X-Scope-OrgID"))
	}
	r.wantSent(wire1, wire1.body(t, 1000, "up"))
	if _, h := up.last(t); len(h.Values("X-Scope-OrgID")) != 0 {
		t.Errorf("the upstream got tenant %q of a request that named none", h.Get("X-Scope-OrgID"))
	}
}

func TestATrustingListenerSaysSo(t *testing.T) {
	r := launch(t, nil, "--ingest.listen-address=0.0.0.0:0")
	if !strings.Contains(r.log.String(), "trusts everyone") {
		t.Error("the log does not say that the ingest listener trusts everyone")
	}
	var events struct{ Events []api.Event }
	r.read("/api/v1/events?kind=config", &events)
	if len(events.Events) != 1 || !strings.Contains(events.Events[0].Text, "trusts everyone") {
		t.Errorf("events are %+v, want one that says so", events.Events)
	}

	guarded := launch(t, withSecrets(map[string]string{"headgate.yml": "gateway:\n" + credentials}),
		"--config.file=DIR/headgate.yml", "--ingest.listen-address=0.0.0.0:0")
	if strings.Contains(guarded.log.String(), "trusts everyone") {
		t.Error("a listener with credentials says that it trusts everyone")
	}
}

func TestRefusedAtStart(t *testing.T) {
	cert, key, _ := certificate(t)
	files := withSecrets(map[string]string{
		"headgate.yml":     "gateway:\n" + credentials,
		"url.yml":          "gateway: {upstream: {url: http://a}}\n",
		"users.yml":        users,
		"tls.yml":          "tls_server_config: {cert_file: cert.pem, key_file: key.pem}\n",
		"anycert.yml":      "tls_server_config: {cert_file: cert.pem, key_file: key.pem, client_auth_type: RequireAnyClientCert}\n",
		"broken.yml":       "basic_auth_users: {ann: no-hash}\n",
		"unknown.yml":      "basic_auth_user: {}\n",
		"bad.yml":          "gateway: {max_lables: 3}\n",
		"cert.pem":         cert,
		"key.pem":          key,
		"missing.yml":      "rules: {files: [rules/none.yml]}\n",
		"badrules.yml":     "rules: {files: [rules.yml]}\n",
		"rules.yml":        "rules: [{name: A}]\n",
		"nopassword.yml":   "gateway: {upstream: {url: 'http://a', basic_auth: {username: a, password_file: none}}}\n",
		"nocredential.yml": "gateway:\n  credentials:\n    - {tenants: [a], bearer_token_file: none}\n",
	})
	tests := []struct {
		name string
		args []string
		want []string
	}{
		{"pages for everyone", []string{"--web.listen-address=0.0.0.0:0"}, []string{"--web.listen-address=127.0.0.1:9390", "basic_auth_users"}},
		{"pages for everyone by no host", []string{"--web.listen-address=:0"}, []string{"--web.config.file"}},
		{"pages for everyone by TLS alone", []string{"--web.listen-address=0.0.0.0:0", "--web.config.file=DIR/tls.yml"}, []string{"nothing says who may come"}},
		{"pages for any certificate", []string{"--web.listen-address=0.0.0.0:0", "--web.config.file=DIR/anycert.yml"}, []string{"nothing says who may come"}},
		{"credentials and users", []string{"--config.file=DIR/headgate.yml", "--ingest.config.file=DIR/users.yml"}, []string{"gateway.credentials", "basic_auth_users of --ingest.config.file"}},
		{"credentials and users on one listener", []string{"--config.file=DIR/headgate.yml", "--web.config.file=DIR/users.yml", "--ingest.listen-address=127.0.0.1:0"}, []string{"basic_auth_users of --web.config.file"}},
		{"an ingest config on one listener", []string{"--ingest.config.file=DIR/tls.yml", "--ingest.listen-address=127.0.0.1:0"}, []string{"--web.config.file governs"}},
		{"two upstreams", []string{"--config.file=DIR/url.yml", "--upstream.url=http://b"}, []string{"url.yml:1:27: the flag --upstream.url"}},
		{"no connections", []string{"--ingest.max-connections=0"}, []string{"--ingest.max-connections must be positive"}},
		{"a broken web config", []string{"--web.config.file=DIR/broken.yml"}, []string{"--web.config.file"}},
		{"an unknown key in a web config", []string{"--ingest.config.file=DIR/unknown.yml"}, []string{"--ingest.config.file", "basic_auth_user"}},
		{"no configuration file", []string{"--config.file=DIR/none.yml"}, []string{"none.yml: cannot be read"}},
		{"a bad configuration file", []string{"--config.file=DIR/bad.yml"}, []string{`bad.yml:1:11: unknown key "max_lables"; did you mean max_labels?`}},
		{"a rule file that is not there", []string{"--config.file=DIR/missing.yml"}, []string{"rules/none.yml: there is no such file"}},
		{"a bad rule file", []string{"--config.file=DIR/badrules.yml"}, []string{"rules.yml:1:16: name"}},
		{"a password file that is not there", []string{"--config.file=DIR/nopassword.yml"}, []string{"nopassword.yml:1:", "none: cannot be read"}},
		{"a token file that is not there", []string{"--config.file=DIR/nocredential.yml"}, []string{"nocredential.yml:3:41: credentials: number 1: bearer_token_file"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			log := refusedAtStart(t, files, tt.args...)
			for _, want := range tt.want {
				if !strings.Contains(log, want) {
					t.Errorf("the error does not say %q:\n%s", want, log)
				}
			}
			if strings.Contains(log, "pay-token") || strings.Contains(log, "no-hash") {
				t.Errorf("a secret is shown:\n%s", log)
			}
		})
	}
}

func TestClientCertificatesLetPagesBeReachedFromElsewhere(t *testing.T) {
	cert, key, _ := certificate(t)
	launch(t, map[string]string{
		"web.yml":  "tls_server_config: {cert_file: cert.pem, key_file: key.pem, client_ca_file: cert.pem, client_auth_type: RequireAndVerifyClientCert}\n",
		"cert.pem": cert, "key.pem": key,
	}, "--web.listen-address=0.0.0.0:0", "--web.config.file=DIR/web.yml")
}

func TestLoopback(t *testing.T) {
	for address, want := range map[string]bool{
		"127.0.0.1:9390": true, "127.1.2.3:1": true, "[::1]:9390": true, "localhost:9390": true,
		":9390": false, "0.0.0.0:9390": false, "[::]:9390": false, "10.0.0.1:9390": false, "example.com:9390": false, "127.0.0.1": false,
	} {
		if got := loopback(address); got != want {
			t.Errorf("loopback(%q) = %t, want %t", address, got, want)
		}
	}
}
