package attribution

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// The largest come first where places of teams are scarce, though none of cells is free.
func TestTheLargestTeamsOverflowByThemselvesWhenNoPlaceIsFree(t *testing.T) {
	c := smallLedger()
	c.MaxBufferedCells = 1000
	l, m := NewLedger(c, "w", sets), newModelStore(t)
	late := Hour(1000).Time().Add(time.Hour)
	for i := range c.MaxCells {
		l.Post("x", 1000, []Entry{{Team: "first", Metric: fmt.Sprint("m", i), Samples: Counts{Forwarded: 1}}})
	}
	if err := l.Flush(t.Context(), m, late); err != nil {
		t.Fatal(err)
	}
	for i := range 40 {
		l.Post("x", 1000, []Entry{{Team: fmt.Sprint("t", i), Metric: "up", Samples: Counts{Forwarded: uint64(i*7%40 + 1)}}})
	}
	if err := l.Flush(t.Context(), m, late); err != nil {
		t.Fatal(err)
	}
	var overflowed []string
	for k := range m.cells {
		if k.Metric == Overflow {
			overflowed = append(overflowed, k.Team)
		}
	}
	slices.Sort(overflowed)
	if diff := cmp.Diff([]string{Overflow, "t11", "t17", "t34"}, overflowed); diff != "" { // of 38, 40 and 39 samples
		t.Errorf("teams that overflowed (-want +got):\n%s", diff)
	}
}
