package limiter

// share divides rate, in samples per second, among the demand of pools by
// priority, and writes what each gets into grants. shares add up to 1; the three
// slices are as long as there are pools. It is pure, and nothing that it decides
// depends on what was decided before.
//
//   - Each pool gets what it demands up to its share of the rate, filled from the
//     most important level down.
//   - What pools leave of their shares is lent, by level, to whatever demand is
//     left; equal levels get it in proportion to their pools' shares.
//
// So every pool gets at least min(demand, share), in a pool no level gets anything
// while a more important one lacks something, and neither does one in what is
// lent. With more rate nobody gets less (README.md has the proofs).
func share(rate float64, shares []float64, demand, grants [][levels]float64) {
	pot := 0.0
	for p := range demand {
		left := shares[p] * rate
		for l, d := range demand[p] {
			g := min(d, left)
			grants[p][l] = g
			left -= g
		}
		pot += left
	}
	for l := range levels {
		if pot = lend(pot, l, shares, demand, grants); pot <= 0 {
			return
		}
	}
}

// lend gives pot to the demand of one level that is not granted yet, in
// proportion to shares and to nobody more than it lacks, and returns what is left
// of it. Pools without a share come last, in proportion to what they lack.
func lend(pot float64, level int, shares []float64, demand, grants [][levels]float64) float64 {
	for _, shareless := range []bool{false, true} {
		for pot > 0 {
			weights := 0.0
			for p := range demand {
				weights += weight(shares[p], demand[p][level]-grants[p][level], shareless)
			}
			if weights <= 0 {
				break
			}
			// Whoever lacks no more than its part gets it all and frees the rest; where
			// nobody does, everyone gets its part and nothing is left.
			unit, given, sated := pot/weights, 0.0, false
			for p := range demand {
				lacks := demand[p][level] - grants[p][level]
				if w := weight(shares[p], lacks, shareless); w > 0 && lacks <= w*unit {
					grants[p][level] = demand[p][level]
					given += lacks
					sated = true
				}
			}
			if sated {
				pot = max(0, pot-given)
				continue
			}
			for p := range demand {
				grants[p][level] += weight(shares[p], demand[p][level]-grants[p][level], shareless) * unit
			}
			return 0
		}
	}
	return pot
}

// weight returns in which proportion a pool that lacks something is lent to.
func weight(share, lacks float64, shareless bool) float64 {
	switch {
	case lacks <= 0, shareless != (share <= 0):
		return 0
	case shareless:
		return lacks
	}
	return share
}
