package inventory

import "strings"

// maxHolders is how many pairs of a label's value and a team are counted.
const maxHolders = 100_000

// Holders counts rows by the values of labels and by team, over the metrics of an
// inventory. Between two metrics, the inventory may change.
type Holders struct {
	by      []string
	without string
	gone    uint64 // as in the dictionary when values were numbered

	teams   map[string]int
	pairs   map[Holding]int // numbers in list
	list    []held
	labels  []holders
	verdict int // the latest of the metric at hand, and its team's number
	team    int
	shape   *shape
}

// A Holding is a label's value and a team that has rows with it.
type Holding struct {
	Label       int // of those asked for
	Value, Team string
}

// held is a Holding with its rows.
type held struct {
	Holding
	rows int
}

// holders are what is known of one label.
type holders struct {
	column  int // in the shape at hand
	last    uint64
	at      int       // in Holders.list, of last; -1 where that is not counted
	numbers numbering // of team and value
	places  []int     // in Holders.list, by number
}

// NewHolders returns Holders by the labels named, but for rows of the team without.
func NewHolders(by []string, without string) *Holders {
	h := &Holders{by: by, without: without, teams: map[string]int{}, pairs: map[Holding]int{}, labels: make([]holders, len(by))}
	h.forget()
	return h
}

// Each calls visit with every pair and its rows.
func (h *Holders) Each(visit func(of Holding, rows int)) {
	for _, x := range h.list {
		visit(x.Holding, x.rows)
	}
}

// CountHolders adds the rows of m to h that were seen in the window that ends with
// part.
func (m *Metric) CountHolders(part int64, h *Holders) {
	if gone := m.v.values.gone; gone != h.gone {
		h.gone = gone
		h.forget()
	}
	h.verdict, h.shape = -1, nil
	for b, r := range m.active(part) {
		if int(r.verdict) != h.verdict {
			h.verdict, h.team = int(r.verdict), h.numberOf(m.v.verdicts.of(r.verdict).Team)
		}
		if h.team < 0 {
			continue
		}
		if s := m.v.shapeOf(r); s != h.shape {
			h.shape = s
			for i, name := range h.by {
				h.labels[i].column = s.column(name)
			}
		}
		for i := range h.labels {
			if c := h.labels[i].column; c >= 0 {
				h.count(m.v, i, b.ids[int(r.at)+c])
			}
		}
	}
}

// forget forgets the numbers of values.
func (h *Holders) forget() {
	for i := range h.labels {
		l := &h.labels[i]
		l.numbers.reset(minSlots)
		l.places, l.last, l.at = l.places[:0], 0, -1
	}
}

// numberOf returns the number of a team, from 1; -1 of the one that is left out.
func (h *Holders) numberOf(team string) int {
	if team == h.without {
		return -1
	}
	n, ok := h.teams[team]
	if !ok {
		n = len(h.teams) + 1
		h.teams[strings.Clone(team)] = n
	}
	return n
}

// count counts a row of the team at hand that has a value.
func (h *Holders) count(v *Inventory, label int, id uint32) {
	l := &h.labels[label]
	if key := uint64(h.team)<<32 | uint64(id); key != l.last {
		l.last, l.at = key, h.place(v, label, key)
	}
	if l.at >= 0 {
		h.list[l.at].rows++
	}
}

// place returns where a team and value are counted, or -1 where there is no room.
func (h *Holders) place(v *Inventory, label int, key uint64) int {
	l := &h.labels[label]
	if l.numbers.count >= maxHolders && l.numbers.slot(key).number == 0 {
		return -1
	}
	n, fresh := l.numbers.number(key)
	if !fresh {
		return l.places[n]
	}
	of := Holding{label, v.values.text(uint32(key)), v.verdicts.of(uint16(h.verdict)).Team}
	at, ok := h.pairs[of]
	switch {
	case ok:
	case len(h.list) >= maxHolders:
		at = -1
	default:
		at = len(h.list)
		of.Value, of.Team = strings.Clone(of.Value), strings.Clone(of.Team)
		h.pairs[of] = at
		h.list = append(h.list, held{Holding: of})
	}
	l.places = append(l.places, at)
	return at
}
