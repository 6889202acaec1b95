package profiler

import "strings"

// A Sender is where series come from.
type Sender struct {
	Agent      string // its User-Agent
	Address    string // host, without the port
	Credential string // a name for it; never the secret
}

// maxSenders is how many senders of a tenant are told apart. The others are one.
const maxSenders = 1024

// senders number the senders of a tenant. Number 0 is nobody in particular.
type senders struct {
	list    []Sender
	numbers map[Sender]uint16
}

// intern returns the number of s.
func (ss *senders) intern(s Sender) uint16 {
	if n, ok := ss.numbers[s]; ok {
		return n
	}
	if ss.numbers == nil {
		ss.numbers, ss.list = map[Sender]uint16{}, []Sender{{}}
	}
	if len(ss.list) > maxSenders {
		return 0
	}
	s = Sender{strings.Clone(s.Agent), strings.Clone(s.Address), strings.Clone(s.Credential)}
	n := uint16(len(ss.list))
	ss.numbers[s] = n
	ss.list = append(ss.list, s)
	return n
}

// get returns the sender with number n.
func (ss *senders) get(n uint16) Sender {
	if int(n) >= len(ss.list) {
		return Sender{}
	}
	return ss.list[n]
}

// newcomers tell from which senders the new series of a metric come: the four
// with the most (Space-Saving), of late.
type newcomers [4]struct {
	from  uint16
	count uint32
}

func (ns *newcomers) add(from uint16) {
	least := 0
	for i := range ns {
		if ns[i].from == from && ns[i].count > 0 {
			ns[i].count++
			return
		}
		if ns[i].count < ns[least].count {
			least = i
		}
	}
	ns[least].from = from
	ns[least].count++
}

// fade makes what was counted weigh half.
func (ns *newcomers) fade() {
	for i := range ns {
		ns[i].count /= 2
	}
}

// most returns the number of the sender with the most new series, and its part of
// those that are counted.
func (ns *newcomers) most() (from uint16, share float64) {
	var sum, most uint32
	for _, n := range ns {
		sum += n.count
		if n.count > most {
			from, most = n.from, n.count
		}
	}
	if sum == 0 {
		return 0, 0
	}
	return from, float64(most) / float64(sum)
}
