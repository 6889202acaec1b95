package ui

import (
	"errors"
	"math"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/a-h/templ"

	"github.com/headgate/headgate/internal/auth"
	"github.com/headgate/headgate/internal/control"
	"github.com/headgate/headgate/limiter"
)

// A limitFormView is a tenant's limit to be changed, with what the change would do.
type limitFormView struct {
	Head       headView
	Action     templ.SafeURL // that answers with the effect, and takes what is saved
	Cancel     templ.SafeURL
	Latest     templ.SafeURL // the form anew, where somebody was faster
	Draft      limitDraft
	Sliders    map[string]sliderView // by field
	Wrong      faults
	Refused    string // why it was not saved
	Locked     string // why it cannot be saved here
	Unkept     string // what of the limit is not in force, and why
	Pools      poolsFormView
	Effect     limitEffectView
	YAML       *copyView // of the draft, where it is to go into a file
	Modes      []choiceView
	Priorities []choiceView
}

// A sliderView is a range of what a number may be.
type sliderView struct {
	Most, Step string
	Value      string
}

var (
	limitModeChoices = []choiceView{{limiter.Enforce, "enforce"}, {limiter.Shadow, "shadow: only count"}}

	limitFields = []string{"samples_per_second", "active_series", "hard_samples_per_second", "burst", "default_priority", "mode", "reason"}
)

// needLimiter returns the page for those who may not change limits.
func (r *request) needLimiter() (page, bool) {
	if r.may(auth.WriteLimits) {
		return page{}, false
	}
	return failure(http.StatusForbidden, "You may not do that", "To change limits takes the role "+auth.WriteLimits.Roles()+"."), true
}

func (r *request) editLimit() (page, error) {
	if p, no := r.needLimiter(); no {
		return p, nil
	}
	l, err := r.control.Limit(r.http.PathValue("tenant"))
	if err != nil {
		return page{}, err
	}
	d := draftOfLimit(l)
	if r.query.Has("samples_per_second") {
		revision := d.Revision
		if d = limitDraftOf(r.query, l); d.Revision == "" {
			d.Revision = revision
		}
	}
	return r.limitForm(l, d, nil)
}

func (r *request) saveLimit() (templ.SafeURL, page, error) {
	l, err := r.control.Limit(r.http.PathValue("tenant"))
	if err != nil {
		return "", page{}, err
	}
	d := limitDraftOf(r.query, l)
	if err := r.setLimit(l, d); err != nil {
		p, pageErr := r.limitForm(l, d, err)
		return "", p, pageErr
	}
	return r.site.address(pathOf("/limits", string(l.Tenant)), url.Values{"done": {"limited"}}), page{}, nil
}

// setLimit sets what a draft says, or returns what is wrong with it.
func (r *request) setLimit(l control.Limit, d limitDraft) error {
	limit, wrong := d.limit()
	if len(wrong) > 0 {
		return errors.Join(wrong.errs()...)
	}
	_, err := r.control.SetLimit(r.context(), string(l.Tenant), limit, d.change())
	return err
}

// limitForm returns the page of a draft. err is why it was not saved, nil where it was
// not to be.
func (r *request) limitForm(l control.Limit, d limitDraft, err error) (page, error) {
	name := string(l.Tenant)
	path := pathOf("/limits", name)
	v := limitFormView{
		Head:   headView{Title: "Limit of " + name, Lead: "It is in force from the moment it is saved. What it would do stands beside it."},
		Action: r.site.address(path+"/edit", nil), Cancel: r.site.address(path, nil), Draft: d, Wrong: faults{}, Unkept: l.Unkept,
		Modes: limitModeChoices, Priorities: priorityChoices,
	}
	if l.Source == control.FromFile {
		v.Head.Lead = "What another value would do. Nothing is saved here."
		v.Locked = "It is managed by " + shown(l.File) + ", under limits.tenants: change it there and reload."
	}
	p := page{
		Title: "Limit of " + name, Place: "Limits", Tenant: noTenant,
		Crumbs: []crumb{{"Limits", r.site.address("/limits", nil)}, {short(name), v.Cancel}},
	}
	if err != nil {
		v.Wrong, v.Refused, p.Status = r.unsaved("a limit", name, err)
		if errors.Is(err, control.ErrConflict) {
			v.Latest = v.Action
		}
	}
	status, err := r.tryLimit(&v, l)
	if err != nil {
		return page{}, err
	}
	if p.Status == 0 {
		p.Status = status
	}
	v.Pools = newPoolsForm(v)
	p.Body = limitFormPage(v)
	return p, nil
}

// tryLimit adds what the draft would do.
func (r *request) tryLimit(v *limitFormView, l control.Limit) (status int, err error) {
	name := string(l.Tenant)
	limit, wrong := v.Draft.limit()
	var p control.LimitPreview
	if len(wrong) == 0 {
		if p, err = r.control.PreviewLimit(r.context(), name, limit); err != nil {
			more, ok := faultsOf(err)
			if !ok {
				return 0, err
			}
			wrong = more
		}
	}
	v.slide(l, p)
	if len(wrong) > 0 {
		for field, texts := range wrong {
			if len(v.Wrong[field]) == 0 {
				v.Wrong[field] = texts
			}
			for _, text := range texts {
				v.Effect.Wrong = append(v.Effect.Wrong, fieldWords(field)+": "+text)
			}
		}
		slices.Sort(v.Effect.Wrong)
		return unprocessable, nil
	}
	h, err := r.control.LimitHistory(name, int(time.Hour/time.Second))
	if err != nil {
		return 0, err
	}
	v.Effect = newLimitEffectView(r, p)
	v.Effect.Shares, v.Effect.Shared = newDraftShares(limit)
	v.Effect.Chart = newChartView(h, float64(l.Status.Limit.SamplesPerSecond), float64(limit.SamplesPerSecond))
	for _, s := range p.Suggestions {
		d := v.Draft
		now := &d.SamplesPerSecond
		if s.Field == "active_series" {
			now = &d.ActiveSeries
		}
		*now = strconv.FormatInt(s.Value, 10)
		v.Effect.Suggestions = append(v.Effect.Suggestions, suggestionView{
			strings.ReplaceAll(s.Field, "_", " "), grouped(uint64(s.Value)), sentence(s.Why) + ".", r.site.address(pathOf("/limits", name)+"/edit", d.values()),
		})
	}
	if v.Locked != "" {
		v.YAML = &copyView{ID: "limit-yaml", Title: "headgate.yml", Text: limitYAML(name, limit), Note: "The limit as the form says it, for " + shown(l.File) + "."}
	}
	return 0, nil
}

// slide sets what the sliders reach: some times of what is seen and of what is set.
func (v *limitFormView) slide(l control.Limit, p control.LimitPreview) {
	is := l.Status.Limit
	seen, active := l.Demand, float64(l.ActiveSeries)
	if p.Peak != nil {
		seen = max(seen, p.Peak.PerSecond)
	}
	for _, s := range p.Suggestions {
		if s.Field == "active_series" {
			active = max(active, float64(s.Value))
		} else {
			seen = max(seen, float64(s.Value))
		}
	}
	v.Sliders = map[string]sliderView{
		"samples_per_second": newSlider(v.Draft.SamplesPerSecond, seen, float64(is.SamplesPerSecond)),
		"active_series":      newSlider(v.Draft.ActiveSeries, active, float64(is.ActiveSeries)),
	}
}

// newSlider returns a slider of some 200 steps that reaches twice as far as any of what
// is there.
func newSlider(value string, there ...float64) sliderView {
	most := 50.0
	for _, f := range there {
		most = max(most, f)
	}
	if n, err := strconv.ParseInt(value, 10, 64); err == nil && n > 0 {
		most = max(most, min(float64(n), limiter.MaxSamplesPerSecond)/2)
	}
	step := max(1, math.Pow(10, math.Floor(math.Log10(most/100))))
	most = math.Ceil(2*most/step) * step
	whole := func(f float64) string { return strconv.FormatFloat(f, 'f', 0, 64) }
	if value == "" {
		value = whole(most) // no limit is above every one
	}
	return sliderView{Most: whole(most), Step: whole(step), Value: value}
}

// field returns what is wrong with a field, in one text.
func (v limitFormView) field(name string) string { return v.Wrong.text(name) }

// limitFieldErrors ties a field to what is wrong with it.
func limitFieldErrors(v limitFormView, name string) templ.Attributes { return errorsOf(v.Wrong, name) }

func (r *request) askDeleteLimit() (page, error) { return r.deleteLimitPage(nil) }

// deleteLimitPage asks whether a tenant's limit is to go. err is why it did not.
func (r *request) deleteLimitPage(err error) (page, error) {
	if p, no := r.needLimiter(); no {
		return p, nil
	}
	l, findErr := r.control.Limit(r.http.PathValue("tenant"))
	if findErr != nil {
		return page{}, findErr
	}
	name := string(l.Tenant)
	path := pathOf("/limits", name)
	switch l.Source {
	case control.FromFile:
		return failure(http.StatusConflict, "It is managed by a file", "The limit of "+name+" is in "+shown(l.File)+": remove it there and reload."), nil
	case control.FromDefault:
		return failure(http.StatusNotFound, "Nobody set a limit", "The tenant "+name+" has the limit of every tenant that is not named: there is nothing to delete."), nil
	}
	other := r.control.DefaultLimit()
	effect, findErr := r.control.PreviewLimit(r.context(), name, other)
	if findErr != nil {
		return page{}, findErr
	}
	v := confirmView{
		Head: headView{Title: "Delete the limit of " + name}, Danger: true, Diff: diff(limitYAML(name, l.Status.Limit), ""),
		Text:   []string{"The tenant then has the limit of every tenant that is not named: " + limitWords(other) + ".", shedChange(effect)},
		Action: r.site.address(path+"/delete", nil), Reason: r.get("reason"), Do: "Delete the limit", Cancel: r.site.address(path, nil),
	}
	revision := r.get("revision")
	if revision == "" {
		revision = strconv.FormatInt(l.Revision, 10)
	}
	v.Hidden = []param{{"revision", revision}}
	p := page{Title: "Delete the limit of " + name, Place: "Limits", Tenant: noTenant, Crumbs: []crumb{{"Limits", r.site.address("/limits", nil)}, {short(name), v.Cancel}}}
	if err != nil {
		p.Status = v.refuse(r, err)
	}
	p.Body = confirmPage(v)
	return p, nil
}

func (r *request) deleteLimit() (templ.SafeURL, page, error) {
	name := r.http.PathValue("tenant")
	by := control.LimitChange{Change: control.Change{Revision: limitRevisionOf(r.get("revision"))}, Reason: r.get("reason")}
	if err := r.control.DeleteLimit(r.context(), name, by); err != nil {
		p, pageErr := r.deleteLimitPage(err)
		return "", p, pageErr
	}
	return r.site.address(pathOf("/limits", name), url.Values{"done": {"unlimited"}}), page{}, nil
}
