package control_test

import (
	"strings"
	"testing"
	"time"

	"github.com/headgate/headgate/internal/control/controltest"
	"github.com/headgate/headgate/profiler"
	"github.com/headgate/headgate/profiler/explosion"
)

// An incident is what was told of a metric since it began to explode; one that is over
// is none.
func TestIncidentsFollowWhatIsTold(t *testing.T) {
	now := time.Now().Unix() / 60
	tell := func(h *controltest.Headgate, metric string, state explosion.State, since int64, to float64) {
		x := profiler.Explosion{Explosion: explosion.Explosion{State: state, From: 10, To: to, Since: now - since, At: now}, Tenant: "default", Metric: metric}
		if state == explosion.Began {
			x.Culprits, x.Samples = []explosion.Culprit{{Label: "session", From: 1, To: to}}, []string{"a"}
		}
		h.Events.Exploded(x)
	}
	h := controltest.New(t, controltest.Config{})
	tell(h, "past", explosion.Began, 90, 50)
	tell(h, "past", explosion.Over, 90, 10)
	tell(h, "back", explosion.Began, 80, 70)
	tell(h, "back", explosion.Over, 80, 10)
	tell(h, "back", explosion.Began, 5, 90)
	tell(h, "grows", explosion.Began, 60, 100)
	tell(h, "grows", explosion.Grown, 60, 200)
	tell(h, "stays", explosion.Began, 70, 100)
	tell(h, "stays", explosion.Settled, 70, 120)
	tell(h, strings.Repeat("long", 5000), explosion.Began, 1, 100)
	list, err := h.Incidents(t.Context(), "")
	if err != nil || len(list) != 3 {
		t.Fatalf("there are %d incidents (%v), want 3: %+v", len(list), err, list)
	}
	for i, want := range []struct {
		metric  string
		minutes int64
		to      float64
		settled bool
	}{{"stays", 70, 120, true}, {"grows", 60, 200, false}, {"back", 5, 90, false}} {
		n := list[i]
		if n.Metric != want.metric || n.Since.Unix()/60 != now-want.minutes || n.To != want.to || n.Settled != want.settled || len(n.Labels) != 1 || len(n.Samples) != 1 {
			t.Errorf("incident %d is %+v, want %+v", i+1, n, want)
		}
	}
}
