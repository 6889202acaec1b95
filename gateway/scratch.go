package gateway

import (
	"slices"

	"github.com/headgate/headgate/internal/remotewrite"
	"github.com/headgate/headgate/internal/series"
	"github.com/headgate/headgate/profiler"
)

// scratch is the memory in which a request is understood. It is most of what a
// request needs, and given back before the upstream is awaited: so there are few
// of them, however many requests are under way, and they stay in the processor's
// cache.
type scratch struct {
	body, filtered []byte // decompressed: as it came, and what is kept of it

	req      remotewrite.Request
	slots    []slot
	fresh    []uint32     // entries whose series are not understood by this policy
	found    []understood // what was found of them, by position in fresh
	sights   []sight      // series that the profiler is to be told of, and the ledger
	turned   []turned     // others that the ledger is to be told of
	seen     []profiler.Seen
	accounts []profiler.Account
	metadata []remotewrite.Metadata
	heads    []uint32 // first entries of the series that need a judge
	labels   series.Labels
	idents   []byte

	fates    []remotewrite.Fate
	changes  []remotewrite.Change
	items    []remotewrite.Item
	outcome  []Outcome                // of the items of the series being judged
	resorted map[uint32]series.Labels // entries whose labels must be written in order
}

// outcomesFor returns room for the outcomes of n items.
func (s *scratch) outcomesFor(n int) []Outcome {
	s.outcome = slices.Grow(s.outcome[:0], n)[:n]
	return s.outcome
}

// What is worth keeping in a pool.
const (
	maxPooledBytes   = 4 << 20
	maxPooledEntries = 1 << 14
)

// reset makes s ready for the next request.
func (s *scratch) reset() {
	s.req.Reset()
	keep := *s
	*s = scratch{
		body:     bounded(keep.body, maxPooledBytes),
		filtered: bounded(keep.filtered, maxPooledBytes),
		req:      keep.req,
		slots:    bounded(keep.slots, maxPooledEntries),
		fresh:    bounded(keep.fresh, maxPooledEntries),
		found:    bounded(keep.found, maxPooledEntries),
		sights:   bounded(keep.sights, maxPooledEntries),
		turned:   bounded(keep.turned, maxPooledEntries),
		seen:     keep.seen[:0],
		accounts: bounded(keep.accounts, maxPooledEntries),
		metadata: bounded(keep.metadata, maxPooledEntries),
		heads:    bounded(keep.heads, maxPooledEntries),
		labels:   bounded(keep.labels, maxPooledEntries),
		idents:   bounded(keep.idents, maxPooledBytes),
		fates:    bounded(keep.fates, maxPooledEntries),
		changes:  bounded(keep.changes, maxPooledEntries),
		items:    bounded(keep.items, maxPooledEntries),
		outcome:  bounded(keep.outcome, maxPooledEntries),
	}
	if s.body == nil { // nothing that is kept may hold on to the body that is not
		s.found, s.changes, s.labels = nil, nil, nil
	}
}

// bounded returns s emptied, or nothing where its memory is not worth keeping.
func bounded[T any](s []T, most int) []T {
	if cap(s) > most {
		return nil
	}
	return s[:0]
}
