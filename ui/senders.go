package ui

import (
	"github.com/a-h/templ"

	"github.com/headgate/headgate/internal/control"
)

// A sendersView is the tenants, with what they may come with and what they send.
type sendersView struct {
	Rows []senderView
	More string // that are not shown
	All  templ.SafeURL
}

// A senderView is one tenant.
type senderView struct {
	Name        nameView
	Seen        when
	Credentials string
	Open        bool // it needs none
	Rate        string
	Failed      string // "" where nothing fails
	Limit       string
	Series      string // "" where active series have no limit
	State       badgeView
	Own         bool // it has an upstream of its own
}

// sendersShown is how many tenants the status page lists.
const sendersShown = 50

func newSendersView(r *request, list []control.Sender, more int) sendersView {
	v := sendersView{All: r.site.address("/limits", nil)}
	if n := more + max(0, len(list)-sendersShown); n > 0 {
		v.More = plural(n, "more tenant")
	}
	for _, s := range list[:min(len(list), sendersShown)] {
		v.Rows = append(v.Rows, newSenderView(r, s))
	}
	return v
}

func newSenderView(r *request, s control.Sender) senderView {
	v := senderView{
		Name: newNameView(string(s.Tenant), r.link(pathOf("/limits", string(s.Tenant)))), Seen: newWhen(s.Seen, r.now),
		Credentials: kindsOf(s.Credentials), Open: len(s.Credentials) == 0, Rate: "…", Limit: "none", State: limitState(s.Limit), Own: s.Own,
	}
	if s.Known {
		v.Rate = rate(s.Rates.Received)
		if s.Rates.Failed > 0 {
			v.Failed = rate(s.Rates.Failed) + " fail"
		}
	}
	of := s.Limit.Status.Limit
	if of.SamplesPerSecond > 0 {
		v.Limit = count(float64(of.SamplesPerSecond)) + " samples/s"
	}
	if of.ActiveSeries > 0 {
		v.Series = count(float64(of.ActiveSeries)) + " series"
		if of.SamplesPerSecond == 0 {
			v.Limit, v.Series = v.Series, ""
		}
	}
	if of.SamplesPerSecond == 0 && of.ActiveSeries == 0 {
		v.State = badgeView{}
	}
	return v
}

// kindsOf names kinds of credentials, with how many there are of each.
func kindsOf(list []control.CredentialKind) string {
	text := ""
	for _, kind := range []control.CredentialKind{control.BearerToken, control.BasicAuth} {
		n := 0
		for _, k := range list {
			if k == kind {
				n++
			}
		}
		switch {
		case n == 0:
			continue
		case text != "":
			text += ", "
		}
		text += string(kind)
		if n > 1 {
			text += " × " + count(float64(n))
		}
	}
	return text
}
