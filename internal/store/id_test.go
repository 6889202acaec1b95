package store

import (
	"regexp"
	"slices"
	"testing"
	"time"
)

func TestIDsAreUUIDsThatSortByTimeAndThenAsTheyWereMade(t *testing.T) {
	form := regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)
	var g ids
	g.made.Store(1<<20 - 500) // all parts of the counter turn over
	at := time.UnixMilli(1_763_726_400_000)
	var made []string
	for i := range 2000 {
		made = append(made, g.next(at.Add(time.Duration(i/1000)*time.Millisecond)))
	}
	for _, id := range made {
		if !form.MatchString(id) {
			t.Fatalf("%q is no UUIDv7", id)
		}
	}
	if !slices.IsSorted(made) {
		t.Error("they do not sort as they were made")
	}
	if len(slices.Compact(made)) != 2000 {
		t.Error("some are equal")
	}
	if id := g.next(time.Time{}); !form.MatchString(id) || id[:13] != "00000000-0000" {
		t.Errorf("of a time before 1970: %q", id)
	}
}

func TestIDBeginsWithItsTime(t *testing.T) {
	var g ids
	// The example of RFC 9562, appendix A.6.
	if got, want := g.next(time.UnixMilli(0x017F22E279B0))[:15], "017f22e2-79b0-7"; got != want {
		t.Errorf("it begins with %s, want %s", got, want)
	}
}
