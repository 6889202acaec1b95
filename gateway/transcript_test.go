package gateway

import (
	"bytes"
	"flag"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/prometheus/model/histogram"
	"github.com/rogpeppe/go-internal/txtar"
	"go.yaml.in/yaml/v3"

	"github.com/headgate/headgate/internal/remotewrite"
	"github.com/headgate/headgate/internal/series"
	"github.com/headgate/headgate/limiter"
)

var update = flag.Bool("update", false, "write what was seen into the transcripts")

// A transcript is a txtar file that reads from top to bottom:
//
//	rules         the rules from here on
//	send CODE     a request, an entry a line, and what the upstream answers to it (0: nothing)
//	forwarded     want: what the upstream was sent
//	answer        want: what the sender was told
//	flow          want: the outcomes so far
//	shadow        want: what shadow rules would have removed so far
//	over, bypass  yes or no, from here on
//	limit         the limit of the tenant from here on, as YAML
//	demand        samples that were sent before, all at once: pool/priority number
//	pass SECONDS  time goes by for the limits, and nobody sends
//	limited       want: what the limiter has told since it was last asked
//	shed          want: samples by priority that the limiter shed or, in a shadow,
//	              would have
//
// An entry is a series and its samples: value@seconds, stale@seconds,
// hist@seconds (a native histogram that says no reset happened), exemplar.
func TestTranscripts(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no transcripts: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) { runTranscript(t, file) })
	}
}

func runTranscript(t *testing.T, file string) {
	a, err := txtar.ParseFile(file)
	if err != nil {
		t.Fatal(err)
	}
	f := newFixture(t, "")
	var answer, forwarded string
	for i := range a.Files {
		section, text := a.Files[i].Name, string(a.Files[i].Data)
		command, arg, _ := strings.Cut(section, " ")
		got := ""
		switch command {
		case "rules":
			f.load(t, text)
			continue
		case "send":
			answer, forwarded = f.play(t, arg, text)
			continue
		case "limit":
			l := limiter.DefaultLimit()
			if err := yaml.Unmarshal([]byte(text), &l); err != nil {
				t.Fatal(err)
			}
			f.limit(t, l)
			continue
		case "demand":
			f.demandText(t, text)
			continue
		case "pass":
			seconds, err := strconv.Atoi(arg)
			if err != nil {
				t.Fatalf("pass %q: %v", arg, err)
			}
			f.pass(seconds)
			continue
		case "limited":
			for _, e := range f.toldOf {
				got += fmt.Sprintf("%s: %s\n", e.Change, e.Text)
			}
			f.toldOf = nil
		case "shed":
			got = f.shedText()
		case "over":
			f.setOver(t, strings.TrimSpace(text) == "yes")
			continue
		case "bypass":
			if f.SetBypass(nil); strings.TrimSpace(text) == "yes" {
				f.SetBypass(&Bypass{Until: time.Now().Add(time.Hour), Reason: "test"})
			}
			continue
		case "forwarded":
			got = forwarded
		case "answer":
			got = answer
		case "flow":
			got = f.flowText(t)
		case "shadow":
			flow, err := f.Flow("", ByRule)
			if err != nil {
				t.Fatal(err)
			}
			for _, r := range flow.Rows {
				if r.Would > 0 {
					got += fmt.Sprintf("%s %d\n", r.Key, r.Would)
				}
			}
		default:
			t.Fatalf("section %q is none that a transcript has", section)
		}
		if *update {
			a.Files[i].Data = []byte(got)
		} else if diff := cmp.Diff(text, got); diff != "" {
			t.Errorf("section %d, %s (- want, + got):\n%s", i+1, section, diff)
		}
	}
	if *update {
		if err := os.WriteFile(file, txtar.Format(a), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// play sends the entries in text, to which the upstream answers code.
func (f *fixture) play(t *testing.T, code, text string) (answer, forwarded string) {
	n, err := strconv.Atoi(code)
	if err != nil {
		t.Fatalf("send %q: %v", code, err)
	}
	f.store.answer = func(int, []byte) *http.Response { return status(n, "") }
	var entries []entry
	for line := range strings.Lines(text) {
		entries = append(entries, parseEntry(t, strings.TrimSpace(line)))
	}
	body, before := bodyV1(entries...), f.store.count()
	rec := f.post(remotewrite.V1, body)
	answer = strings.TrimSpace(strconv.Itoa(rec.Code)+" "+rec.Body.String()) + "\n"
	if wait, _ := strconv.Atoi(rec.Header().Get("Retry-After")); (rec.Code == 429 || rec.Code == 503) != (1 <= wait && wait <= 30) {
		t.Errorf("answer %d with Retry-After %d", rec.Code, wait)
	}
	switch {
	case f.store.count() == before:
		forwarded = "nothing\n"
	case bytes.Equal(f.store.last(), body):
		forwarded = "all of it\n"
	default:
		forwarded = shown(t, f.store.last())
	}
	return answer, forwarded
}

func (f *fixture) demandText(t *testing.T, text string) {
	now, pools := f.now(), f.plan().Pools()
	var u limiter.Usage
	for line := range strings.Lines(text) {
		name, number, _ := strings.Cut(strings.TrimSpace(line), " ")
		pool, priority, _ := strings.Cut(name, "/")
		n, err := strconv.ParseUint(number, 10, 32)
		if err != nil {
			t.Fatalf("demand %q: %v", line, err)
		}
		p, err := series.ParsePriority(priority)
		if err != nil {
			t.Fatalf("demand %q: %v", line, err)
		}
		for i := range pools.Len() {
			if pools.Name(limiter.Pool(i)) == pool {
				u.Add(limiter.Pool(i), p, limiter.Count{Demand: uint32(n), Steady: uint32(n), Granted: uint32(n)})
			}
		}
	}
	f.limits.For("default", now).Settle(now, f.plan(), &u)
}

func (f *fixture) shedText() string {
	sum := map[series.Priority]uint32{}
	now := f.now().Add(time.Second) // the second under way included
	for _, s := range f.limits.For("default", now).History(now, 3600) {
		for l, n := range s.Shed {
			sum[series.Critical-series.Priority(l)] += n
		}
	}
	var b strings.Builder
	for p := series.Critical; p >= series.Low; p-- {
		if sum[p] > 0 {
			fmt.Fprintf(&b, "%s %d\n", p, sum[p])
		}
	}
	return b.String()
}

func (f *fixture) flowText(t *testing.T) string {
	var b strings.Builder
	for o, n := range f.counts(t) {
		if n > 0 {
			fmt.Fprintf(&b, "%s %d\n", Outcome(o), n)
		}
	}
	return b.String()
}

func parseEntry(t *testing.T, line string) entry {
	fields := strings.Fields(line)
	e := entry{labels: fields[0]}
	for _, f := range fields[1:] {
		if f == "exemplar" {
			e.exemplars++
			continue
		}
		what, at, _ := strings.Cut(f, "@")
		s, err := strconv.ParseFloat(at, 64)
		if err != nil {
			t.Fatalf("entry %q: %v", line, err)
		}
		ms := int64(s * 1000)
		switch what {
		case "stale":
			e.points = append(e.points, point{ms, staleNaN})
		case "hist":
			e.hists = append(e.hists, nativeHistogram(ms, histogram.NotCounterReset, false))
		default:
			v, err := strconv.ParseFloat(what, 64)
			if err != nil {
				t.Fatalf("entry %q: %v", line, err)
			}
			e.points = append(e.points, point{ms, v})
		}
	}
	return e
}
