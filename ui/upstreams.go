package ui

import (
	"net/http"
	"strconv"
	"time"

	"github.com/headgate/headgate/internal/control"
)

// An upstreamView is how a store that samples are forwarded to answered lately.
type upstreamView struct {
	Name     nameView // of the tenant whose own it is
	Words    string   // instead of a name: of most tenants
	Address  string   // "" for those who may not see it
	State    badgeView
	Since    when   // it fails; else zero
	Answer   string // the last, with its status
	At       when
	Errors   string
	Of       string // requests
	Share    barView
	Refused  string // "" where there are none
	Retries  string
	Waiting  string
	Bytes    string // "" where there are none
	P50, P99 string
}

func newUpstreamView(r *request, u control.Upstream) upstreamView {
	v := upstreamView{
		Words: "Of all tenants without their own", Address: shown(u.URL), State: upstreamState(u), Since: newWhen(u.FailingSince, r.now), At: newWhen(u.At, r.now),
		Retries: count(float64(u.Retries)), Waiting: count(float64(u.Underway)), P50: took(u.P50), P99: took(u.P99),
		Errors: "–", Of: "no request",
	}
	if u.Tenant != "" {
		v.Words, v.Name = "", newNameView(string(u.Tenant), r.link(pathOf("/limits", string(u.Tenant))))
	}
	if u.Requests > 0 {
		failed := part(float64(u.Failed), float64(u.Requests))
		v.Errors, v.Of = percent(failed), "of "+plural(int(u.Requests), "request")
		v.Share = barView{Share: failed, Title: v.Errors + " of the requests failed"}
	}
	if u.Refused > 0 {
		v.Refused = plural(int(u.Refused), "request") + " refused for the data"
	}
	if u.Bytes > 0 {
		v.Bytes = size(u.Bytes)
	}
	switch {
	case u.At.IsZero():
		v.Answer = "none yet"
	case u.Status == 0:
		v.Answer = "no answer"
		if u.Fault != "" {
			v.Answer += ": " + short(u.Fault)
		}
	default:
		v.Answer = strconv.Itoa(u.Status) + " " + http.StatusText(u.Status)
	}
	return v
}

// upstreamState says in a word how an upstream is doing.
func upstreamState(u control.Upstream) badgeView {
	switch {
	case u.At.IsZero():
		return badgeView{Text: "not asked yet", Title: "Nothing was forwarded since the start"}
	case !u.FailingSince.IsZero():
		return badgeView{Text: "failing", Tone: "bad", Title: "The last request was not stored. Senders keep their samples and try again"}
	case u.Failed > 0:
		return badgeView{Text: "fails at times", Tone: "warn", Title: "Some requests of the last minutes were not stored at first"}
	case u.Refused > 0:
		return badgeView{Text: "refuses some", Tone: "warn", Title: "It says that some samples can never be stored; senders drop them"}
	case u.Requests == 0:
		return badgeView{Text: "idle", Title: "Nothing was forwarded in the last minutes"}
	}
	return badgeView{Text: "answers", Tone: "good", Title: "It took all that it was sent in the last minutes"}
}

// upstreamStat sums the upstreams up in a figure.
func upstreamStat(list []control.Upstream) statView {
	v := statView{Label: "Upstreams", Value: count(float64(len(list))), Note: "all answer", Tone: "good"}
	if len(list) == 1 {
		v.Label, v.Value, v.Note = "Upstream", upstreamState(list[0]).Text, ""
		v.Tone = upstreamState(list[0]).Tone
		return v
	}
	failing, asked := 0, 0
	for _, u := range list {
		if !u.FailingSince.IsZero() {
			failing++
		}
		if !u.At.IsZero() {
			asked++
		}
	}
	switch {
	case failing > 0:
		v.Note, v.Tone = count(float64(failing))+" failing", "bad"
	case asked == 0:
		v.Note, v.Tone = "none was asked yet", ""
	}
	return v
}

// took writes how long an answer takes.
func took(d time.Duration) string {
	switch {
	case d <= 0:
		return "–"
	case d < time.Millisecond:
		return "<1 ms"
	case d < time.Second:
		return strconv.FormatInt(d.Milliseconds(), 10) + " ms"
	}
	return trimmed(d.Seconds(), 1) + " s"
}
