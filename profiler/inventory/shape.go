package inventory

import (
	"encoding/binary"

	"github.com/headgate/headgate/internal/series"
	"github.com/headgate/headgate/profiler/sketch"
)

// A shape is the list of label names that a series has, in order. Most series of a
// metric have the same one.
type shape struct {
	key    string // names, each after its length
	names  []string
	hashes []uint64 // sketch.Name of names
	refs   uint32
}

// shapes holds every shape of a tenant once, with a count of the rows that have it.
type shapes struct {
	list  []*shape // by number; nil where free
	free  []uint32
	byKey map[string]uint32
	buf   []byte
	size  int64
}

// shapeBytes is what a shape takes besides its names: itself, its place in the map
// and in the list.
const shapeBytes = 160

// bytes is what s takes.
func (s *shape) bytes() int64 { return shapeBytes + int64(len(s.key)) + 24*int64(len(s.names)) }

// is reports whether ls has the names of s. An empty value is an absent label.
func (s *shape) is(ls series.Labels) bool {
	n := 0
	for i := range ls {
		if ls[i].Value == "" {
			continue
		}
		if n == len(s.names) || s.names[n] != ls[i].Name {
			return false
		}
		n++
	}
	return n == len(s.names)
}

// column returns the place of name among the names, or -1.
func (s *shape) column(name string) int {
	for i, n := range s.names {
		if n == name {
			return i
		}
	}
	return -1
}

// intern returns the number of the shape of ls, and counts one row more.
func (x *shapes) intern(ls series.Labels) uint32 {
	x.buf = x.buf[:0]
	for i := range ls {
		if ls[i].Value != "" {
			x.buf = binary.AppendUvarint(x.buf, uint64(len(ls[i].Name)))
			x.buf = append(x.buf, ls[i].Name...)
		}
	}
	return x.internKey(x.buf)
}

// internKey is intern of a shape whose key is known.
func (x *shapes) internKey(key []byte) uint32 {
	if id, ok := x.byKey[string(key)]; ok {
		x.list[id].refs++
		return id
	}
	s := &shape{key: string(key), refs: 1}
	for rest := s.key; rest != ""; {
		n, size := binary.Uvarint([]byte(rest[:min(len(rest), binary.MaxVarintLen64)]))
		name := rest[size : size+int(n)]
		s.names = append(s.names, name)
		s.hashes = append(s.hashes, sketch.Name(name))
		rest = rest[size+int(n):]
	}
	id := uint32(len(x.list))
	if n := len(x.free); n > 0 {
		id, x.free = x.free[n-1], x.free[:n-1]
		x.list[id] = s
	} else {
		x.list = append(x.list, s)
	}
	if x.byKey == nil {
		x.byKey = map[string]uint32{}
	}
	x.byKey[s.key] = id
	x.size += s.bytes()
	return id
}

// release ends one use of shape id.
func (x *shapes) release(id uint32) {
	s := x.list[id]
	if s.refs--; s.refs > 0 {
		return
	}
	x.size -= s.bytes()
	delete(x.byKey, s.key)
	x.list[id] = nil
	x.free = append(x.free, id)
}
