package ui

import (
	"net/url"
	"time"

	"github.com/a-h/templ"
	"github.com/prometheus/common/model"

	"github.com/headgate/headgate/internal/auth"
	"github.com/headgate/headgate/internal/control"
)

// A bypassForm turns every rule and limit off for a while.
type bypassForm struct {
	Set, End    templ.SafeURL // End is "" where none is on
	For, Reason string
	Do          string
	Wrong       string // why nothing was done
	Fault       faults
}

// bypassForm returns the form as it was sent; nil for those who may not use it. err
// is why nothing was done.
func (r *request) bypassForm(err error) *bypassForm {
	if !r.actor.May(auth.UseBypass) || !r.actor.SeesAll() {
		return nil
	}
	v := &bypassForm{Set: r.site.address("/status/bypass", nil), For: "1h", Do: "Turn every rule and limit off"}
	if r.control.Bypass() != nil {
		v.End, v.Do = r.site.address("/status/bypass/end", nil), "Another length"
	}
	if err != nil {
		v.For, v.Reason = r.get("for"), r.get("reason")
		if wrong, ok := faultsOf(err); ok {
			v.Fault, v.Wrong = wrong, "Nothing was changed: mend what is marked."
		}
	}
	return v
}

func (r *request) setBypass() (templ.SafeURL, page, error) {
	length, err := model.ParseDuration(r.get("for"))
	switch {
	case err != nil:
		err = &control.Invalid{Field: "for", Text: "it is no duration; write it as in 1h or 30m"}
	case r.get("reason") == "":
		err = &control.Invalid{Field: "reason", Text: "why? Others will ask"}
	default:
		_, err = r.control.SetBypass(time.Duration(length), r.get("reason"))
	}
	if err == nil {
		return r.site.address("/status", url.Values{"done": {"bypassed"}}), page{}, nil
	}
	if _, ok := faultsOf(err); !ok {
		return "", page{}, err
	}
	p, err := r.statusWith(err)
	p.Status = unprocessable
	return "", p, err
}

func (r *request) endBypass() (templ.SafeURL, page, error) {
	if err := r.control.EndBypass(); err != nil {
		return "", page{}, err
	}
	return r.site.address("/status", url.Values{"done": {"ended"}}), page{}, nil
}
