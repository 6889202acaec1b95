package ui

import (
	"bytes"
	"log/slog"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/a-h/templ"
)

// A Door is the pages for those of whom it is not known who they are: they say
// nothing of what is behind it.
type Door struct{ site *site }

// NewDoor returns the pages at the door of those that New returns.
func NewDoor(o Options) *Door {
	o.Base = strings.TrimRight(o.Base, "/")
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return &Door{&site{options: o, assets: newAssets(static, o.Base)}}
}

// A SignIn is what the page to sign in shows.
type SignIn struct {
	Status    int
	Problem   string // why nobody is signed in; "" at first
	Next      string // where to go then
	Name      string // as it was typed in
	Action    string // of the form for a name and a password; "" where there are none
	Provider  string // where the identity provider is asked; "" where there is none
	Protected bool   // by https, or because nothing leaves this machine
}

// SignIn shows the page to sign in.
func (d *Door) SignIn(rw http.ResponseWriter, r *http.Request, s SignIn) {
	d.site.showDoor(rw, r, s.Status, "Sign in", signInPage(s))
}

// Refuse shows why somebody goes no further.
func (d *Door) Refuse(rw http.ResponseWriter, r *http.Request, status int, title, text string) {
	v := errorView{Status: status, Title: title, Text: sentence(shown(text))}
	d.site.showDoor(rw, r, status, title, errorPage(v))
}

// A doorView is what stands around the pages of a Door.
type doorView struct {
	Title, Theme string
	Style, Icon  string
	Home         templ.SafeURL
	Body         templ.Component
}

func (s *site) showDoor(rw http.ResponseWriter, r *http.Request, status int, title string, body templ.Component) {
	v := doorView{
		Title: title, Theme: theme(r), Style: s.assets.url("app.css"), Icon: s.assets.url("icon.svg"), Home: s.address("/", nil), Body: body,
	}
	setSecurity(rw.Header())
	s.send(rw, r, status, doorLayout(v))
}

// send renders a page as a whole before any of it is sent, so that what goes wrong
// can still be said.
func (s *site) send(rw http.ResponseWriter, r *http.Request, status int, c templ.Component) {
	var b bytes.Buffer
	if err := c.Render(r.Context(), &b); err != nil {
		if r.Context().Err() == nil {
			s.options.Log.Error("a page was not rendered", slog.String("path", r.URL.Path), slog.Any("err", err))
		}
		http.Error(rw, "internal error: the log says more", http.StatusInternalServerError)
		return
	}
	h := rw.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Length", strconv.Itoa(b.Len()))
	h.Set("Cache-Control", "no-store")
	h.Add("Vary", "Cookie")
	rw.WriteHeader(max(status, http.StatusOK))
	_, _ = rw.Write(b.Bytes())
}

// theme returns what somebody chose; "" is what the browser prefers.
func theme(r *http.Request) string {
	if c, err := r.Cookie("theme"); err == nil && slices.Contains(themes, c.Value) {
		return c.Value
	}
	return ""
}
