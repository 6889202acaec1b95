//go:build unix

package main

import (
	"context"
	"fmt"
)

// limit shows what the limit, which is in shadow mode, would shed. It returns an
// error where that is nothing, or where more would pass than comes.
func (s *stage) limit(ctx context.Context) error {
	var l struct {
		Samples int64   `json:"samples_per_second"`
		Demand  float64 `json:"demand"`
		Used    struct {
			Samples float64 `json:"samples_per_second"`
		} `json:"used"`
		Mode string `json:"mode"`
		Over bool   `json:"over"`
	}
	if err := getJSON(ctx, s.page("/api/v1/limits/default"), &l); err != nil {
		return fmt.Errorf("ask for the limit: %w", err)
	}
	verdict := "ok"
	wrong := !l.Over || l.Mode != "shadow" || l.Used.Samples >= l.Demand
	if wrong {
		verdict = "WRONG"
	}
	fmt.Fprintf(s.out, "\nLimit:   %d samples/s in %s mode   demand %.0f/s, of which %.0f/s would pass   %s\n", l.Samples, l.Mode, l.Demand, l.Used.Samples, verdict)
	if wrong {
		return fmt.Errorf("the limit of %d samples/s in %s mode would shed nothing of %.0f/s: %.0f/s would pass", l.Samples, l.Mode, l.Demand, l.Used.Samples)
	}
	return nil
}
