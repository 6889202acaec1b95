package limiter

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"hash/crc32"
	"io"
	"time"

	"github.com/headgate/headgate/internal/tenant"
)

// What is saved of a limiter, little-endian: the magic, a byte of version, and for
// each tenant a byte 1, its name, its pools' names, its families and its week; then
// a byte 0 and the CRC-32C of all before it. Names are a byte of length and the
// name; a list begins with its length as a varint.
const (
	saveMagic   = "headgate limiter\n"
	saveVersion = 1
)

// maxSaved is how many families of one tenant are read back at most.
const maxSaved = setBytes / slotBytes

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Save writes what must outlive the process: the admitted families and what was
// seen of demand in the last week. Who is over its limit begins anew.
func (l *Limiter) Save(w io.Writer, now time.Time) error {
	sum := crc32.New(castagnoli)
	b := bufio.NewWriter(io.MultiWriter(w, sum))
	b.WriteString(saveMagic)
	b.WriteByte(saveVersion)
	for _, t := range l.all() {
		if t.id != Overflow {
			b.WriteByte(1)
			b.Write(t.appendSaved(nil, partOf(now)))
		}
	}
	b.WriteByte(0)
	if err := b.Flush(); err != nil {
		return fmt.Errorf("save limits: %w", err)
	}
	if _, err := w.Write(sum.Sum(nil)); err != nil {
		return fmt.Errorf("save limits: %w", err)
	}
	return nil
}

func appendName(b []byte, s string) []byte { return append(append(b, byte(len(s))), s...) }

// appendSaved appends what is saved of t. Families are copied shard by shard, so
// that requests do not wait for all of them.
func (t *Tenant) appendSaved(b []byte, part int64) []byte {
	b = appendName(b, string(t.id))
	f := &t.families
	f.mu.Lock()
	pools := f.pools
	f.mu.Unlock()
	b = binary.AppendUvarint(b, uint64(pools.Len()))
	for _, name := range pools.names {
		b = appendName(b, name)
	}
	var list []byte
	n := uint64(0)
	for i := range setShards {
		f.mu.Lock()
		if f.set.shards != nil && f.pools == pools {
			h := &f.set.shards[i]
			for j, key := range h.keys {
				if m := h.marks[j]; key != 0 && m.age(part) < windowParts {
					list = appendFamily(list, key, m, part)
					n++
				}
			}
		}
		f.mu.Unlock()
	}
	b = binary.AppendUvarint(b, n)
	b = append(b, list...)

	t.mu.Lock()
	defer t.mu.Unlock()
	for _, d := range t.week.days {
		if d == nil {
			b = binary.AppendUvarint(b, 0)
			continue
		}
		b = binary.AppendUvarint(b, uint64(d.number))
		for _, c := range d.counts {
			b = binary.AppendUvarint(b, uint64(c))
		}
	}
	return b
}

func appendFamily(b []byte, key uint64, m mark, part int64) []byte {
	b = binary.LittleEndian.AppendUint64(b, key)
	b = binary.AppendUvarint(b, uint64(part-m.age(part)))
	b = append(b, byte(m.pool))
	b = binary.LittleEndian.AppendUint16(b, m.now)
	return binary.LittleEndian.AppendUint16(b, m.then)
}

// Load reads what Save wrote. Where it cannot be read nothing of it is used, and
// everything is admitted for one window.
func (l *Limiter) Load(r io.Reader, now time.Time) error {
	saved, err := readSaved(r)
	if err != nil {
		l.Suspend(now, "the saved families could not be loaded")
		return fmt.Errorf("load limits: %w", err)
	}
	part := partOf(now)
	for _, s := range saved {
		t := l.For(s.id, now)
		if t.id != s.id {
			continue // it has no place of its own
		}
		t.mu.Lock()
		t.week.days = s.days
		t.mu.Unlock()
		t.families.restore(s, part)
	}
	return nil
}

// Suspend admits all new series for one window, because the families admitted so
// far are not known.
func (l *Limiter) Suspend(now time.Time, why string) {
	for _, t := range l.all() {
		f := &t.families
		var what []happening
		if f.mu.Lock(); f.in.Load() {
			what = append(what, f.suspend(now, why))
		}
		f.mu.Unlock()
		t.tell(now, what)
	}
}

func (f *families) restore(s savedTenant, part int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.in.Load() {
		return
	}
	for _, sf := range s.families {
		age := part - sf.part
		if age < 0 || age >= windowParts {
			continue
		}
		if _, known := f.set.get(sf.key); known {
			continue
		}
		m := sf.mark
		m.part = uint8(sf.part)
		m.pool, _ = f.pools.find(s.pools[sf.mark.pool])
		if f.set.put(sf.key, m) {
			f.count(m, 1)
		}
	}
}

// A savedTenant is what is saved of one tenant.
type savedTenant struct {
	id       tenant.ID
	pools    []string
	families []savedFamily
	days     [weekDays]*day
}

type savedFamily struct {
	key  uint64
	part int64
	mark mark
}

var errDamaged = errors.New("the file is damaged")

// A saveReader reads and adds up. Its first error stays, and everything read after
// it is zero.
type saveReader struct {
	r   *bufio.Reader
	sum hash.Hash32
	err error
	buf [8]byte
}

func (s *saveReader) ReadByte() (byte, error) {
	b := s.bytes(1)
	return b[0], s.err
}

// bytes returns the next n bytes, at most 8, until the next call.
func (s *saveReader) bytes(n int) []byte {
	b := s.buf[:n]
	if s.err == nil {
		if _, err := io.ReadFull(s.r, b); err != nil {
			s.err = errDamaged
		}
	}
	if s.err != nil {
		clear(b)
		return b
	}
	s.sum.Write(b)
	return b
}

func (s *saveReader) uvarint(most uint64) uint64 {
	n, err := binary.ReadUvarint(s)
	if s.err == nil && (err != nil || n > most) {
		s.err = errDamaged
	}
	if s.err != nil {
		return 0
	}
	return n
}

func (s *saveReader) name() string {
	n, _ := s.ReadByte()
	var b bytes.Buffer
	for range n {
		c, _ := s.ReadByte()
		b.WriteByte(c)
	}
	return b.String()
}

// readSaved reads all tenants, or none.
func readSaved(r io.Reader) ([]savedTenant, error) {
	s := &saveReader{r: bufio.NewReader(r), sum: crc32.New(castagnoli)}
	for i := range len(saveMagic) {
		if c, _ := s.ReadByte(); c != saveMagic[i] {
			return nil, errors.New("the file is none of a limiter's")
		}
	}
	if v, _ := s.ReadByte(); v != saveVersion {
		return nil, fmt.Errorf("the file has version %d, this is %d", v, saveVersion)
	}
	var list []savedTenant
	for {
		more, _ := s.ReadByte()
		if s.err != nil || more > 1 {
			return nil, errDamaged
		}
		if more == 0 {
			break
		}
		t := s.tenant()
		if s.err != nil {
			return nil, s.err
		}
		list = append(list, t)
	}
	want := s.sum.Sum32()
	if got := binary.BigEndian.Uint32(s.bytes(4)); s.err != nil || got != want {
		return nil, errDamaged
	}
	return list, nil
}

func (s *saveReader) tenant() (t savedTenant) {
	id, err := tenant.Parse(s.name())
	if err != nil {
		s.err = errDamaged
	}
	t.id = id
	for range s.uvarint(MaxPools + 1) {
		t.pools = append(t.pools, s.name())
	}
	for n := s.uvarint(maxSaved); n > 0 && s.err == nil; n-- {
		var f savedFamily
		f.key = binary.LittleEndian.Uint64(s.bytes(8))
		f.part = int64(s.uvarint(1 << 40))
		pool, _ := s.ReadByte()
		f.mark.pool = Pool(pool)
		f.mark.now = binary.LittleEndian.Uint16(s.bytes(2))
		f.mark.then = binary.LittleEndian.Uint16(s.bytes(2))
		if int(pool) >= len(t.pools) {
			s.err = errDamaged
		}
		t.families = append(t.families, f)
	}
	for range weekDays {
		number := s.uvarint(1 << 32)
		if number == 0 || s.err != nil {
			continue
		}
		d := &day{number: int64(number)}
		for i := range d.counts {
			d.counts[i] = uint16(s.uvarint(24 * 60))
		}
		t.days[number%weekDays] = d
	}
	return t
}
