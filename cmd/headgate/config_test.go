package main

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/common/model"

	"github.com/headgate/headgate/attribution"
	"github.com/headgate/headgate/gateway"
)

// readText reads a configuration given as text.
func readText(tb testing.TB, text string) (*Config, []string) {
	tb.Helper()
	file := filepath.Join(tb.TempDir(), "headgate.yml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		tb.Fatal(err)
	}
	c, problems := readConfig(file, "")
	var texts []string
	for _, p := range problems {
		texts = append(texts, strings.TrimPrefix(p.String(), filepath.Dir(file)+string(filepath.Separator)))
	}
	return c, texts
}

func TestWhatIsLeftOutHasItsDefault(t *testing.T) {
	for _, text := range []string{"", "# nothing\n", "{}", "gateway:\nrules:\nattribution:\n", "gateway: {upstream: , tenant_upstreams: , credentials: }\nrules: {files: }\n"} {
		c, problems := readText(t, text)
		if len(problems) > 0 {
			t.Errorf("%q: %v", text, problems)
			continue
		}
		if want := gateway.DefaultConfig(); !reflect.DeepEqual(c.Gateway.Config, want) {
			t.Errorf("%q:\n%+v\nwant the default:\n%+v", text, c.Gateway.Config, want)
		}
		if len(c.Gateway.Credentials) > 0 || len(c.Rules.Files) > 0 || len(c.Attribution.Owners) > 0 {
			t.Errorf("%q: %+v, want no credentials, rules and owners", text, c)
		}
	}
}

func TestAConfigurationIsReadWhole(t *testing.T) {
	c, problems := readText(t, `
gateway:
  upstream:
    url: https://store.example/api/v1/push
    timeout: 15s
    headers: {X-Zone: a}
    on_429: retry
    basic_auth: {username: u, password_file: secrets/p}
    tls_config: {ca_file: ca.pem, server_name: s, min_version: TLS13}
    proxy_url: http://proxy.example
    http_headers: {X-More: {files: [more]}}
  tenant_upstreams:
    payments: {url: http://payments.example, oauth2: {client_id: i, client_secret_file: s, token_url: http://t}}
    ads: {url: http://ads.example, authorization: {credentials_file: /abs}}
  tenant_header: X-Tenant
  default_tenant: other
  credentials:
    - {tenants: [a, b], bearer_token_file: t}
    - {tenants: [c], basic_auth: {username: u, password_file: /abs}}
  max_body_bytes: 1000000
  max_decoded_bytes: 2000000
  max_inflight_bytes: 10000000
  max_labels: 10
  max_label_name_bytes: 11
  max_label_value_bytes: 12
  max_series_per_request: 13
  series_table_bytes: 2097152
  overflow_cache_bytes: 14
rules: {files: [a.yml, 'b/*.yml']}
attribution: {owners: [{match: up, team: t}, {label: team}]}
`)
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	in := func(name string) string { return filepath.Join(c.dir, name) }
	g := c.Gateway
	up := g.Upstream
	if up.URL != "https://store.example/api/v1/push" || up.Timeout != model.Duration(15*time.Second) || up.Headers["X-Zone"] != "a" || up.On429 != "retry" {
		t.Errorf("upstream is %+v", up)
	}
	if up.HTTP.BasicAuth.PasswordFile != in("secrets/p") || up.HTTP.TLSConfig.CAFile != in("ca.pem") || up.HTTP.ProxyURL.String() != "http://proxy.example" || up.HTTP.HTTPHeaders.Headers["X-More"].Files[0] != in("more") {
		t.Errorf("the upstream's client is %+v", up.HTTP)
	}
	pay, ads := g.TenantUpstreams["payments"], g.TenantUpstreams["ads"]
	if pay.HTTP.OAuth2.ClientSecretFile != in("s") || ads.HTTP.Authorization.CredentialsFile != "/abs" || ads.HTTP.Authorization.Type != "Bearer" {
		t.Errorf("the tenants' upstreams are %+v and %+v", pay, ads)
	}
	if pay.Timeout != gateway.DefaultUpstreamConfig().Timeout || up.HTTP.FollowRedirects || pay.HTTP.FollowRedirects {
		t.Error("what is left out in an upstream does not have its default")
	}
	if len(g.Credentials) != 2 || g.Credentials[0].BearerTokenFile != in("t") || g.Credentials[1].BasicAuth.PasswordFile != "/abs" {
		t.Errorf("credentials are %+v", g.Credentials)
	}
	numbers := []int64{g.MaxBodyBytes, int64(g.MaxDecodedBytes), g.MaxInflightBytes, int64(g.MaxLabels), int64(g.MaxLabelNameBytes), int64(g.MaxLabelValueBytes), int64(g.MaxSeriesPerRequest), g.SeriesTableBytes, int64(g.OverflowCacheBytes)}
	if diff := cmp.Diff([]int64{1000000, 2000000, 10000000, 10, 11, 12, 13, 2097152, 14}, numbers); diff != "" {
		t.Errorf("numbers (-want +got):\n%s", diff)
	}
	if g.TenantHeader != "X-Tenant" || g.DefaultTenant != "other" {
		t.Errorf("tenants: %q, %q", g.TenantHeader, g.DefaultTenant)
	}
	if diff := cmp.Diff([]attribution.OwnerConfig{{Match: "up", Team: "t"}, {Label: "team"}}, c.Attribution.Owners); diff != "" {
		t.Errorf("owners (-want +got):\n%s", diff)
	}
}

func TestProblemsOfAConfiguration(t *testing.T) {
	for text, want := range map[string]string{
		"gateway: [":                 "headgate.yml:1: the file is not YAML",
		"{}\n---\n{}\n":              "headgate.yml:2:1: a second YAML document",
		"gateway: 3":                 "headgate.yml:1:10: gateway is a mapping, this is a number",
		"3":                          "headgate.yml:1:1: the file is a mapping, this is a number",
		"? [a]\n: b\n":               "headgate.yml:1:3: a key is a plain word here",
		"<<: {gateway: {}}":          "headgate.yml:1:1: a key is a plain word here",
		"gateway: {max_labels: 1.5}": "headgate.yml:1:23: max_labels: this is a number, and it wants a whole number",
		"gateway: {max_labels: 99999999999999999999}":                                     "headgate.yml:1:23: max_labels: this is a number, and it wants a whole number",
		"gateway: {upstream: {url: [a]}}":                                                 "headgate.yml:1:27: url: this is a list, and it wants a string",
		"gateway: {upstream: {basic_auth: {username: a, password: b, password_file: c}}}": "headgate.yml:1:21: upstream: at most one of basic_auth password",
		"gateway: {upstream: {tls_config: {insecure_skip_verify: maybe}}}":                "insecure_skip_verify: this is a string, and it wants true or false",
		"gateway: {tenant_upstreams: {a: {timeout: 0s}}}":                                 "headgate.yml:1:43: tenant_upstreams: a: timeout 0s is too short",
		"gateway: {credentials: [{tenant: [a]}]}":                                         `headgate.yml:1:26: unknown key "tenant"; did you mean tenants?`,
		"attribution: {prices: {currency: usd}}":                                          `headgate.yml:1:34: prices: currency: "usd" is no code of ISO 4217`,
		"attribution: {prices: {currency: USD, per_million_samples: -1}}":                 "headgate.yml:1:60: per_million_samples: it is negative",
		"attribution: {prices: [{currency: USD, per_thousand_series_month: a}]}":          `headgate.yml:1:67: per_thousand_series_month: "a" is no decimal number`,
		"attribution: {prices: [{currency: USD, valid_from: tomorrow}]}":                  `headgate.yml:1:52: valid_from: "tomorrow" is no time`,
		"attribution: {prices: 3}":                                                        "headgate.yml:1:23: prices is a list, this is a number",
		"attribution: {prices: {usd: 3}}":                                                 `headgate.yml:1:24: unknown key "usd"`,
		"attribution: {budgets: {a: {month: 0.0000001}}}":                                 `headgate.yml:1:36: month: "0.0000001" has more than 6 digits`,
		"attribution: {budgets: {a: 3}}":                                                  "headgate.yml:1:28: a is a mapping, this is a number",
		"attribution: {shared: }":                                                         "headgate.yml:1:23: shared has no value",
		"attribution: {owners: [{match: up}]}":                                            "headgate.yml:1:32: owners: clause 1: match up lacks its team",
	} {
		c, problems := readText(t, text)
		if c != nil || len(problems) != 1 || !strings.Contains(problems[0], want) {
			t.Errorf("%s:\n%q\nwant one: %s", text, problems, want)
		}
	}
}

func TestTheUpstreamOfTheFlag(t *testing.T) {
	c, problems := readConfig("", "http://a.example")
	if len(problems) > 0 || c.Gateway.Upstream.URL != "http://a.example" {
		t.Errorf("%v, %v; want the flag's upstream", c, problems)
	}
	if _, problems := readConfig("", "ftp://a"); len(problems) != 1 || !strings.Contains(problems[0].String(), "url needs a scheme") {
		t.Errorf("problems of a bad flag are %v, want one", problems)
	}
}

func FuzzReadConfig(f *testing.F) {
	f.Add("gateway: {upstream: {url: http://a, basic_auth: {}}, tenant_upstreams: {a: }, credentials: [{}, ]}")
	f.Add("rules: {files: [a, 3]}\nattribution: {owners: [{match: '{', team: &a b}, *a]}")
	f.Add("? {a: b}\n: - c\n- - d\n")
	f.Fuzz(func(t *testing.T, text string) {
		c := DefaultConfig()
		d := &document{file: "f"}
		d.decode([]byte(text), &c)
		for _, p := range d.problems {
			if p.Text == "" || p.Line < 0 || p.Col < 0 {
				t.Errorf("a problem without text or place: %+v", p)
			}
		}
	})
}
