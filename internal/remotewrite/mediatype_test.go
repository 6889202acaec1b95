package remotewrite

import (
	"errors"
	"testing"
)

func TestParseContentType(t *testing.T) {
	for _, c := range []struct {
		contentType, encoding string
		want                  Version // 0 for ErrMediaType
	}{
		{"", "", V1},
		{"application/x-protobuf", "snappy", V1},
		{"application/x-protobuf", "Snappy", V1},
		{"application/x-protobuf;proto=prometheus.WriteRequest", "snappy", V1},
		{"application/x-protobuf;proto=io.prometheus.write.v2.Request", "snappy", V2},
		{"application/x-protobuf; proto=io.prometheus.write.v2.Request", "snappy", V2},
		{`Application/X-Protobuf ; Proto="io.prometheus.write.v2.Request"; charset=utf-8`, "snappy", V2},
		{"application/x-protobuf;proto=io.prometheus.write.v3.Request", "snappy", 0},
		{"application/x-protobuf;proto=", "snappy", 0},
		{"application/x-protobuf;proto", "snappy", 0},
		{"application/json", "snappy", 0},
		{"x", "snappy", 0},
		{";", "snappy", 0},
		{"application/x-protobuf", "gzip", 0},
		{"application/x-protobuf", "snappy, gzip", 0},
	} {
		got, err := ParseContentType(c.contentType, c.encoding)
		if got != c.want || (err == nil) != (c.want != 0) || err != nil && !errors.Is(err, ErrMediaType) {
			t.Errorf("%q, %q: got %d, %v, want %d", c.contentType, c.encoding, got, err, c.want)
		}
	}
	for v, want := range map[Version][2]string{
		V1: {"application/x-protobuf", "0.1.0"},
		V2: {"application/x-protobuf;proto=io.prometheus.write.v2.Request", "2.0.0"},
	} {
		if got := [2]string{v.ContentType(), v.Header()}; got != want {
			t.Errorf("version %d: got %q, want %q", v, got, want)
		}
	}
}
