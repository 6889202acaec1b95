package gateway

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/bits"
	"math/rand/v2"
	"testing"
)

// Inputs that differ little, as series do, have keys that share nothing: neither
// the place in the index (low bits), nor hi, nor check.
func TestKeysOfSimilarSeries(t *testing.T) {
	h := newHasher()
	inputs := map[string][]byte{}
	add := func(b []byte) { inputs[string(b)] = b }
	for n := range 200 {
		add(make([]byte, n))
		add(bytes.Repeat([]byte{0xff}, n))
	}
	for i := range 20_000 {
		add(fmt.Appendf(nil, `container_memory_usage_bytes{namespace="shop",pod="cart-%d",container="app",node="node-%d"}`, i, i%100))
		add(binary.LittleEndian.AppendUint64(nil, uint64(i)))
		add(binary.BigEndian.AppendUint64(make([]byte, 40), uint64(i)))
	}
	base := bytes.Repeat([]byte("0123456789abcdef"), 20)
	for i := range base {
		for bit := range 8 {
			b := bytes.Clone(base)
			b[i] ^= 1 << bit
			add(b)
		}
	}
	his, checks, places := map[uint64]bool{}, map[uint32]int{}, map[uint64]int{}
	for _, b := range inputs {
		k := h.key(b)
		if his[k.hi] {
			t.Fatalf("two of %d inputs share 64 bits", len(inputs))
		}
		his[k.hi] = true
		checks[k.check]++
		places[k.hi&1023]++
	}
	if shared := len(inputs) - len(checks); shared > 20 { // n²/2^33 is below 1
		t.Errorf("%d of %d inputs share their check", shared, len(inputs))
	}
	mean := len(inputs) / 1024
	for place, n := range places {
		if n < mean/3 || n > mean*2 {
			t.Errorf("place %d of 1024 has %d inputs, the mean is %d", place, n, mean)
		}
	}
}

// Each bit of the input flips each bit of the key about half of the time.
func TestKeyAvalanche(t *testing.T) {
	h := newHasher()
	rng := rand.New(rand.NewPCG(1, 1))
	for _, size := range []int{1, 8, 15, 16, 17, 47, 48, 49, 96, 300} {
		b := make([]byte, size)
		const rounds = 400
		var flips [96]int
		for range rounds {
			for i := range b {
				b[i] = byte(rng.Uint32())
			}
			before := h.key(b)
			b[rng.IntN(size)] ^= 1 << rng.IntN(8)
			after := h.key(b)
			for bit := range 64 {
				flips[bit] += int((before.hi ^ after.hi) >> bit & 1)
			}
			for bit := range 32 {
				flips[64+bit] += int((before.check ^ after.check) >> bit & 1)
			}
		}
		for bit, n := range flips {
			if n < rounds*3/10 || n > rounds*7/10 {
				t.Errorf("inputs of %d bytes: bit %d flips in %d of %d cases", size, bit, n, rounds)
			}
		}
	}
}

func TestTenantsHaveKeysOfTheirOwn(t *testing.T) {
	base := newHasher()
	a, b, again := base.of("a"), base.of("b"), base.of("a")
	labels := []byte("labels")
	if a.key(labels) == b.key(labels) || a.key(labels) != again.key(labels) {
		t.Error("keys do not follow the tenant")
	}
	other := newHasher()
	if k := other.key(labels); k == base.key(labels) || bits.OnesCount64(k.hi^base.key(labels).hi) < 8 {
		t.Error("keys do not follow the secrets")
	}
}
