package gateway

import (
	"encoding/binary"
	"sync"
	"sync/atomic"

	"github.com/VictoriaMetrics/fastcache"
)

// A spill holds the records of series that do not fit the table: off the heap,
// bounded, and slower. It may forget any of them; then their series are
// understood again, and thinning may keep one sample more. All tenants share its
// memory; each has keys of its own.
type spill struct {
	shared *spillCache
	owner  uint32
}

// A spillCache is the memory of all spills. It is allocated when first needed.
type spillCache struct {
	bytes  int
	owners atomic.Uint32
	once   sync.Once
	cache  *fastcache.Cache
}

func (c *spillCache) open() *fastcache.Cache {
	c.once.Do(func() { c.cache = fastcache.New(c.bytes) })
	return c.cache
}

// forTenant returns a spill whose keys nobody else has.
func (c *spillCache) forTenant() *spill { return &spill{c, c.owners.Add(1)} }

// renew forgets every record of the tenant.
func (p *spill) renew() { p.owner = p.shared.owners.Add(1) }

func (p *spill) appendKey(b []byte, k key) []byte {
	b = binary.LittleEndian.AppendUint64(b, k.hi)
	b = binary.LittleEndian.AppendUint32(b, k.check)
	return binary.LittleEndian.AppendUint32(b, p.owner)
}

// get reads the record of k into r.
func (p *spill) get(k key, r *record) bool {
	var kb [16]byte
	var vb [recordBytes]byte
	v, ok := p.shared.open().HasGet(vb[:0], p.appendKey(kb[:0], k))
	if !ok || len(v) != spilledBytes {
		return false
	}
	le := binary.LittleEndian
	r.key, r.check = k.hi, k.check
	r.class, r.shadow, r.place = le.Uint32(v), le.Uint16(v[4:]), place(le.Uint16(v[6:]))
	r.gen, r.part, r.phase = le.Uint16(v[8:]), v[10], phase(v[11])
	r.tried, r.last = int64(le.Uint64(v[12:])), int64(le.Uint64(v[20:]))
	r.before, r.marker = int64(le.Uint64(v[28:])), int64(le.Uint64(v[36:]))
	return true
}

// spilledBytes is the size of a record without key and links.
const spilledBytes = 44

// put writes r.
func (p *spill) put(r *record) {
	var kb [16]byte
	var vb [spilledBytes]byte
	le := binary.LittleEndian
	v := le.AppendUint32(vb[:0], r.class)
	v = le.AppendUint16(v, r.shadow)
	v = le.AppendUint16(v, uint16(r.place))
	v = le.AppendUint16(v, r.gen)
	v = append(v, r.part, byte(r.phase))
	for _, ms := range [...]int64{r.tried, r.last, r.before, r.marker} {
		v = le.AppendUint64(v, uint64(ms))
	}
	p.shared.open().Set(p.appendKey(kb[:0], key{r.key, r.check}), v)
}

// recall returns the number of the loose record of k, reading it from the spill
// where this request has not touched it yet.
func (s *state) recall(w *work, k key) (uint32, bool) {
	if rec, ok := w.looseAt[k]; ok {
		return rec, true
	}
	if !s.spilled {
		return 0, false
	}
	var r record
	r.blank(k, s.table.own(k.hi))
	if !s.spill.get(k, &r) {
		return 0, false
	}
	rec := w.addLoose(k, r.part)
	w.loose[rec-looseRecord] = r
	return rec, true
}

// addLoose adds a blank record outside the table to the request.
func (w *work) addLoose(k key, part uint8) uint32 {
	if w.looseAt == nil {
		w.looseAt = map[key]uint32{}
	}
	var r record
	r.blank(k, part)
	w.loose = append(w.loose, r)
	rec := looseRecord + uint32(len(w.loose)-1)
	w.looseAt[k] = rec
	return rec
}

// stow writes the request's loose records back. The lock is held.
func (s *state) stow(w *work) {
	for i := range w.loose {
		s.spilled = true
		s.spill.put(&w.loose[i])
	}
}
