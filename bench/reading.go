package bench

import (
	"cmp"
	"context"
	"fmt"
	"os/exec"
	"time"
)

// A reading is how pages are read in a stretch of a run.
type reading struct {
	readers  int
	every    time.Duration // each reader asks no sooner again; 0: at once
	stranger bool          // another program keeps a core busy instead
}

var (
	nobody     = reading{}
	stranger   = reading{stranger: true}                 // what any program beside Headgate would do to senders
	somebody   = reading{readers: 1, every: time.Second} // as a person does who looks for something
	oneReader  = reading{readers: 1}
	fourAtOnce = reading{readers: 4}

	// readingTurns are the stretches, in order: in between nobody reads, so that what
	// the machine does meanwhile shows in both.
	readingTurns = []reading{nobody, stranger, somebody, oneReader, fourAtOnce, stranger, nobody, oneReader, fourAtOnce, nobody}
)

// String names the stretch.
func (r reading) String() string {
	switch r {
	case nobody:
		return "nobody reads"
	case stranger:
		return "another program keeps a core busy"
	case somebody:
		return "one opens a page a second"
	case oneReader:
		return "one reads without a pause"
	}
	return fmt.Sprintf("%d read without a pause", r.readers)
}

// times is how often every page is read in a stretch.
func (r reading) times() int {
	if r == somebody {
		return 1
	}
	return 10
}

// A stretch is what senders saw and what Headgate used while so many read.
type stretch struct {
	sent *Sending
	took time.Duration
	cpu  time.Duration
	rss  int64
}

// readPages returns a row that reads every page of a Headgate with so many metrics and
// two months of ledger, while samples pass at a steady rate.
func readPages(metrics int, most time.Duration) func(ctx context.Context, b *Bench) (*Result, error) {
	return func(ctx context.Context, b *Bench) (*Result, error) {
		h, ok := plainHeadgate(b).(*Headgate)
		res := &Result{Want: fmt.Sprintf("every page's median under %s with one reader, no sample lost, and senders' p99 under 10 ms while one opens a page a second", most)}
		if !ok {
			return res, nil
		}
		run, err := b.startReading(ctx, h, metrics)
		if err != nil {
			return nil, err
		}
		defer run.close()
		for _, n := range readingTurns {
			if err := run.turn(ctx, b, n); err != nil {
				return nil, err
			}
		}
		run.report(b, res, most)
		return res, nil
	}
}

// A readingRun is a Headgate whose pages are read.
type readingRun struct {
	load    *Load
	sink    *Sink
	process *Process
	sender  *Sender
	round   int // the next to send
	bytes   int64
	paths   []string
	readers map[reading]*readers
	seen    map[reading]*stretch
}

func (b *Bench) startReading(ctx context.Context, h *Headgate, metrics int) (*readingRun, error) {
	const series = 1_000_000
	spec := Spec{Series: b.series(series), Metrics: metrics, Rounds: warmup + 8, Churn: churn, Start: b.Start, Seed: 1}
	l, err := b.load(spec)
	if err != nil {
		return nil, err
	}
	begin := time.Now()
	if h.Past, err = newPast(spec); err != nil {
		return nil, err
	}
	h.Costs, h.Limit = true, FarLimit()
	for i, v := range readAlerts {
		h.Alerts = append(h.Alerts, fmt.Sprintf(v, i))
	}
	run := &readingRun{load: l, paths: browsing(time.Now()), readers: map[reading]*readers{}, seen: map[reading]*stretch{}, round: warmup}
	if run.sink, err = NewSink(false); err != nil {
		return nil, err
	}
	if run.process, err = h.Start(ctx, run.sink.URL()); err != nil {
		run.sink.Close()
		return nil, err
	}
	b.say("  two months of ledger, %d cells an hour, written and Headgate started after %.0f s", len(h.Past.deltas), time.Since(begin).Seconds())
	run.sender = &Sender{URL: run.process.Write, Version: 1, Connections: connections}
	if _, err := warm(ctx, run.sender, run.process, run.sink, l.Rounds[:warmup], quiet); err != nil {
		run.close()
		return nil, err
	}
	run.sender.Rate = browsePace
	for _, n := range []reading{somebody, oneReader, fourAtOnce} {
		run.readers[n] = newReaders(run.process.Admin, run.paths)
	}
	run.sink.Reset()
	return run, nil
}

// readAlerts are alerts that use some metrics, whatever number stands in their place.
var readAlerts = []string{
	`sum(rate(container_cpu_usage_seconds_total[5m])) > %d`,
	`container_memory_rss > %d`,
	`up == %d`,
	`sum by (job) (rate(checkout_api_http_requests_total{code="500"}[5m])) > %d`,
	`histogram_quantile(0.99, sum by (le, verb) (rate(apiserver_request_duration_seconds_bucket[5m]))) > %d`,
}

func (r *readingRun) close() {
	r.process.Stop()
	r.sink.Close()
}

// turn sends for as long as n read every page often enough.
func (r *readingRun) turn(ctx context.Context, b *Bench, n reading) error {
	done := make(chan error, 1)
	go func() {
		if n.readers == 0 {
			done <- n.pass(ctx, time.Duration(b.Seconds)*time.Second)
			return
		}
		done <- r.readers[n].read(ctx, n)
	}()
	before, err := r.process.Usage()
	if err != nil {
		return err
	}
	begin, sent := time.Now(), &Sending{}
	for over := false; !over; {
		s, e := r.sender.Send(ctx, r.load.Rounds[r.round:r.round+1])
		if e != nil {
			return cmp.Or(e, <-done)
		}
		for _, body := range r.load.Rounds[r.round] {
			r.bytes += int64(len(body.Data))
		}
		if r.round++; r.round == len(r.load.Rounds) {
			r.round = warmup
		}
		sent.Samples += s.Samples
		sent.Requests += s.Requests
		sent.Retries += s.Retries
		sent.Refused += s.Refused
		sent.Wall += s.Wall
		sent.Answers = append(sent.Answers, s.Answers...)
		sent.Problem = cmp.Or(sent.Problem, s.Problem)
		select {
		case err = <-done:
			over = true
		default:
		}
	}
	if err != nil {
		return err
	}
	after, err := r.process.Usage()
	if err != nil {
		return err
	}
	all := r.seen[n]
	if all == nil {
		all = &stretch{sent: &Sending{}}
		r.seen[n] = all
	}
	all.add(sent, time.Since(begin), after.CPU-before.CPU, after.RSS)
	b.say("  %s for %.0f s: senders' p50 %s, p99 %s, max %s; %.2f cores, RSS %s MB", n, sent.Wall.Seconds(),
		ms(Percentile(sent.Answers, 0.5)), ms(Percentile(sent.Answers, 0.99)), ms(Percentile(sent.Answers, 1)),
		float64(after.CPU-before.CPU)/float64(sent.Wall), mb(after.RSS))
	return nil
}

// pass lets time pass in which nobody reads.
func (r reading) pass(ctx context.Context, long time.Duration) error {
	if r.stranger {
		busy, stop := context.WithCancel(ctx)
		defer stop()
		other := exec.CommandContext(busy, "sh", "-c", "while :; do :; done")
		if err := other.Start(); err != nil {
			return err
		}
		defer other.Wait() // it was killed
		defer stop()
	}
	wait(ctx, long)
	return ctx.Err()
}

func (s *stretch) add(sent *Sending, took, cpu time.Duration, rss int64) {
	s.sent.Samples += sent.Samples
	s.sent.Retries += sent.Retries
	s.sent.Refused += sent.Refused
	s.sent.Answers = append(s.sent.Answers, sent.Answers...)
	s.sent.Problem = cmp.Or(s.sent.Problem, sent.Problem)
	s.took += took
	s.cpu += cpu
	s.rss = max(s.rss, rss)
}

// report fills in what was found.
func (r *readingRun) report(b *Bench, res *Result, most time.Duration) {
	res.Header = []string{"page", "one reader: times", "p50", "p99", "max", "four: times", "p50", "p99", "max", "KB"}
	reached := true
	one, four := r.readers[oneReader], r.readers[fourAtOnce]
	for i, path := range r.paths {
		p50 := share(one.took[i], 0.5)
		reached = reached && p50 < most && one.wrong[i]+four.wrong[i] == 0
		line := []string{"`" + path + "`",
			fmt.Sprint(len(one.took[i])), ms(p50), ms(share(one.took[i], 0.99)), ms(share(one.took[i], 1)), fmt.Sprint(len(four.took[i])),
			ms(share(four.took[i], 0.5)), ms(share(four.took[i], 0.99)), ms(share(four.took[i], 1)), fmt.Sprint(one.bytes[i] >> 10)}
		res.Lines = append(res.Lines, line)
		b.say("  %-110s %s", line[0], line[1:])
	}
	res.Beside = &Table{Header: []string{"senders, while", "samples/s", "p50", "p99", "max", "p99 from the planned moment", "CPU (cores)", "CPU ns/sample", "RSS MB", "retries", "refused"}}
	for _, n := range []reading{nobody, stranger, somebody, oneReader, fourAtOnce} {
		s := r.seen[n]
		p99 := Percentile(s.sent.Answers, 0.99)
		reached = reached && s.sent.Refused == 0 && (p99 < 10*time.Millisecond || n != nobody && n != somebody)
		res.Beside.Lines = append(res.Beside.Lines, []string{
			n.String(), fmt.Sprintf("%.0f", float64(s.sent.Samples)/s.took.Seconds()), ms(Percentile(s.sent.Answers, 0.5)), ms(p99), ms(Percentile(s.sent.Answers, 1)),
			ms(PercentileDue(s.sent.Answers, 0.99)), fmt.Sprintf("%.2f", float64(s.cpu)/float64(s.took)), fmt.Sprintf("%.0f", float64(s.cpu)/float64(s.sent.Samples)),
			mb(s.rss), fmt.Sprint(s.sent.Retries), fmt.Sprint(s.sent.Refused),
		})
	}
	lost := r.bytes - r.sink.Received().Bytes
	reached = reached && lost <= 0 // what was sent again may come twice
	res.Note = fmt.Sprintf("%d series of %d metrics. Times are the reader's, from the request to the last byte of the page: "+
		"nothing is subtracted. CPU is the process's with the pages. Of %d bytes of samples acknowledged %d did not reach the upstream.",
		r.load.Spec.Series, r.load.Names, r.bytes, lost)
	for _, of := range []*readers{one, four} {
		if of.text != "" {
			res.Note += " " + of.text + "."
		}
	}
	b.say("  %s", res.Note)
	res.reached(reached)
}
