package control

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/headgate/headgate/internal/auth"
	"github.com/headgate/headgate/internal/tenant"
)

func TestTheHistoryOfFlows(t *testing.T) {
	var fs flows
	c := New(Parts{})
	c.flows = &fs
	at := time.Unix(1e9, 0)
	read := func(n uint64) map[tenant.ID]Counts {
		at = at.Add(rateStep)
		return map[tenant.ID]Counts{"": {Received: n, Forwarded: n}, "a": {Received: n / 2, Dropped: n / 2}}
	}
	history := func(name string) FlowHistory {
		t.Helper()
		h, err := c.FlowHistory(name)
		if err != nil {
			t.Fatal(err)
		}
		return h
	}
	fs.add(at, read(100))
	h := history("")
	if _, ok := h.PerSecond(); ok || len(h.Steps) != 0 {
		t.Errorf("from one reading there is a history: %+v", h)
	}
	for i := range uint64(10) {
		fs.add(at, read(100+100*(i+1)))
	}
	h = history("a")
	r, ok := h.PerSecond()
	if !ok || r != (Rates{Received: 5, Dropped: 5}) || len(h.Steps) != 10 || !h.From.Equal(time.Unix(1e9, 0).Add(rateStep)) {
		t.Errorf("the history is %+v with %+v a second, want 5 received and dropped", h, r)
	}
	fs.add(at, read(0)) // a tenant was forgotten
	h = history("")
	if last := h.Steps[len(h.Steps)-1]; last != (Counts{}) {
		t.Errorf("when counts fall, the step is %+v, want none", last)
	}
	for range 2 * flowSteps {
		fs.add(at, read(1))
	}
	if h = history(""); len(h.Steps) != flowSteps {
		t.Errorf("%d steps are kept, want %d", len(h.Steps), flowSteps)
	}
	fs.add(at, map[tenant.ID]Counts{"": {}})
	if h = history("a"); len(h.Steps) != 0 {
		t.Errorf("a tenant that is gone has %d steps", len(h.Steps))
	}
	many := map[tenant.ID]Counts{}
	for i := range 3 * maxFlowTenants {
		many[tenant.ID(fmt.Sprint(i))] = Counts{}
	}
	fs.add(at, many)
	if len(fs.byTenant) > maxFlowTenants+1 {
		t.Errorf("%d tenants have a history, want %d at most", len(fs.byTenant), maxFlowTenants)
	}
}

func TestTenantsAndTheirHistoryAreForWhoMaySeeThem(t *testing.T) {
	g := govern(t, nil)
	for _, name := range []string{"b", "a"} {
		g.send(t, name, "up")
	}
	if err := g.Measure(time.Now()); err != nil {
		t.Fatal(err)
	}
	if got := g.Tenants(); !slices.Equal(got, []tenant.ID{"a", "b"}) {
		t.Errorf("the tenants are %v, want a and b", got)
	}
	ann := g.As(auth.Actor{Name: "ann", Role: auth.Viewer, Tenants: []tenant.ID{"a", "c"}})
	if got := ann.Tenants(); !slices.Equal(got, []tenant.ID{"a"}) {
		t.Errorf("ann sees the tenants %v, want a", got)
	}
	for _, name := range []string{"", "b"} {
		if _, err := ann.FlowHistory(name); !errors.Is(err, ErrForbidden) {
			t.Errorf("ann reads the history of %q: %v, want it forbidden", name, err)
		}
	}
	if _, err := ann.FlowHistory("a"); err != nil {
		t.Error(err)
	}
	nobody := g.As(auth.Actor{Name: "bob"})
	if _, err := nobody.Status(""); !errors.Is(err, ErrForbidden) || nobody.Tenants() != nil {
		t.Errorf("who has no role reads the status (%v) and the tenants %v", err, nobody.Tenants())
	}
	s, err := ann.Status("")
	if err != nil || s.Since.IsZero() || s.Profiled {
		t.Errorf("the status is %+v, %v", s, err)
	}
}
