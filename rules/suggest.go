package rules

// Nearest returns the one of words that s was most likely meant to be, or "".
// Whatever reads files beside rules suggests the same way.
func Nearest(s string, words []string) string { return nearest(s, words) }
