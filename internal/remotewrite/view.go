package remotewrite

import (
	"encoding/binary"
	"unsafe"
)

// view returns b as a string without copying. The string changes when b does.
func view(b []byte) string {
	return unsafe.String(unsafe.SliceData(b), len(b))
}

// The loads below read a little-endian number at i without a check of bounds:
// the caller has compared i and the number's size with len(b). Slicing for
// encoding/binary costs a third of the walk, whose steps wait for each other.

func load8(b []byte, i int) byte {
	return *(*byte)(unsafe.Add(unsafe.Pointer(unsafe.SliceData(b)), i))
}

func load16(b []byte, i int) uint16 {
	return binary.LittleEndian.Uint16((*[2]byte)(unsafe.Add(unsafe.Pointer(unsafe.SliceData(b)), i))[:])
}

func load32(b []byte, i int) uint32 {
	return binary.LittleEndian.Uint32((*[4]byte)(unsafe.Add(unsafe.Pointer(unsafe.SliceData(b)), i))[:])
}

func load64(b []byte, i int) uint64 {
	return binary.LittleEndian.Uint64((*[8]byte)(unsafe.Add(unsafe.Pointer(unsafe.SliceData(b)), i))[:])
}

// chunk is how many bytes copyChunk copies.
const chunk = 48

// copyChunk copies chunk bytes from src[s:] to dst[d:], which the caller has
// found to be there. For short strings it is far cheaper than copy.
func copyChunk(dst []byte, d int, src []byte, s int) {
	*(*[chunk]byte)(unsafe.Add(unsafe.Pointer(unsafe.SliceData(dst)), d)) =
		*(*[chunk]byte)(unsafe.Add(unsafe.Pointer(unsafe.SliceData(src)), s))
}
