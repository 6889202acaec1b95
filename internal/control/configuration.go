package control

import (
	"time"

	"github.com/headgate/headgate/internal/auth"
	"github.com/headgate/headgate/internal/tenant"
)

// A Configuration is what the configuration file says, and whether that is in force.
type Configuration struct {
	File     string    // "" where there is none, and everything has its default
	Text     string    // YAML of file and defaults; secrets are replaced
	Hash     string    // changes with the file and the rules that it names
	LoadedAt time.Time // when it came into force
	Waiting  []string  // settings that keep the value they had at start until a restart

	// Where the latest attempt to read it again failed, what is wrong, and when that
	// was. What is above stays in force.
	Failure  string
	FailedAt time.Time

	Credentials []Credential // none: every sender is trusted
}

// A Credential says which tenants a sender's credential speaks for. Who has it is not
// known, and neither is what it is.
type Credential struct {
	Kind    CredentialKind
	Tenants []tenant.ID
}

// A CredentialKind is how a sender says who it is.
type CredentialKind string

// The kinds of credentials.
const (
	BearerToken CredentialKind = "bearer token"
	BasicAuth   CredentialKind = "basic auth"
)

// Configuration returns the configuration in force; ok is false where this process
// has none to show.
func (c *Control) Configuration() (cfg Configuration, ok bool, err error) {
	if err := c.mayAll(auth.ReadConfig); err != nil {
		return Configuration{}, false, err
	}
	if c.parts.Configuration == nil {
		return Configuration{}, false, nil
	}
	return c.parts.Configuration(), true, nil
}
