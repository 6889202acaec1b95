package attribution

// A Sketch counts distinct series by their hashes. It is not safe for concurrent
// use. Sketches of one kind merge by union, so that what is counted twice, by two
// batches or by two gateways, counts once.
type Sketch interface {
	// Insert counts a series. A hash that was inserted before changes nothing.
	Insert(hash uint64)

	// Union counts what o counts, too. o stays as it is.
	Union(o Sketch) error

	// Estimate returns how many distinct hashes were inserted.
	Estimate() uint64

	// AppendBinary appends what Sketching.Read reads.
	AppendBinary(b []byte) ([]byte, error)
}

// Sketching makes sketches of one kind.
type Sketching struct {
	New  func() Sketch
	Read func(b []byte) (Sketch, error) // it does not keep b
}
