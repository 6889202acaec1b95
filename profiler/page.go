package profiler

import (
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"math"
	"time"

	"github.com/headgate/headgate/internal/tenant"
)

// cursor names the place after p.
func (p *place) cursor() string {
	b := binary.BigEndian.AppendUint64(nil, math.Float64bits(p.key))
	return base64.RawURLEncoding.EncodeToString(append(b, p.name...))
}

// parseCursor returns the place that a page goes on behind; nil where it begins with
// the first. Figures move between pages: what passed the cursor meanwhile is shown
// twice or not at all.
func parseCursor(cursor string) (*place, error) {
	if cursor == "" {
		return nil, nil
	}
	b, err := base64.RawURLEncoding.DecodeString(cursor)
	if err != nil || len(b) < 8 {
		return nil, ErrCursor
	}
	return &place{key: math.Float64frombits(binary.BigEndian.Uint64(b)), name: string(b[8:])}, nil
}

// lettingGo counts what memory did not allow of the metrics that it is shown.
type lettingGo struct{ sampled, unlabelled, missed int }

// see counts a metric. The lock is held.
func (l *lettingGo) see(m *metric, part int64) {
	if m.exact(part) {
		return
	}
	l.sampled++
	if !m.sketches.labelled {
		l.unlabelled++
	}
	if m.sketches.missed {
		l.missed++
	}
}

// text says in sentences what memory did not allow of f.
func (l *lettingGo) text(f *profile) []string {
	f.mu.Lock()
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
	say(l.sampled, "is too large to keep every series: it is an estimate", "are too large to keep every series: they are estimates")
	say(l.unlabelled, "is counted without its labels", "are counted without their labels")
	say(l.missed, "has more label names than are sketched", "have more label names than are sketched")
	if overflow {
		text = append(text, fmt.Sprintf("the tenant has more than %d metrics: the smallest are together in %s", limit, Overflow))
	}
	return text
}

// LetGo says in sentences what memory did not allow of a tenant's series.
func (p *Profiler) LetGo(t tenant.ID) []string {
	f := p.profile(t)
	if f == nil {
		return nil
	}
	var l lettingGo
	part := p.clock.At(time.Now()).Part
	f.each(func(m *metric) { l.see(m, part) })
	return l.text(f)
}
