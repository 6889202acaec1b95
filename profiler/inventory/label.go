package inventory

import (
	"cmp"
	"slices"

	"github.com/headgate/headgate/internal/series"
	"github.com/headgate/headgate/profiler/sketch"
)

// A Label says what one label makes of a metric's series.
type Label struct {
	Name          string
	Values        int // different ones
	SeriesWithout int // that would remain if the label went away
	Top           []sketch.Item
}

// Labels returns the labels of the rows seen in the window that ends with part, the
// metric name aside, in order of name, each with its top values by series. Series
// that lack a label count as they are. It is exact where the metric is.
func (m *Metric) Labels(part int64, top int) []Label {
	received, _ := m.Active(part)
	rows := make([]columns, 0, received)
	for b, r := range m.active(part) {
		rows = append(rows, columns{b.ids[r.at:], r.sum, m.v.shapeOf(r)})
	}
	var list []Label
	var c counter
	for _, name := range namesOf(rows) {
		list = append(list, c.count(m.v, rows, name, top))
	}
	return list
}

// columns are the values of a row, and what else labels need of it.
type columns struct {
	ids   []uint32
	sum   uint64
	shape *shape
}

// namesOf returns the label names of rows in order, the metric name aside.
func namesOf(rows []columns) []string {
	seen := map[string]struct{}{series.MetricName: {}}
	var names []string
	var last *shape
	for i := range rows {
		if rows[i].shape == last {
			continue
		}
		last = rows[i].shape
		for _, name := range last.names {
			if _, ok := seen[name]; !ok {
				seen[name] = struct{}{}
				names = append(names, name)
			}
		}
	}
	slices.Sort(names)
	return names
}

// A counter counts what one label makes of rows. Its memory serves one label after
// the other.
type counter struct {
	values  numbering
	without distinct
	kinds   []kind // by number of the value
}

// kind is one value of a label.
type kind struct {
	id    uint32
	count uint32
	pair  uint64 // sketch.PairOf
}

func (c *counter) count(v *Inventory, rows []columns, name string, top int) Label {
	c.values.reset(len(rows))
	c.without.reset(len(rows))
	c.kinds = c.kinds[:0]
	hash := sketch.Name(name)
	var shape *shape
	column, last, n := -1, ^uint32(0), 0
	for i := range rows {
		r := &rows[i]
		if r.shape != shape {
			shape, column = r.shape, r.shape.column(name)
		}
		if column < 0 {
			c.without.insert(uint64(sketch.Final(r.sum)))
			continue
		}
		if id := r.ids[column]; id != last {
			var fresh bool
			if n, fresh = c.values.number(uint64(id)); fresh {
				c.kinds = append(c.kinds, kind{id: id, pair: sketch.PairOf(hash, sketch.Value(v.values.text(id)))})
			}
			last = id
		}
		c.kinds[n].count++
		c.without.insert(uint64(sketch.Final(r.sum - c.kinds[n].pair)))
	}
	return Label{name, len(c.kinds), c.without.count, c.top(v, top)}
}

// top returns the n values with the most rows, in order of rows and then of value.
func (c *counter) top(v *Inventory, n int) []sketch.Item {
	order := func(a, b kind) int {
		return cmp.Or(cmp.Compare(b.count, a.count), cmp.Compare(v.values.text(a.id), v.values.text(b.id)))
	}
	// A few of many: keep those that are ahead so far, in order.
	var best []kind
	for _, k := range c.kinds {
		if len(best) == n && (n == 0 || order(k, best[n-1]) >= 0) {
			continue
		}
		at, _ := slices.BinarySearchFunc(best, k, order)
		best = slices.Insert(best, at, k)
		best = best[:min(len(best), n)]
	}
	items := make([]sketch.Item, len(best))
	for i, k := range best {
		items[i] = sketch.Item{Value: v.values.text(k.id), Count: k.count}
	}
	return items
}
