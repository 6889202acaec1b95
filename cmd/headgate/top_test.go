package main

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"
)

// A top transcript is a txtar file: args of headgate top, what the gateway answers
// for metrics and for each metric NAME, what it is asked, and what is to be seen:
// with --once, or live in a terminal of a size.
func TestTopTranscripts(t *testing.T) {
	files, err := filepath.Glob("testdata/top/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("transcripts: %v, %v", files, err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) { runTopTranscript(t, file) })
	}
}

func runTopTranscript(t *testing.T, file string) {
	a, err := txtar.ParseFile(file)
	if err != nil {
		t.Fatal(err)
	}
	sections := map[string]string{}
	for _, f := range a.Files {
		sections[f.Name] = string(f.Data)
	}
	var asked strings.Builder
	gateway := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		fmt.Fprintln(&asked, r.URL.RequestURI())
		name := "metrics"
		if r.URL.Path != "/api/v1/profile/metrics" {
			name = "metric " + r.URL.Query().Get("metric")
		}
		answer, ok := sections[name]
		if !ok {
			rw.WriteHeader(http.StatusNotFound)
		}
		fmt.Fprint(rw, answer)
	}))
	defer gateway.Close()

	args := append([]string{"top", "--url=" + gateway.URL}, strings.Fields(sections["args"])...)
	var got, stderr bytes.Buffer
	if size, ok := sections["size"]; ok {
		got.WriteString(livePage(t, args, size))
	} else if code := run(t.Context(), args, &got, &stderr); code != exitOK {
		t.Fatalf("top ends with %d: %s", code, &stderr)
	}
	for i, f := range a.Files {
		text := got.String()
		switch f.Name {
		case "asked":
			text = asked.String()
		case "want":
		default:
			continue
		}
		if *update {
			a.Files[i].Data = []byte(text)
		} else if diff := cmp.Diff(string(f.Data), text); diff != "" {
			t.Errorf("%s (-want +got):\n%s", f.Name, diff)
		}
	}
	if *update {
		if err := os.WriteFile(file, txtar.Format(a), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// livePage returns the first page that headgate top shows in a terminal of a size.
func livePage(t *testing.T, args []string, size string) string {
	t.Helper()
	var columns, rows int
	if _, err := fmt.Sscanf(size, "%dx%d", &columns, &rows); err != nil {
		t.Fatalf("size %q: %v", size, err)
	}
	l := goLive(t, args, columns, rows)
	eventually(t, "a page is shown", func() bool { return len(l.pages()) > 0 })
	l.end("q")
	page := l.pages()[0]
	lines := strings.Split(page, "\n")
	if len(lines)-1 > rows {
		t.Errorf("the page has %d lines, want %d at most", len(lines)-1, rows)
	}
	for _, line := range lines {
		if n := widthOf(line); n > columns {
			t.Errorf("a line takes %d columns, want %d at most: %q", n, columns, line)
		}
	}
	return page
}

// A liveTop is headgate top in a terminal that is none.
type liveTop struct {
	t      *testing.T
	keys   *io.PipeWriter
	screen *buffer
	ended  chan error
}

// goLive runs headgate top with args, in a terminal of a size.
func goLive(t *testing.T, args []string, columns, rows int) *liveTop {
	t.Helper()
	top, err := topOf(args)
	if err != nil {
		t.Fatal(err)
	}
	keys, press := io.Pipe()
	l := &liveTop{t, press, &buffer{}, make(chan error, 1)}
	go func() {
		l.ended <- top.live(t.Context(), keys, &screen{w: l.screen, size: func() (int, int) { return columns, rows }})
	}()
	return l
}

// topOf returns the command that args tell of.
func topOf(args []string) (*top, error) {
	q := url.Values{}
	for _, a := range args[1:] {
		name, value, _ := strings.Cut(strings.TrimPrefix(a, "--"), "=")
		q.Add(name, value)
	}
	base, err := url.Parse(q.Get("url"))
	by := q.Get("by")
	if by == "" {
		by = "series"
	}
	return &top{client: &client{base: base}, by: by, tenant: q.Get("tenant"), match: q["match"], limit: 20, interval: 5 * time.Millisecond}, err
}

// pages returns what was shown, page by page, without what only terminals
// understand. What may be under way is left out.
func (l *liveTop) pages() []string {
	l.t.Helper()
	text, ok := strings.CutPrefix(l.screen.String(), toPage+hide+noWrap)
	if !ok {
		if text != "" {
			l.t.Fatalf("the terminal is not prepared: %q", text)
		}
		return nil
	}
	text = strings.TrimSuffix(text, doWrap+unhide+fromPage)
	var pages []string
	for page := range strings.SplitSeq(text, endPage) {
		page, ok := strings.CutPrefix(page, home)
		if !ok {
			break // after the last
		}
		page = strings.ReplaceAll(page, endLine+"\r\n", "\n")
		pages = append(pages, strings.TrimSuffix(page, endLine)+"\n")
	}
	for _, p := range pages {
		if strings.ContainsFunc(strings.ReplaceAll(p, "\n", ""), func(r rune) bool { return r < ' ' || 0x7f <= r && r < 0xa0 }) {
			l.t.Errorf("the page has controls: %q", p)
		}
	}
	return pages
}

// end presses a key, by which it must end and leave the terminal as it was.
func (l *liveTop) end(key string) {
	l.t.Helper()
	if key == "" {
		_ = l.keys.Close()
	} else if _, err := io.WriteString(l.keys, key); err != nil {
		l.t.Fatal(err)
	}
	select {
	case err := <-l.ended:
		if err != nil {
			l.t.Errorf("top ended with %v", err)
		}
	case <-time.After(patience):
		l.t.Fatal("top does not end")
	}
	if text := l.screen.String(); !strings.HasSuffix(text, doWrap+unhide+fromPage) {
		l.t.Errorf("the terminal is left as %q", text)
	}
}

func TestLiveTopGoesOnThroughErrors(t *testing.T) {
	var healthy atomic.Bool
	gateway := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if !healthy.Load() {
			http.Error(rw, "\x1b[2Jbroken", http.StatusInternalServerError)
			return
		}
		fmt.Fprint(rw, `{"metrics": [{"metric": "up", "series": 1}], "total_series": 1, "total_metrics": 1, "as_of": "2026-01-02T03:04:05Z"}`)
	}))
	defer gateway.Close()
	l := goLive(t, []string{"top", "--url=" + gateway.URL}, 100, 10)
	shows := func(has, hasNot string) {
		t.Helper()
		eventually(t, "a page with "+has, func() bool {
			pages := l.pages()
			if len(pages) == 0 {
				return false
			}
			last := pages[len(pages)-1]
			return strings.Contains(last, has) && (hasNot == "" || !strings.Contains(last, hasNot))
		})
	}
	const broken = `! answered 500 Internal Server Error: \x1b[2Jbroken; it is tried again`
	shows(broken, "METRIC")
	healthy.Store(true)
	shows("1 series in 1 metric, by series", "!")
	healthy.Store(false)
	shows(broken, "")
	shows("1 series in 1 metric, by series, as of 2026-01-02T03:04:05Z", "") // those of before
	gateway.Close()
	shows("! nothing listens at", "")
	l.end("xq")
}

func TestKeysEndTop(t *testing.T) {
	gateway := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) { fmt.Fprint(rw, `{}`) }))
	defer gateway.Close()
	for name, key := range map[string]string{"q": "q", "Ctrl-C": "\x03", "Ctrl-D": "\x04", "the end of input": "", "q after others": "\x1b[Aq"} {
		t.Run(name, func(t *testing.T) {
			l := goLive(t, []string{"top", "--url=" + gateway.URL}, 80, 24)
			eventually(t, "a page is shown", func() bool { return len(l.pages()) > 0 })
			l.end(key)
		})
	}
}

func TestTopEndsWhileTheGatewayIsSilent(t *testing.T) {
	asked := make(chan struct{}, 1)
	gateway := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		asked <- struct{}{}
		<-r.Context().Done()
	}))
	defer gateway.Close()
	l := goLive(t, []string{"top", "--url=" + gateway.URL}, 80, 24)
	<-asked
	l.end("q")
}

func TestCulpritsAreAskedForOnceInAWhile(t *testing.T) {
	var details atomic.Int32
	gateway := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/api/v1/profile/metric" {
			details.Add(1)
			fmt.Fprint(rw, `{"labels": [{"label": "pod", "reduction": 0.5}]}`)
			return
		}
		fmt.Fprint(rw, `{"metrics": [`+strings.Repeat(`{"metric": "a"},`, 9)+`{"metric": "b"}]}`)
	}))
	defer gateway.Close()
	top, err := topOf([]string{"top", "--url=" + gateway.URL})
	if err != nil {
		t.Fatal(err)
	}
	v := top.view()
	for range 3 {
		if err := top.look(t.Context(), v); err != nil {
			t.Fatal(err)
		}
	}
	if n := details.Load(); n != culpritRows {
		t.Errorf("details are asked for %d times, want %d", n, culpritRows)
	}
	if len(v.culprits) != culpritRows || v.culprits[0] != "pod -50.0%" {
		t.Errorf("culprits are %q", v.culprits)
	}
}

func TestTopSaysWhatToDo(t *testing.T) {
	refuse := func(status int, kind, text string) string {
		s := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			rw.Header().Set("Content-Type", kind)
			rw.WriteHeader(status)
			fmt.Fprint(rw, text)
		}))
		t.Cleanup(s.Close)
		return s.URL
	}
	for name, tt := range map[string]struct {
		args []string
		want string
	}{
		"where nothing listens":          {[]string{"--url=http://127.0.0.1:1"}, "start headgate serve"},
		"where a name is unknown":        {[]string{"--url=http://none.invalid:1"}, "is --url the --web.listen-address of a Headgate?"},
		"where it must say who asks":     {[]string{"--url=" + refuse(401, "text/plain", "Unauthorized")}, "--http.config.file"},
		"where the profiler is off":      {[]string{"--url=" + refuse(404, "application/problem+json", `{"detail":"profiler.memory_limit_bytes is 0"}`)}, "profiler.memory_limit_bytes is 0"},
		"where something else answers":   {[]string{"--url=" + refuse(200, "text/html", "<html>")}, "is no Headgate"},
		"where the answer is hostile":    {[]string{"--url=" + refuse(500, "text/plain", "\x1b[2J")}, `\x1b[2J`},
		"where the limit is none":        {[]string{"--limit=0"}, "--limit: 0 is not between 1 and 1000"},
		"where the interval is too fast": {[]string{"--interval=1ms"}, "--interval: 1ms is shorter than 100ms"},
	} {
		t.Run(name, func(t *testing.T) {
			var stdout, stderr bytes.Buffer
			code := run(t.Context(), append([]string{"top", "--once"}, tt.args...), &stdout, &stderr)
			if code != exitError || !strings.Contains(stderr.String(), tt.want) || stdout.Len() > 0 {
				t.Errorf("top ends with %d, %q, %q; want %d and %q", code, &stdout, &stderr, exitError, tt.want)
			}
			if strings.ContainsRune(stderr.String(), '\x1b') {
				t.Errorf("the error has controls: %q", &stderr)
			}
		})
	}
}

func TestTopOfARunningHeadgate(t *testing.T) {
	up := newStore(t)
	r := launch(t, map[string]string{"headgate.yml": configFor(up.URL, "")}, "--config.file=DIR/headgate.yml")
	r.wantSent(wire1, wire1.body(t, 1000, "calls job=api pod=a", "calls job=api pod=b", "calls job=api pod=c", "up job=api"))
	for args, want := range map[string]string{
		"":                     `(?s)^the default tenant: 4 series in 2 metrics, by series, .*\ncalls +unowned +3 +- .* 2 +1 +pod -66\.6%\nup +unowned +1 .* -\n$`,
		"--match={pod=~'a|b'}": `(?s)^the default tenant: 2 series in 1 metric of \{pod=~'a\|b'\}, .*\ncalls +unowned +2 `,
		"--tenant=nobody":      `(?s)^nobody: 0 series in 0 metrics, .*\nNothing was received lately`,
	} {
		var stdout, stderr bytes.Buffer
		code := run(t.Context(), append([]string{"top", "--web.url=http://" + r.web}, strings.Fields(args)...), &stdout, &stderr)
		if code != exitOK || !regexp.MustCompile(want).Match(stdout.Bytes()) {
			t.Errorf("top %s ends with %d, %s:\n%s\nwant %s", args, code, &stderr, &stdout, want)
		}
	}
}

func TestTopHelps(t *testing.T) {
	var stdout bytes.Buffer
	if code := run(t.Context(), []string{"top", "--help"}, &stdout, io.Discard); code != exitOK {
		t.Fatalf("top --help: %d, want 0", code)
	}
	for _, want := range []string{"--web.url", "--url", "--http.config.file", "--by=series", "--tenant", "--match", "--limit=20", "--interval=2s", "--once", "q ends it"} {
		if !strings.Contains(strings.ReplaceAll(stdout.String(), "[no-]", ""), want) {
			t.Errorf("top --help does not name %s:\n%s", want, &stdout)
		}
	}
}
