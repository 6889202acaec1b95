package store

import (
	"context"
	"database/sql"
	"sync"

	"github.com/headgate/headgate/attribution"
)

const (
	// liveHours is how many hours up to that under way may be live.
	liveHours = 2

	// liveCommits is for how many commits an hour stays live that nobody reads: some
	// minutes.
	liveCommits = 100
)

// A live ledger is what this process knows of the hours under way, so that they need
// not be read again after each of its commits. It holds as long as nobody else stores
// anything, which the ledger's revision says: every transaction that is alone with the
// ledger counts it up.
type live struct {
	mu       sync.Mutex
	revision int64 // of the ledger that hours are of
	hours    map[attribution.Hour]pack
	unread   int // commits since an hour was read
}

// at returns the live hours, if they are of a revision. What they hold is not changed.
func (v *live) at(revision int64, h attribution.Hour) (p pack, ok bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.revision != revision {
		return nil, false
	}
	p, ok = v.hours[h]
	if ok {
		v.unread = 0
	}
	return p, ok
}

// keep makes an hour live that was read at a revision.
func (v *live) keep(revision int64, h attribution.Hour, p pack) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.revision > revision {
		return
	}
	if v.revision < revision || v.hours == nil {
		v.revision, v.hours = revision, map[attribution.Hour]pack{}
	}
	v.hours[h] = p
	for old := range v.hours {
		if old <= h-liveHours {
			delete(v.hours, old)
		}
	}
	v.unread = 0
}

// commit adds what was stored in a transaction that made a revision.
func (v *live) commit(revision int64, p *posting) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if len(v.hours) == 0 {
		return
	}
	v.unread++
	if v.revision != revision-1 || v.unread > liveCommits {
		v.hours = nil
		return
	}
	v.revision = revision
	for h, more := range p.hours() {
		was, ok := v.hours[h]
		if !ok {
			continue
		}
		if is, err := was.with(more); err == nil {
			v.hours[h] = is
		} else {
			delete(v.hours, h)
		}
	}
}

// lose forgets what is live: whether a transaction was stored is not known.
func (v *live) lose() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.hours = nil
}

// addLive adds the cells of an hour under way, which become live.
func (r *cellReader) addLive(ctx context.Context, tx *sql.Tx, s *spanSums, h attribution.Hour) error {
	var revision int64
	if err := tx.QueryRowContext(ctx, "SELECT last FROM revisions WHERE name = 'ledger'").Scan(&revision); err != nil {
		return err
	}
	p, ok := r.ledger.live.at(revision, h)
	if !ok {
		sums, err := hourSums(ctx, tx, h)
		if err != nil {
			return err
		}
		if p, err = pack(nil).with(sums); err != nil {
			return err
		}
		r.ledger.live.keep(revision, h, p)
	}
	return s.addPack(p)
}
