package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Each line that begins with > is done, and what follows is what came of it:
//
//	> METHOD /path [If-Match=ETAG] [BODY]   asks the API
//	> send SERIES…                          writes a sample of each, a second later than before
//	> headgate ARGUMENTS                    runs the command; DIR is the gateway's directory
const ruleLife = "testdata/rules/life.txt"

func TestTheLifeOfARule(t *testing.T) {
	up := newStore(t)
	files := map[string]string{
		"headgate.yml":   configFor(up.URL, "rules: {files: [rules/*.yml]}\n"),
		"rules/base.yml": "rules:\n  - {name: keep-slo, match: slo, action: keep}\n",
	}
	life := &ruleTeller{running: launch(t, files, "--config.file=DIR/headgate.yml")}
	text, err := os.ReadFile(ruleLife)
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
		if err := os.WriteFile(ruleLife, got.Bytes(), 0o600); err != nil {
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
	}
	return r.ask(verb, rest)
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
	{regexp.MustCompile(`\b[0-9a-f]{64}\b`), "HASH"},
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
