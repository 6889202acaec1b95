package attribution

import (
	"fmt"
	"time"
)

// An Hour is an hour of UTC, in hours since 1970. The zero Hour, as the begin of
// a price, means always.
type Hour int64

// HourOf returns the hour that t lies in.
func HourOf(t time.Time) Hour {
	s := t.Unix()
	h := s / 3600
	if s%3600 < 0 {
		h--
	}
	return Hour(h)
}

// Time returns the begin of h.
func (h Hour) Time() time.Time { return time.Unix(int64(h)*3600, 0).UTC() }

// Day returns the first hour of the day that h lies in.
func (h Hour) Day() Hour {
	d := h / 24
	if h%24 < 0 {
		d--
	}
	return d * 24
}

// Month returns the month that h lies in.
func (h Hour) Month() Month {
	t := h.Time()
	return Month{t.Year(), t.Month()}
}

// ParseHour reads a day such as 2026-01-01, meaning its first hour, or a full
// hour in RFC 3339.
func ParseHour(s string) (Hour, error) {
	if t, err := time.Parse(time.DateOnly, s); err == nil {
		return HourOf(t), nil
	}
	t, err := time.Parse(time.RFC3339, s)
	switch {
	case err != nil:
		return 0, fmt.Errorf("%.64q is no time; write a day as in 2026-01-01, or an hour as in 2026-01-01T15:00:00Z", s)
	case !HourOf(t).Time().Equal(t):
		return 0, fmt.Errorf("%s lies within an hour; name a full hour of UTC", s)
	}
	return HourOf(t), nil
}

// String returns h as ParseHour reads it.
func (h Hour) String() string {
	if h == h.Day() {
		return h.Time().Format(time.DateOnly)
	}
	return h.Time().Format(time.RFC3339)
}

// UnmarshalYAML reads what ParseHour does.
func (h *Hour) UnmarshalYAML(unmarshal func(any) error) error {
	var s string
	err := unmarshal(&s)
	if err == nil {
		*h, err = ParseHour(s)
	}
	return err
}

// MarshalYAML writes h as String does.
func (h Hour) MarshalYAML() (any, error) { return h.String(), nil }

// UnmarshalText reads what ParseHour does, for JSON.
func (h *Hour) UnmarshalText(b []byte) (err error) {
	*h, err = ParseHour(string(b))
	return err
}

// MarshalText writes h in RFC 3339, as all times in the API are.
func (h Hour) MarshalText() ([]byte, error) { return []byte(h.Time().Format(time.RFC3339)), nil }
