package rules

import (
	"bytes"
	"errors"
	"fmt"
	"path"
	"strconv"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/headgate/headgate/internal/series"
	"github.com/headgate/headgate/internal/tenant"
)

// A transcript is rules, series, and the verdicts wanted, in one txtar file that
// anyone can read:
//
//	The first rule that matches decides.
//	clock: 2026-01-01T00:00:00Z
//	tenant: payments
//
//	-- rules.yml --
//	rules: …
//	-- series --
//	up{job="api"}
//	team=checkout over debug_calls
//	-- want --
//	up{job="api"}                   keep  -
//	team=checkout over debug_calls  drop  drop-debug  priority=low:debug-is-low  shadow=a,b
//
// The comment is free text; its lines clock: and tenant: set the time (default
// 2026-01-01T00:00:00Z) and the tenant (default "default"). Every file ending in
// .yml or .yaml holds rules. In the section series, team=NAME, quoted as in Go
// where it holds spaces, gives the series' team, and the word over asks for the
// verdict over the limit. Empty lines and lines that begin with # are skipped. A
// line of want is the series as written, the action, the rule or -, the priority
// and its rule where one set it, and the shadow rules where there are any.
type transcript struct {
	archive *txtar.Archive
	clock   time.Time
	tenant  tenant.ID
	rules   []*Rule
	asks    []ask
	want    int // index of the section want, -1 where there is none
}

// An ask is one line of the section series.
type ask struct {
	text   string
	labels series.Labels
	team   string
	over   bool
}

// RunTranscript runs the transcript data and returns how its verdicts differ from
// those it wants: "-" lines are wanted, "+" lines are what the rules say. diff is
// "" where they agree. Where the transcript cannot be run, problems say why.
func RunTranscript(name string, data []byte) (diff string, problems []Problem) {
	t, problems := parseTranscript(name, data)
	if len(problems) > 0 {
		return "", problems
	}
	if t.want < 0 {
		return "", []Problem{{File: name, Text: "the section want is missing; add -- want --, and let an update fill it in"}}
	}
	return diffLines(contentLines(t.archive.Files[t.want].Data), contentLines(t.verdicts())), nil
}

// UpdateTranscript returns data with the section want as the rules say it.
func UpdateTranscript(name string, data []byte) ([]byte, []Problem) {
	t, problems := parseTranscript(name, data)
	if len(problems) > 0 {
		return nil, problems
	}
	if t.want < 0 {
		t.archive.Files = append(t.archive.Files, txtar.File{Name: "want"})
		t.want = len(t.archive.Files) - 1
	}
	t.archive.Files[t.want].Data = t.verdicts()
	return txtar.Format(t.archive), nil
}

func parseTranscript(name string, data []byte) (*transcript, []Problem) {
	t := &transcript{
		archive: txtar.Parse(data),
		clock:   time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC),
		tenant:  "default",
		want:    -1,
	}
	problems := t.header(name)
	line := 1 + bytes.Count(t.archive.Comment, []byte("\n"))
	seen := map[string]bool{}
	for i, f := range t.archive.Files {
		if seen[f.Name] {
			problems = append(problems, Problem{name, line, 0, fmt.Sprintf("the section %s is there twice; join them", quoted(f.Name))})
		}
		seen[f.Name] = true
		switch ext := path.Ext(f.Name); {
		case ext == ".yml" || ext == ".yaml":
			rs, ps := ParseFile(name, f.Data)
			for _, r := range rs {
				r.Line += line
			}
			for _, p := range ps {
				if p.Line > 0 {
					p.Line += line
				}
				problems = append(problems, p)
			}
			t.rules = append(t.rules, rs...)
		case f.Name == "series":
			problems = append(problems, t.series(name, line, f.Data)...)
		case f.Name == "want":
			t.want = i
		default:
			problems = append(problems, Problem{name, line, 0, fmt.Sprintf(
				"unknown section %s; known are series, want, and files of rules that end in .yml", quoted(f.Name))})
		}
		line += 1 + bytes.Count(f.Data, []byte("\n"))
	}
	if !seen["series"] {
		problems = append(problems, Problem{File: name, Text: "the section series is missing; add -- series -- with one series a line"})
	}
	return t, append(problems, repeated(t.rules)...)
}

// header reads the comment's settings.
func (t *transcript) header(name string) []Problem {
	var problems []Problem
	for i, line := range strings.Split(string(t.archive.Comment), "\n") {
		var err error
		if v, ok := strings.CutPrefix(line, "clock:"); ok {
			t.clock, err = time.Parse(time.RFC3339, strings.TrimSpace(v))
			if err != nil {
				err = fmt.Errorf("clock: %s is no time; write it as in 2026-01-01T00:00:00Z", quoted(strings.TrimSpace(v)))
			}
		} else if v, ok := strings.CutPrefix(line, "tenant:"); ok {
			t.tenant, err = tenant.Parse(strings.TrimSpace(v))
		}
		if err != nil {
			problems = append(problems, Problem{name, i + 1, 1, err.Error()})
		}
	}
	return problems
}

// series reads the section series, whose marker stands on the given line.
func (t *transcript) series(name string, line int, data []byte) []Problem {
	var problems []Problem
	for i, text := range strings.Split(string(data), "\n") {
		text = strings.TrimSpace(text)
		if text == "" || text[0] == '#' {
			continue
		}
		a, err := parseAsk(text)
		if err != nil {
			problems = append(problems, Problem{name, line + i + 1, 0, err.Error()})
			continue
		}
		t.asks = append(t.asks, a)
	}
	return problems
}

func parseAsk(text string) (ask, error) {
	a := ask{text: text}
	rest := text
	if v, ok := strings.CutPrefix(rest, "team="); ok {
		if strings.HasPrefix(v, `"`) {
			q, err := strconv.QuotedPrefix(v)
			if err != nil {
				return a, errors.New("the team's closing quote is missing; add it")
			}
			a.team, _ = strconv.Unquote(q)
			rest = v[len(q):]
		} else {
			a.team, rest, _ = strings.Cut(v, " ")
		}
		rest = strings.TrimSpace(rest)
	}
	if v, ok := strings.CutPrefix(rest, "over "); ok {
		a.over, rest = true, v
	}
	ls, err := series.ParseLabels(strings.TrimSpace(rest))
	if err != nil {
		return a, fmt.Errorf("%w; write a series such as up{job=\"api\"}, with team=NAME and over before it where they are meant", err)
	}
	a.labels = ls
	return a, nil
}
