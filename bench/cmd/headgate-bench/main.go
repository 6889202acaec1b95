// Command headgate-bench measures Headgate and vmagent in turn and writes what
// it found to bench/results.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path"
	"runtime/debug"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/alecthomas/kingpin/v2"

	"github.com/headgate/headgate/bench"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "headgate-bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, out io.Writer) error {
	app := kingpin.New("headgate-bench", "Measures what a sample costs in Headgate and in vmagent, in turn, on this machine. Rows:\n\n"+rowHelp())
	mode := app.Flag("mode", "quick: three minutes, 100 k series, one pair. full: all rows, about half an hour.").Default("full").Enum("quick", "full")
	rows := app.Flag("rows", "Only these rows: names or patterns as plain-*, separated by commas.").String()
	pairs := app.Flag("pairs", "Pairs of runs in a comparison. Default: 1 in quick mode, 3 in full mode.").Int()
	series := app.Flag("series", "Series in place of each row's own number.").Int()
	seconds := app.Flag("seconds", "Length of a paced run. Default: 5 in quick mode, 15 in full mode.").Int()
	vmagent := app.Flag("vmagent", "The vmagent to compare with, or none. Default: $VMAGENT, PATH, .cache/deb/victoria-metrics.").String()
	headgate := app.Flag("headgate", "The Headgate to measure, or none. Default: $HEADGATE, bin/headgate, PATH.").String()
	owners := app.Flag("owners", "Write attribution.owners into Headgate's configuration.").Default("true").Bool()
	results := app.Flag("results", "Directory for the report; empty writes none.").Default("bench/results").String()
	app.UsageWriter(out)
	if _, err := app.Parse(args); err != nil {
		return err
	}
	quick := *mode == "quick"
	b := &bench.Bench{
		Vmagent:  program(*vmagent, bench.FindVmagent),
		Headgate: program(*headgate, bench.FindHeadgate),
		Owners:   *owners, Quick: quick, Series: *series,
		Pairs:    pick(*pairs, quick, 1, 3),
		Seconds:  pick(*seconds, quick, 5, 15),
		Start:    time.Now().Add(-time.Hour).Truncate(time.Minute),
		Progress: out,
	}
	// The loads are a few large blocks: collecting often would only take CPU
	// from the process under test.
	debug.SetGCPercent(400)
	return measure(ctx, b, *mode, *rows, *results, out)
}

func measure(ctx context.Context, b *bench.Bench, mode, rows, results string, out io.Writer) error {
	began := time.Now()
	r := &bench.Report{At: began, Mode: mode, Machine: bench.ThisMachine(), Vmagent: "absent", Headgate: "absent", Commit: bench.Commit(), Pairs: b.Pairs}
	if b.Vmagent != "" {
		r.Vmagent = bench.VmagentVersion(b.Vmagent)
	}
	if b.Headgate != "" {
		r.Headgate = bench.HeadgateVersion(b.Headgate)
	}
	fmt.Fprintf(out, "%s\npeer: %s\nheadgate: %s\n", r.Machine, r.Vmagent, r.Headgate)
	chosen, err := choose(rows, b.Quick)
	if err != nil {
		return err
	}
	for i, row := range chosen {
		fmt.Fprintf(out, "\n[%d/%d, %s] %s: %s\n", i+1, len(chosen), time.Since(began).Round(time.Second), row.Name, row.About)
		res, err := row.Run(ctx, b)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			fmt.Fprintln(out, " ", err)
			res = &bench.Result{Row: row.Name, About: row.About, Verdict: "failed: " + err.Error(), Header: []string{"error"}, Lines: [][]string{{strings.ReplaceAll(err.Error(), "\n", " ")}}}
		}
		fmt.Fprintln(out, res.Line())
		r.Results = append(r.Results, res)
	}
	r.Took = time.Since(began)
	fmt.Fprintf(out, "\nAll rows, after %s:\n", r.Took.Round(time.Second))
	for _, res := range r.Results {
		fmt.Fprintln(out, res.Line())
	}
	if results == "" {
		return nil
	}
	base, err := r.Write(results)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "\nWritten: %s.md and .json\n", base)
	return nil
}

// choose returns the rows that patterns name, or those of the mode.
func choose(patterns string, quick bool) ([]bench.Row, error) {
	var out []bench.Row
	for _, row := range bench.Rows() {
		if patterns == "" {
			if row.Quick || !quick {
				out = append(out, row)
			}
			continue
		}
		if slices.ContainsFunc(strings.Split(patterns, ","), func(p string) bool {
			ok, err := path.Match(p, row.Name)
			return err == nil && ok
		}) {
			out = append(out, row)
		}
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("no row is named %q: see --help", patterns)
	}
	return out, nil
}

func rowHelp() string {
	var b strings.Builder
	for _, row := range bench.Rows() {
		name := row.Name
		if row.Quick {
			name += " (quick)"
		}
		fmt.Fprintf(&b, "  %-22s %s\n", name, row.About)
	}
	return b.String()
}

// program is what was asked for, or what is found.
func program(asked string, find func() string) string {
	switch asked {
	case "":
		return find()
	case "none":
		return ""
	}
	return asked
}

func pick(asked int, quick bool, inQuick, inFull int) int {
	switch {
	case asked > 0:
		return asked
	case quick:
		return inQuick
	}
	return inFull
}
