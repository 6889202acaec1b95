package control

import (
	"time"

	"github.com/headgate/headgate/internal/auth"
	"github.com/headgate/headgate/internal/store"
	"github.com/headgate/headgate/profiler"
)

// A Status is how the process itself is doing.
type Status struct {
	Since        time.Time // samples are counted from here on
	Profiled     bool
	ProfileBytes int64
	ProfileSaved time.Time // zero: never
	LetGo        []string  // of the tenant's profile, for want of memory, in sentences
	Journal      store.JournalStats
}

// Status returns how the process is doing, and what the profile of a tenant lacks.
func (c *Control) Status(tenantName string) (Status, error) {
	if err := c.may(auth.ReadTraffic); err != nil {
		return Status{}, err
	}
	f, err := c.parts.Gateway.Flow("", "")
	if err != nil {
		return Status{}, err
	}
	s := Status{Since: f.From, Journal: c.parts.Events.Stats()}
	if p := c.parts.Profiler; p != nil {
		s.Profiled, s.ProfileBytes = true, p.Bytes()
		if at := p.Saved(); at > 0 {
			s.ProfileSaved = time.Unix(at, 0)
		}
		t, _, err := c.profiled(tenantName, nil)
		if err != nil {
			return Status{}, err
		}
		page, err := p.Metrics(profiler.Query{Tenant: t, Limit: 1})
		if err != nil {
			return Status{}, err
		}
		s.LetGo = page.LetGo
	}
	return s, nil
}
