package bench

import (
	"context"
	"fmt"
	"io"
	"time"
)

// A Bench holds what the rows share. It is owned by one goroutine.
type Bench struct {
	Vmagent  string        // program; "" leaves its part out
	Headgate string        // program; "" leaves its part out
	Owners   bool          // Headgate's configuration has attribution.owners
	Pairs    int           // of runs in a comparison
	Quick    bool          // smaller loads
	Series   int           // in place of every row's own number, where not 0
	Seconds  int           // length of a paced stretch
	Quiet    time.Duration // as Run.Quiet
	Start    time.Time
	Progress io.Writer

	loads []*Load // the last two
	keys  []string
}

// A Row is one measurement of the report.
type Row struct {
	Name  string
	About string // one line
	Quick bool   // part of the quick mode
	run   func(ctx context.Context, b *Bench) (*Result, error)
}

// Run measures the row.
func (r Row) Run(ctx context.Context, b *Bench) (*Result, error) {
	res, err := r.run(ctx, b)
	if err != nil {
		return nil, fmt.Errorf("row %s: %w", r.Name, err)
	}
	res.Row, res.About = r.Name, r.About
	return res, nil
}

// Rows returns all rows, those that share a load next to each other.
func Rows() []Row {
	rows := []Row{
		{"conserve", "every sample that is not to be dropped arrives, once and unchanged (counted and hashed at the sink)", true, conserve},
	}
	rows = append(rows, comparisons(small, "100k", true)...)
	rows = append(rows,
		comparison{
			name: "rules1000-100k", about: "1000 rules against 10, none of which match", load: small,
			a:   func(b *Bench) Subject { return b.headgate("10 rules", IdleRules(10)) },
			b:   func(b *Bench) Subject { return b.headgate("1000 rules", IdleRules(1000)) },
			own: true, atMost: 1.05, morePairs: 2,
		}.row(),
		Row{"latency", "p99 at 400 000 samples/s in, against no proxy at all", true, latency},
		comparison{
			name: "entries-100k", about: "four samples of a series in one request, each an entry of its own, and entries with exemplars alone", load: caughtUp,
			a: plainVmagent, b: plainHeadgate,
		}.row(),
		comparison{
			name: "limit-far-100k", about: "limits of samples, series and the hard one, all far away, with three pools, against none", load: small, own: true,
			a: plainHeadgate, b: limited("far limits", FarLimit()), atMost: 1.02, morePairs: 2,
		}.row(),
		comparison{
			name: "shed-100k", load: small, own: true,
			about: "half of the series critical, half low, and a limit of one sample per second, which no unpaced rate fits: all that is low is shed; against nothing removed",
			a:     limited("halves, no limit", nil, PriorityRules()...),
			b:     limited("half shed", OneSample(), PriorityRules()...),
			out:   [2]float64{0.4, 0.65},
		}.row(),
		comparison{
			name: "shed-drop-100k", about: "the same half shed, against dropped by a rule", load: small, own: true,
			a:   limited("half dropped", nil, DropRules([]Drop{half})...),
			b:   limited("half shed", OneSample(), PriorityRules()...),
			out: [2]float64{0.4, 0.65},
		}.row(),
		comparison{
			name: "v2-100k", about: "remote-write 2.0 against 1.0", load: small, loadB: asV2(small), own: true,
			a: plainHeadgate, b: plainHeadgate,
		}.row(),
		comparison{
			name: "profile-100k", about: "profiling, with each series noted anew once in 40 samples, against none", load: small, own: true,
			a: profiled("off"), b: profiled("10s"), atMost: 1.15, morePairs: 2, quick: true,
		}.row(),
		comparison{
			name: "profile-cold-250k", about: "profiling every series as new in every round, against none", load: cold, own: true,
			a: profiled("off"), b: profiled("1h"),
		}.row(),
		comparison{
			name: "cold-250k", about: "every series new in every round", load: cold,
			a: plainVmagent, b: plainHeadgate,
		}.row(),
	)
	rows = append(rows, comparisons(big, "1m", false)...)
	rows = append(rows,
		comparison{
			name: "overflow-1m", about: "a series table for 1/1.2 of the series against one for all", load: big, own: true,
			a: plainHeadgate,
			b: func(b *Bench) Subject {
				const record = 80 // bytes a series, index included
				s := b.headgate("table at 1.2x", IdleRules(idleRules))
				if h, ok := s.(*Headgate); ok {
					h.TableBytes = b.series(1_000_000) * record * 10 / 12
				}
				return s
			},
		}.row(),
		Row{"policy-1m", "a policy change at 1 M series: the 10 s before and after", false, policyChange},
		comparison{
			name: "v2-1m", about: "remote-write 2.0 against 1.0", load: big, loadB: asV2(big), own: true,
			a: plainHeadgate, b: plainHeadgate,
		}.row(),
		comparison{
			name: "blocks-1m", about: "blocks of 300 series change places each round", load: ordered(BlockShuffled),
			a: plainVmagent, b: plainHeadgate,
		}.row(),
		comparison{
			name: "shuffled-1m", about: "every series changes its place each round", load: ordered(Shuffled),
			a: plainVmagent, b: plainHeadgate,
		}.row(),
		Row{"memory-1m", "resident memory at 1 M series in 5000 metrics, paced", false, memory},
		Row{"pages-100k-metrics", "what pages ask for at 100 000 metrics, while 1 M samples/s pass", false, profilePages},
		Row{"pages-10k", "every page at 10 000 metrics and two months of ledger, while 500 000 samples/s pass", false, readPages(10_000, 100*time.Millisecond)},
		Row{"pages-100k", "every page at 100 000 metrics and two months of ledger, while 500 000 samples/s pass", false, readPages(100_000, 300*time.Millisecond)},
		Row{"hostile", "a hostile minute: resident memory, and how good senders fare", false, hostile},
	)
	return rows
}

// comparisons are the three rows that every size of population has.
func comparisons(load func(*Bench) Spec, size string, quick bool) []Row {
	return []Row{
		comparison{
			name: "plain-" + size, about: "nothing removed; Headgate with 100 rules and owners", load: load, quick: quick,
			a: plainVmagent, b: plainHeadgate, atLeast: 4,
		}.row(),
		comparison{
			name: "drop10-" + size, about: "ten drop rules over a quarter of the series", load: load, quick: quick,
			a:       func(b *Bench) Subject { return b.vmagent("drop10", TenDrops()) },
			b:       func(b *Bench) Subject { return b.headgate("drop10", DropRules(TenDrops())) },
			atLeast: 4, out: [2]float64{0.6, 0.85},
		}.row(),
		comparison{
			name: "thin-" + size, about: "three of four samples thinned away, against nothing removed", load: load, quick: quick,
			a:   plainHeadgate,
			b:   func(b *Bench) Subject { return b.headgate("thin", append(IdleRules(idleRules), ThinRule())) },
			own: true, atMost: 1.5, out: [2]float64{0.2, 0.35},
		}.row(),
	}
}

const (
	idleRules = 100
	warmup    = 2 // rounds
	churn     = 0.002
)

func (b *Bench) series(n int) int {
	if b.Series > 0 {
		return b.Series
	}
	return n
}

// small is 100 000 series, 10 million samples (4 million in quick mode).
func small(b *Bench) Spec {
	rounds := 100
	if b.Quick {
		rounds = 40
	}
	return Spec{Series: b.series(100_000), Rounds: warmup + rounds, Churn: churn, Start: b.Start, Seed: 1}
}

// big is 1 million series, 12 million samples.
func big(b *Bench) Spec {
	return Spec{Series: b.series(1_000_000), Rounds: warmup + 12, Churn: churn, Start: b.Start, Seed: 1}
}

func ordered(o Order) func(*Bench) Spec {
	return func(b *Bench) Spec {
		s := big(b)
		s.Order, s.Rounds = o, warmup+6
		return s
	}
}

func caughtUp(b *Bench) Spec {
	s := small(b)
	s.Repeat, s.Rounds = 4, (s.Rounds-warmup+2*4)/4*4
	return s
}

func cold(b *Bench) Spec {
	return Spec{Series: b.series(250_000), Rounds: warmup + 6, Cold: true, Start: b.Start, Seed: 1}
}

func asV2(spec func(*Bench) Spec) func(*Bench) Spec {
	return func(b *Bench) Spec {
		s := spec(b)
		s.Version = 2
		return s
	}
}

// vmagent returns the peer, or nil where there is none.
func (b *Bench) vmagent(setting string, drops []Drop) Subject {
	if b.Vmagent == "" {
		return nil
	}
	return &Vmagent{Program: b.Vmagent, Setting: setting, Drops: drops}
}

// headgate returns Headgate, or nil where there is none.
func (b *Bench) headgate(setting string, rules []Rule) Subject {
	if b.Headgate == "" {
		return nil
	}
	return &Headgate{Program: b.Headgate, Setting: setting, Rules: rules, Owners: b.Owners}
}

// profiled returns Headgate with a window, or with the profiler off. A part is a
// sixth of the window. Where a round of 100 000 series stands for 15 s and takes
// some 40 ms, 10 s are 40 rounds a part, as 10 min are with a window of an hour.
func profiled(window string) func(*Bench) Subject {
	return func(b *Bench) Subject {
		s := b.headgate("profiler "+window, IdleRules(idleRules))
		if h, ok := s.(*Headgate); ok {
			h.Window = window
		}
		return s
	}
}

// limited returns Headgate with a limit and rules besides the idle ones.
func limited(setting string, l *Limit, rules ...Rule) func(*Bench) Subject {
	return func(b *Bench) Subject {
		s := b.headgate(setting, append(IdleRules(idleRules), rules...))
		if h, ok := s.(*Headgate); ok {
			h.Limit = l
		}
		return s
	}
}

func plainVmagent(b *Bench) Subject  { return b.vmagent("plain", nil) }
func plainHeadgate(b *Bench) Subject { return b.headgate("plain", IdleRules(idleRules)) }

// load returns the load of a spec, built unless it is one of the last two.
func (b *Bench) load(spec Spec) (*Load, error) {
	key := fmt.Sprintf("%+v", spec)
	for i, k := range b.keys {
		if k == key {
			return b.loads[i], nil
		}
	}
	if len(b.loads) == 2 {
		b.keys, b.loads = b.keys[1:], append([]*Load(nil), b.loads[1:]...)
	}
	begin := time.Now()
	l, err := Build(spec)
	if err != nil {
		return nil, err
	}
	raw, packed := Bytes(l.Rounds)
	n := float64(Samples(l.Rounds))
	b.say("  load: %d series of %d metrics, %d rounds, %.0f B of protobuf and %.1f B of snappy a sample (%.0f MB), built in %.0f s",
		spec.Series, l.Names, spec.Rounds, float64(raw)/n, float64(packed)/n, float64(packed)/1e6, time.Since(begin).Seconds())
	b.keys, b.loads = append(b.keys, key), append(b.loads, l)
	return l, nil
}

// say writes a line of progress; that it cannot be shown stops nothing.
func (b *Bench) say(format string, args ...any) {
	fmt.Fprintf(b.Progress, format+"\n", args...)
}
