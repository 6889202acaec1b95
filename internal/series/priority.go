package series

import "fmt"

// A Priority says how much a series matters to its tenant when not everything
// fits. Greater means more important; the zero value is Default.
type Priority int8

// The priorities, least important first.
const (
	Low      Priority = -1
	Default  Priority = 0
	High     Priority = 1
	Critical Priority = 2
)

// String returns the priority's name in files, metrics and pages.
func (p Priority) String() string {
	switch p {
	case Low:
		return "low"
	case Default:
		return "default"
	case High:
		return "high"
	case Critical:
		return "critical"
	}
	return fmt.Sprintf("Priority(%d)", int8(p))
}

// ParsePriority is the inverse of String.
func ParsePriority(s string) (Priority, error) {
	for p := Low; p <= Critical; p++ {
		if p.String() == s {
			return p, nil
		}
	}
	return 0, fmt.Errorf("priority %q is none of critical, high, default, low", s)
}
