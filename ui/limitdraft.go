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
// Its pools are those of the limit in force.
type limitDraft struct {
	SamplesPerSecond, ActiveSeries, Hard string
	Burst                                string
	Priority, Mode                       string
	Reason                               string
	Revision                             string // that it was read at; 0: nobody had set one
}

// limitDraftOf returns the draft that parameters hold.
func limitDraftOf(q url.Values) limitDraft {
	get := func(name string) string { return strings.TrimSpace(q.Get(name)) }
	return limitDraft{
		get("samples_per_second"), get("active_series"), get("hard_samples_per_second"), get("burst"),
		cmp.Or(get("default_priority"), series.Default.String()), cmp.Or(get("mode"), limiter.Enforce), get("reason"), get("revision"),
	}
}

// draftOfLimit returns the draft of a limit as it is.
func draftOfLimit(l control.Limit) limitDraft {
	is := l.Status.Limit
	amount := func(n int64) string {
		if n == 0 {
			return ""
		}
		return strconv.FormatInt(n, 10)
	}
	d := limitDraft{
		SamplesPerSecond: amount(is.SamplesPerSecond), ActiveSeries: amount(is.ActiveSeries), Hard: amount(is.HardSamplesPerSecond),
		Burst: is.Burst.String(), Priority: is.DefaultPriority, Mode: is.Mode, Revision: strconv.FormatInt(l.Revision, 10),
	}
	if d.Priority == "" {
		d.Priority = series.Default.String()
	}
	if d.Mode == "" {
		d.Mode = limiter.Enforce
	}
	return d
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
	return q
}

// limit returns the limit that the draft describes, with pools, and what of it is none.
func (d limitDraft) limit(pools []limiter.PoolConfig) (limiter.Limit, faults) {
	wrong := faults{}
	amount := func(field, text string) int64 {
		if text == "" {
			return 0
		}
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			wrong.add(field, "it is no whole number; leave it empty for no limit")
		}
		return n
	}
	l := limiter.Limit{
		SamplesPerSecond: amount("samples_per_second", d.SamplesPerSecond), ActiveSeries: amount("active_series", d.ActiveSeries),
		HardSamplesPerSecond: amount("hard_samples_per_second", d.Hard), DefaultPriority: d.Priority, Mode: d.Mode, Pools: pools,
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
