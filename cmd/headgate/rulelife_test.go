package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Each line that begins with > is done, and what follows is what came of it:
//
//	> METHOD /path [If-Match=ETAG] [BODY]   asks the API
//	> send SERIES…                          writes a sample of each, a second later than before
//	> headgate ARGUMENTS                    runs the command; DIR is the gateway's directory
//	> write FILE TEXT                       writes a file there, and has it read
//	> told KIND N                           waits for N events of a kind, and says the newest
func TestTheLifeOfARule(t *testing.T) {
	up := newStore(t)
	live(t, "testdata/rules/life.txt", map[string]string{
		"headgate.yml":   configFor(up.URL, "rules: {files: [rules/*.yml]}\n"),
		"rules/base.yml": "rules:\n  - {name: keep-slo, match: slo, action: keep}\n",
	})
}

func TestTheLifeOfARuleThatBreaksAlerts(t *testing.T) {
	up := newStore(t)
	live(t, "testdata/rules/usage.txt", map[string]string{
		"headgate.yml": configFor(up.URL, "attribution: {prices: [{currency: USD, per_thousand_series_month: 5, valid_from: 2020-01-01}]}\n"+
			"usage: {rule_files: [alerts]}\n"),
		"alerts/debug.yml": "groups: [{name: debug, rules: [{alert: DebugHigh, expr: sum(debug_a) > 3}]}]\n",
	})
}

// live checks that a gateway with the files does what a transcript says.
func live(t *testing.T, transcript string, files map[string]string) {
	t.Helper()
	life := &ruleTeller{running: launch(t, files, "--config.file=DIR/headgate.yml", "--web.enable-lifecycle")}
	text, err := os.ReadFile(transcript)
	if err != nil {
		t.Fatal(err)
	}
	var got bytes.Buffer
	for line := range strings.Lines(string(text)) {
		switch {
		case strings.HasPrefix(line, ">"):
			got.WriteString(line)
			got.WriteString(life.do(strings.TrimSpace(line[1:])))
		case strings.HasPrefix(line, "#") || line == "\n":
			got.WriteString(line)
		}
	}
	if *update {
		if err := os.WriteFile(transcript, got.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(string(text), got.String()); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// A ruleTeller does what the lines of a transcript say.
type ruleTeller struct {
	*running
	ms int64
}

func (r *ruleTeller) do(line string) string {
	r.t.Helper()
	verb, rest, _ := strings.Cut(line, " ")
	switch verb {
	case "send":
		r.ms += 1000
		r.wantSent(wire1, wire1.body(r.t, r.ms, strings.Fields(rest)...))
		return ""
	case "headgate":
		var out bytes.Buffer
		args := strings.Fields(strings.ReplaceAll(rest, "DIR", r.dir))
		if args[0] == "rules" {
			args = append(args, "--web.url=http://"+r.web)
		}
		code := run(r.t.Context(), args, &out, &out)
		return fmt.Sprintf("%s(exit status %d)\n", r.steady(out.String()), code)
	case "write":
		name, text, _ := strings.Cut(rest, " ")
		write(r.t, r.dir, map[string]string{name: text})
		if resp, text := r.running.do(http.MethodPost, r.web, "/-/reload", nil, nil); resp.StatusCode != http.StatusOK {
			r.t.Fatalf("reload: %s %s", resp.Status, text)
		}
		return ""
	case "told":
		return r.told(rest)
	}
	return r.ask(verb, rest)
}

// told waits for events of a kind, and returns what the newest says.
func (r *ruleTeller) told(rest string) string {
	r.t.Helper()
	kind, count, _ := strings.Cut(rest, " ")
	n, err := strconv.Atoi(count)
	if err != nil {
		r.t.Fatal(err)
	}
	var page struct {
		Events []struct{ Text string } `json:"events"`
	}
	eventually(r.t, "events of kind "+rest, func() bool {
		r.read("/api/v1/events?kind="+kind, &page)
		return len(page.Events) >= n
	})
	return fmt.Sprintf("%d: %s\n", len(page.Events), r.steady(page.Events[0].Text))
}

// ask asks the API, and returns the answer: a line for what is said of it, and a
// line for each object in it.
func (r *ruleTeller) ask(method, rest string) string {
	r.t.Helper()
	path, rest, _ := strings.Cut(rest, " ")
	var headers []string
	if tag, ok := strings.CutPrefix(rest, "If-Match="); ok {
		tag, rest, _ = strings.Cut(tag, " ")
		headers = append(headers, "If-Match", tag)
	}
	if rest != "" {
		headers = append(headers, "Content-Type", "application/json")
	}
	resp, text := r.running.do(method, r.web, "/api/v1"+path, []byte(rest), header(headers...))
	var out strings.Builder
	fmt.Fprint(&out, resp.StatusCode)
	for _, name := range []string{"ETag", "Location"} {
		if v := resp.Header.Get(name); v != "" {
			fmt.Fprintf(&out, " %s: %s", name, v)
		}
	}
	out.WriteByte('\n')
	var list map[string]json.RawMessage
	if resp.StatusCode == http.StatusNoContent || json.Unmarshal([]byte(text), &list) != nil {
		return out.String()
	}
	for _, name := range []string{"history", "audit", "rows"} {
		var items []json.RawMessage
		if json.Unmarshal(list[name], &items) == nil && items != nil {
			for _, item := range items {
				fmt.Fprintf(&out, "%s\n", r.steady(string(item)))
			}
			return out.String()
		}
	}
	out.WriteString(r.steady(strings.TrimSpace(text)) + "\n")
	return out.String()
}

var steadily = []struct {
	what *regexp.Regexp
	as   string
}{
	{regexp.MustCompile(`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z`), "TIME"},
	{regexp.MustCompile(`\d{4}-\d\d-\d\d \d\d:\d\d UTC`), "TIME"},
	{regexp.MustCompile(`\b[0-9a-f]{64}\b`), "HASH"},
	{regexp.MustCompile(`"[a-z]+_rest":\{"count":0,[^}]*\},`), ""},
	{regexp.MustCompile(`,"removed_samples_per_second":[0-9.e+-]+`), ""},
	{regexp.MustCompile(`"\$schema":"[^"]*",`), ""},
}

// steady returns text with what differs from run to run replaced.
func (r *ruleTeller) steady(text string) string {
	for _, s := range steadily {
		text = s.what.ReplaceAllString(text, s.as)
	}
	return strings.ReplaceAll(text, filepath.Clean(r.dir), "DIR")
}
