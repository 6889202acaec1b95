package signin

import (
	"encoding/json"
	"net/url"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

func TestNobodyIsSentToAnotherSite(t *testing.T) {
	for next, want := range map[string]string{
		"":                               "/",
		"/":                              "/",
		"/rules?sort=a&x=%2F":            "/rules?sort=a&x=%2F",
		"/a//b":                          "/a//b",
		"/login":                         "/",
		"/login?next=/":                  "/",
		"/logout":                        "/",
		"/auth/oidc/start":               "/",
		"rules":                          "/",
		"//evil.example":                 "/",
		"///evil.example":                "/",
		`/\evil.example`:                 "/",
		`\\evil.example`:                 "/",
		"/\t/evil.example":               "/",
		"/\n/evil.example":               "/",
		"https://evil.example":           "/",
		"javascript:alert(1)":            "/",
		" //evil.example":                "/",
		"/%zz":                           "/",
		"/" + strings.Repeat("a", 1<<12): "/",
	} {
		if got := LocalPath(next); got != want {
			t.Errorf("%q leads to %q, want %q", next, got, want)
		}
	}
}

func FuzzLocalPath(f *testing.F) {
	f.Add("/rules")
	f.Add("//evil.example")
	f.Add(`/\evil.example`)
	base, _ := url.Parse("https://metrics.example/login")
	f.Fuzz(func(t *testing.T, next string) {
		u, err := base.Parse(LocalPath(next))
		if err != nil || u.Host != "metrics.example" || u.Scheme != "https" {
			t.Errorf("%q leads to %s, %v", next, u, err)
		}
	})
}

func TestClaimsAreHostile(t *testing.T) {
	claims := func(text string) map[string]json.RawMessage {
		var c map[string]json.RawMessage
		if err := json.Unmarshal([]byte(text), &c); err != nil {
			t.Fatal(err)
		}
		return c
	}
	for text, want := range map[string]string{
		`{"email":"a@b","preferred_username":"a"}`: "a@b",
		`{"email":"","preferred_username":"a"}`:    "a",
		`{"email":7}`:                              "subject",
		`{}`:                                       "subject",
		`{"email":"a\n\u0000\u202eb"}`:             "ab",
		`{"email":"<script>"}`:                     "<script>",
	} {
		if got := nameIn(claims(text), "subject"); got != want {
			t.Errorf("%s: the name is %q, want %q", text, got, want)
		}
	}
	if got := nameIn(nil, strings.Repeat("é", 1000)); len(got) > maxNameUsed || !utf8.ValidString(got) {
		t.Errorf("a long name is %q", got)
	}
	for text, want := range map[string][]string{
		`["a","b"]`: {"a", "b"}, `"a"`: {"a"}, `""`: nil, `{}`: nil, `7`: nil, `null`: nil, `["a",7]`: nil, `[["admin"]]`: nil,
	} {
		if diff := cmp.Diff(want, groupsIn(json.RawMessage(text))); diff != "" {
			t.Errorf("%s (-want +got):\n%s", text, diff)
		}
	}
}
