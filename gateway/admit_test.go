package gateway

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/golang/snappy"

	"github.com/headgate/headgate/internal/remotewrite"
	"github.com/headgate/headgate/internal/tenant"
)

// doors is an Authenticator: tenants by Authorization header.
type doors map[string][]tenant.ID

// Tenants implements Authenticator.
func (d doors) Tenants(r *http.Request) ([]tenant.ID, bool) {
	t, ok := d[r.Header.Get("Authorization")]
	return t, ok
}

// Who may speak for whom: DESIGN, section 4.2.
func TestTenants(t *testing.T) {
	const one, several = "Bearer secret-0", "Basic secret-1"
	known := doors{one: {"payments"}, several: {"search", "checkout"}}
	tests := []struct {
		name    string
		trusted bool // no credentials are configured
		auth    string
		tenants []string
		want    int
		tenant  string // that the samples are counted for
		header  string // that the upstream gets
	}{
		{"nobody is named: the default tenant, and no header goes on", true, "", nil, 204, "default", ""},
		{"a named tenant is believed", true, "", []string{"search"}, 204, "search", "search"},
		{"a malformed tenant", true, "", []string{"a/b"}, 400, "", ""},
		{"an empty tenant", true, "", []string{""}, 400, "", ""},
		{"two tenants in one header", true, "", []string{"a|b"}, 400, "", ""},
		{"a repeated header", true, "", []string{"a", "a"}, 400, "", ""},
		{"no credential", false, "", nil, 401, "", ""},
		{"a wrong token", false, "Bearer secret-2", nil, 401, "", ""},
		{"a wrong password", false, "Basic secret-0", []string{"search"}, 401, "", ""},
		{"a wrong credential is told before a bad tenant", false, "Bearer no", []string{"a/b"}, 401, "", ""},
		{"a credential of one tenant speaks for it", false, one, nil, 204, "payments", "payments"},
		{"and may name it", false, one, []string{"payments"}, 204, "payments", "payments"},
		{"but no other", false, one, []string{"search"}, 403, "", ""},
		{"a credential of several needs the name", false, several, nil, 400, "", ""},
		{"and speaks for the one it names", false, several, []string{"checkout"}, 204, "checkout", "checkout"},
		{"but no other", false, several, []string{"payments"}, 403, "", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := newFixture(t, "", func(s *Settings) {
				if !tt.trusted {
					s.Auth = known
				}
			})
			var header []string
			if tt.auth != "" {
				header = append(header, "Authorization", tt.auth)
			}
			for _, v := range tt.tenants {
				header = append(header, "X-Scope-OrgID", v)
			}
			rec := f.post(remotewrite.V1, bodyV1(at("a", 1, 1000)), header...)
			if rec.Code != tt.want {
				t.Fatalf("answer %d %q, want %d", rec.Code, rec.Body, tt.want)
			}
			if strings.Contains(rec.Body.String(), "secret") {
				t.Errorf("the answer tells a secret: %s", rec.Body)
			}
			if tt.want != 204 {
				if f.store.count() != 0 {
					t.Error("something was forwarded")
				}
				return
			}
			if got := f.store.heads[0].Get("X-Scope-OrgID"); got != tt.header {
				t.Errorf("upstream got tenant %q, want %q", got, tt.header)
			}
			if got := f.store.heads[0].Get("Authorization"); got != "" {
				t.Errorf("upstream got the sender's credential %q", got)
			}
			if flow, err := f.Flow(tenant.ID(tt.tenant), ""); err != nil || flow.Counts[Forwarded] != 1 {
				t.Errorf("flow of %s: %v, %v", tt.tenant, flow.Counts, err)
			}
		})
	}
}

func TestUpstreamRequest(t *testing.T) {
	f := newFixture(t, "", func(s *Settings) { s.Config.Upstream.Headers = map[string]string{"X-Extra": "yes"} })
	f.post(remotewrite.V1, bodyV1(at("a", 1, 1000)), "Retry-Attempt", "3", "User-Agent", "Prometheus/3", "X-Prometheus-Remote-Write-Version", "0.1.0")
	f.post(remotewrite.V2, bodyV2(at("a", 1, 1000)), "X-Other", "1")
	for i, want := range []map[string]string{
		{"Content-Type": "application/x-protobuf", "X-Prometheus-Remote-Write-Version": "0.1.0", "Retry-Attempt": "3"},
		{"Content-Type": "application/x-protobuf;proto=io.prometheus.write.v2.Request", "X-Prometheus-Remote-Write-Version": "2.0.0", "Retry-Attempt": ""},
	} {
		want["Content-Encoding"], want["X-Extra"], want["X-Other"], want["User-Agent"] = "snappy", "yes", "", userAgent
		for name, v := range want {
			if got := f.store.heads[i].Get(name); got != v {
				t.Errorf("request %d: %s is %q, want %q", i+1, name, got, v)
			}
		}
	}
}

func TestTenantsHaveUpstreamsOfTheirOwn(t *testing.T) {
	own := DefaultUpstreamConfig()
	own.URL = "http://127.0.0.1:9/api/v1/push"
	f := newFixture(t, "", func(s *Settings) { s.Config.TenantUpstreams = map[tenant.ID]UpstreamConfig{"search": own} })
	other := &store{}
	f.settings.Load().upstreams.byTenant["search"].client.Transport = other
	f.post(remotewrite.V1, bodyV1(at("a", 1, 1000)), "X-Scope-OrgID", "search")
	f.post(remotewrite.V1, bodyV1(at("a", 1, 1000)), "X-Scope-OrgID", "payments")
	if other.count() != 1 || f.store.count() != 1 {
		t.Errorf("own upstream got %d requests, the common one %d; want 1 and 1", other.count(), f.store.count())
	}
	f.store.answer = func(int, []byte) *http.Response { return status(500, "") }
	if rec := f.post(remotewrite.V1, bodyV1(at("a", 1, 2000)), "X-Scope-OrgID", "search"); rec.Code != 204 {
		t.Errorf("answer %d: a tenant depends on another's upstream", rec.Code)
	}
}

// No tenant keeps others out, not even those who share its upstream.
func TestBytesInFlight(t *testing.T) {
	var f inflight
	f.setLimit(800)
	up := &upstream{}
	of := func(t tenant.ID, u *upstream) *charge { return &charge{in: &f, tenant: t, target: u} }
	alone := of("a", up)
	if !alone.take(400) || alone.take(1) {
		t.Error("a single request gets half, and no more")
	}
	if of("b", up).take(1) {
		t.Error("an upstream is held by half, and no more")
	}
	if other := of("b", &upstream{}); !other.take(400) || of("c", &upstream{}).take(1) {
		t.Error("another upstream gets the other half, and no more")
	} else {
		other.release()
	}
	alone.release()
	alone.release()

	first, second := of("a", up), of("a", up)
	if !first.take(200) || !second.take(100) || second.take(1) || first.take(1) {
		t.Error("the requests of a tenant get three quarters of the half together")
	}
	neighbour := of("b", up)
	if !neighbour.take(100) || neighbour.take(1) {
		t.Error("a neighbour on the same upstream gets the rest of the half")
	}
	first.shrink(50)
	if !second.take(150) {
		t.Error("what was given back can be taken")
	}
	first.release()
	second.release()
	neighbour.release()
	if f.bytes() != 0 || len(f.byTenant) != 0 || len(f.byTarget) != 0 {
		t.Errorf("after all is given back: %d bytes, %d tenants, %d upstreams", f.bytes(), len(f.byTenant), len(f.byTarget))
	}
}

func TestLimitsOfABody(t *testing.T) {
	f := newFixture(t, "", func(s *Settings) {
		s.Config.MaxBodyBytes, s.Config.MaxDecodedBytes, s.Config.MaxSeriesPerRequest = 100_000, 200_000, 10
	})
	raw := func(body []byte, length int64) int {
		r := httptest.NewRequest(http.MethodPost, "/api/v1/write", io.NopCloser(bytes.NewReader(body)))
		r.ContentLength = length
		rec := httptest.NewRecorder()
		f.ServeHTTP(rec, r)
		return rec.Code
	}
	many := make([]entry, 11)
	for i := range many {
		many[i] = at(fmt.Sprintf("m%d", i), 1, 1000)
	}
	tests := []struct {
		name   string
		body   []byte
		length int64
		want   int
	}{
		{"a length over the limit", nil, 100_001, 400},
		{"more bytes than the limit, without a length", make([]byte, 150_000), -1, 400},
		{"a body that ends before its length", snappy.Encode(nil, bodyV1(at("a", 1, 1))), 5000, 503},
		{"a declared length of 4 GiB", []byte{0xff, 0xff, 0xff, 0xff, 0x0f, 0}, 6, 400},
		{"a declared length over the limit", snappy.Encode(nil, make([]byte, 200_001)), -1, 400},
		{"a body of no bytes", nil, 0, 400},
		{"more series than the limit", snappy.Encode(nil, bodyV1(many...)), -1, 400},
		{"a chunked body", snappy.Encode(nil, bodyV1(at("a", 1, 1))), -1, 204},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := raw(tt.body, tt.length); got != tt.want {
				t.Errorf("answer %d, want %d", got, tt.want)
			}
		})
	}
	if n := f.inflight.bytes(); n != 0 {
		t.Errorf("%d bytes are still charged", n)
	}
	f.inflight.setLimit(100)
	if got := raw(snappy.Encode(nil, bodyV1(many[:9]...)), -1); got != 503 {
		t.Errorf("answer %d without memory, want 503", got)
	}
}
