package main

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/headgate/headgate/internal/api"
)

// put sets a limit by the API, and returns the status, the ETag and the text.
func (r *running) put(tenantName, match, body string) (int, string, string) {
	r.t.Helper()
	resp, text := r.do(http.MethodPut, r.web, "/api/v1/limits/"+tenantName, []byte(body), header("Content-Type", "application/json", "If-Match", match))
	return resp.StatusCode, resp.Header.Get("ETag"), text
}

func TestLimitsByAPI(t *testing.T) {
	up := newStore(t)
	const limits = "limits: {tenants: {payments: {samples_per_second: 1000}}}\n"
	files := map[string]string{"headgate.yml": configFor(up.URL, limits)}
	r := launch(t, files, "--config.file=DIR/headgate.yml", "--web.enable-lifecycle")

	if status, _, text := r.put("payments", "*", `{}`); status != http.StatusConflict || !strings.Contains(text, "headgate.yml") {
		t.Errorf("the limit of a tenant in the file is set: %d %s, want 409", status, text)
	}
	status, tag, text := r.put("shop", `"0"`, `{"samples_per_second":1,"burst":"1s","default_priority":"low","pools":[{"name":"core","share":0.5,"match":"up"}]}`)
	if status != http.StatusOK || tag == "" || !strings.Contains(text, `"source":"api"`) {
		t.Fatalf("set: %d %s %s", status, tag, text)
	}
	if status, _, _ := r.put("shop", `"0"`, `{}`); status != http.StatusPreconditionFailed {
		t.Errorf("set with a stale ETag: %d, want 412", status)
	}

	// The first request finds a full bucket and leaves a debt; the second is shed.
	shop := header("X-Scope-OrgID", "shop")
	var many []string
	for i := range 300 {
		many = append(many, fmt.Sprintf("m%d", i))
	}
	for i := range 2 {
		if status, text := r.send(wire1, wire1.body(t, int64(1000*i), many...), shop); status != http.StatusNoContent {
			t.Fatalf("write: %d %s", status, text)
		}
	}
	if f := r.wantConserved("?tenant=shop"); f.Shed == 0 {
		t.Errorf("the flow of a tenant at many times its limit is %+v, want some of it shed", f.Counts)
	}
	var l api.Limit
	r.read("/api/v1/limits/shop", &l)
	if !l.Over || l.Since == nil || l.Pools[0].Passes == "everything" || l.UpdatedBy != "127.0.0.1" {
		t.Errorf("the limit is %+v, want it exceeded, and set by 127.0.0.1", l)
	}
	eventually(t, "what is shed is told", func() bool {
		r.read("/api/v1/limits/shop", &l)
		return len(l.Shed) == 1 && l.Shed[0].Priority == "low" && l.Shed[0].SamplesPerSecond > 0
	})
	if f := r.metrics()["headgate_limit_over"]; len(f.GetMetric()) != 2 {
		t.Errorf("headgate_limit_over has %d series, want those of payments and shop", len(f.GetMetric()))
	}
	var x api.Explanation
	r.read("/api/v1/explain?tenant=shop&series=up", &x)
	if x.Verdict.Pool != "core" || x.Verdict.Priority != "low" {
		t.Errorf("the verdict is %+v, want the pool core and the tenant's priority", x.Verdict)
	}

	// A reload of the file leaves it alone, and so does a restart.
	if resp, text := r.do(http.MethodPost, r.web, "/-/reload", nil, nil); resp.StatusCode != http.StatusOK {
		t.Fatalf("reload: %s %s", resp.Status, text)
	}
	if code := r.stop(); code != exitOK {
		t.Fatalf("headgate ended with %d:\n%s", code, r.log)
	}
	again := launch(t, nil, "--config.file="+r.dir+"/headgate.yml")
	var list struct{ Limits []api.Limit }
	again.read("/api/v1/limits", &list)
	if len(list.Limits) != 2 || list.Limits[1].Tenant != "shop" || list.Limits[1].SamplesPerSecond != 1 || list.Limits[1].Source != "api" {
		t.Errorf("after a restart the limits are %+v, want payments and shop", list.Limits)
	}
	resp, text := again.do(http.MethodDelete, again.web, "/api/v1/limits/shop", nil, header("If-Match", tag))
	if resp.StatusCode != http.StatusNoContent {
		t.Errorf("delete: %s %s, want 204", resp.Status, text)
	}
	again.read("/api/v1/limits/shop", &l)
	if l.Source != "default" || l.SamplesPerSecond != 0 {
		t.Errorf("the limit is %+v, want that of default", l)
	}
}
