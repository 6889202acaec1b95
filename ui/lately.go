package ui

import (
	"strings"

	"github.com/headgate/headgate/internal/control"
	"github.com/headgate/headgate/internal/tenant"
)

const (
	latestEvents = 6  // on the overview
	latelyRead   = 60 // of which like ones are told once
)

// lately returns the latest events. A limit that moves by itself does so many times:
// its latest move stands for the others, so that what people did is not pushed out.
func lately(r *request, events []control.Event) (list []eventView) {
	type moves struct {
		of  tenant.ID
		did string
	}
	at, more := map[moves]int{}, map[int]int{}
	for _, e := range events {
		did, _, _ := strings.Cut(e.Text, " ")
		key := moves{e.Tenant, did}
		if i, told := at[key]; told && e.Kind == "limit" && e.Who == "" {
			more[i]++
			continue
		}
		if len(list) == latestEvents {
			continue
		}
		if e.Kind == "limit" && e.Who == "" {
			at[key] = len(list)
		}
		list = append(list, newEventView(r, e))
	}
	for i, n := range more {
		list[i].More = count(float64(n)) + " more like it before"
	}
	return list
}
