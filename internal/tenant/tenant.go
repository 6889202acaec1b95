// Package tenant names the isolation unit that a sender writes for.
package tenant

import "errors"

// An ID names one tenant. An ID made by Parse is safe in URLs, file names and
// headers. The zero value names no tenant.
type ID string

// MaxLen is the longest ID in bytes, as in Grafana Mimir ("About tenant IDs").
const MaxLen = 150

// Parse returns s as an ID, or says why it cannot be one. The syntax is that of
// Grafana Mimir: 1 to 150 of the characters 0-9 A-Z a-z ! - _ . * ' ( ), but
// neither ".", ".." nor "__mimir_cluster".
func Parse(s string) (ID, error) {
	switch {
	case s == "":
		return "", errors.New("tenant ID is empty")
	case len(s) > MaxLen:
		return "", errors.New("tenant ID is longer than 150 bytes")
	case s == ".", s == "..", s == "__mimir_cluster":
		return "", errors.New("tenant ID is reserved")
	}
	for i := range len(s) {
		if !allowed(s[i]) {
			return "", errors.New("tenant ID has a character other than 0-9 A-Z a-z ! - _ . * ' ( )")
		}
	}
	return ID(s), nil
}

func allowed(c byte) bool {
	switch {
	case '0' <= c && c <= '9', 'A' <= c && c <= 'Z', 'a' <= c && c <= 'z':
		return true
	}
	switch c {
	case '!', '-', '_', '.', '*', '\'', '(', ')':
		return true
	}
	return false
}
