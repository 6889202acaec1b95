package profiler

import (
	"errors"
	"fmt"
	"time"

	"github.com/prometheus/common/model"
)

// Config is the profiler section of the configuration file.
type Config struct {
	Window           model.Duration `yaml:"window"`             // for how long a series counts as active after its last sample
	MaxMetrics       int            `yaml:"max_metrics"`        // per tenant; the smallest beyond it share one name
	MemoryLimitBytes int64          `yaml:"memory_limit_bytes"` // 0 turns the profiler off
	File             string         `yaml:"file"`               // what is known is saved here; "" for nowhere

	exactRows int // maxExactRows, or less in tests
}

// Overflow is the name that the metrics beyond MaxMetrics share.
const Overflow = "__overflow__"

const (
	minWindow = 10 * time.Second // much less than an hour serves tests alone
	maxWindow = 24 * time.Hour
	minMemory = 8 << 20
)

// DefaultConfig is what an absent section means.
func DefaultConfig() Config {
	return Config{
		Window:           model.Duration(time.Hour),
		MaxMetrics:       100_000,
		MemoryLimitBytes: 192 << 20,
		File:             "data/profile",
		exactRows:        maxExactRows,
	}
}

// Validate returns all that is wrong with c.
func (c Config) Validate() error {
	var errs []error
	if w := time.Duration(c.Window); w < minWindow || w > maxWindow {
		errs = append(errs, fmt.Errorf("window: %s is not between %s and %s", w, minWindow, maxWindow))
	}
	if c.MaxMetrics < 1 {
		errs = append(errs, fmt.Errorf("max_metrics: %d is not positive", c.MaxMetrics))
	}
	if c.MemoryLimitBytes != 0 && c.MemoryLimitBytes < minMemory {
		errs = append(errs, fmt.Errorf("memory_limit_bytes: %d is too little to profile anything; give it %d at least, or 0 to turn the profiler off", c.MemoryLimitBytes, minMemory))
	}
	return errors.Join(errs...)
}
