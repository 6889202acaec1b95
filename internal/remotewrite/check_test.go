package remotewrite

import (
	"errors"
	"strings"
	"testing"

	"github.com/headgate/headgate/internal/series"
)

func TestCheckLabels(t *testing.T) {
	lim := Limits{MaxLabels: 3, MaxLabelNameBytes: 10, MaxLabelValueBytes: 5}
	for _, c := range []struct {
		ls            series.Labels
		reason, label string
	}{
		{pairs("__name__", "up", "job", "a", "x", ""), "", ""},
		{pairs("A", "é", "__name__", "héé"), "", ""},
		{nil, ReasonMissingName, ""},
		{pairs("job", "a"), ReasonMissingName, ""},
		{pairs("__name__", "", "job", "a"), ReasonMissingName, ""},
		{pairs("", "x", "__name__", "up"), ReasonEmptyLabel, ""},
		{pairs("__name__", "up", "job", "a", "job", "a"), ReasonDuplicate, "job"},
		{pairs("__name__", "up", "job", "a\xff"), ReasonUTF8, "job"},
		{pairs("__name__", "up", "j\xc0", "a"), ReasonUTF8, "j\xc0"},
		{pairs("__name__", "up", "a", "", "b", "", "c", ""), ReasonManyLabels, ""},
		{pairs("__name__", "up", "a2345678901", "x"), ReasonNameTooLong, "a2345678901"},
		{pairs("__name__", "up", "a", "123456"), ReasonValueTooLong, "a"},
	} {
		err := CheckLabels(c.ls, lim)
		if c.reason == "" {
			if err != nil {
				t.Errorf("%v: got %v, want nil", c.ls, err)
			}
			continue
		}
		le, ok := errors.AsType[*LabelError](err)
		if !ok || le.Reason != c.reason || le.Label != c.label || le.Error() == le.Reason {
			t.Errorf("%v: got %v, want reason %s of %q", c.ls, err, c.reason, c.label)
		}
	}
	if err := CheckLabels(pairs("__name__", "up", "a", strings.Repeat("x", 1<<20)), Limits{}); err != nil {
		t.Errorf("without limits: %v", err)
	}
	long := CheckLabels(pairs("__name__", "up", strings.Repeat("\xff\n", 5000), "x"), Limits{})
	if got := long.Error(); len(got) > 500 || strings.Contains(got, "\n") {
		t.Errorf("an error of %d bytes: %.100q", len(got), got)
	}
}
