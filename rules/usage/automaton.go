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
	maxWork    = 1 << 16 // instructions looked at
)

// An automaton is a regular expression as Prometheus matches it: against the
// whole value, with a dot that takes everything.
type automaton struct {
	prog   *syntax.Prog
	negate bool // it accepts what the expression refuses
	folds  bool // it ignores case somewhere
}

// newAutomaton returns the automaton of an expression; ok is false where it has
// parts that are not decided about: boundaries of words and lines.
func newAutomaton(expr string, negate bool) (a *automaton, ok bool) {
	re, err := syntax.Parse(expr, syntax.Perl|syntax.DotNL)
	if err != nil {
		return nil, false
	}
	prog, err := syntax.Compile(re.Simplify())
	if err != nil || len(prog.Inst) > maxProgram {
		return nil, false
	}
	a = &automaton{prog: prog, negate: negate}
	const known = syntax.EmptyBeginText | syntax.EmptyEndText
	for i := range prog.Inst {
		inst := &prog.Inst[i]
		switch inst.Op {
		case syntax.InstEmptyWidth:
			if syntax.EmptyOp(inst.Arg)&^known != 0 {
				return nil, false
			}
		case syntax.InstRune, syntax.InstRune1:
			a.folds = a.folds || syntax.Flags(inst.Arg)&syntax.FoldCase != 0
		}
	}
	return a, true
}

// A stateSet is where an automaton may be: indexes of instructions, sorted.
type stateSet []uint32

// closure returns what is reached from pcs without a character. Where the end is
// not known yet, an instruction that waits for it is part of the set.
func (a *automaton) closure(pcs []uint32, flags syntax.EmptyOp, work *int) stateSet {
	var set stateSet
	seen := map[uint32]bool{}
	stack := slices.Clone(pcs)
	for len(stack) > 0 {
		pc := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		if seen[pc] {
			continue
		}
		seen[pc] = true
		*work--
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
	return set
}

// accepts reports whether a value may end in set.
func (a *automaton) accepts(set stateSet, atStart bool, work *int) bool {
	flags := syntax.EmptyEndText
	if atStart {
		flags |= syntax.EmptyBeginText
	}
	matched := slices.ContainsFunc(a.closure(set, flags, work), func(pc uint32) bool {
		return a.prog.Inst[pc].Op == syntax.InstMatch
	})
	return matched != a.negate
}

// step returns where r leads from set.
func (a *automaton) step(set stateSet, r rune, work *int) stateSet {
	var out []uint32
	for _, pc := range set {
		inst := &a.prog.Inst[pc]
		*work--
		switch inst.Op {
		case syntax.InstRune, syntax.InstRune1, syntax.InstRuneAny, syntax.InstRuneAnyNotNL:
			if takes(inst, r) {
				out = append(out, inst.Out)
			}
		}
	}
	return a.closure(out, 0, work)
}

func takes(inst *syntax.Inst, r rune) bool {
	switch inst.Op {
	case syntax.InstRuneAny:
		return true
	case syntax.InstRuneAnyNotNL:
		return r != '\n'
	}
	return inst.MatchRune(r)
}

// cuts adds the characters at which the instructions of set change their mind:
// between two cuts all characters are alike.
func (a *automaton) cuts(set stateSet, at map[rune]bool) {
	between := func(lo, hi rune) {
		at[lo] = true
		if hi < unicode.MaxRune {
			at[hi+1] = true
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
}

// A place is where several automata are after the same characters.
type place struct {
	sets  []stateSet
	value string // that leads there
}

func (p *place) key() string {
	var b []byte
	for _, s := range p.sets {
		b = binary.AppendUvarint(b, uint64(len(s)))
		for _, pc := range s {
			b = binary.AppendUvarint(b, uint64(pc))
		}
	}
	return string(b)
}

// common returns a value that every automaton accepts, or that there is none.
// decided is false where finding out would cost too much.
func common(as []*automaton) (value string, found, decided bool) {
	work := maxWork
	start := place{sets: make([]stateSet, len(as))}
	for i, a := range as {
		start.sets[i] = a.closure([]uint32{uint32(a.prog.Start)}, syntax.EmptyBeginText, &work)
	}
	queue, seen := []place{start}, map[string]bool{}
	for first := true; len(queue) > 0; first = false {
		p := queue[0]
		queue = queue[1:]
		all := true
		for i, a := range as {
			all = all && a.accepts(p.sets[i], first, &work)
		}
		if all {
			return p.value, true, true
		}
		at := map[rune]bool{'a': true, 0: true}
		for i, a := range as {
			a.cuts(p.sets[i], at)
		}
		runes := make([]rune, 0, len(at))
		for r := range at {
			runes = append(runes, r)
		}
		slices.Sort(runes)
		for _, r := range runes {
			if unicode.Is(unicode.Cs, r) {
				r = 0xE000 // behind the surrogates, which no value has; it is no later than the next cut
			}
			next := place{sets: make([]stateSet, len(as)), value: p.value + string(r)}
			dead := false
			for i, a := range as {
				next.sets[i] = a.step(p.sets[i], r, &work)
				dead = dead || len(next.sets[i]) == 0 && !a.negate
			}
			if work < 0 {
				return "", false, false
			}
			if key := next.key(); !dead && !seen[key] {
				seen[key] = true
				queue = append(queue, next)
			}
		}
	}
	return "", false, true
}
