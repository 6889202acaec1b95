package ui

import (
	"encoding/csv"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"github.com/headgate/headgate/internal/auth"
	"github.com/headgate/headgate/internal/control"
	"github.com/headgate/headgate/internal/control/controltest"
	"github.com/headgate/headgate/limiter"
)

// recordsOf asks for a file and returns its rows by what its header calls them.
func recordsOf(t *testing.T, h http.Handler, path string) (records []map[string]string) {
	t.Helper()
	rec := browse(h, path)
	rows, err := csv.NewReader(rec.Body).ReadAll()
	if err != nil || rec.Code != http.StatusOK || len(rows) == 0 {
		t.Fatalf("%s: %d, %v, %d rows", path, rec.Code, err, len(rows))
	}
	for _, row := range rows[1:] {
		record := map[string]string{}
		for i, name := range rows[0] {
			record[name] = row[i]
		}
		records = append(records, record)
	}
	return records
}

// Every list leads to a file of all of it, filtered as it is.
func TestListsAreFiles(t *testing.T) {
	g := controltest.Shop(t, 3000)
	if _, err := g.SetLimit(t.Context(), "billing", limiter.Limit{SamplesPerSecond: 10}, control.LimitChange{Reason: "INC-1"}); err != nil {
		t.Fatal(err)
	}
	h := New(g.Control, Options{})
	for _, tt := range []struct {
		page       string
		name, want string // a field of the file, and what one of its rows has there
		rows       int    // at least
	}{
		{"/rules", "rule", "drop-debug", 3},
		{"/limits", "tenant", "billing", 2},
		{"/profile/metric?metric=checkout_session_events_total", "label", "session", 3},
		{"/activity?kind=limit", "kind", "limit", 1},
		{"/activity/audit?verb=limit", "reason", "INC-1", 1},
	} {
		t.Run(tt.page, func(t *testing.T) {
			records := recordsOf(t, h, linkOf(t, wantPage(t, h, tt.page, http.StatusOK), "CSV"))
			found := false
			for _, r := range records {
				found = found || r[tt.name] == tt.want
				if _, filter, _ := strings.Cut(tt.page, "kind="); filter != "" && r["kind"] != filter {
					t.Errorf("the file has %v beside what was asked for", r)
				}
			}
			if !found || len(records) < tt.rows {
				t.Errorf("%d rows, none with the %s %s: %v", len(records), tt.name, tt.want, records)
			}
		})
	}
	for _, path := range []string{"/activity.csv?from=monday", "/activity/audit.csv?to=monday", "/profile/metric.csv"} {
		if rec := browse(h, path); rec.Code != http.StatusUnprocessableEntity {
			t.Errorf("%s: %d, want 422", path, rec.Code)
		}
	}
	for _, path := range []string{"/rules.csv", "/limits.csv", "/activity.csv", "/flow.csv"} {
		if rec := as(h, auth.Actor{Name: "nobody"}, path); rec.Code != http.StatusForbidden || strings.Contains(rec.Body.String(), "billing") {
			t.Errorf("%s: %d to who has no role, want 403", path, rec.Code)
		}
	}
	if rec := as(h, auth.Actor{Name: "vic", Role: auth.Viewer}, "/activity/audit.csv"); rec.Code != http.StatusForbidden {
		t.Errorf("the audit: %d to a viewer, want 403", rec.Code)
	}
}

// What cannot be read to its end is broken off: a part is not taken for all of it.
func TestAFileOfAListIsAllOfItOrBrokenOff(t *testing.T) {
	r := asking(t, "/activity.csv", Options{Log: slog.New(slog.DiscardHandler)})
	ask := func(cursor string) ([]string, string, error) {
		switch cursor {
		case "2":
			return []string{"c"}, "3", nil
		case "3":
			return nil, "", nil
		}
		return nil, "", errors.New("the store is gone")
	}
	cells := func(s string) []string { return []string{s} }
	all := ""
	everyPage(r, []string{"a", "b"}, "2", ask, cells)(func(row []string) bool { all += row[0]; return true })
	if all != "abc" {
		t.Errorf("the file has %q, want all pages", all)
	}
	defer func() {
		if recover() != http.ErrAbortHandler {
			t.Error("a page cannot be read, and the file ends as if it were whole")
		}
	}()
	everyPage(r, []string{"a"}, "lost", ask, cells)(func([]string) bool { return true })
}
