package control

import (
	"time"

	"github.com/headgate/headgate/internal/auth"
	"github.com/headgate/headgate/internal/store"
)

// A Status is how the process itself is doing.
type Status struct {
	Since        time.Time // samples are counted from here on
	Profiled     bool
	ProfileBytes int64
	ProfileSaved time.Time // zero: never
	LetGo        []string  // of the tenant's profile, for want of memory, in sentences
	Journal      store.JournalStats
	StoreOpen    bool // what is recorded of samples can be read and written
}

// Status returns how the process is doing, and what the profile of a tenant lacks;
// without a name, that of the default one, or the first that the actor sees.
func (c *Control) Status(tenantName string) (Status, error) {
	s, err := c.Process()
	if err != nil || !s.Profiled {
		return s, err
	}
	if tenantName == "" && !c.actor.SeesAll() {
		tenantName = string(c.actor.Tenants[0])
	}
	t, _, err := c.profiled(tenantName, nil)
	if err != nil {
		return Status{}, err
	}
	s.LetGo = c.parts.Profiler.LetGo(t)
	return s, nil
}

// Process returns how the process is doing. What a profile lacks takes longer to find,
// and is not said.
func (c *Control) Process() (Status, error) {
	if err := c.may(auth.ReadTraffic); err != nil {
		return Status{}, err
	}
	f, err := c.parts.Gateway.Flow("", "")
	if err != nil {
		return Status{}, err
	}
	s := Status{Since: f.From, Journal: c.parts.Events.Stats(), StoreOpen: c.parts.Ledger != nil && c.parts.Ledger() != nil}
	if p := c.parts.Profiler; p != nil {
		s.Profiled, s.ProfileBytes = true, p.Bytes()
		if at := p.Saved(); at > 0 {
			s.ProfileSaved = time.Unix(at, 0)
		}
	}
	return s, nil
}
