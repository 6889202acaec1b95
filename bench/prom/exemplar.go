package prom

import (
	"fmt"
	"math"

	"github.com/prometheus/prometheus/model/exemplar"
)

// exemplarText shows every field of an exemplar, its value by bits.
func exemplarText(e exemplar.Exemplar) string {
	return fmt.Sprintf("%s %x @%d", e.Labels, math.Float64bits(e.Value), e.Ts)
}
