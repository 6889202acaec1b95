package sketch

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"

	"github.com/axiomhq/hyperloglog"
)

// A reader takes what was written from the beginning of b. After an error it
// returns zeros.
type reader struct {
	b   []byte
	err error
}

func (r *reader) fail(err error) {
	if r.err == nil {
		r.err = err
	}
	r.b = nil
}

// byte reads a byte.
func (r *reader) byte() byte {
	if b := r.bytes(1); b != nil {
		return b[0]
	}
	return 0
}

// bytes reads n bytes, which are not copied, or nil.
func (r *reader) bytes(n uint64) []byte {
	if n > uint64(len(r.b)) {
		r.fail(errors.New("it ends too soon"))
		return nil
	}
	b := r.b[:n]
	r.b = r.b[n:]
	return b
}

// expect reads a byte that has to be version.
func (r *reader) expect(version byte) {
	if got := r.byte(); r.err == nil && got != version {
		r.fail(fmt.Errorf("it is of version %d, not %d", got, version))
	}
}

func (r *reader) uint32() uint32 {
	if b := r.bytes(4); b != nil {
		return binary.LittleEndian.Uint32(b)
	}
	return 0
}

func (r *reader) uint64() uint64 {
	if b := r.bytes(8); b != nil {
		return binary.LittleEndian.Uint64(b)
	}
	return 0
}

func (r *reader) varint() int64 {
	n, size := binary.Varint(r.b)
	if size <= 0 {
		r.fail(errDamaged)
		return 0
	}
	r.b = r.b[size:]
	return n
}

// uvarint reads a number that is most at most.
func (r *reader) uvarint(most uint64) uint64 {
	n, size := binary.Uvarint(r.b)
	if size <= 0 || n > most {
		r.fail(errDamaged)
		return 0
	}
	r.b = r.b[size:]
	return n
}

// window reads what a window has seen into w, which is empty.
func (r *reader) window(w *Window) {
	w.newest = r.varint()
	mask := r.byte()
	if r.err != nil || mask > inParts || w.newest < math.MinInt64+Parts || w.listing != (mask&1 == 0) {
		r.fail(errDamaged)
		return
	}
	for i := range int64(Parts) {
		if mask>>i&1 == 1 {
			w.parts[place(w.newest-i)] = r.sketch(w.precision)
		}
	}
	w.current = w.parts[place(w.newest)]
	most := 0
	if w.listing {
		most = maxListed(w.precision)
	}
	for n := r.uvarint(uint64(most)); n > 0 && r.err == nil; n-- {
		x := r.uint64()
		if x&inParts == 0 {
			r.fail(errDamaged)
			return
		}
		w.list.insert(Hash(x), w.absolute(x), most)
	}
}

// sketch reads a sketch, or returns nil. Only registers are written: a list could
// be made to take quadratic time to read.
func (r *reader) sketch(precision uint8) *hyperloglog.Sketch {
	b := r.bytes(uint64(r.uint32()))
	if r.err != nil || len(b) != sketchHeader+1<<precision || b[1] != precision || b[3] != 0 {
		r.fail(errDamaged)
		return nil
	}
	s := new(hyperloglog.Sketch)
	if err := s.UnmarshalBinary(b); err != nil {
		r.fail(err)
		return nil
	}
	return s
}

// sketchHeader is what hyperloglog writes before the registers of a sketch:
// version, precision, 0, whether it is sparse, and the number of registers.
const sketchHeader = 8

// summary reads a summary of at most size values into s, which is empty.
func (r *reader) summary(s *summary, size int) {
	s.floor = uint32(r.uvarint(math.MaxUint32))
	n := r.uvarint(uint64(size))
	if n == 0 && s.floor > 0 {
		r.fail(errDamaged)
	}
	for ; n > 0 && r.err == nil; n-- {
		x := slot{
			count: uint32(r.uvarint(math.MaxUint32)),
			own:   uint32(r.uvarint(math.MaxUint32)),
			other: uint32(r.uvarint(math.MaxUint32)),
		}
		value := string(r.bytes(r.uvarint(maxValueBytes)))
		x.hash = Value(value)
		if r.err != nil || x.count == 0 || x.count < x.least() || s.find(value, x.hash) >= 0 {
			r.fail(errDamaged)
			return
		}
		s.append(value, x)
	}
}
