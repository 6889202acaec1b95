package control_test

import (
	"errors"
	"testing"
	"time"

	"github.com/headgate/headgate/internal/auth"
	"github.com/headgate/headgate/internal/control"
	"github.com/headgate/headgate/internal/control/controltest"
	"github.com/headgate/headgate/internal/tenant"
)

func TestAnUpstreamThatFailsIsSaid(t *testing.T) {
	h := controltest.Shop(t, 10)
	list, err := h.Upstreams()
	if err != nil || len(list) != 1 || list[0].Failed != 0 || list[0].Status != 204 || list[0].URL == "" || list[0].Requests == 0 {
		t.Fatalf("the upstreams are %+v (%v), want one that took everything", list, err)
	}
	h.Break(true)
	h.Trade(t, 10)
	if list, err = h.Upstreams(); err != nil || list[0].Failed != 3 || list[0].Status != 503 || list[0].FailingSince.IsZero() {
		t.Errorf("the upstreams are %+v (%v), want one that fails", list, err)
	}
}

func TestWhoSeesOneTenantSeesItAlone(t *testing.T) {
	h := controltest.Shop(t, 10)
	ann := h.As(auth.Actor{Name: "ann", Role: auth.Viewer, Tenants: []tenant.ID{"payments"}})
	senders, more, err := ann.Senders()
	if err != nil || more != 0 || len(senders) != 1 || senders[0].Tenant != "payments" || time.Since(senders[0].Seen) > time.Minute ||
		senders[0].Limit.Status.Limit.SamplesPerSecond != 40 || !senders[0].Known || senders[0].Rates.Received <= 0 {
		t.Errorf("the tenants are %+v (%v), want payments alone", senders, err)
	}
	list, err := ann.Upstreams()
	if err != nil || len(list) != 1 || list[0].URL != "" || list[0].Requests == 0 {
		t.Errorf("the upstreams are %+v (%v), want the one that payments is forwarded to, without its address", list, err)
	}
	if _, _, err := ann.Configuration(); !errors.Is(err, control.ErrForbidden) {
		t.Errorf("the configuration is %v, want it forbidden", err)
	}
	if all, _, err := h.Senders(); err != nil || len(all) != 2 {
		t.Errorf("the program itself sees %+v (%v), want both tenants", all, err)
	}
	both := h.As(auth.Actor{Name: "bob", Role: auth.Viewer, Tenants: []tenant.ID{"payments", "search"}})
	if _, err := both.Status(""); err != nil {
		t.Errorf("the status for who sees two tenants: %v", err)
	}
}

func TestWhoHasNoRoleLearnsNothingOfTheStatus(t *testing.T) {
	h := controltest.New(t, controltest.Config{}).As(auth.Actor{Name: "eve"})
	if _, err := h.Upstreams(); !errors.Is(err, control.ErrForbidden) {
		t.Errorf("the upstreams: %v", err)
	}
	if _, _, err := h.Senders(); !errors.Is(err, control.ErrForbidden) {
		t.Errorf("the tenants: %v", err)
	}
}
