package gateway

import (
	"testing"

	"github.com/headgate/headgate/internal/remotewrite"
	"github.com/headgate/headgate/rules"
)

// A request that drops a series is on its way while the policy changes and the
// series is forwarded again: its late word does not end what went on.
func TestLateWordDoesNotEndASeries(t *testing.T) {
	var r record
	r.blank(key{1, 1}, 0)
	r.tried, r.phase = 1000, known|live
	late := judgeFor(&r, rules.Drop, 0, 2000)
	if did := late.sample(2000); did != remotewrite.Mark {
		t.Fatalf("the first sample dropped became %v, want a marker", did)
	}
	r.tried = 3000 // a later request, which keeps the series
	late.settle(&r)
	if r.phase&live == 0 {
		t.Fatal("the series counts as ended")
	}
	j := judgeFor(&r, rules.Drop, 0, 4000)
	if did := j.sample(4000); did != remotewrite.Mark {
		t.Errorf("the first sample dropped after that became %v, want a marker", did)
	}
}

func TestIntervalsBeforeTheEpoch(t *testing.T) {
	for _, tt := range []struct{ a, want int64 }{{-60_001, -2}, {-60_000, -1}, {-1, -1}, {0, 0}, {59_999, 0}, {60_000, 1}} {
		if got := floorDiv(tt.a, 60_000); got != tt.want {
			t.Errorf("%d ms lie in interval %d, want %d", tt.a, got, tt.want)
		}
	}
}
