package bench

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"
)

// TestMain lets the test binary stand in for headgate: a reverse proxy that
// reads the configuration the bench writes, and applies no rules.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "serve" {
		fmt.Fprintln(os.Stderr, standIn(os.Args[2:]))
		os.Exit(1)
	}
	os.Exit(m.Run())
}

func standIn(args []string) error {
	flags := map[string]string{}
	for _, a := range args {
		k, v, _ := strings.Cut(a, "=")
		flags[k] = v
	}
	var config struct {
		Gateway struct {
			Upstream struct{ URL string }
		}
		Rules struct{ Files []string }
	}
	b, err := os.ReadFile(flags["--config.file"])
	if err != nil {
		return err
	}
	if err := yaml.Unmarshal(b, &config); err != nil {
		return err
	}
	upstream, err := url.Parse(config.Gateway.Upstream.URL)
	if err != nil {
		return err
	}
	admin := http.NewServeMux()
	admin.HandleFunc("GET /-/ready", func(http.ResponseWriter, *http.Request) {})
	admin.HandleFunc("POST /-/reload", func(w http.ResponseWriter, _ *http.Request) {
		var rules struct{ Rules []Rule }
		b, err := os.ReadFile(config.Rules.Files[0])
		if err == nil {
			err = yaml.Unmarshal(b, &rules)
		}
		if err != nil || len(rules.Rules) == 0 {
			http.Error(w, fmt.Sprint("no rules: ", err), http.StatusInternalServerError)
		}
	})
	go http.ListenAndServe(flags["--web.listen-address"], admin)
	upstream.Path = ""
	return http.ListenAndServe(flags["--ingest.listen-address"], httputil.NewSingleHostReverseProxy(upstream))
}

// self is the Headgate whose part the test binary plays.
func self(t *testing.T) *Bench {
	t.Helper()
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return &Bench{Headgate: program, Owners: true, Pairs: 1, Quick: true, Series: 2000, Seconds: 1, Quiet: 200 * time.Millisecond, Start: start, Progress: io.Discard}
}

func TestRunMeasuresAProcess(t *testing.T) {
	l := build(t, Spec{Series: 20_000, Rounds: 5, Tally: true})
	f, err := Run{Subject: plainHeadgate(self(t)), Load: l, Warm: 1, Decode: true, Quiet: 200 * time.Millisecond}.Do(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if f.Got != expected(l) {
		t.Errorf("sink has %+v, want %+v", f.Got, expected(l))
	}
	if f.Samples != 80_000 || f.CPU <= 0 || f.NsPerSample <= 0 || f.Peak < f.RSS || f.RSS < 1<<20 || f.P99 < f.P50 || f.P50 <= 0 || f.OutBytes <= 0 {
		t.Errorf("implausible figures: %+v", f)
	}
}

func TestPolicyRowReloadsUnderLoad(t *testing.T) {
	res, err := policyChange(t.Context(), self(t))
	if err != nil {
		t.Fatal(err)
	}
	if len(res.Lines) != 3 {
		t.Errorf("%d stretches, want 3: %v", len(res.Lines), res.Lines)
	}
	if !strings.HasPrefix(res.Note, "0 retries, 0 refused") {
		t.Errorf("note %q, want no retries and none refused", res.Note)
	}
}

func TestConserveSeesThatNothingWasDropped(t *testing.T) {
	res, err := conserve(t.Context(), self(t))
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"headgate plain": "yes", "headgate drop10": "NO", "headgate thin": "NO"}
	for _, l := range res.Lines {
		if got := l[len(l)-1]; got != want[l[0]] {
			t.Errorf("%v: same samples %s, want %s from a proxy that applies no rules", l, got, want[l[0]])
		}
	}
	if len(res.Lines) != 6 || res.Verdict != "not reached" {
		t.Errorf("%d lines, verdict %q; want 6 and not reached", len(res.Lines), res.Verdict)
	}
}

// A proxy that applies no rules is fast, and must not be praised for it.
func TestComparisonIsInvalidWhereNothingWasRemoved(t *testing.T) {
	b := self(t)
	c := comparison{
		load:   func(*Bench) Spec { return Spec{Series: 4000, Rounds: warmup + 4, Start: start} },
		a:      plainHeadgate,
		b:      func(b *Bench) Subject { return b.headgate("thin", []Rule{ThinRule()}) },
		atMost: 1.5, own: true, out: [2]float64{0.2, 0.35},
	}
	res, err := c.run(t.Context(), b)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(res.Verdict, "invalid: headgate thin sent on 1.00 of the bytes") {
		t.Errorf("verdict %q, want invalid", res.Verdict)
	}
	c.b, c.out = plainHeadgate, [2]float64{}
	if res, err = c.run(t.Context(), b); err != nil {
		t.Fatal(err)
	}
	if strings.HasPrefix(res.Verdict, "invalid") || len(res.Ratios) != 1 {
		t.Errorf("verdict %q with ratios %v, want a valid one", res.Verdict, res.Ratios)
	}
}

func TestAProgramThatEndsIsAnError(t *testing.T) {
	h := &Headgate{Program: "/bin/false"}
	if _, err := h.Start(t.Context(), "http://127.0.0.1:1"); err == nil || !strings.Contains(err.Error(), "ended at once") {
		t.Errorf("got %v, want that it ended at once", err)
	}
}

func TestPacedSenderKeepsItsRate(t *testing.T) {
	sink := newSink(t, true)
	l := build(t, Spec{Series: 4000, Rounds: 5})
	s := &Sender{URL: sink.URL(), Connections: 2, Rate: 100_000}
	sent, err := s.Send(t.Context(), l.Rounds)
	if err != nil {
		t.Fatal(err)
	}
	// The last of ten requests is due after nine tenths of 0.2 s.
	if sent.Wall < 180*time.Millisecond || sent.Requests != 10 {
		t.Errorf("%d requests in %v, want 10 in no less than 180 ms", sent.Requests, sent.Wall)
	}
}

func TestSendEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	l := build(t, Spec{Series: 4000, Rounds: 1})
	if _, err := (&Sender{URL: "http://127.0.0.1:1", Connections: 1}).Send(ctx, l.Rounds); err == nil {
		t.Error("no error from a context that has ended")
	}
}

func TestPercentile(t *testing.T) {
	var answers []Answer
	for i := range 100 {
		answers = append(answers, Answer{Took: time.Duration(100 - i), Late: 5})
	}
	if got := Percentile(answers, 0.5); got != 51 {
		t.Errorf("median of 1 to 100 is %d, want 51", got)
	}
	if got := Percentile(answers, 1); got != 100 {
		t.Errorf("greatest of 1 to 100 is %d", got)
	}
	if got := PercentileDue(answers, 1); got != 105 {
		t.Errorf("greatest from the planned moment is %d, want 105", got)
	}
	if got := Percentile(nil, 0.99); got != 0 {
		t.Errorf("percentile of nothing is %d, want 0", got)
	}
}

func TestReport(t *testing.T) {
	r := &Report{At: start, Mode: "quick", Vmagent: "peer", Headgate: "ours", Commit: "c", Pairs: 3, Results: []*Result{
		{Row: "plain-100k", Want: "≥ 4 x", Verdict: "reached", Ratios: []float64{4.2, 5, 4.1},
			A: []Figure{{Subject: "vmagent plain", NsPerSample: 1000}, {NsPerSample: 1100}, {NsPerSample: 1050}},
			B: []Figure{{Subject: "headgate plain", NsPerSample: 250}, {NsPerSample: 220}, {NsPerSample: 256}}},
		{Row: "latency", Header: []string{"way"}, Lines: [][]string{{"direct"}}, Note: "A note."},
	}}
	base, err := r.Write(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	md, err := os.ReadFile(base + ".md")
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"1050 (1000–1100)", "250 (220–256)", "**4.20** (4.20, 5.00, 4.10) | ≥ 4 x | reached", "| direct |", "A note.",
	} {
		if !bytes.Contains(md, []byte(want)) {
			t.Errorf("report lacks %q:\n%s", want, md)
		}
	}
	if _, err := os.Stat(base + ".json"); err != nil {
		t.Error(err)
	}
	if got := r.Results[0].Line(); !strings.Contains(got, "4.20 x") || !strings.Contains(got, "wanted ≥ 4 x: reached") {
		t.Errorf("line is %q", got)
	}
}

func TestRowsHaveNames(t *testing.T) {
	seen := map[string]bool{}
	for _, r := range Rows() {
		if r.Name == "" || r.About == "" || seen[r.Name] {
			t.Errorf("row %+v: no name, no description, or there twice", r.Name)
		}
		seen[r.Name] = true
	}
}
