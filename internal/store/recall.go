package store

import (
	"context"
	"errors"
	"slices"
)

// Events returns a page of the events that q means: those of the store, and
// those that are on their way to it. Where the store does not answer, the page
// holds what is remembered, and says so. The only error is [ErrCursor].
func (j *Journal) Events(ctx context.Context, q EventQuery) (EventPage, error) {
	// Memory is read first: what is stored in between is found twice, not
	// missed.
	events, err := j.remembered(q)
	if err != nil {
		return EventPage{}, err
	}
	j.mu.Lock()
	s := j.store
	j.mu.Unlock()
	stored, err := EventPage{}, errors.New("there is no store")
	if s != nil {
		ctx, cancel := context.WithTimeout(ctx, readTimeout)
		defer cancel()
		stored, err = s.Events(ctx, q)
	}

	events = append(events, stored.Events...)
	slices.SortFunc(events, func(a, b Event) int { return b.place().compare(a.place()) })
	events = slices.CompactFunc(events, func(a, b Event) bool { return a.ID == b.ID })
	page := pageOf(events, q.limit())
	page.FromMemory = err != nil
	if page.Next == "" && stored.Next != "" {
		page.Next = stored.Next
	}
	return page, nil
}

// remembered returns the events that q means, of those in memory, in no order
// and some twice.
func (j *Journal) remembered(q EventQuery) ([]Event, error) {
	var before place
	if q.Before != "" {
		var err error
		if before, err = parseCursor(q.Before); err != nil {
			return nil, err
		}
	}
	var events []Event
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, list := range [][]Event{j.recent, j.batch, j.queue} {
		for _, e := range list {
			if q.means(e) && (q.Before == "" || e.place().compare(before) < 0) {
				events = append(events, e)
			}
		}
	}
	return events, nil
}

func (q EventQuery) means(e Event) bool {
	return (q.Kind == "" || q.Kind == e.Kind) &&
		(q.Tenant == "" || q.Tenant == e.Tenant) &&
		(q.Team == "" || tidyText(q.Team, maxWho) == e.Team) &&
		(q.Who == "" || tidyText(q.Who, maxWho) == e.Who) &&
		(q.From.IsZero() || e.At.UnixMilli() >= q.From.UnixMilli()) &&
		(q.To.IsZero() || e.At.UnixMilli() < q.To.UnixMilli())
}
