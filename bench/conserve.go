package bench

import (
	"context"
	"fmt"
)

// conserve sends a load once through each subject to a sink that hashes every
// sample, and compares with what the workload says must arrive.
func conserve(ctx context.Context, b *Bench) (*Result, error) {
	res := &Result{Want: "exact", Header: []string{"program", "protocol", "sent", "expected", "arrived", "same samples"}}
	all := true
	for _, c := range []struct {
		version int
		subject Subject
		kept    func(*Load) Tally
	}{
		{1, plainVmagent(b), sentTally},
		{1, b.vmagent("drop10", TenDrops()), keptTally},
		{1, plainHeadgate(b), sentTally},
		{1, b.headgate("drop10", DropRules(TenDrops())), keptTally},
		{1, b.headgate("thin", []Rule{ThinRule()}), thinnedTally},
		{2, plainHeadgate(b), sentTally},
		{2, b.headgate("drop10", DropRules(TenDrops())), keptTally},
		{2, b.headgate("thin", []Rule{ThinRule()}), thinnedTally},
	} {
		if c.subject == nil {
			continue
		}
		l, err := b.load(Spec{Series: b.series(50_000), Rounds: 8, Version: c.version, Start: b.Start, Seed: 2, Tally: true, Drops: TenDrops()})
		if err != nil {
			return nil, err
		}
		f, err := Run{Subject: c.subject, Load: l, Decode: true, Quiet: b.Quiet}.Do(ctx)
		if err != nil {
			return nil, err
		}
		want := c.kept(l)
		same := f.Got.Samples == want.Samples && f.Got.Sum == want.Sum
		all = all && same
		res.Lines = append(res.Lines, []string{c.subject.Name(), fmt.Sprintf("%d.0", c.version), fmt.Sprint(f.Samples), fmt.Sprint(want.Samples), fmt.Sprint(f.Got.Samples), yes(same)})
		b.say("  %s, %d.0: %d samples sent, %d expected, %d arrived, the same ones: %s %s", c.subject.Name(), c.version, f.Samples, want.Samples, f.Got.Samples, yes(same), f.Problem)
	}
	if len(res.Lines) > 0 {
		res.reached(all)
	}
	return res, nil
}

func sentTally(l *Load) Tally { return tally(l.Rounds, func(b Body) Tally { return b.Sent }) }
func keptTally(l *Load) Tally { return tally(l.Rounds, func(b Body) Tally { return b.Kept }) }

// thinnedTally is what one sample a minute leaves of a load without churn that
// begins at a full minute: every fourth round.
func thinnedTally(l *Load) Tally {
	var first [][]Body
	for i := 0; i < len(l.Rounds); i += 4 {
		first = append(first, l.Rounds[i])
	}
	return tally(first, func(b Body) Tally { return b.Sent })
}

func tally(rounds [][]Body, of func(Body) Tally) Tally {
	var t Tally
	for _, r := range rounds {
		for _, b := range r {
			t.Add(of(b))
		}
	}
	return t
}

func yes(b bool) string {
	if b {
		return "yes"
	}
	return "NO"
}
