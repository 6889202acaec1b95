package limiter

import (
	"time"

	"github.com/headgate/headgate/internal/tenant"
)

// A Change is the kind of an [Event].
type Change string

// The changes that are events.
const (
	Entered    Change = "entered"    // a tenant went over its limit
	Moved      Change = "moved"      // the cut of one of its pools moved
	Left       Change = "left"       // it is within its limit again
	Refusing   Change = "refusing"   // new series are refused
	Accepting  Change = "accepting"  // none was refused for a part of the window
	Suspended  Change = "suspended"  // new series are not checked for a window
	Overflowed Change = "overflowed" // there are too many tenants: new ones share a limit
)

// An Event is something that happened to a tenant's limit.
type Event struct {
	At     time.Time
	Tenant tenant.ID
	Change Change
	Text   string // one sentence, without the tenant
}

// A happening is an Event under way: gathered under a lock, told outside of it.
type happening struct {
	change Change
	text   string
}
