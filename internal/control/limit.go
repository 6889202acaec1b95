package control

import (
	"fmt"
	"slices"
	"time"

	"github.com/headgate/headgate/internal/auth"
	"github.com/headgate/headgate/internal/tenant"
	"github.com/headgate/headgate/limiter"
)

// The sources of a limit.
const (
	FromFile    = "file"    // the configuration file names the tenant
	FromAPI     = "api"     // somebody set it
	FromDefault = "default" // the tenant has that of everyone who is not named
)

// A Limit is a tenant's limit, where it comes from, and what has come of it.
type Limit struct {
	limiter.Status
	Source    string
	File      string    // that names the tenant, where Source is FromFile
	Revision  int64     // 0: nobody set it
	UpdatedAt time.Time // where Source is FromAPI; so is UpdatedBy
	UpdatedBy string
	Unkept    string // what of it is not in force, and why; "" where all is
}

// A LimitsQuery says which tenants are meant.
type LimitsQuery struct {
	Limit  int    // 0 for all
	Cursor string // the Next of the page before
}

// A LimitsPage is a list of limits.
type LimitsPage struct {
	Limits []Limit // by tenant
	Next   string  // cursor of the next page; "" where there is none
}

// Limits returns the limits of the tenants that have one, as far as they concern
// the actor.
func (c *Control) Limits(q LimitsQuery) LimitsPage {
	p := c.parts.Limits.current.Load()
	list := c.parts.Limits.limiter.Statuses(time.Now())
	if i := slices.IndexFunc(list, func(s limiter.Status) bool { return string(s.Tenant) > q.Cursor }); i >= 0 {
		list = list[i:]
	} else {
		list = nil
	}
	var page LimitsPage
	for _, s := range list {
		if c.mayIn(auth.ReadTraffic, s.Tenant) != nil {
			continue
		}
		if q.Limit > 0 && len(page.Limits) == q.Limit {
			page.Next = string(page.Limits[q.Limit-1].Tenant)
			break
		}
		page.Limits = append(page.Limits, p.limit(s))
	}
	return page
}

// DefaultLimit returns the limit of each tenant that is not named.
func (c *Control) DefaultLimit() limiter.Limit { return c.parts.Limits.current.Load().config.Default }

// Limit returns a tenant's limit, of whom nothing needs to be known.
func (c *Control) Limit(tenantName string) (Limit, error) {
	t, err := c.tenantNamed(auth.ReadTraffic, tenantName)
	if err != nil {
		return Limit{}, err
	}
	return c.limitOf(t), nil
}

func (c *Control) limitOf(t tenant.ID) Limit {
	if known := c.parts.Limits.limiter.Find(t); known != nil {
		return c.parts.Limits.current.Load().limit(known.Status(time.Now()))
	}
	s := limiter.Status{Tenant: t}
	s.Limit, s.Named = c.parts.Limits.limiter.LimitOf(t)
	return c.parts.Limits.current.Load().limit(s)
}

// limit says where the limit in s comes from.
func (p *limitPolicy) limit(s limiter.Status) Limit {
	l := Limit{Status: s, Source: FromDefault}
	if written := p.saying(s.Tenant); !p.countsAlike() && written.LimitsSeries() {
		written.Burst = s.Limit.Burst
		l.Status.Limit, l.Unkept = written, p.unkept(written)
	}
	if _, ok := p.config.Tenants[s.Tenant]; ok {
		l.Source, l.File = FromFile, p.file
	} else if stored, ok := p.stored[s.Tenant]; ok {
		l.Source, l.Revision, l.UpdatedAt, l.UpdatedBy = FromAPI, stored.revision, stored.at, stored.by
	}
	return l
}

// maxHistory is how many seconds back a history goes.
const maxHistory = 3600

// A LimitHistory is what became of a tenant's samples, second by second.
type LimitHistory struct {
	From    time.Time // when the first second began
	Seconds []limiter.Second
}

// LimitHistory returns the last seconds of a tenant that has a limit of samples
// per second. What was not recorded is 0.
func (c *Control) LimitHistory(tenantName string, seconds int) (LimitHistory, error) {
	t, err := c.tenantNamed(auth.ReadTraffic, tenantName)
	if err != nil {
		return LimitHistory{}, err
	}
	if seconds < 1 || seconds > maxHistory {
		return LimitHistory{}, &Invalid{"seconds", fmt.Sprintf("it is not from 1 to %d", maxHistory)}
	}
	now := time.Now()
	h := LimitHistory{From: now.Add(-time.Duration(seconds) * time.Second), Seconds: make([]limiter.Second, seconds)}
	if known := c.parts.Limits.limiter.Find(t); known != nil {
		h.Seconds = known.History(now, seconds)
	}
	return h, nil
}
