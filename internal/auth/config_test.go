package auth

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/common/model"
)

func TestTheSectionIsChecked(t *testing.T) {
	user := func(change func(*UserConfig)) func(*Config) {
		return func(c *Config) { change(&c.Users[1]) }
	}
	provider := func(change func(*OIDCConfig)) func(*Config) {
		return func(c *Config) { change(c.OIDC) }
	}
	for name, tt := range map[string]struct {
		change func(*Config)
		want   string // "": nothing is wrong
	}{
		"a good one":                  {func(*Config) {}, ""},
		"a user twice":                {user(func(u *UserConfig) { u.Name = "ann" }), "users: number 2: name:"},
		"a user without a name":       {user(func(u *UserConfig) { u.Name = "" }), "users: number 2: name:"},
		"a user with a colon":         {user(func(u *UserConfig) { u.Name = "oidc:ann" }), "users: number 2: name:"},
		"a role that is none":         {user(func(u *UserConfig) { u.Role = "root" }), "users: number 2: role:"},
		"a team that is empty":        {user(func(u *UserConfig) { u.Teams = []string{""} }), "users: number 2: teams:"},
		"no password":                 {user(func(u *UserConfig) { u.PasswordFile = "" }), "users: number 2: has neither"},
		"two passwords":               {user(func(u *UserConfig) { u.PasswordHash = "hidden" }), "users: number 2: has neither or both"},
		"a hash that is none":         {func(c *Config) { c.Users[0].PasswordHash = "hidden" }, "users: number 1: password_hash: it is no argon2id"},
		"an issuer that is no URL":    {provider(func(o *OIDCConfig) { o.Issuer = "id" }), "oidc: issuer:"},
		"an issuer for all to read":   {provider(func(o *OIDCConfig) { o.Issuer = "http://id.example" }), "oidc: issuer: secrets"},
		"an issuer with a password":   {provider(func(o *OIDCConfig) { o.Issuer = "https://u:hidden@id.example" }), "oidc: issuer:"},
		"an issuer on this machine":   {provider(func(o *OIDCConfig) { o.Issuer = "http://127.0.0.1:1/x" }), ""},
		"no client":                   {provider(func(o *OIDCConfig) { o.ClientID = "" }), "oidc: client_id:"},
		"a redirect to elsewhere":     {provider(func(o *OIDCConfig) { o.RedirectURL = "https://h.example/x" }), "oidc: redirect_url:"},
		"no openid":                   {provider(func(o *OIDCConfig) { o.Scopes = []string{"email"} }), "oidc: scopes:"},
		"no roles":                    {provider(func(o *OIDCConfig) { o.Roles = nil }), "oidc: roles:"},
		"a role of a group is none":   {provider(func(o *OIDCConfig) { o.Roles["sre"] = "root" }), "oidc: roles: sre:"},
		"a team of a group is none":   {provider(func(o *OIDCConfig) { o.Teams = map[string][]string{"sre": {"\n"}} }), "oidc: teams: sre:"},
		"a session of no time":        {func(c *Config) { c.Session.Idle = 0 }, "session: idle:"},
		"a session shorter than idle": {func(c *Config) { c.Session.Absolute = model.Duration(time.Hour) }, "session: absolute:"},
	} {
		c := DefaultConfig()
		c.Users = []UserConfig{{Name: "ann", Role: Admin, PasswordHash: cheap(t, "x")}, {Name: "ben", Role: Editor, Teams: []string{"cart"}, PasswordFile: "f"}}
		c.OIDC = &OIDCConfig{Issuer: "https://id.example", ClientID: "c", Roles: map[string]Role{"sre": Admin}}
		tt.change(&c)
		err := c.Validate()
		switch {
		case tt.want == "" && err != nil, tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)):
			t.Errorf("%s: error %v, want %q in it", name, err, tt.want)
		case err != nil && strings.Contains(err.Error(), "hidden"):
			t.Errorf("%s: the error shows a secret: %v", name, err)
		}
	}
}

func TestGroupsGiveRoleAndTeams(t *testing.T) {
	o := &OIDCConfig{
		Roles: map[string]Role{"staff": Viewer, "dev": Editor, "money": FinOps, "sre": Admin},
		Teams: map[string][]string{"dev-cart": {"cart", "checkout"}, "dev-pay": {"pay", "cart"}},
	}
	for _, tt := range []struct {
		name   string
		groups []string
		want   Actor
	}{
		{"no group", nil, Actor{}},
		{"a group that nobody knows", []string{"Sre"}, Actor{}},
		{"one group", []string{"staff"}, Actor{Role: Viewer}},
		{"the highest of several", []string{"staff", "sre", "money"}, Actor{Role: Admin}},
		{"editor before finops", []string{"money", "dev"}, Actor{Role: Editor}},
		{"teams of all groups", []string{"dev-pay", "dev", "dev-cart"}, Actor{Role: Editor, Teams: []string{"cart", "checkout", "pay"}}},
		{"teams without a role", []string{"dev-pay"}, Actor{Teams: []string{"cart", "pay"}}},
	} {
		if diff := cmp.Diff(tt.want, o.Actor(tt.groups)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
	}
	if diff := cmp.Diff([]string{"dev-pay", "sre"}, o.Known([]string{"sre", "x", "dev-pay", "sre"})); diff != "" {
		t.Errorf("known groups (-want +got):\n%s", diff)
	}
}

func TestSecretsThatCannotBeRead(t *testing.T) {
	for name, tt := range map[string]struct {
		config Config
		want   string
	}{
		"no password file":   {Config{Users: []UserConfig{{Name: "a", PasswordFile: "/none"}}}, "users: number 1: password_file: open"},
		"a hash that is cut": {Config{Users: []UserConfig{{Name: "a", PasswordFile: file(t, "$argon2id$hidden")}}}, "users: number 1: password_file: it is no argon2id"},
		"no client secret":   {Config{OIDC: &OIDCConfig{ClientSecretFile: file(t, "\n")}}, "oidc: client_secret_file:"},
	} {
		if _, err := Load(tt.config); err == nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "hidden") {
			t.Errorf("%s: error %v, want %q in it", name, err, tt.want)
		}
	}
}
