package remotewrite

import (
	"bytes"
	"errors"
	"testing"
)

func TestSnappyBombsAreRefusedByTheirFirstBytes(t *testing.T) {
	declared := []byte{0xff, 0xff, 0xff, 0xff, 0x0f, 0x00, 0x00}
	if n, err := DecodedLen(declared); !errors.Is(err, ErrSnappy) {
		t.Errorf("a declared 4 GiB: got %d, %v", n, err)
	}
	if out, err := Decompress(nil, declared); !errors.Is(err, ErrSnappy) || cap(out) != 0 {
		t.Errorf("a declared 4 GiB: got %v, allocated %d", err, cap(out))
	}
	zeros := Compress(nil, make([]byte, 1<<20))
	if n, err := DecodedLen(zeros); n != 1<<20 || err != nil {
		t.Errorf("a real bomb: got %d, %v", n, err)
	}
	lying := bytes.Clone(zeros)
	lying[0]++
	if _, err := Decompress(nil, lying); !errors.Is(err, ErrSnappy) {
		t.Errorf("a wrong declared length: got %v", err)
	}
}
