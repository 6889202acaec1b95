package store

import (
	"context"
	"errors"
	"fmt"
)

// The words of this package's errors, for errors.Is.
var (
	// ErrNotFound means that there is no such thing in the store.
	ErrNotFound = errors.New("not found")
	// ErrConflict means that somebody else changed it since it was read.
	ErrConflict = errors.New("changed by somebody else since it was read")
	// ErrCursor means that a cursor is none that the store gave.
	ErrCursor = errors.New("not a cursor of this list")
	// ErrNewer means that a newer program made the schema.
	ErrNewer = errors.New("the schema is newer than this program")
)

// settled reports whether err needs no explaining: there is none, it is one of
// our words, or the caller gave up.
func settled(err error) bool {
	if err == nil {
		return true
	}
	for _, word := range []error{ErrNotFound, ErrConflict, ErrCursor, ErrNewer, errExplained, context.Canceled, context.DeadlineExceeded} {
		if errors.Is(err, word) {
			return true
		}
	}
	return false
}

// errExplained marks an error that was explained.
var errExplained = errors.New("explained")

// An explained error is what happened, what it means and what to do.
type explained struct {
	advice string
	err    error
}

func (e *explained) Error() string        { return fmt.Sprintf("%s (%v)", e.advice, e.err) }
func (e *explained) Unwrap() error        { return e.err }
func (e *explained) Is(target error) bool { return target == errExplained }
