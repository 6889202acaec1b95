package gateway

import (
	"github.com/zeebo/xxh3"

	"github.com/headgate/headgate/internal/tenant"
)

// A key identifies a series of a tenant: 96 bits of a seeded hash over the tenant
// and the 1.0 wire form of the labels. The seed is drawn at start, so nobody can
// prepare label sets that collide; among 10^7 series the chance that any two do
// is below 10^-14 (n²/2^97).
type key struct {
	hi    uint64
	check uint32
}

// A hasher makes the keys of one tenant.
type hasher struct{ seed uint64 }

func newHasher(seed uint64, t tenant.ID) hasher {
	return hasher{xxh3.HashStringSeed(string(t), seed)}
}

// key returns the key of a series' label bytes.
func (h hasher) key(labels []byte) key {
	u := xxh3.Hash128Seed(labels, h.seed)
	k := key{u.Hi, uint32(u.Lo)}
	if k.hi == 0 && k.check == 0 {
		k.check = 1 // the zero key marks records that are not in use
	}
	return k
}
