package ui

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/a-h/templ"
)

// A headView is a page's title with what is said of the whole page.
type headView struct {
	Title string
	Code  bool // the title is a name that somebody else chose
	Lead  string
	AsOf  when
	Tools []toolView
}

// A toolView is a link to something to be had besides the page.
type toolView struct {
	Text string
	Href templ.SafeURL
}

// A statView is one figure.
type statView struct {
	Label, Value, Unit string
	Error              string // as plusMinus writes it
	Note               string
	Href               templ.SafeURL
	Tone               string // "", good, warn or bad
	Spark              *sparkView
}

// A badgeView is a word that stands out.
type badgeView struct{ Text, Tone, Title string }

// A barView is a part of one, as a bar with its error bar.
type barView struct {
	Share, Error float64 // from 0 to 1
	Title        string  // what it says, in words
}

func (b barView) width() string { return units(100 * min(1, max(0, b.Share))) }

func (b barView) whisker() string {
	from, to := max(0, b.Share-b.Error), min(1, b.Share+b.Error)
	return fmt.Sprintf("M%s 1V7M%s 4H%sM%s 1V7", units(100*from), units(100*from), units(100*to), units(100*to))
}

// units writes a coordinate of an SVG.
func units(f float64) string { return strconv.FormatFloat(f, 'f', 2, 64) }

// narrowedToo is what else of a page changes with the list that a filter narrows: how
// old it is, the file of the same, and what goes along to another tenant.
const narrowedToo = "#tools,#choose-tenant"

// A sortView is the head of a column that a table can be sorted by.
type sortView struct {
	Text, Title string
	Href        templ.SafeURL
	Active      bool // it is sorted by it, the greatest first
}

// A pagerView leads to other pages of a list.
type pagerView struct {
	Shown       string // what of how much
	First, Next templ.SafeURL
}

// An emptyView says why there is nothing, and what to do about it.
type emptyView struct {
	Title string
	Text  []string
	Copy  *copyView
	Link  templ.SafeURL
	Go    string
}

// A copyView is text to be taken elsewhere.
type copyView struct {
	ID, Title, Text string
	Note            string
}

// A nameView is a name that somebody else chose, with where it leads.
type nameView struct {
	Text  string // as short writes it
	Whole string // as shown writes it; "" where Text is all of it
	Href  templ.SafeURL
}

// pieces cuts the name behind what separates its words.
func (v nameView) pieces() []string {
	var list []string
	from := 0
	for i, c := range v.Text {
		if strings.ContainsRune("_:/.-", c) {
			list = append(list, v.Text[from:i+1])
			from = i + 1
		}
	}
	return append(list, v.Text[from:])
}

func newNameView(name string, href templ.SafeURL) nameView {
	v := nameView{Text: short(name), Href: href}
	if whole := shown(name); whole != v.Text {
		v.Whole = whole[:min(len(whole), 2048)]
	}
	return v
}

// A sparkView is a series of values in little space.
type sparkView struct {
	Points string // of its line, in a box of 100 by 24
	Area   string
	Title  string
}

func newSpark(values []float64, title string) *sparkView {
	if len(values) < 2 {
		return nil
	}
	most := 0.0
	for _, v := range values {
		most = math.Max(most, v)
	}
	var line string
	for i, v := range values {
		y := 22.0
		if most > 0 {
			y = 22 - 20*v/most
		}
		line += units(100*float64(i)/float64(len(values)-1)) + "," + units(y) + " "
	}
	return &sparkView{Points: line, Area: "0,24 " + line + "100,24", Title: title}
}

// goTo returns the words of a link, where it leads somewhere.
func goTo(href templ.SafeURL, words string) string {
	if href == "" {
		return ""
	}
	return words
}
