package control

import (
	"encoding/json"
	"fmt"
	"time"
	"unicode/utf8"

	"github.com/headgate/headgate/gateway"
	"github.com/headgate/headgate/internal/auth"
)

// What a bypass may be.
const (
	maxBypass      = 7 * 24 * time.Hour // what is meant for longer is a change of the rules
	maxReasonBytes = 1024
)

// A Bypass is the switch for a bad night: until it ends, no rule and no limit
// removes anything.
type Bypass = gateway.Bypass

// Bypass returns the bypass that is on, or nil.
func (c *Control) Bypass() *Bypass {
	if c.may(auth.ReadTraffic) != nil {
		return nil
	}
	return c.parts.Gateway.Bypass()
}

// SetBypass turns every rule and limit off for a while. It replaces a bypass that
// is on.
func (c *Control) SetBypass(length time.Duration, reason string) (*Bypass, error) {
	if err := c.mayAll(auth.UseBypass); err != nil {
		return nil, err
	}
	switch {
	case length <= 0:
		return nil, &Invalid{"for", "it must be longer than nothing; write 1h"}
	case length > maxBypass:
		return nil, &Invalid{"for", fmt.Sprintf("%s is longer than the limit of %s; for good, set the rules' mode to off", length, maxBypass)}
	}
	if err := checkReason(reason); err != nil {
		return nil, err
	}
	before := bypassDocument(c.Bypass())
	b := &Bypass{Until: time.Now().Add(length), Reason: reason}
	c.parts.Gateway.SetBypass(b)
	c.auditOutside(AuditEntry{Verb: "bypass.set", Object: bypassObject, Before: before, After: bypassDocument(b), Reason: reason})
	return b, nil
}

// EndBypass lets rules and limits act again.
func (c *Control) EndBypass() error {
	if err := c.mayAll(auth.UseBypass); err != nil {
		return err
	}
	before := bypassDocument(c.Bypass())
	c.parts.Gateway.SetBypass(nil)
	c.auditOutside(AuditEntry{Verb: "bypass.end", Object: bypassObject, Before: before})
	return nil
}

// bypassObject is what the record calls it. It must work without the store, and is
// recorded as soon as that is there.
const bypassObject = "bypass"

// bypassDocument returns a bypass for the record.
func bypassDocument(b *Bypass) json.RawMessage {
	if b == nil {
		return nil
	}
	return jsonOf(struct {
		Until  time.Time `json:"until"`
		Reason string    `json:"reason"`
	}{b.Until.UTC(), b.Reason})
}

// checkReason refuses a reason that is too long.
func checkReason(reason string) error {
	if len(reason) > maxReasonBytes || !utf8.ValidString(reason) {
		return &Invalid{"reason", fmt.Sprintf("a reason is at most %d bytes of UTF-8; shorten it", maxReasonBytes)}
	}
	return nil
}
