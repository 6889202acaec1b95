package ui

import (
	"cmp"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/headgate/headgate/limiter"
)

// A poolDraft is a pool of a limit as the fields of a form hold it.
type poolDraft struct {
	Name, Share, ActiveSeries string
	Teams, Match              string // one in each line
}

// poolFields are the fields of a pool. A form has each once for every pool, by its
// parameter. How many there are says poolsField: without it, a form says nothing of
// pools.
var poolFields = []struct {
	name string
	of   func(*poolDraft) *string
}{
	{"name", func(p *poolDraft) *string { return &p.Name }},
	{"share", func(p *poolDraft) *string { return &p.Share }},
	{"active_series", func(p *poolDraft) *string { return &p.ActiveSeries }},
	{"teams", func(p *poolDraft) *string { return &p.Teams }},
	{"match", func(p *poolDraft) *string { return &p.Match }},
}

// poolParameter returns what a form calls a field of its pools.
func poolParameter(field string) string { return "pool_" + field }

const (
	poolsField = "pools"
	poolButton = "pool" // what its value says happens to the pools before they are shown

	addPool    = "add"
	removePool = "remove-" // and the number of the pool, from 0

	// maxPoolDrafts is how many pools a form shows: one more than a limit may have, so
	// that it is said.
	maxPoolDrafts = limiter.MaxPools + 1
)

// poolDraftsOf returns the pools that parameters hold, as a button left them: those that
// nobody filled in come last.
func poolDraftsOf(q url.Values) []poolDraft {
	n, _ := strconv.Atoi(q.Get(poolsField))
	list := make([]poolDraft, max(0, min(n, maxPoolDrafts)))
	for _, f := range poolFields {
		for i, value := range q[poolParameter(f.name)] {
			if i < len(list) {
				*f.of(&list[i]) = strings.TrimSpace(value)
			}
		}
	}
	switch at, isRemoved := strings.CutPrefix(q.Get(poolButton), removePool); {
	case q.Get(poolButton) == addPool && len(list) < maxPoolDrafts:
		list = append(list, poolDraft{})
	case isRemoved:
		if i, err := strconv.Atoi(at); err == nil && i >= 0 && i < len(list) {
			list = slices.Delete(list, i, i+1)
		}
	}
	slices.SortStableFunc(list, func(a, b poolDraft) int { return cmp.Compare(a.blank(), b.blank()) })
	return list
}

// blank is 1 for a pool that nobody filled in, else 0.
func (d poolDraft) blank() int {
	if d == (poolDraft{}) {
		return 1
	}
	return 0
}

// draftsOfPools returns the drafts of pools as they are.
func draftsOfPools(pools []limiter.PoolConfig) (list []poolDraft) {
	for _, p := range pools {
		list = append(list, poolDraft{
			Name: p.Name, Share: number(p.Share), ActiveSeries: orNothing(p.ActiveSeries), Teams: strings.Join(p.Teams, "\n"), Match: strings.Join(p.Match, "\n"),
		})
	}
	return list
}

// addPools adds the parameters of drafts.
func addPools(q url.Values, list []poolDraft) {
	q.Set(poolsField, strconv.Itoa(len(list)))
	for i := range list {
		for _, f := range poolFields {
			q.Add(poolParameter(f.name), *f.of(&list[i]))
		}
	}
}

// poolsOf returns the pools that drafts describe, and adds what of them is none. What
// nobody filled in is no pool.
func poolsOf(list []poolDraft, wrong faults) (pools []limiter.PoolConfig) {
	for i, d := range list {
		if d.blank() == 1 {
			break
		}
		p := limiter.PoolConfig{Name: d.Name, Teams: wholeLines(d.Teams), Match: wholeLines(d.Match)}
		share, err := strconv.ParseFloat(d.Share, 64)
		if err != nil {
			wrong.add(poolField(i, "share"), "it is no number; write 0.4 for four tenths of the limit")
		}
		p.Share = share
		p.ActiveSeries = wholeNumber(poolField(i, "active_series"), d.ActiveSeries, wrong)
		pools = append(pools, p)
	}
	return pools
}

// poolKey is what the API calls a pool, and poolField what it calls a field of one.
func poolKey(i int) string                { return poolsField + "[" + strconv.Itoa(i) + "]" }
func poolField(i int, name string) string { return poolKey(i) + "." + name }
