package remotewrite

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// ErrMalformed is a body that cannot be read or exceeds a cap. Its answer is
// 400.
var ErrMalformed = errors.New("malformed remote-write body")

// Why a body is malformed.
var (
	errVarint      = errors.New("truncated or overlong varint")
	errLength      = errors.New("field is longer than its message")
	errFieldNumber = errors.New("illegal field number")
	errWireType    = errors.New("wrong wire type")
	errGroup       = errors.New("groups are not supported")
	errPacked      = errors.New("packed value runs past its field")
)

func malformed(at int, why error) error {
	return fmt.Errorf("%w at byte %d: %w", ErrMalformed, at, why)
}

// The wire types of protobuf.
const (
	wireVarint  = 0
	wireFixed64 = 1
	wireBytes   = 2
	wireStart   = 3
	wireEnd     = 4
	wireFixed32 = 5
)

// A field is one field of a message: its tag stands at start, its content in
// [val, end). Offsets count from the beginning of the body.
type field struct {
	num             int32
	wire            uint8
	start, val, end int
	n               uint64 // the number, where wire is a varint or fixed
}

// readField reads the field at i of a message that ends with b.
func readField(b []byte, i int) (field, error) {
	tag, val := varint(b, i)
	if val < 0 {
		return field{}, malformed(i, errVarint)
	}
	// The number is cut to 32 bits, as prompb does.
	f := field{num: int32(tag >> 3), wire: uint8(tag & 7), start: i, val: val, end: val}
	if f.num <= 0 {
		return field{}, malformed(i, errFieldNumber)
	}
	switch f.wire {
	case wireVarint:
		if f.n, f.end = varint(b, val); f.end < 0 {
			return field{}, malformed(val, errVarint)
		}
	case wireBytes:
		n, at := varint(b, val)
		if at < 0 {
			return field{}, malformed(val, errVarint)
		}
		if n > uint64(len(b)-at) {
			return field{}, malformed(val, errLength)
		}
		f.val, f.end = at, at+int(n)
	case wireFixed64:
		if len(b)-val < 8 {
			return field{}, malformed(val, errLength)
		}
		f.n, f.end = binary.LittleEndian.Uint64(b[val:]), val+8
	case wireFixed32:
		if len(b)-val < 4 {
			return field{}, malformed(val, errLength)
		}
		f.n, f.end = uint64(binary.LittleEndian.Uint32(b[val:])), val+4
	case wireStart, wireEnd:
		return field{}, malformed(i, errGroup)
	default:
		return field{}, malformed(i, errWireType)
	}
	return f, nil
}

// varint reads the varint at i of b and returns the offset after it, -1 if it
// is not all there or has more than ten bytes. Bits over 64 are dropped, as
// prompb does.
func varint(b []byte, i int) (v uint64, next int) {
	if uint(i) < uint(len(b)) && b[i] < 0x80 {
		return uint64(b[i]), i + 1
	}
	return longVarint(b, i)
}

func longVarint(b []byte, i int) (v uint64, next int) {
	for shift := uint(0); shift < 64 && i < len(b); shift += 7 {
		c := b[i]
		i++
		v |= uint64(c&0x7f) << shift
		if c < 0x80 {
			return v, i
		}
	}
	return 0, -1
}

// varintSize returns how many bytes v takes as a varint.
func varintSize(v uint64) int {
	n := 1
	for ; v >= 0x80; v >>= 7 {
		n++
	}
	return n
}

// closeMessage ends a message whose content begins at from and for whose length
// room bytes were left before it, and writes the length.
func closeMessage(dst []byte, from, room int) []byte {
	n := uint64(len(dst) - from)
	if room == 1 && n < 0x80 {
		dst[from-1] = byte(n)
		return dst
	}
	size := varintSize(n)
	switch {
	case size > room:
		var gap [binary.MaxVarintLen64]byte
		dst = append(dst, gap[:size-room]...)
		copy(dst[from+size-room:], dst[from:from+int(n)])
	case size < room:
		copy(dst[from+size-room:], dst[from:])
		dst = dst[:len(dst)+size-room]
	}
	binary.PutUvarint(dst[from-room:], n)
	return dst
}
