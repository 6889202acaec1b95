package bench

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// A Result is what a row found: two lists of figures to compare, or a table of
// its own.
type Result struct {
	Row, About string
	Want       string    `json:",omitempty"`
	Verdict    string    `json:",omitempty"` // "reached", "not reached" or "invalid: why"; "" where nothing is wanted or could be said
	A, B       []Figure  `json:",omitempty"`
	Ratios     []float64 `json:",omitempty"` // of each pair

	Header  []string   `json:",omitempty"`
	Lines   [][]string `json:",omitempty"`
	Beside  *Table     `json:",omitempty"` // what else the row found
	Figures []Figure   `json:",omitempty"` // behind Lines
	Note    string     `json:",omitempty"`
}

// A Table is one more table of a result.
type Table struct {
	Header []string
	Lines  [][]string
}

func (r *Result) reached(ok bool) {
	r.Verdict = "not reached"
	if ok {
		r.Verdict = "reached"
	}
}

// A Report is one run of the bench.
type Report struct {
	At       time.Time
	Mode     string
	Machine  Machine
	Vmagent  string // version
	Headgate string // version
	Commit   string
	Pairs    int
	Results  []*Result
	Took     time.Duration
}

// Line is a result in one line, for the terminal.
func (r *Result) Line() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%-16s", r.Row)
	for _, side := range [][]Figure{r.A, r.B} {
		if len(side) > 0 {
			fmt.Fprintf(&b, " | %s %s ns", side[0].Subject, spread(side, func(f Figure) float64 { return f.NsPerSample }))
		}
	}
	if len(r.Ratios) > 0 {
		fmt.Fprintf(&b, " | %.2f x (%s)", median(r.Ratios), ratios(r.Ratios))
	}
	if r.Want != "" {
		fmt.Fprintf(&b, " | wanted %s", r.Want)
	}
	if r.Verdict != "" {
		fmt.Fprintf(&b, ": %s", r.Verdict)
	}
	return b.String()
}

// Markdown is the whole report.
func (r *Report) Markdown() string {
	var b strings.Builder
	fmt.Fprintf(&b, "# Bench of %s, %s mode\n\n", r.At.UTC().Format("2006-01-02 15:04 MST"), r.Mode)
	fmt.Fprintf(&b, "%s\n\n", r.Machine)
	fmt.Fprintf(&b, "Peer: %s. Headgate: %s. Commit: %s. %d pairs of runs a comparison, in turn; medians with (min–max). Took %s.\n\n", r.Vmagent, r.Headgate, r.Commit, r.Pairs, r.Took.Round(time.Second))
	b.WriteString("Sender, proxy and sink share the machine's cores. CPU is user and system time of the process under test alone; rates and latencies are those of the three together. ../README.md says more.\n\n")
	b.WriteString("## Comparisons\n\n")
	b.WriteString(table(
		[]string{"row", "program", "ns/sample", "M samples/CPU-s", "first round ns", "delivered M/s", "p50", "p99", "peak MB", "bytes out", "other CPU", "ratio", "wanted", ""},
		r.comparisons()))
	for _, res := range r.Results {
		if len(res.Lines) == 0 {
			continue
		}
		fmt.Fprintf(&b, "\n## %s\n\n%s. Wanted: %s. %s\n\n", res.Row, res.About, res.Want, res.Verdict)
		b.WriteString(table(res.Header, res.Lines))
		if res.Beside != nil {
			b.WriteString("\n" + table(res.Beside.Header, res.Beside.Lines))
		}
		if res.Note != "" {
			fmt.Fprintf(&b, "\n%s\n", res.Note)
		}
	}
	return b.String()
}

func (r *Report) comparisons() [][]string {
	var lines [][]string
	for _, res := range r.Results {
		for i, side := range [][]Figure{res.A, res.B} {
			if len(side) == 0 {
				continue
			}
			line := []string{
				res.Row, side[0].Subject,
				spread(side, func(f Figure) float64 { return f.NsPerSample }),
				fmt.Sprintf("%.2f", of(side, func(f Figure) float64 { return f.PerCPUSecond / 1e6 })),
				fmt.Sprintf("%.0f", of(side, func(f Figure) float64 { return f.FirstNs })),
				fmt.Sprintf("%.2f", of(side, func(f Figure) float64 { return f.Delivered / 1e6 })),
				fmt.Sprintf("%.1f ms", of(side, func(f Figure) float64 { return float64(f.P50) / 1e6 })),
				fmt.Sprintf("%.1f ms", of(side, func(f Figure) float64 { return float64(f.P99) / 1e6 })),
				fmt.Sprintf("%.0f", of(side, func(f Figure) float64 { return float64(f.Peak) / 1e6 })),
				fmt.Sprintf("%.1f", of(side, func(f Figure) float64 { return f.OutBytes })),
				fmt.Sprintf("%.2f", of(side, func(f Figure) float64 { return f.OtherCPU })),
				"", "", "",
			}
			if i == 1 && len(res.Ratios) > 0 {
				line[11] = fmt.Sprintf("**%.2f** (%s)", median(res.Ratios), ratios(res.Ratios))
				line[12], line[13] = res.Want, res.Verdict
			}
			lines = append(lines, line)
		}
	}
	return lines
}

// Write saves the report as Markdown and JSON under dir and returns the path
// without its ending.
func (r *Report) Write(dir string) (string, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	base := filepath.Join(dir, r.At.UTC().Format("2006-01-02-1504")+"-"+r.Mode)
	data, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return "", err
	}
	if err := os.WriteFile(base+".json", append(data, '\n'), 0o644); err != nil {
		return "", err
	}
	return base, os.WriteFile(base+".md", []byte(r.Markdown()), 0o644)
}

func table(header []string, lines [][]string) string {
	var b strings.Builder
	row := func(cells []string) { fmt.Fprintf(&b, "| %s |\n", strings.Join(cells, " | ")) }
	row(header)
	row(slices.Repeat([]string{"---"}, len(header)))
	for _, l := range lines {
		row(l)
	}
	return b.String()
}

// of returns the median of one number over figures.
func of(figures []Figure, number func(Figure) float64) float64 {
	xs := make([]float64, len(figures))
	for i, f := range figures {
		xs[i] = number(f)
	}
	return median(xs)
}

// spread writes a median and, of several runs, what they lie between.
func spread(figures []Figure, number func(Figure) float64) string {
	s := fmt.Sprintf("%.0f", of(figures, number))
	if len(figures) == 1 {
		return s
	}
	least, most := number(figures[0]), number(figures[0])
	for _, f := range figures {
		least, most = min(least, number(f)), max(most, number(f))
	}
	return fmt.Sprintf("%s (%.0f–%.0f)", s, least, most)
}

func ratios(rs []float64) string {
	out := make([]string, len(rs))
	for i, r := range rs {
		out[i] = fmt.Sprintf("%.2f", r)
	}
	return strings.Join(out, ", ")
}
