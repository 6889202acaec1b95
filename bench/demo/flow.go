//go:build unix

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"
)

const watchInterval = 2 * time.Second

// A flow is what became of the samples that Headgate received: the answer of
// GET /api/v1/flow.
type flow struct {
	Received    int64 `json:"received"`
	Forwarded   int64 `json:"forwarded"`
	Dropped     int64 `json:"dropped"`
	Downsampled int64 `json:"downsampled"`
	Shed        int64 `json:"shed"`
	Rejected    int64 `json:"rejected"`
	Failed      int64 `json:"failed"`
}

// outcomes is the sum of what must be equal to Received.
func (f flow) outcomes() int64 {
	return f.Forwarded + f.Dropped + f.Downsampled + f.Shed + f.Rejected + f.Failed
}

// String names the usual outcomes, and the others where there are any.
func (f flow) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "received %s   forwarded %s   dropped %s   downsampled %s",
		grouped(f.Received), grouped(f.Forwarded), grouped(f.Dropped), grouped(f.Downsampled))
	for _, rare := range []struct {
		name string
		n    int64
	}{{"shed", f.Shed}, {"rejected", f.Rejected}, {"failed", f.Failed}} {
		if rare.n > 0 {
			fmt.Fprintf(&b, "   %s %s", rare.name, grouped(rare.n))
		}
	}
	return b.String()
}

// grouped writes 1234567 as 1 234 567. n is not negative.
func grouped(n int64) string {
	digits := strconv.FormatInt(n, 10)
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + " " + digits[i:]
	}
	return digits
}

// flow asks Headgate for what was received since its start.
func (s *stage) flow(ctx context.Context) (flow, error) {
	var f flow
	err := getJSON(ctx, s.page("/api/v1/flow"), &f)
	return f, err
}

// watch writes a line every two seconds until ctx is done or length is over; a
// length of 0 never is. It returns an error where a program stops by itself.
func (s *stage) watch(ctx context.Context, length time.Duration) error {
	watching, cancel := context.WithCancel(ctx)
	defer cancel()
	dead := s.anyDeath(watching)
	tick := time.NewTicker(watchInterval)
	defer tick.Stop()
	var over <-chan time.Time
	if length > 0 {
		over = time.After(length)
	}
	begin, line := time.Now(), newLiveLine(s.out)
	defer line.end()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-over:
			return nil
		case c := <-dead:
			line.end()
			return c.died()
		case <-tick.C:
			f, err := s.flow(ctx)
			text := f.String()
			if err != nil {
				text = "Headgate does not say: " + err.Error()
			}
			elapsed := time.Since(begin).Round(time.Second)
			line.write(fmt.Sprintf("  %02d:%02d   %s", int(elapsed.Minutes()), int(elapsed.Seconds())%60, text))
		}
	}
}

// A liveLine is written over on a terminal, and line below line elsewhere.
type liveLine struct {
	out      io.Writer
	terminal bool
	open     bool
}

func newLiveLine(out io.Writer) *liveLine {
	l := &liveLine{out: out}
	if f, ok := out.(*os.File); ok {
		info, err := f.Stat()
		l.terminal = err == nil && info.Mode()&os.ModeCharDevice != 0
	}
	return l
}

func (l *liveLine) write(text string) {
	if l.terminal {
		fmt.Fprint(l.out, "\r"+text+"\x1b[K")
		l.open = true
		return
	}
	fmt.Fprintln(l.out, text)
}

// end leaves the line as it is and begins the next.
func (l *liveLine) end() {
	if l.open {
		fmt.Fprintln(l.out)
		l.open = false
	}
}

// getJSON decodes the answer of a GET into v.
func getJSON(ctx context.Context, url string, v any) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(io.LimitReader(resp.Body, 1<<10))
		return fmt.Errorf("GET %s: %s: %s", url, resp.Status, strings.TrimSpace(string(text)))
	}
	if err := json.NewDecoder(io.LimitReader(resp.Body, 1<<20)).Decode(v); err != nil {
		return fmt.Errorf("GET %s: %w", url, err)
	}
	return nil
}
