package inventory

// A cluster is what a sampled family has of what is asked for.
type cluster struct {
	amounts
	squares float64 // sum of the squares of its series' samples per second
	series  float64 // of the family, asked for or not
}

// A share is what a sampled family has in one group.
type share struct {
	cluster
	family, group int
}

// note adds what one series has.
func (c *cluster) note(a *amounts) {
	c.add(a)
	c.squares += a[ofPerSecond] * a[ofPerSecond]
}

// finish adds what was noted to the sums of the tally.
func (g *gatherer) finish(total float64) {
	t := g.t
	if !g.sampled() {
		for q := range quantities {
			t.sums[q].value += g.all[q]
		}
		for n, h := range t.here {
			for q := range quantities {
				if h != nil {
					h.sums[q].value += t.exact[n][q]
				}
			}
		}
		return
	}
	x, whole := g.sample(total)
	byTotal := x.prefersTotal(&whole[ofSeries])
	for q := range quantities {
		t.sums[q].add(&x, &whole[q], whole[ofSeries].y, x.heaviest[q], byTotal)
	}
	heaviest := g.split()
	if !g.seen || x.family == 1 {
		heaviest = x.heaviest
	}
	for q := range quantities {
		t.split[q].heaviest(&x, heaviest[q])
	}
	for n, h := range t.here {
		for q := range quantities {
			if h != nil {
				h.sums[q].add(&x, &t.moments[n][q], t.moments[n][ofSeries].y, heaviest[q], byTotal)
			}
		}
	}
}

// sample sums up the clusters: all of each family, and what was asked for.
func (g *gatherer) sample(total float64) (x sample, asked [quantities]moments) {
	x.total = total
	x.family, x.within = g.kept.chances()
	most := float64(max(1, g.heaviest))
	for i := range g.t.clusters {
		c := &g.t.clusters[i]
		x.x += c.series
		x.xx += c.series * c.series
		most = max(most, c.series)
		c.sum(&asked, c.series)
	}
	if x.x == 0 {
		g.fastest = 1 // there is nothing to go by; few are faster
	}
	if x.family == 1 {
		most = 1
	}
	x.heaviest = amounts{ofSeries: most, ofForwarded: most, ofPerSecond: most * g.fastest}
	return x, asked
}

// split sums up the shares by group, and returns the most that a family has in one.
func (g *gatherer) split() (heaviest amounts) {
	t := g.t
	t.moments = t.moments[:0]
	for range t.here {
		t.moments = append(t.moments, [quantities]moments{})
	}
	if len(t.here) == 0 {
		return heaviest
	}
	for i := range t.parts {
		p := &t.parts[i]
		p.sum(&t.moments[p.group], t.clusters[p.family].series)
		heaviest.max(&p.amounts)
	}
	return heaviest
}

// sum adds c, of a family of so many series, to moments.
func (c *cluster) sum(to *[quantities]moments, series float64) {
	for q, y := range c.amounts {
		m := &to[q]
		m.y += y
		m.yy += y * y
		m.xy += y * series
		m.single += y
	}
	to[ofPerSecond].single += c.squares - c.amounts[ofPerSecond]
}
