package tenant

import (
	"strings"
	"testing"
)

func TestParse(t *testing.T) {
	for _, s := range []string{"payments", "a", "0", "team-a_b.c!*'()", strings.Repeat("x", 150), "..."} {
		if id, err := Parse(s); err != nil || string(id) != s {
			t.Errorf("Parse(%q) = %q, %v; want it accepted", s, id, err)
		}
	}
	for _, s := range []string{
		"", ".", "..", "__mimir_cluster", strings.Repeat("x", 151),
		"a|b", "a/b", "../etc", "a b", "a\n", "a\x00", "ä", "a:b", "a\\b",
	} {
		if id, err := Parse(s); err == nil || id != "" {
			t.Errorf("Parse(%q) = %q, %v; want it refused", s, id, err)
		}
	}
}
