package profiler

import (
	"strings"

	"github.com/headgate/headgate/internal/tenant"
)

// An Account is what a sender says of one metric. The strings need only live until
// Describe returns.
type Account struct {
	Metric string // its family, or the metric itself
	About  About
}

// The suffixes of a family's metrics: senders of 1.0 describe them by the family's
// name.
var suffixes = []string{"", "_bucket", "_count", "_sum", "_created", "_total", "_info"}

// Describe notes what a sender says of metrics that are known. It costs nothing
// where it says what it said before.
func (p *Profiler) Describe(t tenant.ID, list []Account) {
	f := p.profile(t)
	if f == nil {
		return
	}
	if f.waiting.put(&brought{accounts: list}) {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.describe(list)
}

// describe notes what a sender says. The lock is held.
func (f *profile) describe(list []Account) {
	var name []byte
	for i := range list {
		var kept *About
		for _, suffix := range suffixes {
			name = append(append(name[:0], list[i].Metric...), suffix...)
			m := f.metrics[string(name)]
			if m == nil || m.about != nil && *m.about == list[i].About {
				continue
			}
			if kept == nil {
				a := list[i].About
				kept = &About{strings.Clone(a.Type), strings.Clone(a.Help), strings.Clone(a.Unit)}
			}
			m.about = kept
		}
	}
}
