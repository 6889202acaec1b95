package explosion

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
)

func TestWhatValuesLookLike(t *testing.T) {
	tests := []struct {
		value string
		want  Form
	}{
		{"123e4567-e89b-12d3-a456-426614174000", UUID},
		{"{123E4567-E89B-12D3-A456-426614174000}", UUID},
		{"req-123e4567-e89b-12d3-a456-426614174000", UUID},
		{"urn:uuid:123e4567-e89b-12d3-a456-426614174000", UUID},
		{"a123e4567-e89b-12d3-a456-426614174000", Other},
		{"42", Number}, {"-1", Number}, {"0.5", Number}, {"1e9", Number}, {"+2.5E-3", Number}, {"5.", Number},
		{"1.2.3", Version}, {"-", Other}, {"1e", Other}, {"1-2", Other},
		{"1700000000", Timestamp}, {"1700000000123", Timestamp}, {"1700000000123456", Timestamp},
		{"1700000000123456789", Timestamp}, {"1700000000.5", Timestamp},
		{"2026-08-01T12:00:00Z", Timestamp}, {"2026-08-01T12:00:00.123+02:00", Timestamp},
		{"2026-08-01 12:00:00", Timestamp}, {"2026-08-01", Timestamp},
		{"2026-99-01", Other}, {"9999999999", Number}, {"170000000", Number},
		{"https://example.org/a?b=c", URL}, {"grpc://host:1", URL}, {"://x", Other}, {"http://", Other},
		{"/api/v1/users/17", Path}, {"/", Path},
		{"10.0.0.1", IP}, {"10.0.0.1:9090", IP}, {"10.0.0.0/8", IP}, {"fe80::1%eth0", IP}, {"[::1]:80", IP}, {"::", IP},
		{"10.0.0.256", Version}, {"12:30", Other},
		{"ann@example.org", Email}, {"@example.org", Other}, {"ann@host", Other}, {"a@b@c.org", Other},
		{"v1", Version}, {"v1.2", Version}, {"v1.2.3-rc.1+b5", Version}, {"go1.26.8", Version}, {"2.53.0", Version}, {"1.2.3.4.5", Version},
		{"d41d8cd98f00b204e9800998ecf8427e", Hash},
		{"sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", Hash},
		{"0xdeadbeefdeadbeefdeadbeef", Hash}, {"47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=", Hash},
		{"deadbeef", Other}, {"HttpServerErrorCount2xx", Other},
		{"checkout-7d4b9c6f85-x2vwq", Pod}, {"node-exporter-8xk2p", Pod}, {"backup-29166480-w7kfb", Pod},
		{"checkout-7d4b9c6f85-xvwqz", Pod}, {"x-https", Other}, {"kafka-0", Other}, {"checkout", Other},
		{"eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N", Token},
		{"sess_8fJ2kd92nNfk3Lq0", Token}, {"01ARZ3NDEKTSV4RRFFQ69G5FAV", Token}, {"k3j9x0q2m8z7w1v5", Token},
		{"GET", Other}, {"internal-server-error", Other}, {"the quick brown fox 12 34 56", Other},
		{"http_requests_total", Other}, {"\xff\xfe\x00", Other}, {"日本語", Other},
		{"ip-10-0-12-7.ec2.internal", Other},
	}
	for _, tt := range tests {
		if got := forms[formOf(tt.value)]; got != tt.want {
			t.Errorf("%q looks like %q, want %q", tt.value, got, tt.want)
		}
	}
}

func TestTheMajorityNamesTheShape(t *testing.T) {
	tests := []struct {
		name   string
		values []string
		want   Look
	}{
		{"no values", nil, Look{Other, 0}},
		{"only empty ones", []string{"", ""}, Look{Other, 0}},
		{"all alike", []string{"10.0.0.1", "10.0.0.2"}, Look{IP, 1}},
		{"empty ones do not vote", []string{"10.0.0.1", ""}, Look{IP, 1}},
		{"three of four", []string{"7", "99", "1000", "x"}, Look{Number, 0.75}},
		{"hashes and tokens are of one kind", []string{"8fJ2kd92nNfk3Lq0", "47DEQpj8HBSa+/TImW+5JCeu", "x", "y"}, Look{Hash, 0.5}},
		{"half is enough", []string{"a@b.org", "x"}, Look{Email, 0.5}},
		{"less is not", []string{"a@b.org", "10.0.0.1", "x"}, Look{Other, 1. / 3}},
		{"numbers that follow each other", []string{"105", "101", "103", "102", "104", "107"}, Look{Sequence, 1}},
		{"and some others", []string{"105", "101", "103", "102", "104", "107", "GET", "x"}, Look{Sequence, 0.75}},
		{"numbers that lie apart", []string{"1", "1000", "5", "777777", "31", "2000"}, Look{Number, 1}},
		{"few numbers", []string{"1", "2", "3"}, Look{Number, 1}},
		{"numbers that repeat", []string{"200", "200", "200", "404", "500", "503"}, Look{Number, 1}},
		{"fractions", []string{"0.1", "0.2", "0.3", "0.4", "0.5", "0.6"}, Look{Number, 1}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := Shape(tt.values); got != tt.want {
				t.Errorf("got %v, want %v", got, tt.want)
			}
		})
	}
}

// Twenty values are what an event keeps; they must do.
func TestTwentyGeneratedValuesAreRecognised(t *testing.T) {
	const trials, each = 500, 20
	const safe, rev = "bcdfghjklmnpqrstvwxz2456789", "456789bcdf"
	rng := rand.New(rand.NewPCG(3, 1))
	from := func(alphabet string, n int) string {
		b := make([]byte, n)
		for i := range b {
			b[i] = alphabet[rng.IntN(len(alphabet))]
		}
		return string(b)
	}
	const base62 = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
	bytes := func(n int) []byte {
		b := make([]byte, n)
		for i := range b {
			b[i] = byte(rng.Uint32())
		}
		return b
	}
	now := time.Date(2026, 8, 1, 0, 0, 0, 0, time.UTC)
	later := func() time.Time { return now.Add(time.Duration(rng.Int64N(int64(24 * time.Hour)))) }
	for _, g := range []struct {
		name  string
		makes func() string
		want  []Form
	}{
		{"uuid", func() string {
			b := bytes(16)
			return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
		}, []Form{UUID}},
		{"md5", func() string { return hex.EncodeToString(bytes(16)) }, []Form{Hash}},
		{"trace id", func() string { return hex.EncodeToString(bytes(8)) }, []Form{Hash}},
		{"sha256 in base64", func() string { s := sha256.Sum256(bytes(8)); return base64.StdEncoding.EncodeToString(s[:]) }, []Form{Hash}},
		{"16 letters and digits", func() string { return from(base62, 16) }, []Form{Hash, Token}},
		{"24 of base64url", func() string { return base64.RawURLEncoding.EncodeToString(bytes(24)) }, []Form{Hash, Token}},
		{"session", func() string { return "sess_" + from(base62, 24) }, []Form{Token}},
		{"deployment", func() string { return "shop-api-" + from(rev, 8+rng.IntN(3)) + "-" + from(safe, 5) }, []Form{Pod}},
		{"daemon set", func() string { return "node-exporter-" + from(safe, 5) }, []Form{Pod}},
		{"seconds", func() string { return fmt.Sprint(later().Unix()) }, []Form{Timestamp}},
		{"nanoseconds", func() string { return fmt.Sprint(later().UnixNano()) }, []Form{Timestamp}},
		{"RFC 3339", func() string { return later().Format(time.RFC3339Nano) }, []Form{Timestamp}},
		{"any number", func() string { return fmt.Sprint(rng.IntN(1e8)) }, []Form{Number}},
	} {
		wrong := 0
		for range trials {
			values := make([]string, each)
			for i := range values {
				values[i] = g.makes()
			}
			got, ok := Shape(values), false
			for _, w := range g.want {
				ok = ok || got.Form == w
			}
			if !ok {
				wrong++
			}
		}
		t.Logf("%-24s %d of %d not recognised", g.name, wrong, trials)
		if wrong > trials/50 {
			t.Errorf("%s: %d of %d not recognised", g.name, wrong, trials)
		}
	}
}

func TestHugeValuesCostNothing(t *testing.T) {
	huge := strings.Repeat("a1-", 1<<20)
	for _, prefix := range []string{"", "/", "https://", "1", "-", "{", "a@", "sha256:", "v1."} {
		values := make([]string, maxValues)
		value := prefix + huge
		for i := range values {
			values[i] = value
		}
		if n := testing.AllocsPerRun(3, func() { Shape(values) }); n > 0 {
			t.Errorf("%q…: %v allocations", prefix, n)
		}
		began := time.Now()
		Shape(values)
		if took := time.Since(began); took > time.Second {
			t.Errorf("%q…: a thousand values of 3 MB take %v", prefix, took)
		}
	}
}

func FuzzShape(f *testing.F) {
	for _, v := range []string{"", "-", "{", "2026-08-01T", "1e", "a@b.c", "v", "go", "0x", "::", "[", "a-b-c", "\xff", "sha256:", "====", "://", "1.", "+"} {
		f.Add(v, "10.0.0.1")
	}
	f.Fuzz(func(t *testing.T, a, b string) {
		for _, values := range [][]string{{a}, {a, b}, {a, a, a, b}} {
			got := Shape(values)
			if got.Share < 0 || got.Share > 1 || got.Form == "" {
				t.Fatalf("%q: %+v", values, got)
			}
		}
	})
}

func BenchmarkShape(b *testing.B) {
	values := []string{"checkout-7d4b9c6f85-x2vwq", "internal-server-error", "/api/v1/users/17", "d41d8cd98f00b204e9800998ecf8427e", "the quick brown fox"}
	b.ReportAllocs()
	for b.Loop() {
		Shape(values)
	}
	b.ReportMetric(float64(b.N*len(values))/b.Elapsed().Seconds(), "values/s")
}
