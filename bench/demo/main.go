//go:build unix

// Demo shows Headgate at work: a Prometheus that scrapes itself, the machine,
// Headgate and a shop whose metrics explode, and writes all of it through
// Headgate into a second Prometheus, the store.
//
//	shop, node exporter, Headgate ← Prometheus → Headgate → store
//
// Everything runs on loopback in a temporary directory and ends with Ctrl-C.
// "make demo" builds and fetches what it needs.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"
)

func main() {
	ctx, restore := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	context.AfterFunc(ctx, restore) // the second Ctrl-C does not wait
	err := run(ctx, os.Args[1:], os.Stdout)
	if errors.Is(err, flag.ErrHelp) {
		return
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "demo:", err)
		os.Exit(1)
	}
}

// shortest is the least time in which a thinned series has more samples at the
// sender than in the store.
const shortest = 30 * time.Second

// options are the command line.
type options struct {
	headgate string        // the binary
	debs     string        // where tools/deb unpacks
	lite     string        // stands in for Prometheus
	length   time.Duration // 0: until Ctrl-C
	keep     bool          // leave the directory behind
}

func run(ctx context.Context, args []string, out io.Writer) error {
	var o options
	flags := flag.NewFlagSet("demo", flag.ContinueOnError)
	flags.StringVar(&o.headgate, "headgate", "bin/headgate", "the `file` of the Headgate binary")
	flags.StringVar(&o.debs, "debs", ".cache/deb", "the `directory` with unpacked Debian packages")
	flags.StringVar(&o.lite, "prom-lite", "bin/prom-lite", "the `file` to use where there is no Prometheus")
	flags.DurationVar(&o.length, "for", 0, "end after this `time`, and say what the store holds")
	flags.BoolVar(&o.keep, "keep", false, "leave the directory with configuration and logs behind")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() > 0 {
		return fmt.Errorf("unexpected argument %q", flags.Arg(0))
	}
	if o.length != 0 && o.length < shortest {
		return fmt.Errorf("-for=%s is too short to see a series thinned; %s is the least", o.length, shortest)
	}
	progs, err := findPrograms(o, out)
	if err != nil {
		return err
	}
	return show(ctx, o, progs, out)
}
