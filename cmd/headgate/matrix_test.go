package main

import (
	"cmp"
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/headgate/headgate/internal/api"
)

// A reach is how far an operation goes, which says what tenants and teams have to do
// with whether somebody may do it.
type reach string

const (
	whole  reach = "whole"  // the installation: only for those who see all tenants
	one    reach = "one"    // one tenant, named or not: only for those who see it
	listed reach = "listed" // what the actor may see: for everyone, who gets less
	free   reach = "free"   // nothing that anybody may not see
	teams  reach = "teams"  // a rule: of the editor's team, in a tenant it sees
)

// An allowance is who may do an operation.
type allowance struct {
	roles string // of V(iewer), E(ditor), F(inOps) and A(dmin)
	reach reach

	// What to send: OWN stands for a tenant, TEAM for a team.
	path string // "": as in the document
	body string

	dry bool // a dry run takes the same
}

// allowances are those of every operation of the API. An operation without one fails
// the test: whoever adds it has to say who may do it.
var allowances = map[string]allowance{
	"GET /api/v1/flow":                    {roles: "VEFA", reach: one, path: "/api/v1/flow?tenant=OWN"},
	"GET /api/v1/explain":                 {roles: "VEFA", reach: one, path: "/api/v1/explain?tenant=OWN&series=up"},
	"GET /api/v1/rules":                   {roles: "VEFA", reach: listed},
	"GET /api/v1/rules/{name}":            {roles: "VEFA", reach: listed, path: "/api/v1/rules/of-all"},
	"GET /api/v1/limits":                  {roles: "VEFA", reach: listed},
	"GET /api/v1/limits/{tenant}":         {roles: "VEFA", reach: one, path: "/api/v1/limits/OWN"},
	"GET /api/v1/limits/{tenant}/history": {roles: "VEFA", reach: one, path: "/api/v1/limits/OWN/history"},
	"PUT /api/v1/limits/{tenant}":         {roles: "A", reach: one, path: "/api/v1/limits/OWN", body: `{"samples_per_second":1000}`},
	"DELETE /api/v1/limits/{tenant}":      {roles: "A", reach: one, path: "/api/v1/limits/OWN"},
	"GET /api/v1/bypass":                  {roles: "VEFA", reach: free},
	"POST /api/v1/bypass":                 {roles: "A", reach: whole, body: `{"for":"1h"}`},
	"DELETE /api/v1/bypass":               {roles: "A", reach: whole},
	"GET /api/v1/events":                  {roles: "VEFA", reach: one, path: "/api/v1/events?tenant=OWN"},
	"GET /api/v1/profile/metrics":         {roles: "VEFA", reach: one, path: "/api/v1/profile/metrics?tenant=OWN"},
	"GET /api/v1/profile/metric":          {roles: "VEFA", reach: one, path: "/api/v1/profile/metric?tenant=OWN&metric=up"},
	"GET /api/v1/profile/labels":          {roles: "VEFA", reach: one, path: "/api/v1/profile/labels?tenant=OWN"},
	"GET /api/v1/profile/series":          {roles: "VEFA", reach: one, path: "/api/v1/profile/series?tenant=OWN&match=up"},
	"GET /api/v1/status/tsdb":             {roles: "VEFA", reach: one, path: "/api/v1/status/tsdb?tenant=OWN"},
	"GET /api/v1/status":                  {roles: "VEFA", reach: listed},
	"GET /api/v1/status/buildinfo":        {roles: "VEFA", reach: free},
	"GET /api/v1/tokens":                  {roles: "A", reach: listed},
	"POST /api/v1/tokens":                 {roles: "A", reach: one, body: `{"name":"t","role":"viewer","tenants":["OWN"]}`},
	"GET /api/v1/costs":                   {roles: "VEFA", reach: one, path: "/api/v1/costs?tenant=OWN"},
	"GET /api/v1/costs/figure":            {roles: "VEFA", reach: one, path: "/api/v1/costs/figure?tenant=OWN&by=team&row=team:cart"},
	"GET /api/v1/costs/summary":           {roles: "VEFA", reach: one, path: "/api/v1/costs/summary?tenant=OWN"},
	"GET /api/v1/teams":                   {roles: "VEFA", reach: one, path: "/api/v1/teams?tenant=OWN"},
	"GET /api/v1/teams/{team}":            {roles: "VEFA", reach: one, path: "/api/v1/teams/cart?tenant=OWN"},
	"GET /api/v1/unowned":                 {roles: "VEFA", reach: one, path: "/api/v1/unowned?tenant=OWN"},
	"GET /api/v1/owners":                  {roles: "VEFA", reach: free},
	"GET /api/v1/prices":                  {roles: "VEFA", reach: listed},
	"GET /api/v1/budgets":                 {roles: "VEFA", reach: listed},
	"GET /api/v1/owners/problems":         {roles: "VEFA", reach: free},
	"PUT /api/v1/owners":                  {roles: "FA", reach: whole, body: `{"owners":[]}`, dry: true},
	"PUT /api/v1/prices":                  {roles: "FA", reach: whole, body: `{"prices":[]}`, dry: true},
	"PUT /api/v1/budgets":                 {roles: "FA", reach: whole, body: `{"budgets":{}}`, dry: true},
	"POST /api/v1/rules/preview":          {roles: "VEFA", reach: one, path: "/api/v1/rules/preview", body: `{"tenant":"OWN","match":"up","action":"drop"}`},
	"GET /api/v1/recommendations":         {roles: "VEFA", reach: one, path: "/api/v1/recommendations?tenant=OWN"},
	"GET /api/v1/usage":                   {roles: "VEFA", reach: free, path: "/api/v1/usage?metric=up"},
	"GET /api/v1/usage/breaks":            {roles: "VEFA", reach: listed, path: "/api/v1/usage/breaks?rule=of-all"},
	"GET /api/v1/usage/problems":          {roles: "VEFA", reach: free},
	"POST /api/v1/usage/queries":          {roles: "EA", reach: whole, body: `{"queries":[{"expr":"up"}]}`},
	"GET /api/v1/audit":                   {roles: "FA", reach: one, path: "/api/v1/audit?tenant=OWN"},
	"GET /api/v1/rules/{name}/history":    {roles: "VEFA", reach: listed, path: "/api/v1/rules/of-all/history"},
	"POST /api/v1/rules":                  {roles: "EA", reach: teams, body: aRule, dry: true},
	"PUT /api/v1/rules/{name}":            {roles: "EA", reach: teams, path: aRulePath, body: aRule, dry: true},
	"DELETE /api/v1/rules/{name}":         {roles: "EA", reach: teams, path: aRulePath, dry: true},
	"POST /api/v1/rules/{name}/revert":    {roles: "EA", reach: teams, path: aRulePath + "/revert", body: `{"revision":1}`, dry: true},
	"DELETE /api/v1/tokens/{id}":          {roles: "A", reach: listed, path: "/api/v1/tokens/none"},
}

// aRule is of a team in a tenant. One like it is there already.
const (
	aRulePath = "/api/v1/rules/r-OWN-TEAM"
	aRule     = `{"name":"r-OWN-TEAM","tenant":"OWN","team":"TEAM","match":"up","action":"drop","mode":"off"}`
)

const (
	ownTenant, foreignTenant = "own", "foreign"
	ownTeam, foreignTeam     = "cart", "search"
)

// A caller is somebody with a token.
type caller struct {
	role   string
	tenant string // that it may ask about; "": all
	secret string
}

func (c caller) String() string {
	if c.tenant == "" {
		return c.role + " of all tenants"
	}
	return c.role + " of tenant " + c.tenant
}

// may is what the table says of a caller who does something to the tenant, and to
// the rule of a team.
func (a allowance) may(c caller, tenant, team string) bool {
	if !strings.Contains(a.roles, strings.ToUpper(c.role[:1])) {
		return false
	}
	sees := c.tenant == "" || c.tenant == tenant
	switch a.reach {
	case whole:
		return c.tenant == ""
	case one:
		return sees
	case teams:
		return sees && (c.role == "admin" || team == ownTeam)
	}
	return true
}

func TestEveryOperationByRoleTenantAndTeam(t *testing.T) {
	up := newStore(t)
	r := launch(t, map[string]string{
		"headgate.yml": configFor(up.URL, ruleFiles+"storage: {url: sqlite://store.db}\nauth: {users: [{name: root, role: admin, password_file: pw}]}\n"),
		"rules/a.yml":  "rules: [{name: of-all, match: debug, action: drop}]\n",
		"pw":           "correct horse battery staple",
	}, "--config.file=DIR/headgate.yml")
	session := r.signIn("root", "correct horse battery staple")
	callers := []caller{}
	for _, role := range []string{"viewer", "editor", "finops", "admin"} {
		for _, tenant := range []string{"", ownTenant, foreignTenant} {
			c := caller{role: role, tenant: tenant}
			c.secret = r.token(session, c)
			callers = append(callers, c)
		}
	}

	var doc struct {
		Paths map[string]map[string]any
	}
	resp, text := r.do(http.MethodGet, r.web, "/api/v1/openapi.json", nil, bearer(callers[0].secret))
	if err := json.Unmarshal([]byte(text), &doc); err != nil {
		t.Fatalf("%s: %v", resp.Status, err)
	}
	known := maps.Clone(allowances)
	for _, path := range slices.Sorted(maps.Keys(doc.Paths)) {
		for method := range doc.Paths[path] {
			operation := strings.ToUpper(method) + " " + path
			a, ok := allowances[operation]
			if !ok {
				t.Errorf("%s: nothing says who may do it; give it an allowance", operation)
				continue
			}
			delete(known, operation)
			t.Run(operation, func(t *testing.T) {
				r.tryAll(t, strings.ToUpper(method), path, a, callers)
				if a.dry {
					a.path = cmp.Or(a.path, path) + "?dry_run=true"
					r.tryAll(t, strings.ToUpper(method), path, a, callers)
				}
			})
		}
	}
	for operation := range known {
		t.Errorf("%s: it has an allowance, and is no operation of the API", operation)
	}
}

// tryAll tries an operation as everybody, on every tenant and team.
func (r *running) tryAll(t *testing.T, method, path string, a allowance, callers []caller) {
	if a.path != "" {
		path = a.path
	}
	ofTeams := []string{""}
	if a.reach == teams {
		ofTeams = []string{ownTeam, foreignTeam, ""}
	}
	send := func(path, body string, change func(*http.Request)) (int, string) {
		resp, text := r.do(method, r.web, path, []byte(body), func(req *http.Request) {
			req.Header.Set("If-Match", "*")
			if body != "" {
				req.Header.Set("Content-Type", "application/json")
			}
			if change != nil {
				change(req)
			}
		})
		return resp.StatusCode, text
	}
	for _, tenant := range []string{ownTenant, foreignTenant} {
		for _, team := range ofTeams {
			fill := strings.NewReplacer("OWN", tenant, "TEAM", team)
			path, body := fill.Replace(path), fill.Replace(a.body)
			for name, change := range map[string]func(*http.Request){
				"nobody": nil, "a token of no form": bearer("hg_none"), "another scheme": basic("root", "correct horse battery staple"),
			} {
				if status, text := send(path, body, change); status != http.StatusUnauthorized {
					t.Errorf("%s: %d %s, want 401", name, status, text)
				}
			}
			for _, c := range callers {
				if a.reach == teams {
					r.makeRule(t, fill.Replace(aRulePath), fill.Replace(aRule), callers)
				}
				status, text := send(path, body, bearer(c.secret))
				switch want := a.may(c, tenant, team); {
				case status == http.StatusUnauthorized || status >= 500:
					t.Errorf("%s, tenant %s, team %q: %d %s", c, tenant, team, status, text)
				case want == (status == http.StatusForbidden):
					t.Errorf("%s, tenant %s, team %q: %d %.300s; may it? %t", c, tenant, team, status, text, want)
				}
			}
		}
	}
}

// makeRule makes the rule at path again, where there is none.
func (r *running) makeRule(t *testing.T, path, body string, callers []caller) {
	t.Helper()
	admin := slices.IndexFunc(callers, func(c caller) bool { return c.role == "admin" && c.tenant == "" })
	if resp, _ := r.do(http.MethodGet, r.web, path, nil, bearer(callers[admin].secret)); resp.StatusCode == http.StatusOK {
		return
	}
	resp, text := r.do(http.MethodPost, r.web, "/api/v1/rules", []byte(body), func(req *http.Request) {
		req.Header.Set("Content-Type", "application/json")
		bearer(callers[admin].secret)(req)
	})
	if resp.StatusCode != http.StatusCreated {
		t.Fatalf("make a rule: %s %s", resp.Status, text)
	}
}

// token makes the token of a caller, and returns its secret.
func (r *running) token(session func(*http.Request), c caller) string {
	r.t.Helper()
	body := map[string]any{"name": "matrix " + c.String(), "role": c.role, "teams": []string{ownTeam}}
	if c.tenant != "" {
		body["tenants"] = []string{c.tenant}
	}
	b, err := json.Marshal(body)
	if err != nil {
		r.t.Fatal(err)
	}
	resp, text := r.do(http.MethodPost, r.web, "/api/v1/tokens", b, func(req *http.Request) {
		req.Header.Set("Content-Type", "application/json")
		session(req)
	})
	var made api.NewToken
	if err := json.Unmarshal([]byte(text), &made); err != nil || resp.StatusCode != http.StatusCreated || made.Secret == "" {
		r.t.Fatalf("make a token: %s %s", resp.Status, text)
	}
	return made.Secret
}

func bearer(secret string) func(*http.Request) { return header("Authorization", "Bearer "+secret) }

// signIn signs in with a password, and returns what makes a request that of the
// session, as a browser sends it.
func (r *running) signIn(name, password string) func(*http.Request) {
	r.t.Helper()
	resp, text := r.post("/login", map[string]string{"name": name, "password": password, "next": "/"})
	if resp.StatusCode != http.StatusSeeOther {
		r.t.Fatalf("sign in: %s %s", resp.Status, text)
	}
	cookie := resp.Cookies()[0]
	return func(req *http.Request) {
		req.AddCookie(&http.Cookie{Name: cookie.Name, Value: cookie.Value})
		req.Header.Set("Sec-Fetch-Site", "same-origin")
	}
}
