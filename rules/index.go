package rules

import (
	"slices"

	"github.com/headgate/headgate/internal/series"
)

// A clause is one selector of a rule. Clauses of a list stand in rule order.
type clause struct {
	rule *Rule
	sel  *series.Selector
}

// clausesOf returns the clauses of rs, in order.
func clausesOf(rs []*Rule) []clause {
	var cs []clause
	for _, r := range rs {
		for _, s := range r.Match {
			cs = append(cs, clause{r, s})
		}
	}
	return cs
}

// An index finds the clauses that may match a series, so that a series meets few
// of many rules. Every selector needs some label not to be empty, mostly the
// metric name: a clause is filed under one such label, and there under the values,
// prefixes or suffixes that its matcher spells out, if it does.
type index struct {
	labels map[string]*labelIndex
	filter uint64 // bits of the labels' filterBit; spares most look-ups
}

// A labelIndex holds, as positions, the clauses filed under one label.
type labelIndex struct {
	values   map[string][]int32
	prefixes ends
	suffixes ends
	present  []int32 // those for any value
}

// ends are the clauses filed under how a value begins, or how it ends.
type ends struct {
	clauses map[string][]int32
	lengths []int // of the keys in bytes, ascending, each once
}

func newIndex(cs []clause) index {
	ix := index{labels: map[string]*labelIndex{}}
	for i, c := range cs {
		k := keyOf(c.sel)
		li := ix.labels[k.label]
		if li == nil {
			li = &labelIndex{values: map[string][]int32{}}
			ix.labels[k.label] = li
			ix.filter |= filterBit(k.label)
		}
		pos := int32(i)
		switch k.rank {
		case byValue:
			for _, v := range k.words {
				li.values[v] = append(li.values[v], pos)
			}
		case byPrefix:
			li.prefixes.add(k.words, pos)
		case bySuffix:
			li.suffixes.add(k.words, pos)
		default:
			li.present = append(li.present, pos)
		}
	}
	return ix
}

// add files the clause at pos under each of words.
func (e *ends) add(words []string, pos int32) {
	if e.clauses == nil {
		e.clauses = map[string][]int32{}
	}
	for _, w := range words {
		e.clauses[w] = append(e.clauses[w], pos)
		if i, ok := slices.BinarySearch(e.lengths, len(w)); !ok {
			e.lengths = slices.Insert(e.lengths, i, len(w))
		}
	}
}

// each calls visit with every list of clauses that may match ls, until visit
// returns false. A clause may come more than once.
func (ix *index) each(ls series.Labels, visit func([]int32) bool) {
	for i := range ls {
		name, value := ls[i].Name, ls[i].Value
		if ix.filter&filterBit(name) == 0 {
			continue
		}
		li := ix.labels[name]
		if li == nil {
			continue
		}
		if len(li.present) > 0 && !visit(li.present) {
			return
		}
		if len(li.values) > 0 {
			if cs := li.values[value]; cs != nil && !visit(cs) {
				return
			}
		}
		for _, n := range li.prefixes.lengths {
			if n > len(value) {
				break
			}
			if cs := li.prefixes.clauses[value[:n]]; cs != nil && !visit(cs) {
				return
			}
		}
		for _, n := range li.suffixes.lengths {
			if n > len(value) {
				break
			}
			if cs := li.suffixes.clauses[value[len(value)-n:]]; cs != nil && !visit(cs) {
				return
			}
		}
	}
}

// filterBit spreads label names over 64 bits.
func filterBit(name string) uint64 {
	if name == "" {
		return 1
	}
	return 1 << ((uint(len(name))*7 + uint(name[0])*3 + uint(name[len(name)-1])) & 63)
}
