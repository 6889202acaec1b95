package bench

import (
	"context"
	"fmt"
	"time"
)

// pace is the rate of the paced rows, in samples a second.
const pace = 400_000

// latency sends at a rate, in turn straight to the sink and through each
// subject. What a subject adds is its p99 less that of the direct way.
func latency(ctx context.Context, b *Bench) (*Result, error) {
	l, err := b.load(small(b))
	if err != nil {
		return nil, err
	}
	rounds := min(len(l.Rounds), warmup+max(1, b.Seconds*pace/l.Spec.Series))
	cut := &Load{Spec: l.Spec, Rounds: l.Rounds[:rounds]}
	res := &Result{
		Want:   "Headgate adds under 3 ms at p99",
		Header: []string{"way", "p50", "p99", "max", "p99 from the planned moment", "added at p99", "ns/sample", "peak MB"},
		Note:   "Sender, proxy and sink share the machine's cores: the direct way's own p99 shows how much of a figure is theirs. vmagent answers before it delivers, Headgate after.",
	}
	var added []float64
	for pair := range b.Pairs {
		var direct Figure
		for _, s := range []Subject{Direct{}, plainVmagent(b), plainHeadgate(b)} {
			if s == nil {
				continue
			}
			f, err := Run{Subject: s, Load: cut, Warm: warmup, Rate: pace, Quiet: b.Quiet}.Do(ctx)
			if err != nil {
				return nil, err
			}
			if _, ok := s.(Direct); ok {
				direct = f
			}
			more := f.P99 - direct.P99
			if _, ok := s.(*Headgate); ok {
				added = append(added, float64(more))
			}
			res.Figures = append(res.Figures, f)
			res.Lines = append(res.Lines, []string{f.Subject, ms(f.P50), ms(f.P99), ms(f.Max), ms(f.DueP99), ms(more), fmt.Sprintf("%.0f", f.NsPerSample), mb(f.Peak)})
			b.say("  %d %-24s p50 %s p99 %s (from the planned moment %s) max %s, %.0f ns/sample at %.0f samples/s", pair+1, f.Subject, ms(f.P50), ms(f.P99), ms(f.DueP99), ms(f.Max), f.NsPerSample, f.Acked)
		}
	}
	if len(added) > 0 {
		res.reached(median(added) < float64(3*time.Millisecond))
	}
	return res, nil
}

func mb(bytes int64) string { return fmt.Sprintf("%.0f", float64(bytes)/1e6) }

// A window is a stretch of a paced run.
type window struct {
	name  string
	usage Usage // at its end
	from  time.Duration
	to    time.Duration
}

// policyChange changes the rules of a running Headgate twice under a steady
// load: rules that touch no series, then one that touches all.
func policyChange(ctx context.Context, b *Bench) (*Result, error) {
	h, ok := plainHeadgate(b).(*Headgate)
	res := &Result{Want: "p99 under 10 ms in every stretch", Header: []string{"stretch", "p50", "p99", "max", "CPU (cores)", "RSS MB"}}
	if !ok {
		return res, nil
	}
	l, err := b.load(big(b))
	if err != nil {
		return nil, err
	}
	sink, err := NewSink(false)
	if err != nil {
		return nil, err
	}
	defer sink.Close()
	p, err := h.Start(ctx, sink.URL())
	if err != nil {
		return nil, err
	}
	defer p.Stop()
	s := &Sender{URL: p.Write, Version: 1, Connections: connections}
	if _, err := warm(ctx, s, p, sink, l.Rounds[:warmup], quiet); err != nil {
		return nil, err
	}
	s.Rate = pace
	all := Rule{Name: "everything-high", Match: `{__name__=~".+"}`, Action: "prioritize", Priority: "high"}
	changes := []struct {
		name  string
		rules []Rule
	}{
		{"before", nil},
		{"after 100 rules more that match nothing", IdleRules(2 * idleRules)},
		{"after a rule more that matches every series", append([]Rule{all}, IdleRules(2*idleRules)...)},
	}
	stretch := time.Duration(float64(Samples(l.Rounds[warmup:])) / pace / float64(len(changes)) * float64(time.Second))
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	first, err := p.Usage()
	if err != nil {
		return nil, err
	}
	begin := time.Now()
	type outcome struct {
		sent *Sending
		err  error
	}
	sending := make(chan outcome, 1)
	go func() {
		sent, err := s.Send(ctx, l.Rounds[warmup:])
		sending <- outcome{sent, err}
	}()
	var windows []window
	for _, c := range changes {
		from := time.Since(begin)
		if c.rules != nil {
			if err := h.Reload(ctx, p, c.rules); err != nil {
				return nil, err
			}
		}
		wait(ctx, stretch-(time.Since(begin)-from))
		u, err := p.Usage()
		if err != nil {
			return nil, err
		}
		windows = append(windows, window{c.name, u, from, time.Since(begin)})
	}
	o := <-sending
	if o.err != nil {
		return nil, o.err
	}
	reached := o.sent.Refused+o.sent.Retries == 0
	cpu := first.CPU
	for _, w := range windows {
		var in []Answer
		for _, a := range o.sent.Answers {
			if a.At >= w.from && a.At < w.to {
				in = append(in, a)
			}
		}
		p99 := Percentile(in, 0.99)
		reached = reached && p99 < 10*time.Millisecond
		line := []string{w.name, ms(Percentile(in, 0.5)), ms(p99), ms(Percentile(in, 1)), fmt.Sprintf("%.2f", float64(w.usage.CPU-cpu)/float64(w.to-w.from)), mb(w.usage.RSS)}
		cpu = w.usage.CPU
		res.Lines = append(res.Lines, line)
		b.say("  %s: p50 %s, p99 %s, max %s, %s cores, %s MB", line[0], line[1], line[2], line[3], line[4], line[5])
	}
	res.Note = fmt.Sprintf("%d retries, %d refused. %s", o.sent.Retries, o.sent.Refused, o.sent.Problem)
	res.reached(reached)
	return res, nil
}

// memory sends 1 M series in 5000 metrics, paced, and looks at resident memory
// after each round.
func memory(ctx context.Context, b *Bench) (*Result, error) {
	l, err := b.load(Spec{Series: b.series(1_000_000), Metrics: 5000, Rounds: 10, Churn: churn, Start: b.Start, Seed: 1})
	if err != nil {
		return nil, err
	}
	res := &Result{Want: "Headgate's peak within 500 MiB", Header: []string{"program", "RSS MB after each round", "peak MB", "ns/sample"}}
	for _, s := range []Subject{plainVmagent(b), plainHeadgate(b)} {
		if s == nil {
			continue
		}
		f, rss, err := watchMemory(ctx, s, l)
		if err != nil {
			return nil, err
		}
		res.Figures = append(res.Figures, f)
		res.Lines = append(res.Lines, []string{f.Subject, rss, mb(f.Peak), fmt.Sprintf("%.0f", f.NsPerSample)})
		b.say("  %s: RSS after each round %s MB, peak %s MB", f.Subject, rss, mb(f.Peak))
		if _, ok := s.(*Headgate); ok {
			res.reached(f.Peak <= 500<<20)
		}
	}
	return res, nil
}

func watchMemory(ctx context.Context, subject Subject, l *Load) (f Figure, rss string, err error) {
	sink, err := NewSink(false)
	if err != nil {
		return f, "", err
	}
	defer sink.Close()
	p, err := subject.Start(ctx, sink.URL())
	if err != nil {
		return f, "", err
	}
	defer p.Stop()
	f.Subject = subject.Name()
	s := &Sender{URL: p.Write, Version: 1, Connections: connections, Rate: pace}
	m, err := begin(p)
	if err != nil {
		return f, "", err
	}
	all := &Sending{}
	for _, r := range l.Rounds {
		sent, err := s.Send(ctx, [][]Body{r})
		if err != nil {
			return f, "", err
		}
		all.Samples += sent.Samples
		all.Wall += sent.Wall
		all.Answers = append(all.Answers, sent.Answers...)
		u, err := p.Usage()
		if err != nil {
			return f, "", err
		}
		rss += mb(u.RSS) + " "
	}
	if err := m.end(&f); err != nil {
		return f, "", err
	}
	f.fill(all, all.Wall, sink.Received())
	return f, rss, nil
}
