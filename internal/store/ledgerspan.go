package store

import (
	"context"
	"database/sql"
	"fmt"
	"maps"
	"runtime"
	"slices"
	"strings"

	"github.com/headgate/headgate/attribution"
)

// A spanSums is what the cells of a span add up to, by key.
type spanSums struct {
	ids  []int64 // of all keys, in order
	at   []int32 // by number of the key, 1 more than that of its sum; 0 where it has none, -1 where it is not asked for
	sums []keySum
	n    int // keys that were looked up
}

// sumsAtOnce is for how many sums there is room from the begin, of some 90 bytes each.
const sumsAtOnce = 1 << 16

// keys yields the sums of [from, end) by key: of each day what is in its pack, and the
// cells of the other hours. Where metrics are not asked for they are few by name, and
// are summed up first.
func (r *cellReader) keys(ctx context.Context, tx *sql.Tx, from, end attribution.Hour, yield func(attribution.Cell, error) bool) error {
	known, err := r.ledger.names.learn(ctx, tx, r.known, &r.where)
	if err != nil {
		return err
	}
	r.known = known
	ids, names := known.ids, known.names
	s := spanSums{ids: ids, at: make([]int32, len(ids))}
	wanted := 0
	for i := range names {
		if !r.where.covers(&names[i]) {
			s.at[i] = -1
			continue
		}
		wanted++
	}
	if wanted == 0 {
		return nil
	}
	s.sums = make([]keySum, 0, min(wanted, sumsAtOnce))
	hours, err := r.addPacks(ctx, tx, &s, from, end)
	if err != nil {
		return err
	}
	for _, h := range hours {
		if err := r.addRows(ctx, tx, &s, h[0], h[1]); err != nil {
			return err
		}
	}
	first := max(from, r.first)
	if r.metric {
		return r.yieldKeys(&s, names, first, yield)
	}
	return r.yieldNames(&s, names, first, yield)
}

// addPacks adds the packs of the days of [from, end), and returns from which hours to
// which there are other cells.
func (r *cellReader) addPacks(ctx context.Context, tx *sql.Tx, s *spanSums, from, end attribution.Hour) (hours [][2]attribution.Hour, err error) {
	next := from
	var p packed
	var sums sql.RawBytes // some hundred kilobytes, which are read where they are
	query := "SELECT day, until, last, sums FROM ledger_packs WHERE day >= $1 AND day < $2 ORDER BY day"
	err = scanAll(ctx, tx, query, []any{int64(from.Day()), int64(end)}, []any{&p.day, &p.until, &p.last, &sums}, func() error {
		begin, over := max(from, p.day), min(end, p.day+24)
		switch {
		case begin == p.day && p.last < over:
			if err := s.addPack(pack(sums)); err != nil {
				return fmt.Errorf("%s: %w", p.day, err)
			}
		case begin <= p.last: // a part of what is in it
			return nil
		}
		if next < begin {
			hours = append(hours, [2]attribution.Hour{next, begin})
		}
		next = max(begin, p.until)
		return nil
	})
	if next < end {
		hours = append(hours, [2]attribution.Hour{next, end})
	}
	return hours, err
}

// addRows adds the cells of [from, to): those of hours under way, which many want, from
// what is live, unless they are one metric's; the others a day at a time, for more
// would have to be sorted on the disk.
func (r *cellReader) addRows(ctx context.Context, tx *sql.Tx, s *spanSums, from, to attribution.Hour) error {
	now := attribution.HourOf(r.ledger.now())
	for from < to {
		end := min(to, from.Day()+24)
		var err error
		switch first := now + 1 - liveHours; {
		case r.query.Metric != "" || from > now:
			err = r.addHours(ctx, tx, s, from, end)
		case from < first:
			end = min(end, first)
			err = r.addHours(ctx, tx, s, from, end)
		default:
			end = from + 1
			err = r.addLive(ctx, tx, s, from)
		}
		if err != nil {
			return err
		}
		from = end
	}
	return nil
}

// addHours adds the cells of the hours [from, end).
func (r *cellReader) addHours(ctx context.Context, tx *sql.Tx, s *spanSums, from, end attribution.Hour) error {
	where, args := " WHERE hour >= $1 AND hour < $2", []any{int64(from), int64(end)}
	if end == from+1 {
		where, args = " WHERE hour = $1", args[:1]
	}
	if len(r.where.columns) > 0 {
		where += " AND key_id IN (SELECT id FROM ledger_keys WHERE " + r.where.text(len(args)+1) + ")"
		args = append(args, r.where.args...)
	}
	columns := "key_id, " + strings.Join(cellCounts, ", ")
	ruleColumns := "key_id, rule, " + strings.Join(ruleCounts, ", ")
	order, ruleOrder := " ORDER BY key_id", " ORDER BY key_id, rule"
	if end > from+1 {
		columns, order = "key_id, "+cellTable.summed(), " GROUP BY key_id"+order
		ruleColumns, ruleOrder = "key_id, rule, "+ruleTable.summed(), " GROUP BY key_id, rule"+ruleOrder
	}
	sums, err := cellSums(ctx, tx, "SELECT "+columns+" FROM ledger_cells"+where+order, "SELECT "+ruleColumns+" FROM ledger_rules"+where+ruleOrder, args)
	if err != nil {
		return err
	}
	return s.add(func(yield func(*keySum) bool) {
		for i := range sums {
			if !yield(&sums[i]) {
				return
			}
		}
	})
}

// addPack adds the rows of a pack.
func (s *spanSums) addPack(p pack) error {
	r := p.read()
	err := s.add(func(yield func(*keySum) bool) {
		for r.next() {
			if !yield(&r.keySum) {
				return
			}
		}
	})
	if err == nil && r.bad {
		err = errPack
	}
	return err
}

// add adds sums, which come in the order of keys.
func (s *spanSums) add(sums func(yield func(*keySum) bool)) error {
	fits, at := true, 0
	for more := range sums {
		for at < len(s.ids) && s.ids[at] < more.key {
			at++
		}
		if at == len(s.ids) {
			break
		}
		if s.n++; s.n%yieldPacked == 0 {
			runtime.Gosched()
		}
		switch i := s.at[at]; {
		case s.ids[at] != more.key || i < 0:
		case i == 0:
			sum := keySum{key: int64(at), counts: more.counts, rules: slices.Clone(more.rules)}
			s.sums = append(s.sums, sum)
			s.at[at] = int32(len(s.sums))
		default:
			fits = s.sums[i-1].add(more) && fits
		}
	}
	if !fits {
		return attribution.ErrTooMuch
	}
	return nil
}

// yieldPacked is how many rows of packs are read before what waits for a processor has
// precedence.
const yieldPacked = 4096

// yieldKeys yields a cell of each key, the first of whose hours is first.
func (r *cellReader) yieldKeys(s *spanSums, names []attribution.Key, first attribution.Hour, yield func(attribution.Cell, error) bool) error {
	for i := range s.sums {
		sum := &s.sums[i]
		c := r.cell(sum, &names[sum.key])
		c.Hour = first
		if !yield(c, nil) {
			return errEnough
		}
	}
	return nil
}

// yieldNames yields a cell of each tenant, team and service.
func (r *cellReader) yieldNames(s *spanSums, names []attribution.Key, first attribution.Hour, yield func(attribution.Cell, error) bool) error {
	byName := map[attribution.Key]*keySum{}
	for i := range s.sums {
		sum := &s.sums[i]
		name := r.name(&names[sum.key])
		of := byName[name]
		if of == nil {
			byName[name] = sum
			continue
		}
		if !of.add(sum) {
			return attribution.ErrTooMuch
		}
	}
	for _, name := range slices.SortedFunc(maps.Keys(byName), compareNames) {
		c := r.cell(byName[name], &name)
		c.Hour = first
		if !yield(c, nil) {
			return errEnough
		}
	}
	return nil
}

// name returns what of a key's name the query tells apart.
func (r *cellReader) name(k *attribution.Key) attribution.Key {
	name := *k
	if r.query.Service == "" && !r.query.Groups(attribution.ByService) {
		name.Service = ""
	}
	if !r.metric {
		name.Metric = ""
	}
	return name
}

// cell returns the cell that a sum is.
func (r *cellReader) cell(sum *keySum, k *attribution.Key) attribution.Cell {
	c := attribution.Cell{Key: r.name(k), SeriesHours: sum.counts[attribution.Outcomes]}
	copy(c.Samples[:], sum.counts[:])
	if len(sum.rules) == 0 || r.query.Groups(attribution.ByRule) {
		c.Rules = sum.rules
		return c
	}
	var all attribution.RuleCount
	for i := range sum.rules {
		all.Dropped += sum.rules[i].Dropped
		all.Downsampled += sum.rules[i].Downsampled
		all.SeriesHours += sum.rules[i].SeriesHours
	}
	c.Rules = []attribution.RuleCount{all}
	return c
}

func compareNames(a, b attribution.Key) int {
	return strings.Compare(string(a.Tenant)+"\x00"+a.Team+"\x00"+a.Service, string(b.Tenant)+"\x00"+b.Team+"\x00"+b.Service)
}
