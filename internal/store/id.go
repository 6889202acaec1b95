package store

import (
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"
	"sync/atomic"
	"time"
)

// ids makes identifiers that sort by time. The zero value is ready; it may be
// used from any goroutine.
type ids struct{ made atomic.Uint32 }

// next returns a UUIDv7 for something that happened at t (RFC 9562, section
// 5.7). Those of one millisecond sort in the order they were asked for, by a
// counter of 32 bits (section 6.2, method 1); 42 random bits tell those of two
// processes apart.
func (g *ids) next(t time.Time) string {
	n := g.made.Add(1)
	var b [16]byte
	_, _ = rand.Read(b[10:]) // never fails, see its documentation
	binary.BigEndian.PutUint64(b[:8], uint64(max(t.UnixMilli(), 0))<<16|7<<12|uint64(n>>20))
	b[8] = 0b10<<6 | byte(n>>14)&0x3f
	b[9] = byte(n >> 6)
	b[10] = byte(n)<<2 | b[10]&0x03

	var text [36]byte
	hex.Encode(text[0:], b[0:4])
	hex.Encode(text[9:], b[4:6])
	hex.Encode(text[14:], b[6:8])
	hex.Encode(text[19:], b[8:10])
	hex.Encode(text[24:], b[10:])
	text[8], text[13], text[18], text[23] = '-', '-', '-', '-'
	return string(text[:])
}
