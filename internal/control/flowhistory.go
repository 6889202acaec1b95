package control

import (
	"sync"
	"time"

	"github.com/headgate/headgate/internal/auth"
	"github.com/headgate/headgate/internal/tenant"
)

const (
	// flowSteps is how many steps of rateStep a history has: those of an hour.
	flowSteps = 360

	// maxFlowTenants is how many tenants have a history of their own, some 20 KiB
	// each.
	maxFlowTenants = 100
)

// A FlowHistory is what became of samples, step by step, oldest first.
type FlowHistory struct {
	From  time.Time // when the first step began
	Step  time.Duration
	Steps []Counts // samples in each; none where too little is known
}

// flows are what had become of samples at one time after the other. "" stands for
// all tenants.
type flows struct {
	mu       sync.Mutex
	latest   time.Time
	byTenant map[tenant.ID][]Counts // oldest first
}

// add takes a reading, and forgets what is older than an hour and who is gone.
func (fs *flows) add(now time.Time, read map[tenant.ID]Counts) {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	next := make(map[tenant.ID][]Counts, len(read))
	keep := func(t tenant.ID, known bool) {
		list := fs.byTenant[t]
		if counts, there := read[t]; there && known == (list != nil) && len(next) <= maxFlowTenants {
			next[t] = append(list[max(0, len(list)-flowSteps):], counts)
		}
	}
	keep("", true)
	keep("", false)
	for _, known := range []bool{true, false} {
		for t := range read {
			if t != "" {
				keep(t, known)
			}
		}
	}
	fs.latest, fs.byTenant = now, next
}

// FlowHistory returns what became of a tenant's samples in the last hour, or as
// far back as it is known; those of all tenants where tenantName is empty.
func (c *Control) FlowHistory(tenantName string) (FlowHistory, error) {
	t, err := c.tenantOrAll(auth.ReadTraffic, tenantName)
	if err != nil {
		return FlowHistory{}, err
	}
	return c.flowHistory(t), nil
}

func (c *Control) flowHistory(t tenant.ID) FlowHistory {
	c.flows.mu.Lock()
	defer c.flows.mu.Unlock()
	readings := c.flows.byTenant[t]
	h := FlowHistory{From: c.flows.latest.Add(-rateStep * time.Duration(max(0, len(readings)-1))), Step: rateStep}
	for i := 1; i < len(readings); i++ {
		h.Steps = append(h.Steps, readings[i].since(readings[i-1]))
	}
	return h
}

// PerSecond returns what became of samples in a second, over the last
// minute of h; ok is false where nothing is known.
func (h *FlowHistory) PerSecond() (c Rates, ok bool) {
	n := min(len(h.Steps), int(rateWindow/h.Step))
	if n == 0 {
		return c, false
	}
	var sum Counts
	for i := range h.Steps[len(h.Steps)-n:] {
		sum.add(&h.Steps[len(h.Steps)-n+i])
	}
	seconds := h.Step.Seconds() * float64(n)
	return Rates{
		Received: float64(sum.Received) / seconds, Forwarded: float64(sum.Forwarded) / seconds,
		Dropped: float64(sum.Dropped) / seconds, Downsampled: float64(sum.Downsampled) / seconds,
		Shed: float64(sum.Shed) / seconds, Rejected: float64(sum.Rejected) / seconds, Failed: float64(sum.Failed) / seconds,
	}, true
}

// Rates are samples per second by what became of them.
type Rates struct {
	Received, Forwarded, Dropped, Downsampled, Shed, Rejected, Failed float64
}

// since returns what was added to earlier. Counts fall where a tenant that was
// silent for long is forgotten: then it is 0.
func (c Counts) since(earlier Counts) Counts {
	if c.Received < earlier.Received {
		return Counts{}
	}
	return Counts{
		Received: c.Received - earlier.Received, Forwarded: c.Forwarded - earlier.Forwarded,
		Dropped: c.Dropped - earlier.Dropped, Downsampled: c.Downsampled - earlier.Downsampled,
		Shed: c.Shed - earlier.Shed, Rejected: c.Rejected - earlier.Rejected, Failed: c.Failed - earlier.Failed,
	}
}

// readFlows notes the flow of all tenants, and of each.
func (c *Control) readFlows(now time.Time) error {
	read := map[tenant.ID]Counts{}
	for _, t := range append(c.parts.Gateway.Tenants(), "") {
		f, err := c.parts.Gateway.Flow(t, "")
		if err != nil {
			return err
		}
		read[t] = countsOf(f.Counts)
	}
	c.flows.add(now, read)
	return nil
}
