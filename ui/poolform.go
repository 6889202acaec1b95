package ui

import (
	"strconv"
	"strings"

	"github.com/a-h/templ"

	"github.com/headgate/headgate/limiter"
)

// A poolsFormView is the part of a form that holds the pools of a limit.
type poolsFormView struct {
	Action templ.SafeURL
	Count  string // of the pools that the form holds
	Pools  []poolFormView
	Wrong  string // with all of them
	Full   bool   // there is no room for one more
}

// A poolFormView is one pool to be changed. Its IDs are by the name of its fields.
type poolFormView struct {
	Draft  poolDraft
	Title  string
	Wrong  string // with none of its fields
	Fields map[string]poolFieldView
	Remove string // the value of the button that does
	Fresh  bool   // nobody filled it in yet
}

// A poolFieldView is a field of a pool.
type poolFieldView struct{ ID, Wrong string }

// restPool is the pool of the series that no other has.
const restPool = "default"

func newPoolsForm(v limitFormView) poolsFormView {
	f := poolsFormView{
		Action: v.Action, Count: strconv.Itoa(len(v.Draft.Pools)), Wrong: v.Wrong.text(poolsField), Full: len(v.Draft.Pools) >= limiter.MaxPools,
	}
	for i, d := range v.Draft.Pools {
		p := poolFormView{
			Draft: d, Title: "Pool " + strconv.Itoa(i+1), Wrong: v.Wrong.text(poolKey(i)), Fields: map[string]poolFieldView{}, Remove: removePool + strconv.Itoa(i),
			Fresh: d.blank() == 1,
		}
		for _, field := range poolFields {
			p.Fields[field.name] = poolFieldView{"pool-" + strconv.Itoa(i) + "-" + field.name, v.Wrong.text(poolField(i, field.name))}
		}
		f.Pools = append(f.Pools, p)
	}
	return f
}

// errors ties a field to what is wrong with it.
func (v poolFieldView) errors() templ.Attributes {
	if v.Wrong == "" {
		return nil
	}
	return wrongAttributes(v.ID)
}

// swap makes a button put another form in the place of this one, with its effect.
func (v poolsFormView) swap() templ.Attributes {
	return templ.Attributes{
		"hx-get": string(v.Action), "hx-include": "closest form", "hx-target": "closest .editor", "hx-select": ".editor", "hx-swap": "outerHTML", "hx-replace-url": "true",
	}
}

// own returns the keys of what is wrong with a draft that stands at its fields.
func (d limitDraft) own() []string {
	own := append([]string{poolsField}, limitFields...)
	for i := range d.Pools {
		own = append(own, poolKey(i))
		for _, field := range poolFields {
			own = append(own, poolField(i, field.name))
		}
	}
	return own
}

// fieldWords says a field as people do: pool 2, share.
func fieldWords(field string) string {
	rest, isPool := strings.CutPrefix(field, poolsField+"[")
	index, name, _ := strings.Cut(rest, "]")
	n, ok := ordinal(index)
	if !isPool || !ok {
		return strings.ReplaceAll(field, "_", " ")
	}
	words := "pool " + n
	if name != "" {
		words += ", " + strings.ReplaceAll(strings.TrimPrefix(name, "."), "_", " ")
	}
	return words
}

// newDraftShares shows how a limit would be shared among its pools, and what each is
// guaranteed; what they leave is the pool default's.
func newDraftShares(l limiter.Limit) (shares []shareView, shared []factView) {
	if len(l.Pools) == 0 {
		return nil, nil
	}
	at := 0.0
	add := func(name string, share float64) {
		text := percent(share)
		if l.SamplesPerSecond > 0 {
			text += ", " + rate(share*float64(l.SamplesPerSecond)) + " samples/s"
		}
		shares = append(shares, shareView{X: units(100 * at), Width: units(100 * share), Title: name + ": " + text, Odd: len(shares)%2 == 1})
		shared = append(shared, factView{Name: name, Text: text})
		at += share
	}
	for _, p := range l.Pools {
		add(shown(p.Name), p.Share)
	}
	add(restPool, max(0, 1-at))
	return shares, shared
}
