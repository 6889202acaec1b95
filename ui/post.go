package ui

import (
	"errors"
	"maps"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/a-h/templ"

	"github.com/headgate/headgate/internal/control"
)

// maxForm is how large a form may be, in bytes.
const maxForm = 1 << 20

// A deed does what a form asks for. It returns where the browser goes then, or a
// page that says why nothing was done.
type deed func(*request) (to templ.SafeURL, instead page, err error)

// post adds a route that changes something. Forms of other sites never reach it: the
// listener refuses them, as http.CrossOriginProtection judges.
func (s *site) post(mux *http.ServeMux, path string, d deed) {
	mux.HandleFunc("POST "+path, func(rw http.ResponseWriter, r *http.Request) {
		req := s.request(r)
		if wait, ok := req.control.MayWriteNow(); !ok {
			s.slow(rw, req, wait)
			return
		}
		r.Body = http.MaxBytesReader(rw, r.Body, maxForm)
		if err := r.ParseForm(); err != nil {
			s.show(rw, req, func(*request) (page, error) {
				return failure(http.StatusBadRequest, "The form cannot be read", "It is damaged, or larger than "+size(maxForm)+". Nothing was changed."), nil
			})
			return
		}
		req.query = r.PostForm
		to, p, err := d(req)
		if to != "" && err == nil {
			req.addCookies(rw)
			http.Redirect(rw, r, string(to), http.StatusSeeOther)
			return
		}
		s.show(rw, req, func(*request) (page, error) { return p, err })
	})
}

// slow refuses a change of somebody who makes too many: as many as the API allows.
func (s *site) slow(rw http.ResponseWriter, r *request, wait time.Duration) {
	seconds := int(math.Ceil(wait.Seconds()))
	rw.Header().Set("Retry-After", strconv.Itoa(seconds))
	s.show(rw, r, func(*request) (page, error) {
		return failure(http.StatusTooManyRequests, "Too many changes at once", "Nothing was changed. Wait "+plural(seconds, "second")+
			", go back, and send the form again: what you typed is still there."), nil
	})
}

// deeds are what a page says after something was done, by the word that its address
// has then.
var deeds = map[string]string{
	"created":  "The rule is made, and in force as it says.",
	"saved":    "The rule is changed, and in force as it says.",
	"deleted":  "The rule is deleted. Any of its revisions below brings it back.",
	"reverted": "The rule says again what it said then.",
	"bypassed": "Rules and limits are off until the time that stands above.",
	"ended":    "The bypass is over: rules and limits act again.",
	"limited":  "The limit is changed, and in force.",
	"made":     "The token is made. Its secret is shown once: whoever did not copy it revokes the token, and makes another.",
	"revoked":  "The token is revoked: whatever uses it is refused from now on.",

	"unlimited": "The limit is deleted: the tenant has that of every tenant that is not named.",
}

// refusals are why a change is not made, with their statuses.
var refusals = []struct {
	err    error
	status int
	title  string
}{
	{control.ErrForbidden, http.StatusForbidden, "You may not do that"},
	{control.ErrLocked, http.StatusConflict, "It is managed by a file"},
	{control.ErrExists, http.StatusConflict, "The name is taken"},
	{control.ErrConflict, http.StatusPreconditionFailed, "Somebody changed it meanwhile"},
	{control.ErrRevision, http.StatusPreconditionRequired, "The form does not say what it changes"},
	{control.ErrUnavailable, http.StatusServiceUnavailable, "That is not possible now"},
}

// refused returns the status of an error and its words for people; ok is false where
// it is none of the refusals.
func refused(err error) (status int, title, text string, ok bool) {
	for _, r := range refusals {
		if errors.Is(err, r.err) {
			text, _, _ := strings.Cut(err.Error(), ": read it again") // what follows is for scripts
			return r.status, r.title, sentence(shown(text)), true
		}
	}
	return 0, "", "", false
}

// unsaved says why what a form holds was not saved: what is wrong with it by its
// fields, in words, and as a status.
func (r *request) unsaved(what, name string, err error) (wrong faults, text string, status int) {
	if wrong, ok := faultsOf(err); ok {
		return wrong, "It is not saved: mend what is marked.", unprocessable
	}
	status, _, text, ok := refused(err)
	switch {
	case errors.Is(err, control.ErrNotFound):
		status, text = http.StatusNotFound, sentence(shown(err.Error()))
	case !ok:
		r.site.options.Log.Error(what+" was not saved", "name", name, "err", err)
		status, text = http.StatusInternalServerError, "Something went wrong here. The log says more"
	}
	return faults{}, "It is not saved. " + text + ".", status
}

// faults are what is wrong with a form, by its field.
type faults map[string][]string

// errs returns f as errors, of which faultsOf makes it again.
func (f faults) errs() (list []error) {
	for field, texts := range f {
		list = append(list, &control.Invalid{Field: field, Text: texts[0]})
	}
	return list
}

// faultsOf returns what an error says of fields; ok is false where it says nothing.
func faultsOf(err error) (f faults, ok bool) {
	f = faults{}
	list := []error{err}
	if many, ok := err.(interface{ Unwrap() []error }); ok {
		list = many.Unwrap()
	}
	for _, e := range list {
		if invalid, ok := errors.AsType[*control.Invalid](e); ok {
			f.add(invalid.Field, invalid.Text)
		}
	}
	return f, len(f) > 0
}

// add notes what is wrong with a field. An item of a list is named as people count; a
// pool has fields of its own.
func (f faults) add(field, text string) {
	whole := field
	field, item, isItem := strings.Cut(field, "[")
	if field == poolsField {
		field = whole
	}
	if n, ok := ordinal(strings.TrimSuffix(item, "]")); isItem && ok && field == "match" {
		text = "line " + n + ": " + text
	}
	f[field] = append(f[field], shown(text))
}

// text returns what is wrong with a field, in one text.
func (f faults) text(field string) string { return strings.Join(f[field], "; ") }

// rest returns what is wrong with what has no field of its own.
func (f faults) rest(own ...string) (list []string) {
	for _, field := range slices.Sorted(maps.Keys(f)) {
		if !slices.Contains(own, field) {
			list = append(list, f[field]...)
		}
	}
	return list
}
