package main

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/pprof"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/headgate/headgate/internal/api"
	"github.com/headgate/headgate/internal/auth"
	"github.com/headgate/headgate/internal/auth/signin"
	"github.com/headgate/headgate/internal/control"
	"github.com/headgate/headgate/ui"
)

// A readiness says whether senders should come.
type readiness struct{ reason atomic.Pointer[string] }

// set makes the process not ready for a reason; "" makes it ready.
func (r *readiness) set(reason string) { r.reason.Store(&reason) }

func (r *readiness) ServeHTTP(rw http.ResponseWriter, req *http.Request) {
	if !takes(rw, req, http.MethodGet, http.MethodHead) {
		return
	}
	if why := r.reason.Load(); *why != "" {
		http.Error(rw, "Headgate is not ready: "+*why, http.StatusServiceUnavailable)
		return
	}
	fmt.Fprintln(rw, "Headgate is ready.")
}

func healthy(rw http.ResponseWriter, r *http.Request) {
	if takes(rw, r, http.MethodGet, http.MethodHead) {
		fmt.Fprintln(rw, "Headgate is healthy.")
	}
}

// ingestHandler takes remote-write and nothing else.
func ingestHandler(g http.Handler) http.Handler {
	mux := http.NewServeMux()
	addIngest(mux, g)
	return http.NewCrossOriginProtection().Handler(mux)
}

// addIngest adds the paths of remote-write: Prometheus', and Mimir's.
func addIngest(mux *http.ServeMux, g http.Handler) {
	h := http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if takes(rw, r, http.MethodPost) {
			g.ServeHTTP(rw, r)
		}
	})
	mux.Handle("/api/v1/write", h)
	mux.Handle("/api/v1/push", h)
}

// takes reports whether the request has one of the methods, and refuses it where
// it has not.
func takes(rw http.ResponseWriter, r *http.Request, methods ...string) bool {
	if slices.Contains(methods, r.Method) {
		return true
	}
	allow := strings.Join(methods, ", ")
	rw.Header().Set("Allow", allow)
	http.Error(rw, "this path takes "+allow, http.StatusMethodNotAllowed)
	return false
}

// frontPage is what the root says to clients that are no browsers.
const frontPage = `Headgate stands between Prometheus and its metrics store. Browsers find its pages here.

/api/v1/flow          what became of the samples received
/api/v1/explain       why a series is forwarded or not
/api/v1/rules         the rules in force
/api/v1/recommendations  what would save money, with rules
/api/v1/limits        the tenants' limits, what they use and what is shed
/api/v1/bypass        the switch that turns every rule and limit off
/api/v1/events        what happened
/api/v1/audit         who changed what
/api/v1/tokens        API tokens
/api/v1/openapi.json  all of the API
/metrics              Headgate's own metrics
/-/healthy  /-/ready  /-/reload
/debug/pprof/

Remote-write (POST /api/v1/write) is taken at the address of --ingest.listen-address.
`

// webHandler answers people and scripts. ingest is nil where it has a listener of
// its own.
func webHandler(f *serveFlags, c *control.Control, people *signin.SignIn, room *room, ingest http.Handler, reg *prometheus.Registry, log *slog.Logger) http.Handler {
	mux := http.NewServeMux()
	people.Register(mux)
	pages := f.pages(log)
	pages.SignsIn = people.Enabled
	door := ui.NewDoor(pages)
	people.SetPage(signInPage(door, f.https() || loopback(f.webAddress)))
	mux.Handle("/", room.handler(ui.New(c, pages)))
	mux.Handle(api.Prefix+"/", room.handler(api.New(c)))
	mux.Handle("GET /metrics", promhttp.HandlerFor(reg, promhttp.HandlerOpts{
		Registry: reg,
		ErrorLog: slog.NewLogLogger(calm(log.Handler()), slog.LevelError),
	}))
	mux.HandleFunc("/-/reload", reloadHandler(f.lifecycle, c))
	mux.HandleFunc("GET /debug/pprof/", pprof.Index)
	mux.HandleFunc("GET /debug/pprof/cmdline", pprof.Cmdline)
	mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("GET /debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
	if ingest != nil {
		addIngest(mux, ingest)
	}
	protection := http.NewCrossOriginProtection()
	if f.externalURL != nil && f.externalURL.Host != "" {
		// Behind a proxy, Host may not be the name that the browser knows.
		origin := url.URL{Scheme: f.externalURL.Scheme, Host: f.externalURL.Host}
		if err := protection.AddTrustedOrigin(origin.String()); err != nil {
			log.Warn("--web.external-url is no origin", slog.Any("err", err))
		}
	}
	protection.SetDenyHandler(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		refuse(door, rw, r, http.StatusForbidden, "This came from another site",
			"a browser sent it for a page that is not Headgate's; if it was yours, --web.external-url has to be the address that you see")
	}))
	return protection.Handler(guard(people, door, mux))
}

// signInPage shows the page to sign in as one of ours.
func signInPage(door *ui.Door, protected bool) signin.PageFunc {
	return func(rw http.ResponseWriter, r *http.Request, p signin.Page) {
		s := ui.SignIn{Status: p.Status, Problem: p.Problem, Next: p.Next, Name: p.Name, Protected: protected}
		if p.Passwords {
			s.Action = p.LoginPath
		}
		if p.Provider {
			s.Provider = p.ProviderPath
		}
		door.SignIn(rw, r, s)
	}
}

// refuse says why somebody goes no further: on a page, or to a script as it reads
// it.
func refuse(door *ui.Door, rw http.ResponseWriter, r *http.Request, status int, title, text string) {
	if strings.Contains(r.Header.Get("Accept"), "text/html") && !strings.HasPrefix(r.URL.Path, api.Prefix+"/") {
		door.Refuse(rw, r, status, title, text)
		return
	}
	http.Error(rw, text, status)
}

// pages says what the pages need to know of the listeners.
func (f *serveFlags) pages(log *slog.Logger) ui.Options {
	o := ui.Options{Plain: frontPage, Storybook: f.storybook, Log: log}
	if f.externalURL != nil {
		o.Base = f.externalURL.Path
	}
	if !f.shared() {
		o.Ingest = url.URL{Scheme: "http", Host: f.ingestAddress}
		if senders, err := readAccess("--ingest.config.file", f.ingestConfig); err == nil && senders.tls {
			o.Ingest.Scheme = "https"
		}
	} else if f.externalURL != nil {
		o.Ingest = *f.externalURL.JoinPath("api/v1/write")
	}
	return o
}

func reloadHandler(enabled bool, c *control.Control) http.HandlerFunc {
	return func(rw http.ResponseWriter, r *http.Request) {
		switch {
		case !takes(rw, r, http.MethodPost, http.MethodPut):
		case !enabled:
			http.Error(rw, "Lifecycle API is not enabled; start with --web.enable-lifecycle, or send SIGHUP.", http.StatusForbidden)
		default:
			err := c.As(auth.FromContext(r.Context())).Reload(r.Context())
			switch {
			case errors.Is(err, control.ErrForbidden):
				http.Error(rw, err.Error(), http.StatusForbidden)
			case err != nil:
				http.Error(rw, "failed to reload config:\n"+err.Error(), http.StatusInternalServerError)
			}
		}
	}
}
