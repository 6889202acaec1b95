package inventory

import (
	"slices"

	"github.com/prometheus/prometheus/model/labels"

	"github.com/headgate/headgate/internal/series"
)

// maxSayings is how many words a matching may take to remember what matchers said:
// 16 MiB, half a million values of a hundred matchers and more. What finds no room is
// asked again.
const maxSayings = 1 << 21

// A matching says which rows of metrics selectors match. A matcher is asked once for
// each different value of an inventory, not for each row: most rows share their values
// with others, and a regular expression costs more than all the rest.
type matching struct {
	v    *Inventory
	gone uint64 // as in the dictionary when values were numbered

	selectors []*series.Selector // that are asked
	shape     *shape
	asked     []*asked // matchers of all selectors, one selector after the other
	ends      []int    // where each selector's matchers end

	known map[*labels.Matcher]*asked
	words int // of their sayings
}

// asked is a matcher and what it said.
type asked struct {
	m      *labels.Matcher
	column int  // in the shape at hand; -1 where it is absent
	absent bool // what the matcher says of an absent label
	last   uint32
	said   bool     // of the value numbered last
	says   []uint64 // two bits for each value: whether the matcher was asked, and what it said
}

const (
	wasAsked  = 1
	saidYes   = 2
	perSaying = 32 // values in a word
)

// noValue is the number of no value.
const noValue = ^uint32(0)

// begin prepares for a metric of v.
func (x *matching) begin(v *Inventory, selectors []*series.Selector) {
	same := x.v == v && x.gone == v.values.gone
	if !same { // numbers of values may mean others
		x.v, x.gone, x.words = v, v.values.gone, 0
		clear(x.known)
	}
	if same && slices.Equal(x.selectors, selectors) {
		return
	}
	x.shape, x.selectors = nil, append(x.selectors[:0], selectors...)
	x.asked, x.ends = x.asked[:0], x.ends[:0]
	for _, s := range selectors {
		for _, m := range s.Matchers() {
			x.asked = append(x.asked, x.of(m))
		}
		x.ends = append(x.ends, len(x.asked))
	}
}

// of returns what is known of a matcher.
func (x *matching) of(m *labels.Matcher) *asked {
	a := x.known[m]
	if a == nil {
		if x.known == nil {
			x.known = map[*labels.Matcher]*asked{}
		}
		a = &asked{m: m, absent: m.Matches(""), last: noValue}
		x.known[m] = a
	}
	return a
}

// matches reports whether one of the selectors matches a row with these values; no
// selector matches all.
func (x *matching) matches(s *shape, ids []uint32) bool {
	if s != x.shape {
		x.shape = s
		for _, a := range x.asked {
			a.column = s.column(a.m.Name)
		}
	}
	i := 0
	for _, end := range x.ends {
		for i < end && x.ask(x.asked[i], ids) {
			i++
		}
		if i == end {
			return true
		}
		i = end
	}
	return len(x.ends) == 0
}

func (x *matching) ask(a *asked, ids []uint32) bool {
	if a.column < 0 {
		return a.absent
	}
	id := ids[a.column]
	if id != a.last {
		a.last, a.said = id, x.say(a, id)
	}
	return a.said
}

// say returns what a matcher says of the value numbered id.
func (x *matching) say(a *asked, id uint32) bool {
	word, shift := int(id/perSaying), id%perSaying*2
	if word >= len(a.says) {
		words := len(x.v.values.chunks) * (chunkSize / perSaying)
		if x.words+words-len(a.says) > maxSayings {
			return a.m.Matches(x.v.values.text(id))
		}
		x.words += words - len(a.says)
		a.says = append(a.says, make([]uint64, words-len(a.says))...)
	}
	known := a.says[word] >> shift
	if known&wasAsked == 0 {
		known = wasAsked
		if a.m.Matches(x.v.values.text(id)) {
			known |= saidYes
		}
		a.says[word] |= known << shift
	}
	return known&saidYes != 0
}
