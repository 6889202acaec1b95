package prom

import (
	"context"
	"fmt"
	"time"
)

// eventually asks until cond is true or ctx is over. What it was waiting for
// becomes the error's text.
func eventually(ctx context.Context, what string, cond func() bool) error {
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !cond() {
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait until %s: %w", what, context.Cause(ctx))
		case <-tick.C:
		}
	}
	return nil
}
