package bench

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"
)

// A Run is one measurement of one subject.
type Run struct {
	Subject     Subject
	Load        *Load
	Warm        int // rounds of the load sent before measuring
	Connections int // 4 where 0
	Rate        float64
	Decode      bool          // the sink counts every sample
	Quiet       time.Duration // of idleness that ends the run, half of it warming up; 2 s where 0
}

// A Figure is what one run measured. Durations are in nanoseconds, memory in
// bytes.
type Figure struct {
	Subject      string
	Samples      int           // acknowledged
	CPU          time.Duration // of the process, from the first sample until it was idle again
	NsPerSample  float64       // of CPU
	FirstNs      float64       // of CPU a sample in the first warm-up round, whose series are all new
	PerCPUSecond float64       // samples
	Acked        float64       // samples a second of wall time
	Delivered    float64       // the same, until the last one reached the sink
	RSS, Peak    int64
	P50, P99     time.Duration // of an answer
	Max          time.Duration
	DueP99       time.Duration // paced: counted from the planned moment
	OutBytes     float64       // to the upstream, a sample sent in
	Retries      int
	Refused      int
	Problem      string  `json:",omitempty"`
	OtherCPU     float64 // cores that processes with no part in the run used meanwhile
	Got          Tally   // with Decode: what reached the sink
}

const (
	connections = 4
	quiet       = 2 * time.Second // vmagent gathers for up to a second
)

// Do starts the subject, warms it up, sends the load, waits until the subject
// is idle, and reads what it has used.
func (r Run) Do(ctx context.Context) (f Figure, err error) {
	r.Quiet = cmp.Or(r.Quiet, quiet)
	sink, err := NewSink(r.Decode)
	if err != nil {
		return f, err
	}
	defer sink.Close()
	p, err := r.Subject.Start(ctx, sink.URL())
	if err != nil {
		return f, err
	}
	if p.cmd != nil {
		defer func() { err = errors.Join(err, p.Stop()) }()
	}
	f.Subject = r.Subject.Name()
	s := &Sender{URL: p.Write, Version: r.Load.Spec.Version, Connections: cmp.Or(r.Connections, connections)}
	rounds := r.Load.Rounds
	if r.Warm > 0 {
		if f.FirstNs, err = warm(ctx, s, p, sink, rounds[:r.Warm], r.Quiet); err != nil {
			return f, err
		}
		rounds = rounds[r.Warm:]
	}
	if !r.Decode {
		sink.Reset()
	}
	s.Rate = r.Rate
	m, err := begin(p)
	if err != nil {
		return f, err
	}
	sent, err := s.Send(ctx, rounds)
	if err != nil {
		return f, err
	}
	delivered, err := settle(ctx, p, sink, r.Quiet)
	if err != nil {
		return f, err
	}
	if err := m.end(&f); err != nil {
		return f, err
	}
	f.fill(sent, delivered.Sub(m.at), sink.Received())
	return f, nil
}

// warm sends rounds and waits. It returns the CPU time a sample of the first.
func warm(ctx context.Context, s *Sender, p *Process, sink *Sink, rounds [][]Body, quiet time.Duration) (float64, error) {
	var started Usage
	if p.cmd != nil {
		var err error
		if started, err = p.Usage(); err != nil {
			return 0, err
		}
	}
	if _, err := s.Send(ctx, rounds[:1]); err != nil {
		return 0, err
	}
	if _, err := settle(ctx, p, sink, quiet/2); err != nil {
		return 0, err
	}
	if p.cmd == nil {
		return 0, nil
	}
	u, err := p.Usage()
	if err != nil {
		return 0, err
	}
	first := float64(u.CPU-started.CPU) / float64(Samples(rounds[:1]))
	if len(rounds) > 1 {
		if _, err := s.Send(ctx, rounds[1:]); err != nil {
			return 0, err
		}
		_, err = settle(ctx, p, sink, quiet/2)
	}
	return first, err
}

// settle waits until, for as long as quiet says, the sink has received nothing
// and the process has used under 3 % of a core. It returns when the sink
// received last.
func settle(ctx context.Context, p *Process, sink *Sink, quiet time.Duration) (time.Time, error) {
	const step = 100 * time.Millisecond
	last := sink.Received().Requests
	lastAt, idleSince := time.Now(), time.Now()
	cpu := time.Duration(0)
	deadline := time.Now().Add(5 * time.Minute)
	for time.Since(idleSince) < quiet {
		if time.Now().After(deadline) {
			return lastAt, fmt.Errorf("%s was not idle within five minutes", p.Name)
		}
		if !wait(ctx, step) {
			return lastAt, ctx.Err()
		}
		if n := sink.Received().Requests; n != last {
			last, lastAt, idleSince = n, time.Now(), time.Now()
		}
		if p.cmd == nil {
			continue
		}
		u, err := p.Usage()
		if err != nil {
			return lastAt, err
		}
		// One tick in a step may be chance; more is work.
		if u.CPU-cpu > max(clockTick, time.Since(idleSince)*3/100) {
			cpu, idleSince = u.CPU, time.Now()
		}
	}
	return lastAt, nil
}

// A meter is what the clocks showed when a measurement began.
type meter struct {
	process       *Process
	at            time.Time
	cpu, all, own time.Duration
}

func begin(p *Process) (m meter, err error) {
	m = meter{process: p, at: time.Now()}
	if p.cmd != nil {
		u, err := p.Usage()
		if err != nil {
			return m, err
		}
		m.cpu = u.CPU
	}
	if m.all, err = busy(); err != nil {
		return m, err
	}
	m.own, err = ownCPU()
	return m, err
}

// end fills in what the process and the others have used since begin.
func (m meter) end(f *Figure) error {
	if m.process.cmd != nil {
		u, err := m.process.Usage()
		if err != nil {
			return err
		}
		f.CPU, f.RSS, f.Peak = u.CPU-m.cpu, u.RSS, u.Peak
	}
	all, err := busy()
	if err != nil {
		return err
	}
	own, err := ownCPU()
	if err != nil {
		return err
	}
	others := (all - m.all) - (own - m.own) - f.CPU
	f.OtherCPU = max(0, float64(others)/float64(time.Since(m.at)))
	return nil
}

func (f *Figure) fill(sent *Sending, delivery time.Duration, got Received) {
	f.Samples = sent.Samples
	f.Retries, f.Refused, f.Problem = sent.Retries, sent.Refused, sent.Problem
	f.Got = got.Tally
	f.P50, f.P99, f.Max = Percentile(sent.Answers, 0.5), Percentile(sent.Answers, 0.99), Percentile(sent.Answers, 1)
	f.DueP99 = PercentileDue(sent.Answers, 0.99)
	if sent.Samples == 0 {
		return
	}
	n := float64(sent.Samples)
	f.NsPerSample = float64(f.CPU) / n
	if f.CPU > 0 {
		f.PerCPUSecond = n / f.CPU.Seconds()
	}
	f.Acked = n / sent.Wall.Seconds()
	f.Delivered = n / max(sent.Wall, delivery).Seconds()
	f.OutBytes = float64(got.Bytes) / n
}
