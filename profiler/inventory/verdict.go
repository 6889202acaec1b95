package inventory

import "strings"

// verdicts holds every verdict of a tenant once, with a count of the rows that have
// it. Number 0 is the zero Verdict.
type verdicts struct {
	list      []counted
	free      []uint16
	byVerdict map[Verdict]uint16
	gone      uint64 // verdicts that went: as long as it stays, numbers mean the same
	size      int64
}

// counted is a verdict with the number of its rows.
type counted struct {
	Verdict
	refs uint32
}

const (
	// maxVerdicts is how many different verdicts a tenant may have: rows number them
	// by 16 bits. Beyond it teams and rules are not told apart.
	maxVerdicts = 1<<16 - 256

	// verdictBytes is what a verdict takes besides its words.
	verdictBytes = 160
)

func (v Verdict) bytes() int64 {
	return verdictBytes + int64(len(v.Team)+len(v.Action)+len(v.Rule))
}

// intern returns the number of v, and counts one row more.
func (x *verdicts) intern(v Verdict) uint16 {
	if v == (Verdict{}) {
		return 0
	}
	id, ok := x.byVerdict[v]
	if !ok && len(x.byVerdict) >= maxVerdicts && v.Team+v.Rule != "" {
		return x.intern(Verdict{Action: v.Action, Priority: v.Priority})
	}
	if !ok {
		if id, ok = x.add(v); !ok {
			return 0
		}
	}
	x.list[id].refs++
	return id
}

// add adds v; ok is false where no number is free.
func (x *verdicts) add(v Verdict) (id uint16, ok bool) {
	if x.byVerdict == nil {
		x.byVerdict = map[Verdict]uint16{}
		x.list = make([]counted, 1, 2)
	}
	n := len(x.free)
	if n == 0 && len(x.list) >= 1<<16 {
		return 0, false
	}
	v = Verdict{strings.Clone(v.Team), strings.Clone(v.Action), strings.Clone(v.Rule), v.Priority}
	if n > 0 {
		id, x.free = x.free[n-1], x.free[:n-1]
		x.list[id] = counted{Verdict: v}
	} else {
		id = uint16(len(x.list))
		x.list = append(x.list, counted{Verdict: v})
	}
	x.byVerdict[v] = id
	x.size += v.bytes()
	return id, true
}

// of returns the verdict numbered id.
func (x *verdicts) of(id uint16) Verdict {
	if id == 0 {
		return Verdict{}
	}
	return x.list[id].Verdict
}

// retain counts one more use of verdict id.
func (x *verdicts) retain(id uint16) {
	if id != 0 {
		x.list[id].refs++
	}
}

// release ends one use of verdict id.
func (x *verdicts) release(id uint16) {
	if id == 0 {
		return
	}
	c := &x.list[id]
	if c.refs--; c.refs > 0 {
		return
	}
	x.gone++
	x.size -= c.bytes()
	delete(x.byVerdict, c.Verdict)
	*c = counted{}
	x.free = append(x.free, id)
}
