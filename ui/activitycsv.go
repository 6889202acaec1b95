package ui

import (
	"log/slog"
	"net/http"
	"strconv"

	"github.com/headgate/headgate/internal/control"
)

// filePage is how many items of a list are read at a time for a file.
const filePage = 1000

// everyPage returns the rows of a list that is read page by page, of which the first
// is there. Where a later one cannot be read, the file is broken off, so that nobody
// takes a part for all of it.
func everyPage[T any](r *request, items []T, next string, ask func(cursor string) ([]T, string, error), cells func(T) []string) func(func([]string) bool) {
	return func(yield func([]string) bool) {
		for {
			for _, item := range items {
				if !yield(cells(item)) {
					return
				}
			}
			if next == "" {
				return
			}
			var err error
			if items, next, err = ask(next); err != nil {
				r.site.options.Log.Error("a file is broken off", slog.String("path", r.http.URL.Path), slog.Any("err", err))
				panic(http.ErrAbortHandler)
			}
		}
	}
}

// activityCSV holds the events that the page of activity is asked for, all of them.
func (r *request) activityCSV() (table, error) {
	q, wrong := r.eventQuery()
	if wrong != "" {
		return table{}, &control.Invalid{Field: "time", Text: wrong}
	}
	ask := func(cursor string) ([]control.Event, string, error) {
		q.Limit, q.Cursor = filePage, cursor
		events, err := r.control.Events(r.context(), q)
		return events.Events, events.Next, err
	}
	events, next, err := ask("")
	if err != nil {
		return table{}, err
	}
	return table{"activity", []string{"at", "kind", "tenant", "team", "who", "text"}, everyPage(r, events, next, ask, func(e control.Event) []string {
		return []string{stamp(e.At), e.Kind, string(e.Tenant), e.Team, e.Who, e.Text}
	})}, nil
}

// auditCSV holds the changes that the page of changes is asked for, all of them.
func (r *request) auditCSV() (table, error) {
	q, wrong := r.auditQuery()
	if wrong != "" {
		return table{}, &control.Invalid{Field: "time", Text: wrong}
	}
	ask := func(cursor string) ([]control.AuditEntry, string, error) {
		q.Limit, q.Cursor = filePage, cursor
		entries, err := r.control.Audit(r.context(), q)
		return entries.Entries, entries.Next, err
	}
	entries, next, err := ask("")
	if err != nil {
		return table{}, err
	}
	header := []string{"sequence", "at", "who", "from", "verb", "object", "tenant", "reason", "before", "after", "hash"}
	return table{"changes", header, everyPage(r, entries, next, ask, func(e control.AuditEntry) []string {
		return []string{
			strconv.FormatInt(e.Sequence, 10), stamp(e.At), e.Who, e.From, e.Verb, e.Object, string(e.Tenant), e.Reason, string(e.Before), string(e.After), e.Hash,
		}
	})}, nil
}
