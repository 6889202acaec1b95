package auth

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/headgate/headgate/internal/tenant"
)

// file writes a secret and returns its file.
func file(t *testing.T, secret string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(name, []byte(secret), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

func bearer(t *testing.T, token string, tenants ...tenant.ID) CredentialConfig {
	return CredentialConfig{Tenants: tenants, BearerTokenFile: file(t, token)}
}

func password(t *testing.T, user, pass string, tenants ...tenant.ID) CredentialConfig {
	return CredentialConfig{Tenants: tenants, BasicAuth: &BasicAuthConfig{Username: user, PasswordFile: file(t, pass)}}
}

func TestTenantsOfACredential(t *testing.T) {
	c, err := LoadCredentials([]CredentialConfig{
		bearer(t, "pay-token\n", "payments"),
		password(t, "both", "pass:word\r\n", "search", "ads"),
	})
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name    string
		headers []string // of Authorization
		want    []tenant.ID
	}{
		{"a bearer token", []string{"Bearer pay-token"}, []tenant.ID{"payments"}},
		{"the scheme in other letters", []string{"bEARER pay-token"}, []tenant.ID{"payments"}},
		{"more spaces before it", []string{"Bearer   pay-token"}, []tenant.ID{"payments"}},
		{"a password with a colon", []string{basic("both", "pass:word")}, []tenant.ID{"search", "ads"}},
		{"no header", nil, nil},
		{"an empty header", []string{""}, nil},
		{"a scheme alone", []string{"Bearer"}, nil},
		{"an empty token", []string{"Bearer "}, nil},
		{"another token", []string{"Bearer pay-tokens"}, nil},
		{"a part of the token", []string{"Bearer pay-toke"}, nil},
		{"the token as a scheme of its own", []string{"pay-token"}, nil},
		{"the token in another scheme", []string{"Token pay-token"}, nil},
		{"the password as a token", []string{"Bearer both:pass:word"}, nil},
		{"the token as a password", []string{basic("", "pay-token")}, nil},
		{"another password", []string{basic("both", "password")}, nil},
		{"another user", []string{basic("bot", "h:pass:word")}, nil},
		{"basic auth that is none", []string{"Basic !"}, nil},
		{"two credentials", []string{"Bearer pay-token", basic("both", "pass:word")}, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := httptest.NewRequest(http.MethodPost, "/", nil)
			r.Header["Authorization"] = tt.headers
			got, ok := c.Tenants(r)
			if diff := cmp.Diff(tt.want, got); diff != "" || ok != (tt.want != nil) {
				t.Errorf("ok %t, tenants (-want +got):\n%s", ok, diff)
			}
		})
	}
}

func basic(user, pass string) string {
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.SetBasicAuth(user, pass)
	return r.Header.Get("Authorization")
}

func TestNoCredentials(t *testing.T) {
	if c, err := LoadCredentials(nil); c != nil || err != nil {
		t.Errorf("LoadCredentials of none: %v, %v; want nil", c, err)
	}
}

func TestLoadCredentialsRefuses(t *testing.T) {
	tests := []struct {
		name string
		cfg  []CredentialConfig
		want string
	}{
		{"no tenants", []CredentialConfig{{BearerTokenFile: file(t, "hidden")}}, "number 1: tenants is empty"},
		{"a tenant that is none", []CredentialConfig{bearer(t, "hidden", "a/b")}, `number 1: tenant "a/b"`},
		{"no secret", []CredentialConfig{{Tenants: []tenant.ID{"a"}}}, "neither bearer_token_file nor basic_auth"},
		{"two secrets", []CredentialConfig{{Tenants: []tenant.ID{"a"}, BearerTokenFile: "x", BasicAuth: &BasicAuthConfig{}}}, "write two credentials"},
		{"a file that is not there", []CredentialConfig{{Tenants: []tenant.ID{"a"}, BearerTokenFile: filepath.Join(t.TempDir(), "none")}}, "bearer_token_file: open"},
		{"an empty file", []CredentialConfig{bearer(t, "\n", "a")}, "is empty"},
		{"a user with a colon", []CredentialConfig{password(t, "a:b", "hidden", "a")}, "has a colon"},
		{"no user", []CredentialConfig{password(t, "", "hidden", "a")}, "username is empty"},
		{"no password file", []CredentialConfig{{Tenants: []tenant.ID{"a"}, BasicAuth: &BasicAuthConfig{Username: "a"}}}, "password_file"},
		{"a secret twice", []CredentialConfig{bearer(t, "hidden", "a"), bearer(t, "other", "a"), bearer(t, "hidden\n", "b")}, "number 3: is the same as number 1"},
		{"a token of two lines", []CredentialConfig{bearer(t, "hidden\nhidden", "a")}, "more than one line"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := LoadCredentials(tt.cfg)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("LoadCredentials: %v, want %q in it", err, tt.want)
			}
			if err != nil && strings.Contains(err.Error(), "hidden") {
				t.Errorf("the error shows a secret: %v", err)
			}
		})
	}
}
