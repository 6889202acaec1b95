package control

import (
	"slices"
	"time"

	"github.com/headgate/headgate/gateway"
	"github.com/headgate/headgate/internal/auth"
	"github.com/headgate/headgate/internal/tenant"
)

// UpstreamWindow is how far back the counts of an Upstream go.
const UpstreamWindow = gateway.HealthWindow

// An Upstream is how a store that samples are forwarded to answered lately. Its
// address, and why it did not answer, are for those who see every tenant.
type Upstream = gateway.UpstreamHealth

// Upstreams returns how the upstreams of the actor's tenants answered lately: the
// one of all tenants that have none of their own first.
func (c *Control) Upstreams() ([]Upstream, error) {
	if err := c.may(auth.ReadStatus); err != nil {
		return nil, err
	}
	list := c.parts.Gateway.Upstreams()
	if c.actor.SeesAll() {
		return list, nil
	}
	own := 0
	list = slices.DeleteFunc(list, func(u Upstream) bool {
		if u.Tenant != "" && c.actor.SeesTenant(u.Tenant) {
			own++
			return false
		}
		return u.Tenant != ""
	})
	if own == len(c.actor.Tenants) {
		list = list[1:] // nothing of theirs goes there
	}
	for i := range list {
		list[i].URL, list[i].Fault, list[i].Bytes = "", "", 0
	}
	return list, nil
}

// A Sender is a tenant: what it may come with, when it came last, and what becomes of
// what it sends.
type Sender struct {
	Tenant      tenant.ID
	Credentials []CredentialKind
	Seen        time.Time // the latest request; zero: none within the window, or since the start
	Own         bool      // it has an upstream of its own
	Limit       Limit
	Rates       Rates // over the last minute
	Known       bool  // the rates are
}

// MaxSenders is how many tenants Senders returns.
const MaxSenders = 1000

// Senders returns the tenants that the actor may ask about and that sent lately, have
// a limit, an upstream or a credential, by name; and how many more there are.
func (c *Control) Senders() (list []Sender, more int, err error) {
	if err := c.may(auth.ReadStatus); err != nil {
		return nil, 0, err
	}
	names := c.Tenants()
	credentials := map[tenant.ID][]CredentialKind{}
	if c.parts.Configuration != nil {
		for _, cr := range c.parts.Configuration().Credentials {
			for _, t := range cr.Tenants {
				credentials[t] = append(credentials[t], cr.Kind)
				names = append(names, t)
			}
		}
	}
	own := map[tenant.ID]bool{}
	for _, u := range c.parts.Gateway.Upstreams() {
		if u.Tenant != "" {
			own[u.Tenant] = true
			names = append(names, u.Tenant)
		}
	}
	slices.Sort(names)
	names = slices.DeleteFunc(slices.Compact(names), func(t tenant.ID) bool { return !c.actor.SeesTenant(t) })
	more = max(0, len(names)-MaxSenders)
	seen := c.parts.Gateway.Seen()
	for _, t := range names[:len(names)-more] {
		s := Sender{Tenant: t, Credentials: credentials[t], Seen: seen[t], Own: own[t]}
		if c.parts.Limits != nil {
			s.Limit = c.limitOf(t)
		}
		h := c.flowHistory(t)
		s.Rates, s.Known = h.PerSecond()
		list = append(list, s)
	}
	return list, more, nil
}
