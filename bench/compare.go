package bench

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"
)

// A comparison runs two subjects in turn, a b a b, and compares what a sample
// costs them.
type comparison struct {
	name, about string
	load        func(*Bench) Spec
	loadB       func(*Bench) Spec // of b; a's where nil
	a, b        func(*Bench) Subject
	quick       bool
	own         bool       // both are Headgate: the ratio is b's cost over a's, else a's over b's
	atLeast     float64    // wanted of the ratio
	atMost      float64    // wanted of the ratio
	out         [2]float64 // what b must send upstream, as a share of the bytes it got; about all of it where zero
	morePairs   int        // beyond the usual number, where a small difference is looked for
}

func (c comparison) row() Row {
	return Row{Name: c.name, About: c.about, Quick: c.quick, run: c.run}
}

func (c comparison) run(ctx context.Context, b *Bench) (*Result, error) {
	res := &Result{}
	switch {
	case c.atLeast > 0:
		res.Want = fmt.Sprintf("≥ %g x", c.atLeast)
	case c.atMost > 0:
		res.Want = fmt.Sprintf("≤ %g x", c.atMost)
	}
	loadA, err := b.load(c.load(b))
	if err != nil {
		return nil, err
	}
	loadB := loadA
	if c.loadB != nil {
		if loadB, err = b.load(c.loadB(b)); err != nil {
			return nil, err
		}
	}
	for pair := range b.Pairs + c.morePairs {
		for i, side := range []struct {
			subject Subject
			load    *Load
			figures *[]Figure
		}{{c.a(b), loadA, &res.A}, {c.b(b), loadB, &res.B}} {
			if side.subject == nil {
				continue
			}
			warm := warmup
			if side.load.Spec.Repeat > 1 {
				warm = 1
			}
			f, err := Run{Subject: side.subject, Load: side.load, Warm: warm, Quiet: b.Quiet}.Do(ctx)
			if err != nil {
				return nil, err
			}
			*side.figures = append(*side.figures, f)
			if i == 1 {
				res.Note = cmp.Or(res.Note, c.fault(f, side.load, warm))
			}
			b.say("  %d%c %s", pair+1, 'a'+i, f)
		}
		if n := len(res.A); n > 0 && n == len(res.B) {
			ratio := res.A[n-1].NsPerSample / res.B[n-1].NsPerSample
			if c.own {
				ratio = 1 / ratio
			}
			res.Ratios = append(res.Ratios, ratio)
		}
	}
	if res.Note != "" {
		res.Verdict = "invalid: " + res.Note
		return res, nil
	}
	if len(res.Ratios) > 0 {
		m := median(res.Ratios)
		switch {
		case c.atLeast > 0:
			res.reached(m >= c.atLeast)
		case c.atMost > 0:
			res.reached(m <= c.atMost)
		}
	}
	return res, nil
}

// fault says why a figure is not that of the work asked for, or "". A proxy
// that loses data, or that does not remove what it should, must not look fast.
func (c comparison) fault(f Figure, l *Load, warm int) string {
	rounds := l.Rounds[warm:]
	if n := Samples(rounds); f.Samples != n || f.Refused > 0 {
		return fmt.Sprintf("%s acknowledged %d of %d samples: %s", f.Subject, f.Samples, n, f.Problem)
	}
	_, compressed := Bytes(rounds)
	share := f.OutBytes * float64(f.Samples) / float64(compressed)
	want := c.out
	if want[1] == 0 {
		want = [2]float64{0.95, 1.05}
	}
	if share < want[0] || share > want[1] {
		return fmt.Sprintf("%s sent on %.2f of the bytes, where %.2f to %.2f are right", f.Subject, share, want[0], want[1])
	}
	return ""
}

// String is a line of progress.
func (f Figure) String() string {
	s := fmt.Sprintf("%-24s %6.0f ns/sample (first round %.0f), %.2f M samples/CPU-s, delivered %.2f M/s, p50 %s p99 %s, peak %.0f MB, out %.1f B",
		f.Subject, f.NsPerSample, f.FirstNs, f.PerCPUSecond/1e6, f.Delivered/1e6, ms(f.P50), ms(f.P99), float64(f.Peak)/1e6, f.OutBytes)
	if f.OtherCPU > 0.05 {
		s += fmt.Sprintf(", others used %.2f cores", f.OtherCPU)
	}
	if f.Problem != "" {
		s += fmt.Sprintf(" [%d retries, %d refused: %s]", f.Retries, f.Refused, f.Problem)
	}
	return s
}

func ms(d time.Duration) string { return fmt.Sprintf("%.1f ms", float64(d)/1e6) }

// median of a list that is not empty.
func median(xs []float64) float64 {
	s := slices.Sorted(slices.Values(xs))
	n := len(s)
	return (s[(n-1)/2] + s[n/2]) / 2
}
