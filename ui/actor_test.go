package ui

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"github.com/headgate/headgate/internal/auth"
	"github.com/headgate/headgate/internal/tenant"
)

// as asks for a page as somebody.
func as(h http.Handler, a auth.Actor, path string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodGet, path, nil)
	r.Header.Set("Accept", "text/html")
	rec := httptest.NewRecorder()
	h.ServeHTTP(rec, r.WithContext(auth.NewContext(r.Context(), a)))
	return rec
}

func TestWhoHasATenantSeesItAlone(t *testing.T) {
	h := shop(t)
	ann := auth.Actor{Name: "ann", Role: auth.Viewer, Tenants: []tenant.ID{"payments"}}
	for path, status := range map[string]int{
		"/": 200, "/?tenant=payments": 200, "/?tenant=default": 403, "/profile/metrics": 200, "/profile/metrics?tenant=default": 403, "/profile/metrics.csv?tenant=default": 403,
		"/profile/metric?metric=http_requests_total": 404, "/profile/metric?metric=http_requests_total&tenant=default": 403, "/profile/labels?tenant=default": 403,
		"/profile/series?match=up&tenant=default": 403, "/limits": 200, "/limits/payments": 200, "/limits/default": 403, "/rules": 200,
		"/explain?series=up&tenant=default": 403, "/activity": 200, "/activity?tenant=default": 403, "/status": 200,
	} {
		rec := as(h, ann, path)
		if rec.Code != status {
			t.Errorf("%s: %d, want %d", path, rec.Code, status)
		}
		for _, other := range []string{"checkout_session_events_total", "http_requests_total"} {
			if rec.Code == 200 && strings.Contains(rec.Body.String(), other) && !strings.Contains(path, "rules") {
				t.Errorf("%s shows %s of another tenant", path, other)
			}
		}
	}
	doc, err := html.Parse(as(h, ann, "/").Body)
	if err != nil {
		t.Fatal(err)
	}
	if options := allText(find(doc, "option")); strings.Join(options, " ") != "payments" {
		t.Errorf("the tenants to choose from are %q, want payments", options)
	}
}

func TestWhoHasNoRoleSeesNothing(t *testing.T) {
	h := shop(t)
	for _, path := range []string{"/", "/profile/metrics", "/profile/metrics.csv", "/profile/series.csv?match=up", "/rules", "/limits", "/explain", "/activity", "/status"} {
		rec := as(h, auth.Actor{Name: "bob"}, path)
		if rec.Code != http.StatusForbidden || strings.Contains(rec.Body.String(), "payments") {
			t.Errorf("%s: %d, want 403 without a tenant's name", path, rec.Code)
		}
	}
}

func TestFormsAreForThoseWhoMaySendThem(t *testing.T) {
	h := shop(t)
	for _, path := range []string{"/rules/drop-sessions/edit", "/rules/drop-sessions/revert?to=1", "/rules/drop-sessions/delete"} {
		for _, tt := range []struct {
			name  string
			actor auth.Actor
			want  int
		}{
			{"an editor of its team", auth.Actor{Role: auth.Editor, Teams: []string{"checkout"}}, 200},
			{"an editor of another team", auth.Actor{Role: auth.Editor, Teams: []string{"search"}}, 403},
			{"an editor of its team in another tenant", auth.Actor{Role: auth.Editor, Teams: []string{"checkout"}, Tenants: []tenant.ID{"payments"}}, 404},
			{"a viewer", auth.Actor{Role: auth.Viewer}, 403},
			{"an admin", auth.Actor{Role: auth.Admin}, 200},
		} {
			rec := as(h, tt.actor, path)
			if form := strings.Contains(rec.Body.String(), "<form") && strings.Contains(rec.Body.String(), `name="revision"`); rec.Code != tt.want || form != (tt.want == 200) {
				t.Errorf("%s of %s: %d, with a form: %v; want %d", tt.name, path, rec.Code, form, tt.want)
			}
		}
	}
}
