package ui

import (
	"math"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

func TestFigures(t *testing.T) {
	for _, tt := range []struct{ name, got, want string }{
		{"a small number is whole", count(7.4), "7"},
		{"thousands are grouped", count(12345), "12 345"},
		{"the last before a million", count(999_999.4), "999 999"},
		{"a million has three digits", count(999_999.6), "1.00 M"},
		{"so have more", count(123_456_789), "123 M"},
		{"a step is not crossed by rounding", count(999_700_000), "1.00 G"},
		{"no number", count(math.NaN()), "–"},
		{"less than nothing", count(-3), "−3"},
		{"nothing a second", rate(0), "0"},
		{"hardly anything a second is not nothing", rate(0.001), "<0.01"},
		{"a rate under ten", rate(3.333), "3.33"},
		{"a rate under a hundred", rate(33.04), "33"},
		{"a rate", rate(1234.5), "1 235"},
		{"nothing of it", percent(0), "0 %"},
		{"hardly any of it is not nothing", percent(0.0001), "<0.1 %"},
		{"nearly all of it is not all", percent(0.9999), ">99 %"},
		{"all of it", percent(1), "100 %"},
		{"more than all", percent(5.42), "542 %"},
		{"a part", percent(0.0354), "3.5 %"},
		{"exact figures have no error", plusMinus(0), ""},
		{"errors are rounded up", plusMinus(2.1), "± 3"},
		{"a cent", money(0.001), "<0.01"},
		{"money", money(12.5), "12.50"},
		{"much money", money(12345), "12 345"},
		{"bytes", size(1536), "1.5 KiB"},
		{"one", plural(1, "metric"), "1 metric"},
		{"none", plural(0, "metric"), "0 metrics"},
		{"a span", span(90 * time.Minute), "90 min"},
		{"a long span", span(72 * time.Hour), "3 d"},
		{"no sentence", sentence(""), ""},
	} {
		if got := strings.ReplaceAll(tt.got, "\u202f", " "); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
}

func TestNamesAreShownAsTheyAre(t *testing.T) {
	for _, tt := range []struct{ name, give, want string }{
		{"a plain name", "http_requests_total", "http_requests_total"},
		{"another script", "längster 計量", "längster 計量"},
		{"markup is not ours to touch", "<b>", "<b>"},
		{"what turns the reading direction", "a\u202eb", `a\u{202e}b`},
		{"what is not seen", "a\u200bb", `a\u{200b}b`},
		{"lines", "a\nb\tc", `a\nb\tc`},
		{"what is not UTF-8", "a\xffb", `a\xffb`},
		{"the sign that stands for it", "a\ufffdb", "a\ufffdb"},
	} {
		if got := shown(tt.give); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
	long := short(strings.Repeat("計", 500) + "end")
	if n := utf8.RuneCountInString(long); n != maxShown || !strings.HasSuffix(long, "end") || !strings.Contains(long, "…") {
		t.Errorf("a long name is %d characters, %q; want %d with both ends", n, long, maxShown)
	}
}

func FuzzShown(f *testing.F) {
	for _, name := range hostileNames {
		f.Add(name)
	}
	f.Fuzz(func(t *testing.T, name string) {
		if s := shown(name); !utf8.ValidString(s) || strings.ContainsAny(s, "\n\r\x00\u202e") {
			t.Errorf("%q is shown as %q", name, s)
		}
		if n := utf8.RuneCountInString(short(name)); n > maxShown {
			t.Errorf("%q is %d characters in a list", name, n)
		}
	})
}

func TestTimes(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for _, tt := range []struct {
		name string
		at   time.Time
		want when
	}{
		{"never", time.Time{}, when{}},
		{"now", now, when{"2026-01-02T03:04:05Z", "2026-01-02 03:04:05 UTC", "just now"}},
		{"in another zone", now.Add(-time.Hour).In(time.FixedZone("", 3600)), when{"2026-01-02T02:04:05Z", "2026-01-02 02:04:05 UTC", "60\u202fmin ago"}},
		{"to come", now.Add(30 * time.Second), when{"2026-01-02T03:04:35Z", "2026-01-02 03:04:35 UTC", "in 30\u202fs"}},
	} {
		if got := newWhen(tt.at, now); got != tt.want {
			t.Errorf("%s: %+v, want %+v", tt.name, got, tt.want)
		}
	}
}
