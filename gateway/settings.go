package gateway

import "github.com/headgate/headgate/internal/tenant"

// DefaultTenant returns the tenant of requests that name none.
func (g *Gateway) DefaultTenant() tenant.ID { return g.settings.Load().Config.DefaultTenant }

// Check reports what is wrong with s, as New would, and keeps nothing of it.
func Check(s Settings) error {
	if err := s.Config.Validate(); err != nil {
		return err
	}
	ups, err := newUpstreams(s.Config, upstreams{})
	if err != nil {
		return err
	}
	ups.closeUnless(upstreams{})
	return nil
}
