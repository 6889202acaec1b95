package remotewrite

import (
	"errors"
	"fmt"
	"slices"

	"github.com/golang/snappy"
)

// maxExpansion bounds what snappy can make of one byte: its densest element is
// a copy of 64 bytes told in 3.
const maxExpansion = 22

// ErrSnappy is a body that is not a snappy block.
var ErrSnappy = errors.New("malformed snappy block")

// DecodedLen returns the length in bytes that compressed declares for its
// content. It reads the first bytes only; callers cap the answer before they
// decompress. A length that compressed is too short to hold is an error. Its
// errors wrap [ErrSnappy].
func DecodedLen(compressed []byte) (int, error) {
	n, err := snappy.DecodedLen(compressed)
	if err != nil {
		return 0, fmt.Errorf("%w: declared length: %w", ErrSnappy, err)
	}
	if n > maxExpansion*len(compressed) {
		return 0, fmt.Errorf("%w: %d bytes cannot hold the declared %d", ErrSnappy, len(compressed), n)
	}
	return n, nil
}

// Decompress returns the content of compressed. It overwrites dst and grows it
// to the declared length if it must, so check [DecodedLen] before. Its errors
// wrap [ErrSnappy].
func Decompress(dst, compressed []byte) ([]byte, error) {
	n, err := DecodedLen(compressed)
	if err != nil {
		return dst[:0], err
	}
	dst = slices.Grow(dst[:0], n)[:n]
	if _, err := snappy.Decode(dst, compressed); err != nil {
		return dst[:0], fmt.Errorf("%w: %w", ErrSnappy, err)
	}
	return dst, nil
}

// Compress returns body as a snappy block. It overwrites dst and grows it if it
// must.
func Compress(dst, body []byte) []byte {
	n := snappy.MaxEncodedLen(len(body))
	dst = slices.Grow(dst[:0], n)[:n]
	return snappy.Encode(dst, body)
}
