package explosion

import (
	"encoding/binary"
	"errors"
	"math"
)

// formVersion changes with the fields of state, and with what they mean.
const formVersion = 1

// AppendBinary appends what the detector knows: days of it, which a restart
// should not forget.
func (d *Detector) AppendBinary(b []byte) ([]byte, error) {
	return binary.Append(append(b, formVersion), binary.LittleEndian, &d.s)
}

var errDamaged = errors.New("explosion: damaged detector")

// UnmarshalBinary takes what AppendBinary wrote. On an error the detector is as it
// was.
func (d *Detector) UnmarshalBinary(b []byte) error {
	if len(b) == 0 || b[0] != formVersion {
		return errDamaged
	}
	var s state
	if n, err := binary.Decode(b[1:], binary.LittleEndian, &s); err != nil || n != len(b)-1 || !s.sound() {
		return errDamaged
	}
	d.s = s
	return nil
}

// sound reports whether s may be computed with.
func (s *state) sound() bool {
	for _, f := range []float32{s.Rate, s.PerRate, s.Recent.Sum, s.Recent.Reference, s.From, s.To, s.Rest} {
		if f != f || math.Abs(float64(f)) > 1<<60 {
			return false
		}
	}
	for _, f := range []float32{s.PerRate, s.Recent.Reference} { // octaves
		if math.Abs(float64(f)) > 128 {
			return false
		}
	}
	return s.First >= 0 && s.Last >= s.First && s.Rate >= 0 && s.Recent.Sum >= 0 && s.From >= 0 && s.To >= 0 &&
		s.Recent.Slot >= 0 && s.Recent.Slot <= s.Last/slotMinutes &&
		s.Days.Bucket >= 0 && s.Days.Bucket <= (s.Last-s.First)/bucketMinutes &&
		s.Opened >= 0 && s.Since >= 0 && s.GrowthQuiet >= 0 && s.LeakQuiet >= 0 && s.ChurnQuiet >= 0 && s.Kind <= Churn &&
		(!s.Open || s.From > 0 && s.To > 0)
}
