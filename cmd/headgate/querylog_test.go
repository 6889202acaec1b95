package main

import (
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/headgate/headgate/rules/usage"
)

// What queries asked for outlives the process, and what it counted is not counted
// again.
func TestQueriesAreRememberedOverRestarts(t *testing.T) {
	dir := t.TempDir()
	c := usage.Config{QueryLog: []string{"query.log"}, File: filepath.Join(dir, "data", "queries")}
	asked := time.Now().Add(-3 * time.Hour)
	line := fmt.Sprintf(`{"params":{"query":"sum(up)"},"ts":%q}`+"\n", asked.Format(time.RFC3339Nano))
	write(t, dir, map[string]string{"query.log": line})
	// start returns how often up was asked for, according to a process that is started
	// and ended.
	start := func(want uint64) {
		t.Helper()
		q := openQueryLog(c, dir, slog.New(slog.DiscardHandler))
		q.look(t.Context())
		q.save()
		q.tail.Close()
		a, ok := q.Of("up", "", time.Now())
		if !ok || a.Count != want || want > 0 && !a.Since.Equal(asked) {
			t.Errorf("asked for %d times since %s, want %d times since %s", a.Count, a.Since, want, asked)
		}
	}
	start(1)
	start(1)
	write(t, dir, map[string]string{"query.log": line + line})
	start(2)
	if err := os.WriteFile(c.File, []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	start(2) // anew, from the log's beginning
	if _, err := os.Stat(c.File + ".unusable"); err != nil {
		t.Errorf("the unusable file is not set aside: %v", err)
	}
}
