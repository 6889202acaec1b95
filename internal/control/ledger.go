package control

import (
	"github.com/headgate/headgate/attribution"
	"github.com/headgate/headgate/internal/auth"
)

// A LedgerState is how far what is recorded of samples is behind them.
type LedgerState = attribution.Status

// LedgerState returns how far the ledger is behind; ok is false where nothing is
// recorded.
func (c *Control) LedgerState() (s LedgerState, ok bool) {
	if c.may(auth.ReadStatus) != nil || c.parts.Book == nil {
		return LedgerState{}, false
	}
	return c.parts.Book.Status(), true
}
