package browser

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/headgate/headgate/internal/api"
	"github.com/headgate/headgate/internal/auth"
	"github.com/headgate/headgate/internal/auth/signin"
	"github.com/headgate/headgate/internal/control/controltest"
	"github.com/headgate/headgate/internal/tenant"
	"github.com/headgate/headgate/ui"
)

// openHash is of the password "open", at the least cost that is taken.
const openHash = "$argon2id$v=19$m=7168,t=6,p=1$MTIzNDU2Nzg$XAvd6Ra2XKbDwt2h9VKE7A"

// serveTo serves the pages and the API of a Headgate to people who sign in with the
// password "open": ann, an admin; vic with a long name, a viewer of the tenant
// payments; val, a viewer of all; ed, an editor of the team checkout; and fin, of
// finops.
func serveTo(t *testing.T, h *controltest.Headgate) string {
	t.Helper()
	c := auth.DefaultConfig()
	c.Users = []auth.UserConfig{
		{Name: "ann", Role: auth.Admin, PasswordHash: openHash},
		{Name: viewer, Role: auth.Viewer, PasswordHash: openHash, Tenants: []tenant.ID{"payments"}, Teams: []string{"team-of-" + strings.Repeat("long", 20)}},
		{Name: "val", Role: auth.Viewer, PasswordHash: openHash},
		{Name: "ed", Role: auth.Editor, PasswordHash: openHash, Teams: []string{"checkout"}},
		{Name: "fin", Role: auth.FinOps, PasswordHash: openHash},
	}
	settings, err := auth.Load(c)
	if err != nil {
		t.Fatal(err)
	}
	people := signin.New(signin.Parts{
		Sessions: func() signin.SessionStore { return nil }, Tell: func(string, string) {}, Log: slog.New(slog.DiscardHandler),
	}, settings)
	o := ui.Options{SignsIn: people.Enabled}
	door := ui.NewDoor(o)
	people.SetPage(func(rw http.ResponseWriter, r *http.Request, p signin.Page) {
		door.SignIn(rw, r, ui.SignIn{Status: p.Status, Problem: p.Problem, Next: p.Next, Name: p.Name, Action: p.LoginPath, Provider: p.ProviderPath})
	})
	mux, pages := http.NewServeMux(), ui.New(h.Control, o)
	people.Register(mux)
	mux.Handle("/assets/", pages)
	behind := http.NewServeMux()
	behind.Handle("/", pages)
	behind.Handle(api.Prefix+"/", api.New(h.Control))
	mux.HandleFunc("/", func(rw http.ResponseWriter, r *http.Request) {
		a, err := people.Actor(r)
		if errors.Is(err, signin.ErrNobody) {
			http.Redirect(rw, r, "/login?next="+r.URL.Path, http.StatusSeeOther)
			return
		}
		behind.ServeHTTP(rw, r.WithContext(auth.NewContext(r.Context(), a)))
	})
	srv := httptest.NewServer(http.NewCrossOriginProtection().Handler(mux))
	t.Cleanup(srv.Close)
	return srv.URL
}

// picture takes a picture where somebody asks for them.
func picture(t *testing.T, ctx context.Context, name string) {
	t.Helper()
	if *screens == "" {
		return
	}
	shot, err := chromedp.Run(ctx, chromedp.FullScreenshot(100))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(*screens, name+".png"), shot, 0o644); err != nil {
		t.Fatal(err)
	}
}

// viewer is the name of one.
var viewer = "vic-" + strings.Repeat("w", 60)

func TestPeopleSignInAndMakeTokens(t *testing.T) {
	address := serveTo(t, controltest.Shop(t, 300))
	for _, l := range []look{looks[0], looks[3]} {
		t.Run(l.String(), func(t *testing.T) {
			ctx := tab(t, l)
			watch(t, ctx)
			sound := func(what string) {
				t.Helper()
				wantSound(t, ctx, what)
				wantAccessible(t, ctx, what)
				picture(t, ctx, "signin_"+what+"_"+l.String())
			}
			signIn := func(name, password string) {
				t.Helper()
				do(t, ctx, chromedp.SetValue("input[name=name]", name), chromedp.SetValue("input[name=password]", password), chromedp.Click(".fields button"))
			}
			do(t, ctx, chromedp.Navigate(address+"/tokens"))
			until(t, ctx, `location.pathname === '/login' && document.querySelector('input[name=next]').value === '/tokens'`)
			sound("login")
			signIn("ann", "closed")
			until(t, ctx, `document.querySelector('[role=alert]') !== null`)
			sound("refused")
			signIn("ann", "open")
			until(t, ctx, `location.pathname === '/tokens' && document.querySelector('.who > summary').textContent === 'ann'`)
			sound("tokens")
			do(t, ctx, chromedp.SetValue("input[name=name]", "ci of "+l.String()), chromedp.Click("section[aria-labelledby=new] button"))
			until(t, ctx, `/^hg_\w{49}$/.test((document.querySelector('#secret') || {}).textContent || '')`)
			sound("token-made")
			do(t, ctx, chromedp.Click(".sure > summary"), chromedp.Click(".sure button"))
			until(t, ctx, `location.pathname === '/tokens' && !document.querySelector('#secret') && !document.body.textContent.includes('ci of `+l.String()+`')`)
			do(t, ctx, chromedp.Navigate(address+"/activity/audit"))
			do(t, ctx, chromedp.Click(".audit details > summary"))
			sound("audit")
			do(t, ctx, chromedp.Click(".who > summary"))
			sound("who")
			do(t, ctx, chromedp.Click(".who button"))
			until(t, ctx, `location.pathname === '/login'`)

			signIn(viewer, "open")
			until(t, ctx, `location.pathname === '/'`)
			if places := eval[string](t, ctx, `document.querySelector('.places').textContent`); strings.Contains(places, "Tokens") {
				t.Errorf("a viewer is led to %s", places)
			}
			do(t, ctx, chromedp.Click(".who > summary"))
			sound("viewer")
			do(t, ctx, chromedp.Navigate(address+"/tokens"))
			sound("forbidden")
			do(t, ctx, chromedp.Click(".who > summary"), chromedp.Click(".who button"))
			until(t, ctx, `location.pathname === '/login'`)
		})
	}
}
