// Package auth says who is calling, and what they may do: a sender's credential
// stands for its tenants, a person's sign-in and a script's token for a role, which
// reaches as far as its tenants and teams.
package auth

import (
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"

	"github.com/headgate/headgate/internal/tenant"
)

// CredentialConfig is one sender's credential in the configuration file: the
// tenants it speaks for, and either a bearer token or a name with a password.
type CredentialConfig struct {
	Tenants         []tenant.ID      `yaml:"tenants"`
	BearerTokenFile string           `yaml:"bearer_token_file,omitempty"`
	BasicAuth       *BasicAuthConfig `yaml:"basic_auth,omitempty"`
}

// BasicAuthConfig is a user name and the file that holds its password.
type BasicAuthConfig struct {
	Username     string `yaml:"username"`
	PasswordFile string `yaml:"password_file"`
}

// Credentials recognise senders. They are immutable: any goroutine may use them.
type Credentials struct{ list []credential }

type credential struct {
	digest  [sha256.Size]byte // of the Authorization header's secret part
	tenants []tenant.ID
}

// LoadCredentials reads the files that cfg names. It returns nil for none.
// Errors name the credential by its number, never by its secret.
func LoadCredentials(cfg []CredentialConfig) (*Credentials, error) {
	if len(cfg) == 0 {
		return nil, nil
	}
	c := &Credentials{}
	var errs []error
	seen := map[[sha256.Size]byte]int{}
	for i, cc := range cfg {
		one, err := cc.load()
		if err == nil && seen[one.digest] > 0 {
			err = fmt.Errorf("is the same as number %d; write one with the tenants of both", seen[one.digest])
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("credentials: number %d: %w", i+1, err))
			continue
		}
		seen[one.digest] = i + 1
		c.list = append(c.list, one)
	}
	return c, errors.Join(errs...)
}

func (cc CredentialConfig) load() (credential, error) {
	if len(cc.Tenants) == 0 {
		return credential{}, errors.New("tenants is empty; name the tenants it speaks for")
	}
	for _, t := range cc.Tenants {
		if _, err := tenant.Parse(string(t)); err != nil {
			return credential{}, fmt.Errorf("tenant %q: %w", t, err)
		}
	}
	switch {
	case cc.BearerTokenFile != "" && cc.BasicAuth != nil:
		return credential{}, errors.New("has bearer_token_file and basic_auth; write two credentials")
	case cc.BearerTokenFile != "":
		token, err := secret(cc.BearerTokenFile)
		if err != nil {
			return credential{}, fmt.Errorf("bearer_token_file: %w", err)
		}
		return credential{digestOf("Bearer", strings.TrimSpace(token)), cc.Tenants}, nil
	case cc.BasicAuth != nil:
		if cc.BasicAuth.Username == "" || strings.Contains(cc.BasicAuth.Username, ":") {
			return credential{}, errors.New("basic_auth: username is empty or has a colon")
		}
		password, err := secret(cc.BasicAuth.PasswordFile)
		if err != nil {
			return credential{}, fmt.Errorf("basic_auth: password_file: %w", err)
		}
		return credential{digestOf("Basic", cc.BasicAuth.Username+":"+password), cc.Tenants}, nil
	}
	return credential{}, errors.New("has neither bearer_token_file nor basic_auth")
}

// secret reads a secret from its file, without the line break at its end.
func secret(file string) (string, error) {
	b, err := os.ReadFile(file)
	if err != nil {
		return "", err
	}
	s := strings.TrimRight(string(b), "\r\n")
	switch {
	case strings.TrimSpace(s) == "":
		return "", fmt.Errorf("%s is empty", file)
	case strings.ContainsAny(s, "\r\n"):
		return "", fmt.Errorf("%s holds more than one line", file)
	}
	return s, nil
}

// Tenants returns whom a request speaks for; ok is false where its credential is
// missing, wrong, or there twice. Every credential is compared, each in constant
// time.
func (c *Credentials) Tenants(r *http.Request) (tenants []tenant.ID, ok bool) {
	if len(r.Header.Values("Authorization")) > 1 {
		return nil, false
	}
	var digest [sha256.Size]byte
	if user, password, basic := r.BasicAuth(); basic {
		digest = digestOf("Basic", user+":"+password)
	} else if scheme, token, found := strings.Cut(r.Header.Get("Authorization"), " "); found && strings.EqualFold(scheme, "Bearer") {
		digest = digestOf("Bearer", strings.TrimSpace(token))
	} else {
		return nil, false
	}
	for i := range c.list {
		if subtle.ConstantTimeCompare(digest[:], c.list[i].digest[:]) == 1 {
			tenants, ok = c.list[i].tenants, true
		}
	}
	return tenants, ok
}

func digestOf(scheme, secret string) [sha256.Size]byte {
	return sha256.Sum256([]byte(scheme + " " + secret))
}
