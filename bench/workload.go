package bench

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/golang/snappy"
)

// An Order says in which order the series of a round are sent.
type Order string

// The orders.
const (
	SameOrder     Order = ""         // each round as the one before: what a Prometheus shard does
	BlockShuffled Order = "blocks"   // blocks of 300 series change places each round
	Shuffled      Order = "shuffled" // every series at a new place each round
)

const shuffledBlock = 300 // series

// A Spec describes a workload. The same Spec makes the same bytes.
type Spec struct {
	Series     int // living at one time
	Metrics    int // about so many metric names; 0 is the catalogue's own
	Rounds     int // every series has one sample a round, 15 s apart
	PerRequest int // samples; 2000 where 0
	Version    int // remote-write protocol, 1 or 2; 1 where 0
	Order      Order
	Cold       bool    // every series is new in every round
	Churn      float64 // share of pods replaced before each round
	// Repeat, above 1, sends that many rounds of a series in one request, each
	// sample as an entry of its own, and an exemplar for every eighth bucket as
	// an entry without samples: what Prometheus sends when it catches up.
	// Rounds must be a multiple of it.
	Repeat int
	Start  time.Time // of the first round
	Seed   uint64
	Tally  bool   // fill in Body.Sent and Body.Kept
	Drops  []Drop // what Body.Kept leaves out
}

// Interval is the time between two samples of a series.
const Interval = 15 * time.Second

// A Body is one request, compressed.
type Body struct {
	Data    []byte
	Samples int
	Raw     int   // bytes before compression
	Sent    Tally // with Spec.Tally: all of it
	Kept    Tally // with Spec.Tally: what Spec.Drops leave
}

// A Load is a workload ready to be sent. It is not changed once built and may
// be sent any number of times, by any number of goroutines.
type Load struct {
	Spec   Spec
	Rounds [][]Body
	Names  int // metric names in the first round
}

// Samples returns how many samples rounds hold.
func Samples(rounds [][]Body) int {
	n := 0
	for _, r := range rounds {
		for _, b := range r {
			n += b.Samples
		}
	}
	return n
}

// Bytes returns how long the bodies of rounds are, before and after
// compression.
func Bytes(rounds [][]Body) (raw, compressed int) {
	for _, r := range rounds {
		for _, b := range r {
			raw += b.Raw
			compressed += len(b.Data)
		}
	}
	return raw, compressed
}

// Build makes the bodies of a workload on two cores. One million series take
// about a second a round and 30 MB.
func Build(spec Spec) (*Load, error) {
	if spec.PerRequest == 0 {
		spec.PerRequest = 2000
	}
	spec.Version = max(spec.Version, 1)
	spec.Repeat = max(spec.Repeat, 1)
	if spec.Series < 1 || spec.Rounds%spec.Repeat != 0 || spec.PerRequest%spec.Repeat != 0 {
		return nil, fmt.Errorf("build workload: %d series, %d rounds of %d together, %d samples a request", spec.Series, spec.Rounds, spec.Repeat, spec.PerRequest)
	}
	p := newPopulation(spec.Series, spec.Metrics, spec.Seed)
	l := &Load{Spec: spec}
	names := map[string]struct{}{}
	for i := range p.series {
		names[p.series[i].Metric] = struct{}{}
	}
	l.Names = len(names)
	r := rand.New(rand.NewPCG(spec.Seed, 1))
	b := newBuilder(spec)
	for round := 0; round < spec.Rounds; round += spec.Repeat {
		switch {
		case round == 0:
		case spec.Cold:
			p.renewAll()
		default:
			p.churn(spec.Churn, r)
		}
		l.Rounds = append(l.Rounds, b.round(p, round, r))
	}
	return l, nil
}

// A builder makes the bodies of one round after another.
type builder struct {
	spec    Spec
	perBody int     // series in a request
	order   []int32 // indexes into the population
	dropper *dropper
}

func newBuilder(spec Spec) *builder {
	b := &builder{spec: spec, perBody: spec.PerRequest / spec.Repeat, order: make([]int32, spec.Series), dropper: newDropper(spec.Drops)}
	for i := range b.order {
		b.order[i] = int32(i)
	}
	return b
}

// shuffle changes the order as the spec has it.
func (b *builder) shuffle(r *rand.Rand) {
	swap := func(i, j int) { b.order[i], b.order[j] = b.order[j], b.order[i] }
	switch b.spec.Order {
	case Shuffled:
		r.Shuffle(len(b.order), swap)
	case BlockShuffled:
		r.Shuffle(len(b.order)/shuffledBlock, func(i, j int) {
			for k := range shuffledBlock {
				swap(i*shuffledBlock+k, j*shuffledBlock+k)
			}
		})
	}
}

// round makes the bodies of a round, half of them on each of two goroutines.
func (b *builder) round(p *population, round int, r *rand.Rand) []Body {
	b.shuffle(r)
	bodies := make([]Body, (len(b.order)+b.perBody-1)/b.perBody)
	var wg sync.WaitGroup
	const workers = 2
	for w := range workers {
		wg.Go(func() {
			e := &encoder{spec: b.spec, dropper: b.dropper, v2: newEncoderV2()}
			for i := w; i < len(bodies); i += workers {
				order := b.order[i*b.perBody : min((i+1)*b.perBody, len(b.order))]
				bodies[i] = e.body(p.series, order, round)
			}
		})
	}
	wg.Wait()
	return bodies
}

// An encoder makes bodies; its buffers are used again. It is owned by one
// goroutine.
type encoder struct {
	spec             Spec
	dropper          *dropper
	v2               *encoderV2
	walker           walker
	entries, kept    []Entry
	raw, out, packed []byte
}

func (e *encoder) body(series []Series, order []int32, round int) Body {
	e.entries = e.entries[:0]
	samples := 0
	for k := range e.spec.Repeat {
		ms := e.spec.Start.Add(time.Duration(round+k) * Interval).UnixMilli()
		for n, i := range order {
			s := &series[i]
			e.entries = append(e.entries, Entry{Series: s, Value: s.at(round + k), TimestampMs: ms})
			samples++
			if e.spec.Repeat > 1 && s.kind == bucket && n%8 == 0 {
				e.entries = append(e.entries, Entry{Series: s, TimestampMs: ms, Exemplar: true, Trace: mix(uint64(ms) + uint64(i))})
			}
		}
	}
	e.raw = e.encode(e.raw[:0], e.entries)
	e.packed = snappy.Encode(e.packed[:cap(e.packed)], e.raw)
	b := Body{Data: append([]byte(nil), e.packed...), Samples: samples, Raw: len(e.raw)}
	if e.spec.Tally {
		b.Sent = e.tally(e.raw)
		b.Kept = b.Sent
		if len(e.spec.Drops) > 0 {
			e.kept = e.kept[:0]
			for _, entry := range e.entries {
				if !e.dropper.drops(entry.Series) {
					e.kept = append(e.kept, entry)
				}
			}
			e.raw = e.encode(e.raw[:0], e.kept)
			b.Kept = e.tally(e.raw)
		}
	}
	return b
}

func (e *encoder) encode(dst []byte, entries []Entry) []byte {
	if e.spec.Version == 2 {
		return e.v2.append(dst, entries)
	}
	dst, e.out = appendV1(dst, e.out, entries)
	return dst
}

// tally counts a body of our own making, which is therefore well formed.
func (e *encoder) tally(raw []byte) Tally {
	t, err := e.walker.walk(e.spec.Version, raw, true)
	if err != nil {
		panic("bench: own body: " + err.Error())
	}
	return t
}
