package profiler

import (
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"math"
	"slices"
)

// cursor names the place after p.
func (p *place) cursor() string {
	b := binary.BigEndian.AppendUint64(nil, math.Float64bits(p.key))
	return base64.RawURLEncoding.EncodeToString(append(b, p.name...))
}

// after returns the places behind the cursor. Figures move between pages: what
// passed the cursor meanwhile is shown twice or not at all.
func after(list []place, cursor string) ([]place, error) {
	if cursor == "" {
		return list, nil
	}
	b, err := base64.RawURLEncoding.DecodeString(cursor)
	if err != nil || len(b) < 8 {
		return nil, ErrCursor
	}
	key, name := math.Float64frombits(binary.BigEndian.Uint64(b)), string(b[8:])
	i := slices.IndexFunc(list, func(p place) bool { return p.key < key || p.key == key && p.name > name })
	if i < 0 {
		return nil, nil
	}
	return list[i:], nil
}

// letGoText says in sentences what memory did not allow.
func (f *profile) letGoText() []string {
	f.mu.Lock()
	part := f.latest.Load()
	sampled, unlabelled, missed := 0, 0, 0
	for _, m := range f.list {
		if m.exact(part) {
			continue
		}
		sampled++
		if !m.sketches.labelled {
			unlabelled++
		}
		if m.sketches.missed {
			missed++
		}
	}
	overflow, limit := f.overflow != nil, f.limit
	f.mu.Unlock()
	var text []string
	say := func(n int, one, many string) {
		switch {
		case n == 1:
			text = append(text, "1 metric "+one)
		case n > 1:
			text = append(text, fmt.Sprintf("%d metrics %s", n, many))
		}
	}
	say(sampled, "is too large to keep every series: it is an estimate", "are too large to keep every series: they are estimates")
	say(unlabelled, "is counted without its labels", "are counted without their labels")
	say(missed, "has more label names than are sketched", "have more label names than are sketched")
	if overflow {
		text = append(text, fmt.Sprintf("the tenant has more than %d metrics: the smallest are together in %s", limit, Overflow))
	}
	return text
}
