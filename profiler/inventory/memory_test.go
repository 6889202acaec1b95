package inventory

import (
	"fmt"
	"math"
	"reflect"
	"runtime"
	"testing"
)

func TestSizesOfTypesAreAsCounted(t *testing.T) {
	for name, tt := range map[string]struct {
		got  any
		want uintptr
	}{
		"Metric":    {Metric{}, metricBytes},
		"Inventory": {Inventory{}, inventoryBytes},
		"row":       {row{}, rowBytes},
		"block":     {block{}, blockBytes},
		"chunk":     {chunk{}, chunkBytes},
		"entry":     {entry{}, entryBytes},
		"table":     {table{}, tableBytes},
	} {
		if got := reflect.TypeOf(tt.got).Size(); got > tt.want || tt.want > got+got/4+8 {
			t.Errorf("%s takes %d bytes, it is counted as %d", name, got, tt.want)
		}
	}
}

func TestBytesIsWhatTheHeapGrowsBy(t *testing.T) {
	tests := []struct {
		name            string
		metrics, series int
		perSeries       float64 // bytes at most
	}{
		{"one metric of many series", 1, 100_000, 85},
		{"metrics of a thousand series", 100, 1000, 90},
		{"many metrics of ten series", 10_000, 10, 150},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			names := make([]string, tt.metrics)
			for i := range names {
				names[i] = fmt.Sprintf("metric_number_%d_total", i)
			}
			list := workload("", tt.series)
			before := heap()
			v := New()
			metrics := make([]*Metric, tt.metrics)
			for i := range metrics {
				metrics[i] = v.NewMetric()
				for _, ls := range list {
					ls[0].Value = names[i]
					metrics[i].Observe(seen(1, ls))
				}
			}
			grown := heap() - before
			rows := float64(tt.metrics * tt.series)
			t.Logf("%.1f bytes a series; counted %.1f", float64(grown)/rows, float64(v.Bytes())/rows)
			t.Logf("metrics %.1f, values %.1f, shapes %d, verdicts %d", float64(v.size)/rows, float64(v.values.size)/rows, v.shapes.size, v.verdicts.size)
			if got := float64(v.Bytes()) / float64(grown); math.Abs(got-1) > 0.2 {
				t.Errorf("Bytes() is %d, the heap grew by %d", v.Bytes(), grown)
			}
			if got := float64(grown) / rows; got > tt.perSeries {
				t.Errorf("a series takes %.1f bytes, want at most %g", got, tt.perSeries)
			}
			for _, m := range metrics {
				m.Expire(1+6, nil)
			}
			if got, most := v.Bytes(), int64(tt.metrics*metricBytes+64<<10); got > most {
				t.Errorf("when all series are gone, %d bytes remain, want at most %d", got, most)
			}
			runtime.KeepAlive(metrics)
			runtime.KeepAlive(list)
		})
	}
}
