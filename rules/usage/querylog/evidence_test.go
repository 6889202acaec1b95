package querylog

import (
	"bytes"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var (
	discard = slog.New(slog.DiscardHandler)
	noon    = time.Date(2024, 11, 21, 12, 0, 0, 0, time.UTC)
)

// says returns an answer as text: how often, in which way.
func says(t *testing.T, e *Evidence, metric, label string) string {
	t.Helper()
	a, ok := e.Of(metric, label, noon)
	if !ok {
		return "not watched"
	}
	text := fmt.Sprint(a.Count)
	if a.How != "" {
		text += " by " + string(a.How)
	}
	if a.Others.Count > 0 {
		text += fmt.Sprintf(" and %d others", a.Others.Count)
	}
	return text
}

func TestWhatQueriesAskFor(t *testing.T) {
	for _, tt := range []struct {
		name, expr, metric, label string
		want                      string
	}{
		{"a metric that is named", `sum by (job) (rate(calls{code="500"}[5m]))`, "calls", "", "3 by name"},
		{"another one", `calls`, "other", "", "0"},
		{"a label that is matched", `sum(calls{code="500"})`, "calls", "code", "3 by name"},
		{"a label that is grouped by", `sum by (job) (calls)`, "calls", "job", "3 by name"},
		{"a label that goes", `sum by (job) (calls)`, "calls", "pod", "0"},
		{"every label is in the result", `calls`, "calls", "pod", "3 by result"},
		{"a metric that is named twice counts once", `calls / calls`, "calls", "", "3 by name"},
		{"one of several", `{__name__=~"calls|errors"}`, "errors", "", "3 by name"},
		{"a pattern", `{__name__=~"ca.*"}`, "calls", "", "3 by pattern"},
		{"a pattern that matches something else", `{__name__=~"ca.*"}`, "errors", "", "0"},
		{"a pattern's label", `count by (pod) ({__name__=~"ca.*"})`, "calls", "pod", "3 by pattern"},
		{"no name at all", `{job="api"}`, "calls", "", "3 by pattern"},
		{"a query that cannot be parsed", `sum(calls) keep_metric_names or`, "calls", "", "3 by unknown"},
		{"a query that cannot be parsed, and another metric", `sum(calls) or`, "errors", "", "0"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var e Evidence
			if got := says(t, &e, tt.metric, tt.label); got != "not watched" {
				t.Errorf("before anything is watched: %s", got)
			}
			e.Watch(noon.Add(-time.Hour))
			e.Note(tt.expr, noon.Add(-time.Minute), 2, Source{})
			e.Note(tt.expr, noon.Add(-time.Hour), 1, Source{})
			if got := says(t, &e, tt.metric, tt.label); got != tt.want {
				t.Errorf("%s %s after %s is %q, want %q", tt.metric, tt.label, tt.expr, got, tt.want)
			}
			if a, _ := e.Of(tt.metric, tt.label, noon); a.Count > 0 && !a.Last.Equal(noon.Add(-time.Minute)) {
				t.Errorf("last at %s", a.Last)
			}
		})
	}
}

// Names are bounded; what has no room may have been asked for. What was asked for
// long ago is forgotten, and its room is free.
func TestNamesAreBounded(t *testing.T) {
	var e Evidence
	e.Watch(noon.Add(-200 * 24 * time.Hour))
	long := strings.Repeat("a", maxName)
	for i := range 40_000 {
		e.Note(fmt.Sprintf("%s%d", long[:900], i), noon.Add(-100*24*time.Hour), 1, Source{})
	}
	e.Note("x"+long, noon, 1, Source{})
	if got := says(t, &e, "calls", ""); !strings.HasPrefix(got, "0 and ") || e.bytes > maxBytes || len(e.cache.byText) > maxCached {
		t.Errorf("calls is %q with %d bytes and %d cached, want it among the others within %d", got, e.bytes, len(e.cache.byText), maxBytes)
	}
	e.others = Asked{noon.Add(-Kept - 1), 5}
	e.Forget(noon)
	e.Note("calls{pod!=\"\"}", noon, 1, Source{})
	if got := says(t, &e, "calls", ""); got != "1 by name" || e.bytes != len("callspod")+2*entryBytes {
		t.Errorf("after what is old was forgotten: %s in %d bytes", got, e.bytes)
	}
	if a, _ := e.Of("calls", "", noon); !a.Since.Equal(noon.Add(-Kept)) {
		t.Errorf("since %s, want what is remembered", a.Since)
	}
}

// logged returns a line of a query log.
func logged(expr string, at time.Time) string {
	return fmt.Sprintf(`{"time":%q,"level":"INFO","msg":"promql query logged","params":{"query":%q,"step":0},"stats":{"timings":{}}}`+"\n", at.Format(time.RFC3339Nano), expr)
}

func TestTheQueryLogIsFollowed(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "query.log")
	write := func(name, text string, flag int) {
		t.Helper()
		f, err := os.OpenFile(name, flag|os.O_CREATE|os.O_WRONLY, 0o600)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.WriteString(text); err != nil {
			t.Fatal(err)
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
	}
	for _, pattern := range []string{"query.log", "query.log*"} {
		t.Run(pattern, func(t *testing.T) {
			_ = os.Remove(path)
			_ = os.Remove(path + ".1")
			e, n := &Evidence{}, 0
			tail := NewTail(e, discard)
			defer func() { tail.Close() }()
			tail.Reload([]string{pattern, "gone/*.log"}, dir)
			want := func(what string, count int) {
				t.Helper()
				tail.Look(t.Context())
				if a, _ := e.Of("calls", "", noon); int(a.Count) != count {
					t.Errorf("%s: calls was asked for %d times, want %d", what, a.Count, count)
				}
			}
			line := func() string { n++; return logged("calls", noon.Add(time.Duration(n-100)*time.Second)) }
			want("no file", 0)
			write(path, line()+"no JSON\n{}\n"+line(), os.O_APPEND)
			want("a new file", 2)
			half := line()
			write(path, half[:20], os.O_APPEND)
			want("half a line", 2)
			write(path, half[20:], os.O_APPEND)
			want("the rest of it", 3)
			if a, _ := e.Of("calls", "", noon); !a.Since.Equal(noon.Add(-99*time.Second)) || tail.Skipped() != 2 {
				t.Errorf("watched since %s, %d lines skipped; want the first line's time, and 2", a.Since, tail.Skipped())
			}

			// What comes right before it is renamed, and the new one.
			write(path, line(), os.O_APPEND)
			if err := os.Rename(path, path+".1"); err != nil {
				t.Fatal(err)
			}
			write(path+".1", line(), os.O_APPEND)
			write(path, line(), os.O_APPEND)
			want("rotated by rename", 6)
			want("and once more", 6)
			write(path, strings.Repeat("x", maxLine+1)+"\n"+line(), os.O_APPEND)
			want("a line that is too long", 7)
			write(path, line(), os.O_TRUNC)
			want("truncated", 8)

			// Another process goes on where this one ended, within a line.
			half = line()
			write(path, half[:30], os.O_APPEND)
			want("half a line", 8)
			var saved bytes.Buffer
			if err := e.Save(&saved, tail); err != nil {
				t.Fatal(err)
			}
			tail.Close()
			e = &Evidence{}
			tail = NewTail(e, discard)
			tail.Reload([]string{pattern}, dir)
			if err := e.Load(&saved, tail); err != nil {
				t.Fatal(err)
			}
			write(path, half[30:]+line(), os.O_APPEND)
			want("after a restart", 10)
		})
	}
}

func TestWhatIsSavedIsLoaded(t *testing.T) {
	e := &Evidence{}
	e.Watch(noon.Add(-time.Hour))
	for _, expr := range []string{"sum by (job) (calls)", `{__name__=~"a.*",__name__!="ab"}`, "up", `bro(ken`} {
		e.Note(expr, noon, 2, Source{})
	}
	e.others = Asked{noon, 3}
	var file bytes.Buffer
	if err := e.Save(&file, NewTail(e, discard)); err != nil {
		t.Fatal(err)
	}
	text := file.String()
	again := &Evidence{}
	if err := again.Load(&file, NewTail(again, discard)); err != nil {
		t.Fatal(err)
	}
	for _, m := range []string{"calls", "ac", "ab", "up", "bro", "none"} {
		for _, l := range []string{"", "job", "pod"} {
			if got, want := says(t, again, m, l), says(t, e, m, l); got != want {
				t.Errorf("%s %s: %q, want %q", m, l, got, want)
			}
		}
	}
	if again.bytes != e.bytes {
		t.Errorf("%d bytes, want %d", again.bytes, e.bytes)
	}
	var second bytes.Buffer
	if err := again.Save(&second, NewTail(again, discard)); err != nil || second.String() != text {
		t.Errorf("saved again (-want +got), %v:\n%s", err, cmp.Diff(text, second.String()))
	}
	for _, bad := range []string{"", "{", `{"version":3}`, `{"version":1,"patterns":[{"names":[{"op":"~","value":"a"}]}]}`, `{"version":1,"patterns":[{"names":[{"op":"=~","value":"("}]}]}`} {
		if err := new(Evidence).Load(strings.NewReader(bad), NewTail(e, discard)); err == nil {
			t.Errorf("%s was loaded", bad)
		}
	}
}
