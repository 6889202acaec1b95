package ui

import (
	"fmt"
	"testing"
	"time"

	"github.com/headgate/headgate/internal/control"
)

// What a limit does by itself does not push out what people did.
func TestLikeEventsAreToldOnce(t *testing.T) {
	r := asking(t, "/", Options{})
	var events []control.Event
	for i := range 20 {
		events = append(events, control.Event{At: r.now.Add(-time.Duration(i) * time.Second), Kind: "limit", Tenant: "shop", Text: fmt.Sprintf("moved: %d %% passes", i)})
	}
	events = append(events,
		control.Event{At: r.now, Kind: "limit", Tenant: "other", Text: "moved: 7 % passes"},
		control.Event{At: r.now, Kind: "limit", Tenant: "shop", Text: "entered: demand is over"},
		control.Event{At: r.now, Kind: "rule", Who: "ann", Text: "made: drop-debug"},
		control.Event{At: r.now, Kind: "limit", Tenant: "shop", Who: "ann", Text: "changed: 5 to 6"},
		control.Event{At: r.now, Kind: "limit", Tenant: "shop", Who: "ann", Text: "changed: 6 to 7"},
		control.Event{At: r.now, Kind: "reload", Text: "the seventh"},
		control.Event{At: r.now, Kind: "limit", Tenant: "shop", Text: "moved: 99 % passes"})
	var got []string
	for _, v := range lately(r, events) {
		got = append(got, v.Text+"|"+v.More)
	}
	want := []string{"moved: 0 % passes|20 more like it before", "moved: 7 % passes|", "entered: demand is over|", "made: drop-debug|", "changed: 5 to 6|", "changed: 6 to 7|"}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("the overview tells %q, want %q", got, want)
	}
}
