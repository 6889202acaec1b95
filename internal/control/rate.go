package control

import (
	"sync"
	"time"

	"github.com/headgate/headgate/gateway"
)

const (
	rateStep   = 10 * time.Second
	rateWindow = time.Minute
)

// rates are how many samples rules remove a second, over the last minute.
type rates struct {
	mu       sync.Mutex
	readings []reading // oldest first
}

// A reading is how many samples each rule had removed at one time.
type reading struct {
	at      time.Time
	removed map[string]uint64
}

// add takes a reading and forgets those that are older than the window.
func (rs *rates) add(now time.Time, rows []gateway.FlowRow) {
	r := reading{now, make(map[string]uint64, len(rows))}
	for _, row := range rows {
		r.removed[row.Key] = row.Counts[gateway.Dropped] + row.Counts[gateway.Downsampled] + row.Would
	}
	rs.mu.Lock()
	defer rs.mu.Unlock()
	for len(rs.readings) > 0 && now.Sub(rs.readings[0].at) > rateWindow {
		rs.readings = rs.readings[1:]
	}
	rs.readings = append(rs.readings, r)
}

// perSecond returns the rates by the rules' names.
func (rs *rates) perSecond() map[string]float64 {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	if len(rs.readings) < 2 {
		return nil
	}
	first, last := rs.readings[0], rs.readings[len(rs.readings)-1]
	seconds := last.at.Sub(first.at).Seconds()
	perSecond := make(map[string]float64, len(last.removed))
	for name, n := range last.removed {
		// Counts fall where a tenant that was silent for long is forgotten.
		if before := first.removed[name]; n > before && seconds > 0 {
			perSecond[name] = float64(n-before) / seconds
		}
	}
	return perSecond
}
