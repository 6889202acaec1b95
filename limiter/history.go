package limiter

import (
	"sync/atomic"
	"time"
)

const (
	historyMinutes = 60

	// maxBlocks is how many minutes of history all tenants may have together, of
	// 2.8 KiB each: a full hour of 64 tenants, 11 MiB.
	maxBlocks = 64 * historyMinutes
)

// A Second is what became of a tenant's samples in one second, by level: critical,
// high, default, low.
type Second struct {
	Demand, Granted, Shed [levels]uint32
}

// A history is a tenant's last hour by seconds. Minutes in which nothing was to be
// recorded take no memory. The tenant's lock guards it.
type history struct {
	blocks [historyMinutes]*block
}

// A block is one minute.
type block struct {
	minute  int64 // since the limiter began
	seconds [60]Second
}

// at returns the second that now is in, or nil where it is not recorded. A block
// is taken from left, if there is one and wanted says so.
func (h *history) at(now time.Duration, wanted bool, left *atomic.Int64) *Second {
	second := int64(now / time.Second)
	minute := second / 60
	b := h.blocks[minute%historyMinutes]
	switch {
	case b == nil:
		if !wanted {
			return nil
		}
		if left.Add(-1) < 0 {
			left.Add(1)
			return nil
		}
		b = &block{minute: minute}
		h.blocks[minute%historyMinutes] = b
	case b.minute != minute:
		if !wanted {
			return nil
		}
		*b = block{minute: minute}
	}
	return &b.seconds[second%60]
}

// expire gives back the blocks that are older than an hour, or all of them.
func (h *history) expire(now time.Duration, all bool, left *atomic.Int64) {
	oldest := int64(now/time.Minute) - historyMinutes
	for i, b := range h.blocks {
		if b != nil && (all || b.minute <= oldest) {
			h.blocks[i] = nil
			left.Add(1)
		}
	}
}

// last returns the last n seconds before now, oldest first; those that were not
// recorded are zero.
func (h *history) last(now time.Duration, n int) []Second {
	out := make([]Second, n)
	end := int64(now / time.Second)
	for i := range out {
		second := end - int64(n) + int64(i)
		if second < 0 {
			continue
		}
		if b := h.blocks[second/60%historyMinutes]; b != nil && b.minute == second/60 {
			out[i] = b.seconds[second%60]
		}
	}
	return out
}
