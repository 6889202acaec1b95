package auth

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/common/config"
	"github.com/prometheus/common/model"

	"github.com/headgate/headgate/internal/tenant"
)

// CallbackPath is where an identity provider sends browsers back to.
const CallbackPath = "/auth/oidc/callback"

// Config is the section auth of the configuration file: who may sign in.
type Config struct {
	Users   []UserConfig  `yaml:"users"`
	OIDC    *OIDCConfig   `yaml:"oidc"`
	Session SessionConfig `yaml:"session"`
}

// UserConfig is somebody who signs in with a password.
type UserConfig struct {
	Name         string      `yaml:"name"`
	Role         Role        `yaml:"role"`
	Teams        []string    `yaml:"teams"`
	Tenants      []tenant.ID `yaml:"tenants"`       // none: all
	PasswordFile string      `yaml:"password_file"` // holds the password, or its hash
	PasswordHash string      `yaml:"password_hash"` // argon2id
}

// OIDCConfig is an identity provider and what its groups may do.
type OIDCConfig struct {
	Issuer           string              `yaml:"issuer"`
	ClientID         string              `yaml:"client_id"`
	ClientSecretFile string              `yaml:"client_secret_file"` // "": a public client
	RedirectURL      string              `yaml:"redirect_url"`       // "": from --web.external-url
	GroupsClaim      string              `yaml:"groups_claim"`       // "": groups
	Scopes           []string            `yaml:"scopes"`             // none: openid, profile, email
	Roles            map[string]Role     `yaml:"roles"`              // by group
	Teams            map[string][]string `yaml:"teams"`              // by group
}

// SessionConfig says how long somebody who signed in stays so.
type SessionConfig struct {
	Idle     model.Duration `yaml:"idle"`     // without a request
	Absolute model.Duration `yaml:"absolute"` // in all
}

// DefaultConfig is what an absent section means: nobody needs to sign in.
func DefaultConfig() Config {
	return Config{Session: SessionConfig{Idle: model.Duration(8 * time.Hour), Absolute: model.Duration(7 * 24 * time.Hour)}}
}

// Enabled reports whether anybody has to sign in.
func (c *Config) Enabled() bool { return len(c.Users) > 0 || c.OIDC != nil }

// SetDirectory makes relative paths start at dir.
func (c *Config) SetDirectory(dir string) {
	for i := range c.Users {
		c.Users[i].PasswordFile = config.JoinDir(dir, c.Users[i].PasswordFile)
	}
	if c.OIDC != nil {
		c.OIDC.ClientSecretFile = config.JoinDir(dir, c.OIDC.ClientSecretFile)
	}
}

// Validate returns all that is wrong with c.
func (c *Config) Validate() error {
	var errs []error
	seen := map[string]int{}
	for i, u := range c.Users {
		err := u.validate()
		if before := seen[u.Name]; err == nil && before > 0 {
			err = fmt.Errorf("name: %q is that of number %d, too", u.Name, before)
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("users: number %d: %w", i+1, err))
		}
		seen[u.Name] = i + 1
	}
	if c.OIDC != nil {
		for _, err := range c.OIDC.validate() {
			errs = append(errs, fmt.Errorf("oidc: %w", err))
		}
	}
	idle, absolute := time.Duration(c.Session.Idle), time.Duration(c.Session.Absolute)
	if idle < time.Minute {
		errs = append(errs, fmt.Errorf("session: idle: %s is less than a minute", c.Session.Idle))
	}
	if absolute < idle || absolute > 90*24*time.Hour {
		errs = append(errs, fmt.Errorf("session: absolute: %s is not from idle (%s) to 90d", c.Session.Absolute, c.Session.Idle))
	}
	return errors.Join(errs...)
}

func (u *UserConfig) validate() error {
	t := Token{Name: u.Name, Role: u.Role, Tenants: u.Tenants, Teams: u.Teams}
	if field, text := t.Check(time.Now()); field != "" {
		return fmt.Errorf("%s: %s", field, text)
	}
	switch {
	case strings.Contains(u.Name, ":"):
		return errors.New("name: a user's name has no colon")
	case (u.PasswordFile == "") == (u.PasswordHash == ""):
		return errors.New("has neither or both of password_file and password_hash; write one of them")
	case u.PasswordHash != "":
		if _, err := parseHash(u.PasswordHash); err != nil {
			return fmt.Errorf("password_hash: %w", err)
		}
	}
	return nil
}

func (o *OIDCConfig) validate() (errs []error) {
	add := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if err := checkURL(o.Issuer); err != nil {
		add("issuer: %w", err)
	}
	if o.ClientID == "" {
		add("client_id: it is empty; write what the provider calls Headgate")
	}
	if o.RedirectURL != "" {
		if err := checkURL(o.RedirectURL); err != nil {
			add("redirect_url: %w", err)
		} else if !strings.HasSuffix(o.RedirectURL, CallbackPath) {
			add("redirect_url: it does not end in %s", CallbackPath)
		}
	}
	if len(o.Scopes) > 0 && !slices.Contains(o.Scopes, "openid") {
		add("scopes: openid is not among them")
	}
	if len(o.Roles) == 0 {
		add("roles: no group has a role, so that nobody could do anything; write group: role")
	}
	for _, group := range sorted(o.Roles) {
		if _, err := ParseRole(string(o.Roles[group])); err != nil {
			add("roles: %s: %w", group, err)
		}
	}
	for _, group := range sorted(o.Teams) {
		for _, team := range o.Teams[group] {
			if !printable(team, maxTeamBytes) {
				add("teams: %s: a team is 1 to %d printable characters", group, maxTeamBytes)
			}
		}
	}
	return errs
}

func sorted[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// checkURL refuses what secrets must not be sent to. The text of its errors does
// not hold the URL: there may be a password in it.
func checkURL(text string) error {
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http":
		return errors.New("it is no URL; write it as in https://id.example")
	case u.User != nil || u.RawQuery != "" || u.Fragment != "":
		return errors.New("a URL with a user, a query or a fragment cannot be used here")
	case u.Scheme == "http" && !isLoopback(u.Hostname()):
		return errors.New("secrets would be sent to it for all to read; write https://")
	}
	return nil
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// Claim returns the name of the claim that holds the groups.
func (o *OIDCConfig) Claim() string {
	if o.GroupsClaim == "" {
		return "groups"
	}
	return o.GroupsClaim
}

// Scope returns the scopes that are asked for.
func (o *OIDCConfig) Scope() []string {
	if len(o.Scopes) == 0 {
		return []string{"openid", "profile", "email"}
	}
	return o.Scopes
}

// Known returns those of groups that have a role or a team.
func (o *OIDCConfig) Known(groups []string) []string {
	var known []string
	for _, g := range groups {
		if _, team := o.Teams[g]; o.Roles[g] != "" || team {
			known = append(known, g)
		}
	}
	slices.Sort(known)
	return slices.Compact(known)
}

// Actor returns what somebody of these groups may do. Of several roles it is admin,
// editor, finops or viewer, in this order; without any the actor is nobody.
func (o *OIDCConfig) Actor(groups []string) Actor {
	var a Actor
	for _, r := range roles {
		if a.Role == "" && slices.ContainsFunc(groups, func(g string) bool { return o.Roles[g] == r }) {
			a.Role = r
		}
	}
	for _, g := range groups {
		a.Teams = append(a.Teams, o.Teams[g]...)
	}
	slices.Sort(a.Teams)
	a.Teams = slices.Compact(a.Teams)
	return a
}
