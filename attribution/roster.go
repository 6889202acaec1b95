package attribution

import (
	"cmp"
	"maps"
	"slices"
	"time"
)

// A roster decides which cells of a tenant keep their names. In an hour at most
// MaxCells do, because what is stored under a name stays: the larger first, as
// they come. Seven eighths of the places are kept, for the first quarter of an
// hour, for those that were largest in the hour before, so that neither the first
// to come nor an explosion of new names pushes them out. So the largest have
// their names from the hour after the one in which they became that.
type roster struct {
	hour  Hour
	named map[name]uint64     // in this hour, with what was received of them in it
	late  map[name]uint64     // in the hour before, for what comes after its end
	tail  map[name]uint64     // the largest of those that were not, likewise
	heirs map[name]struct{}   // that a place is kept for
	teams map[string]struct{} // whose small cells share a name of their own
}

// reservation is how long places are kept: longer than what is alive takes to
// send its first sample of an hour.
const reservation = 15 * time.Minute

// settle adds the cells of b that keep no name to those that they overflow to,
// and returns how many samples are in these.
func (r *roster) settle(b *book, now time.Time, c *LedgerConfig) (folded uint64) {
	if b.hour > r.hour || r.named == nil {
		r.turn(b.hour, c.MaxCells)
	}
	named, late := r.named, b.hour < r.hour
	if late {
		named = r.late
	}
	reserved := !late && now.Sub(b.hour.Time()) < reservation
	var fresh []candidate
	arrived := 0 // heirs among fresh
	for n, cell := range b.cells {
		if n.metric == Overflow {
			if target := r.target(n, c.MaxTeams); target != n {
				b.fold(n, target)
			}
			continue
		}
		if _, ok := named[n]; ok {
			named[n] += cell.samples.Received()
			continue
		}
		_, heir := r.heirs[n]
		fresh = append(fresh, candidate{n, cell.samples.Received(), reserved && heir})
		if heir {
			arrived++
		}
	}
	free := c.MaxCells - len(named)
	if reserved {
		free -= len(r.heirs) - arrived
	}
	if len(fresh) > free && (free > 0 || r.scarce(fresh, c.MaxTeams)) {
		slices.SortFunc(fresh, candidate.compare)
	}
	for i, f := range fresh {
		if i < free {
			named[f.name] = f.size
			if !late {
				delete(r.heirs, f.name)
			}
			continue
		}
		if !late {
			r.tail[f.name] += f.size
		}
		folded += f.size
		b.fold(f.name, r.target(f.name, c.MaxTeams))
	}
	if len(r.tail) > c.MaxCells/2+64 {
		r.tail = largest(r.tail, c.MaxCells/4+32)
	}
	return folded
}

// scarce reports whether some teams of fresh, but not all, get a name that their small
// cells share.
func (r *roster) scarce(fresh []candidate, maxTeams int) bool {
	left := maxTeams - len(r.teams)
	asking := map[string]struct{}{}
	for i := 0; i < len(fresh) && left > 0; i++ {
		team := fresh[i].name.team
		if _, has := r.teams[team]; has {
			continue
		}
		if asking[team] = struct{}{}; len(asking) > left {
			return true
		}
	}
	return false
}

// fold adds the cell called n to the one called target.
func (b *book) fold(n, target name) {
	cell := b.cells[n]
	delete(b.cells, n)
	if b.cells[target] == nil {
		b.cells[target] = cell
		return
	}
	b.cells[target].merge(cell)
}

// target returns the name under which n's samples are kept.
func (r *roster) target(n name, maxTeams int) name {
	if _, ok := r.teams[n.team]; !ok {
		if len(r.teams) >= maxTeams {
			return overflowing
		}
		r.teams[n.team] = struct{}{}
	}
	return n.overflow()
}

// turn begins an hour: the largest of the last are its heirs.
func (r *roster) turn(h Hour, maxCells int) {
	sizes := map[name]uint64{}
	maps.Copy(sizes, r.named)
	maps.Copy(sizes, r.tail)
	r.late = map[name]uint64{}
	if h == r.hour+1 && r.named != nil {
		r.late = r.named
	}
	r.heirs = map[name]struct{}{}
	for n := range largest(sizes, maxCells/8*7) {
		r.heirs[n] = struct{}{}
	}
	r.hour, r.named, r.tail, r.teams = h, map[name]uint64{}, map[name]uint64{}, map[string]struct{}{}
}

// largest returns the n largest of sizes.
func largest(sizes map[name]uint64, n int) map[name]uint64 {
	if len(sizes) <= n {
		return sizes
	}
	all := make([]candidate, 0, len(sizes))
	for name, size := range sizes {
		all = append(all, candidate{name: name, size: size})
	}
	slices.SortFunc(all, candidate.compare)
	kept := make(map[name]uint64, n)
	for _, c := range all[:n] {
		kept[c.name] = c.size
	}
	return kept
}

// A candidate is a cell that may keep its name.
type candidate struct {
	name name
	size uint64 // samples received
	heir bool   // a place is kept for it now
}

// compare puts first who gets a place first. Millions of pairs are compared an
// hour: names only where nothing else decides.
func (c candidate) compare(o candidate) int {
	switch {
	case c.heir != o.heir && c.heir:
		return -1
	case c.heir != o.heir:
		return 1
	case c.size != o.size:
		return cmp.Compare(o.size, c.size)
	}
	return c.name.compare(o.name)
}
