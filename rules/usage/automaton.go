package usage

import (
	"encoding/binary"
	"regexp/syntax"
	"slices"
	"unicode"
)

// What deciding about expressions may cost. Beyond it, nothing is decided.
const (
	maxProgram = 2000    // instructions of one expression
	maxWork    = 1 << 16 // instructions looked at, and would be if nothing were remembered
)

// An automaton is a regular expression as a machine that reads a value character by
// character. What it finds out it remembers: it belongs to one goroutine.
type automaton struct {
	prog   *syntax.Prog
	states []*state
	bySet  map[string]*state
	start  *state
	bytes  int // of states, about, that were not asked for yet
}

// grown returns how many bytes a takes more than when this was asked last, about.
func (a *automaton) grown() int {
	if a == nil {
		return 0
	}
	n := a.bytes
	a.bytes = 0
	return n
}

// What parts of an automaton take, in bytes, about.
const (
	instBytes  = 64
	stateBytes = 200
	cutBytes   = 12
)

// newAutomaton returns the automaton of an expression, or nil where it has parts
// that are not decided about: boundaries of words and lines.
func newAutomaton(re *syntax.Regexp) *automaton {
	prog, err := syntax.Compile(re)
	if err != nil || len(prog.Inst) > maxProgram {
		return nil
	}
	const known = syntax.EmptyBeginText | syntax.EmptyEndText
	for i := range prog.Inst {
		if inst := &prog.Inst[i]; inst.Op == syntax.InstEmptyWidth && syntax.EmptyOp(inst.Arg)&^known != 0 {
			return nil
		}
	}
	return &automaton{prog: prog, bytes: len(prog.Inst) * instBytes}
}

// A stateSet is where an automaton may be: indexes of instructions, sorted.
type stateSet []uint32

// A state is an automaton at a stateSet.
type state struct {
	id     int
	set    stateSet
	cuts   []rune   // at which it changes its mind: between two, all characters are alike
	next   []*state // after a character from cuts[i] on; nil: not known yet
	ends   [2]bool  // a value may end here: at its very beginning, and later
	work   int      // instructions that were looked at to find it
	ending int      // and to find ends
}

// first returns the state before any character.
func (a *automaton) first() *state {
	if a.start == nil {
		a.start = a.state([]uint32{uint32(a.prog.Start)}, syntax.EmptyBeginText)
	}
	return a.start
}

// state returns the state of what is reached from pcs.
func (a *automaton) state(pcs []uint32, flags syntax.EmptyOp) *state {
	set, work := a.closure(pcs, flags)
	key := make([]byte, 0, 4*len(set))
	for _, pc := range set {
		key = binary.LittleEndian.AppendUint32(key, pc)
	}
	if s := a.bySet[string(key)]; s != nil {
		return s
	}
	s := &state{id: len(a.states), set: set, cuts: a.cuts(set), work: work}
	s.next = make([]*state, len(s.cuts))
	for i, flags := range []syntax.EmptyOp{syntax.EmptyEndText | syntax.EmptyBeginText, syntax.EmptyEndText} {
		end, work := a.closure(set, flags)
		s.ending += work
		s.ends[i] = slices.ContainsFunc(end, func(pc uint32) bool { return a.prog.Inst[pc].Op == syntax.InstMatch })
	}
	if a.bySet == nil {
		a.bySet = map[string]*state{}
	}
	a.bySet[string(key)] = s
	a.states = append(a.states, s)
	a.bytes += len(key)*2 + len(s.cuts)*cutBytes + stateBytes
	return s
}

// closure returns what is reached from pcs without a character. Where the end is
// not known yet, an instruction that waits for it is part of the set.
func (a *automaton) closure(pcs []uint32, flags syntax.EmptyOp) (set stateSet, work int) {
	seen := make([]bool, len(a.prog.Inst))
	stack := slices.Clone(pcs)
	for len(stack) > 0 {
		pc := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		if seen[pc] {
			continue
		}
		seen[pc] = true
		work++
		inst := &a.prog.Inst[pc]
		switch inst.Op {
		case syntax.InstAlt, syntax.InstAltMatch:
			stack = append(stack, inst.Out, inst.Arg)
		case syntax.InstCapture, syntax.InstNop:
			stack = append(stack, inst.Out)
		case syntax.InstEmptyWidth:
			switch missing := syntax.EmptyOp(inst.Arg) &^ flags; {
			case missing == 0:
				stack = append(stack, inst.Out)
			case missing == syntax.EmptyEndText:
				set = append(set, pc)
			}
		case syntax.InstFail:
		default:
			set = append(set, pc)
		}
	}
	slices.Sort(set)
	return set, work
}

// step returns where r leads from s, which is the same for all characters between
// two cuts.
func (a *automaton) step(s *state, r rune) *state {
	i, found := slices.BinarySearch(s.cuts, r)
	if !found {
		i--
	}
	if s.next[i] == nil {
		var out []uint32
		for _, pc := range s.set {
			if inst := &a.prog.Inst[pc]; takes(inst, r) {
				out = append(out, inst.Out)
			}
		}
		s.next[i] = a.state(out, 0)
	}
	return s.next[i]
}

func takes(inst *syntax.Inst, r rune) bool {
	switch inst.Op {
	case syntax.InstRune, syntax.InstRune1:
		return inst.MatchRune(r)
	case syntax.InstRuneAny:
		return true
	case syntax.InstRuneAnyNotNL:
		return r != '\n'
	}
	return false
}

// cuts returns the characters at which the instructions of set change their mind,
// sorted. The first is 0.
func (a *automaton) cuts(set stateSet) []rune {
	at := []rune{0}
	between := func(lo, hi rune) {
		at = append(at, lo)
		if hi < unicode.MaxRune {
			at = append(at, hi+1)
		}
	}
	for _, pc := range set {
		inst := &a.prog.Inst[pc]
		switch inst.Op {
		case syntax.InstRuneAnyNotNL:
			between('\n', '\n')
		case syntax.InstRune, syntax.InstRune1:
			if len(inst.Rune) == 1 {
				r := inst.Rune[0]
				between(r, r)
				for f := unicode.SimpleFold(r); f != r; f = unicode.SimpleFold(f) {
					between(f, f)
				}
				continue
			}
			for i := 0; i+1 < len(inst.Rune); i += 2 {
				between(inst.Rune[i], inst.Rune[i+1])
			}
		}
	}
	slices.Sort(at)
	return slices.Compact(at)
}

// A part is one of several conditions on a value.
type part struct {
	*automaton
	negate bool // it accepts what the automaton refuses
}

// A place is where several automata are after the same characters.
type place struct {
	states []*state
	from   int  // index of the place before; -1 for none
	by     rune // that leads here from there
}

// common returns a value that every part accepts, or that there is none. decided is
// false where finding out would cost too much.
func common(parts []part) (value string, found, decided bool) {
	work := maxWork
	begin := place{states: make([]*state, len(parts)), from: -1}
	for i, p := range parts {
		begin.states[i] = p.first()
		work -= begin.states[i].work
	}
	places, seen := []place{begin}, map[string]bool{}
	var runes []rune
	var key []byte
	for open := []int{0}; len(open) > 0; {
		at := open[len(open)-1] // the latest: what leads on is nearer to an end than what stays
		open = open[:len(open)-1]
		p := places[at]
		all, later := true, min(at, 1)
		runes = append(runes[:0], 'a') // a value that people can read
		for i, s := range p.states {
			all = all && s.ends[later] != parts[i].negate
			runes = append(runes, s.cuts...)
			work -= s.ending
		}
		if all {
			return spelled(places, at), true, true
		}
		slices.Sort(runes)
		runes = slices.Compact(runes)
		for _, r := range runes {
			if unicode.Is(unicode.Cs, r) {
				r = 0xE000 // behind the surrogates, which no value has; it is no later than the next cut
			}
			states := make([]*state, len(parts))
			dead := false
			key = key[:0]
			for i, s := range p.states {
				states[i] = parts[i].step(s, r)
				work -= len(s.set) + states[i].work
				dead = dead || len(states[i].set) == 0 && !parts[i].negate
				key = binary.AppendUvarint(key, uint64(states[i].id))
			}
			if work < 0 {
				return "", false, false
			}
			if !dead && !seen[string(key)] {
				seen[string(key)] = true
				open = append(open, len(places))
				places = append(places, place{states, at, r})
			}
		}
	}
	return "", false, true
}

// spelled returns the characters that lead to a place.
func spelled(places []place, at int) string {
	var back []rune
	for ; places[at].from >= 0; at = places[at].from {
		back = append(back, places[at].by)
	}
	slices.Reverse(back)
	return string(back)
}
