package attribution

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// A Status says how far the store is behind.
type Status struct {
	Stored   time.Time // what was posted before is stored; zero before the first flush
	Waiting  uint64    // samples that are not, for all we know
	Cells    int       // that they are in
	Attempts int       // to store the oldest of them that have failed
	Err      error     // of the last of these; nil where the last flush succeeded
	Sequence uint64    // of the newest batch that was made
	Folded   uint64    // samples that are in an __overflow__ cell, since the start
}

// Status returns how far the store is behind.
func (l *Ledger) Status() Status {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := l.status
	s.Cells += l.shelf.cells
	return s
}

// Flush stores what was posted before now. Where an earlier batch is not known to
// be stored, that one goes first, unchanged: its sequence keeps it from being
// counted twice. After an error everything is kept, for the next Flush.
func (l *Ledger) Flush(ctx context.Context, store Committer, now time.Time) error {
	l.flushing.Lock()
	defer l.flushing.Unlock()
	for {
		late := l.pending != nil
		if !late {
			if err := l.cutOff(now); err != nil {
				l.failed(err)
				return err
			}
		}
		if l.pending != nil {
			if err := store.Commit(ctx, l.pending); err != nil {
				err = fmt.Errorf("store batch %d of the ledger, %d cells: %w", l.pending.Sequence, len(l.pending.Deltas), err)
				l.failed(err)
				l.relieve()
				return err
			}
		}
		l.stored()
		if !late {
			return nil
		}
	}
}

// flushTimeout is how long the store may take for one batch. One that takes longer
// is asked again: it does not store a batch twice.
const flushTimeout = 30 * time.Second

// Run lets gather post, and flushes, at every interval until ctx ends, and then
// once more within grace. gather is called however long the store takes. Run
// returns the error of the last flush. Errors before are in Status, and given to
// report.
func (l *Ledger) Run(ctx context.Context, store Committer, grace time.Duration, gather func(), report func(error)) error {
	ticker := time.NewTicker(time.Duration(l.config.FlushInterval))
	defer ticker.Stop()
	flush := make(chan time.Time)
	flushed := make(chan struct{})
	go func() {
		defer close(flushed)
		for now := range flush {
			attempt, cancel := context.WithTimeout(ctx, flushTimeout)
			if err := l.Flush(attempt, store, now); err != nil && ctx.Err() == nil {
				report(err)
			}
			cancel()
		}
	}()
	for {
		select {
		case now := <-ticker.C:
			gather()
			select {
			case flush <- now:
			default: // the one before is still under way
			}
		case <-ctx.Done():
			close(flush)
			<-flushed
			gather()
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), grace)
			defer cancel()
			return l.Flush(last, store, time.Now())
		}
	}
}

func (l *Ledger) failed(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.status.Err = err
	l.status.Attempts++
}

// stored notes that the pending batch, if there was something to store, is.
func (l *Ledger) stored() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.pending != nil {
		for i := range l.pending.Deltas {
			l.status.Waiting -= l.pending.Deltas[i].Samples.Received()
		}
		l.status.Cells = 0
		l.pending = nil
	}
	l.status.Stored, l.status.Err, l.status.Attempts = l.cut, nil, 0
}

// cutOff makes a batch of what was posted so far. There is none where nothing was.
func (l *Ledger) cutOff(now time.Time) error {
	l.mu.Lock()
	waiting := l.shelf
	l.shelf = newShelf()
	l.mu.Unlock()
	l.cut = now
	if len(waiting.books) == 0 {
		return nil
	}

	batch := &Batch{Writer: l.writer, Sequence: l.sequence + 1}
	var folded uint64
	for _, b := range waiting.sorted() {
		r := l.rosters[b.tenant]
		if r == nil {
			r = &roster{hour: b.hour}
			l.rosters[b.tenant] = r
		}
		folded += r.settle(b, now, &l.config)
		batch.Deltas = slices.Grow(batch.Deltas, len(b.cells))
		for _, n := range slices.SortedFunc(maps.Keys(b.cells), name.compare) {
			d, err := b.cells[n].delta(Key{b.hour, b.tenant, n.team, n.service, n.metric})
			if err != nil {
				l.restore(waiting)
				return fmt.Errorf("cell %s: %w", d.Key, err)
			}
			batch.Deltas = append(batch.Deltas, d)
		}
	}
	for t, r := range l.rosters {
		if r.hour < HourOf(now)-2 {
			delete(l.rosters, t) // a tenant that is gone
		}
	}
	l.sequence++
	l.pending = batch
	l.mu.Lock()
	l.status.Sequence, l.status.Cells = batch.Sequence, len(batch.Deltas)
	l.status.Folded += folded
	l.mu.Unlock()
	return nil
}

// restore puts back what was taken from the shelf.
func (l *Ledger) restore(waiting shelf) {
	l.mu.Lock()
	defer l.mu.Unlock()
	waiting.merge(l.shelf)
	l.shelf = waiting
}

// relieve makes room on the shelf, if it is nearly full, while Post goes on with
// an empty one.
func (l *Ledger) relieve() {
	most := l.config.MaxBufferedCells / 4 * 3
	l.mu.Lock()
	if l.shelf.cells <= most {
		l.mu.Unlock()
		return
	}
	waiting := l.shelf
	l.shelf = newShelf()
	l.mu.Unlock()
	folded := waiting.squeeze(most)
	l.restore(waiting)
	l.mu.Lock()
	l.status.Folded += folded
	l.mu.Unlock()
}

// sorted returns the books by hour, so that rosters see the hours in order.
func (s *shelf) sorted() []*book {
	bs := make([]*book, 0, len(s.books))
	for _, b := range s.books {
		bs = append(bs, b)
	}
	slices.SortFunc(bs, func(a, b *book) int {
		return cmp.Or(cmp.Compare(a.hour, b.hour), cmp.Compare(a.tenant, b.tenant))
	})
	return bs
}

// delta returns what the cell adds to the store.
func (c *cell) delta(k Key) (Delta, error) {
	d := Delta{Key: k, Samples: c.samples}
	var err error
	if d.Series, err = encode(c.series); err != nil {
		return d, err
	}
	slices.SortFunc(c.rules, func(a, b ruleCell) int { return strings.Compare(a.rule, b.rule) })
	for i := range c.rules {
		r := &c.rules[i]
		rd := RuleDelta{Rule: r.rule, Dropped: r.dropped, Downsampled: r.downsampled}
		if rd.Series, err = encode(r.series); err != nil {
			return d, err
		}
		d.Rules = append(d.Rules, rd)
	}
	return d, nil
}

func encode(s Sketch) ([]byte, error) {
	if s == nil {
		return nil, nil
	}
	return s.AppendBinary(nil)
}
