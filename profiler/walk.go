package profiler

import (
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/headgate/headgate/internal/series"
)

// What looks at many rows is a walk. It may hold a profile's lock for some
// milliseconds, for which senders do not wait: what they bring meanwhile is copied,
// and noted before the walk lets go of the lock.

// mostWaiting bounds what is copied, in bytes. Beyond it senders wait.
const mostWaiting = 16 << 20

// What a copy takes besides its strings, with the hashes of series.
const (
	seenBytes, labelBytes = 160, 48
	accountBytes          = 64
)

// A waiting holds what senders brought during walks.
type waiting struct {
	walks atomic.Int32 // that hold the lock or wait for it; changed with mu held

	mu    sync.Mutex
	list  []brought
	bytes int
}

// A brought is what one call of Observe or Describe brings.
type brought struct {
	sender   Sender
	at       Moment
	seen     []Seen
	hashes   *scratch // of seen
	accounts []Account
}

// put takes a copy of x where there is a walk, and room, and reports whether it did.
// The hashes are then its own.
func (w *waiting) put(x *brought) bool {
	if w.walks.Load() == 0 {
		return false
	}
	bytes, text := x.bytes()
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.walks.Load() == 0 || w.bytes+bytes > mostWaiting {
		return false
	}
	c := *x
	c.sender = Sender{strings.Clone(x.sender.Agent), strings.Clone(x.sender.Address), strings.Clone(x.sender.Credential)}
	c.seen = cloneSeen(x.seen, text)
	c.accounts = slices.Clone(x.accounts)
	for i := range c.accounts {
		a := &c.accounts[i]
		a.Metric = strings.Clone(a.Metric)
		a.About = About{strings.Clone(a.About.Type), strings.Clone(a.About.Help), strings.Clone(a.About.Unit)}
	}
	w.list = append(w.list, c)
	w.bytes += bytes
	return true
}

// take returns what waits. Where that is nothing, the walk that asks is over.
func (w *waiting) take() []brought {
	w.mu.Lock()
	defer w.mu.Unlock()
	list := w.list
	if w.list, w.bytes = nil, 0; len(list) == 0 {
		w.walks.Add(-1)
	}
	return list
}

// walk takes the lock for what looks at many rows. rest ends it.
func (f *profile) walk() {
	f.waiting.mu.Lock()
	f.waiting.walks.Add(1)
	f.waiting.mu.Unlock()
	f.mu.Lock()
}

// rest notes what senders brought during a walk, and lets go of the lock.
func (f *profile) rest() {
	for {
		list := f.waiting.take()
		if len(list) == 0 {
			f.mu.Unlock()
			return
		}
		for i := range list {
			f.noteAll(&list[i])
			f.describe(list[i].accounts)
		}
		f.report()
	}
}

// bytes returns about how many bytes a copy of x takes: what series and metrics share
// is copied for each. text is what of them is text of series.
func (x *brought) bytes() (all, text int) {
	for i := range x.seen {
		s := &x.seen[i]
		for _, l := range s.Labels {
			text += len(l.Name) + len(l.Value)
		}
		text += len(s.Verdict.Team)
		all += seenBytes + len(s.Labels)*labelBytes
	}
	for i := range x.accounts {
		a := &x.accounts[i]
		all += accountBytes + len(a.Metric) + len(a.About.Type) + len(a.About.Help) + len(a.About.Unit)
	}
	return all + text, text
}

// cloneSeen returns a copy that shares no memory with list, which has so many bytes of
// text.
func cloneSeen(list []Seen, text int) []Seen {
	labels := 0
	for i := range list {
		labels += len(list[i].Labels)
	}
	var b strings.Builder
	b.Grow(text)
	clone := func(s string) string { // b has room: what it gives out stays where it is
		from := b.Len()
		b.WriteString(s)
		return b.String()[from:]
	}
	all := make(series.Labels, 0, labels)
	c := make([]Seen, len(list))
	for i, s := range list {
		from := len(all)
		for _, l := range s.Labels {
			all = append(all, series.Label{Name: clone(l.Name), Value: clone(l.Value)})
		}
		s.Labels = all[from:len(all):len(all)]
		s.Verdict.Team = clone(s.Verdict.Team)
		c[i] = s
	}
	return c
}
