package ui

import (
	"cmp"
	"net/url"
	"strconv"
	"strings"

	"github.com/headgate/headgate/internal/control"
	"github.com/headgate/headgate/internal/series"
	"github.com/headgate/headgate/limiter"
)

// A limitDraft is a limit as the fields of a form hold it: what has mistakes is kept.
type limitDraft struct {
	SamplesPerSecond, ActiveSeries, Hard string
	Burst                                string
	Priority, Mode                       string
	Reason                               string
	Revision                             string // that it was read at; 0: nobody had set one
	Pools                                []poolDraft
}

// limitDraftOf returns the draft that parameters hold. Where they say nothing of pools,
// they are those of the limit.
func limitDraftOf(q url.Values, l control.Limit) limitDraft {
	get := func(name string) string { return strings.TrimSpace(q.Get(name)) }
	d := limitDraft{
		get("samples_per_second"), get("active_series"), get("hard_samples_per_second"), get("burst"),
		cmp.Or(get("default_priority"), series.Default.String()), cmp.Or(get("mode"), limiter.Enforce), get("reason"), get("revision"),
		draftsOfPools(l.Status.Limit.Pools),
	}
	if q.Has(poolsField) {
		d.Pools = poolDraftsOf(q)
	}
	return d
}

// draftOfLimit returns the draft of a limit as it is.
func draftOfLimit(l control.Limit) limitDraft {
	is := l.Status.Limit
	d := limitDraft{
		SamplesPerSecond: orNothing(is.SamplesPerSecond), ActiveSeries: orNothing(is.ActiveSeries), Hard: orNothing(is.HardSamplesPerSecond),
		Burst: is.Burst.String(), Priority: is.DefaultPriority, Mode: is.Mode, Revision: strconv.FormatInt(l.Revision, 10), Pools: draftsOfPools(is.Pools),
	}
	if d.Priority == "" {
		d.Priority = series.Default.String()
	}
	if d.Mode == "" {
		d.Mode = limiter.Enforce
	}
	return d
}

// orNothing returns a whole number as a field holds it, in which 0 is nothing.
func orNothing(n int64) string {
	if n == 0 {
		return ""
	}
	return strconv.FormatInt(n, 10)
}

// wholeNumber returns the number that a field holds, 0 for nothing, and adds that it is
// none.
func wholeNumber(field, text string, wrong faults) int64 {
	if text == "" {
		return 0
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		wrong.add(field, "it is no whole number; leave it empty for no limit")
	}
	return n
}

// values returns the parameters of the draft, without what is empty.
func (d limitDraft) values() url.Values {
	q := url.Values{}
	for name, value := range map[string]string{
		"samples_per_second": d.SamplesPerSecond, "active_series": d.ActiveSeries, "hard_samples_per_second": d.Hard, "burst": d.Burst,
		"default_priority": d.Priority, "mode": d.Mode, "reason": d.Reason, "revision": d.Revision,
	} {
		if value != "" {
			q.Set(name, value)
		}
	}
	addPools(q, d.Pools)
	return q
}

// limit returns the limit that the draft describes, and what of it is none.
func (d limitDraft) limit() (limiter.Limit, faults) {
	wrong := faults{}
	l := limiter.Limit{
		SamplesPerSecond: wholeNumber("samples_per_second", d.SamplesPerSecond, wrong), ActiveSeries: wholeNumber("active_series", d.ActiveSeries, wrong),
		HardSamplesPerSecond: wholeNumber("hard_samples_per_second", d.Hard, wrong), DefaultPriority: d.Priority, Mode: d.Mode, Pools: poolsOf(d.Pools, wrong),
	}
	if d.Burst != "" {
		if err := l.Burst.UnmarshalText([]byte(d.Burst)); err != nil {
			wrong.add("burst", err.Error())
		}
	}
	return l, wrong
}

// change returns how the draft is to be saved.
func (d limitDraft) change() control.LimitChange {
	return control.LimitChange{Change: control.Change{Revision: limitRevisionOf(d.Revision)}, Reason: d.Reason}
}

// limitRevisionOf returns the revision that a form carries: 0 is that of what nobody
// has set.
func limitRevisionOf(text string) int64 {
	if text == "0" {
		return 0
	}
	return revisionOf(text)
}
