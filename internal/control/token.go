package control

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/headgate/headgate/internal/auth"
	"github.com/headgate/headgate/internal/tenant"
)

// A Token stands for a script.
type Token = auth.Token

// Tokens returns the API tokens, oldest first. No secret is among what is known
// of them.
func (c *Control) Tokens(ctx context.Context) ([]Token, error) {
	if err := c.mayTokens(); err != nil {
		return nil, err
	}
	list, err := c.parts.Tokens.List(ctx)
	if err != nil {
		return nil, c.noTokens(err)
	}
	var own []Token
	for _, t := range list {
		if c.reaches(&t) {
			own = append(own, t)
		}
	}
	return own, nil
}

// CreateToken makes a token with the name, role, reach and expiry of t. Its secret
// is known to the caller alone, from now on.
func (c *Control) CreateToken(ctx context.Context, t Token) (made Token, secret string, err error) {
	if err := c.mayTokens(); err != nil {
		return Token{}, "", err
	}
	now := time.Now()
	if field, text := t.Check(now); field != "" {
		return Token{}, "", &Invalid{field, text}
	}
	if !c.reaches(&t) {
		return Token{}, "", &forbidden{fmt.Sprintf("the token would reach further than you: name tenants of yours as its tenants, which are %s", c.ownTenants())}
	}
	t.CreatedAt, t.CreatedBy = now, c.actor.String()
	made, secret, err = c.parts.Tokens.Add(c.audit(ctx, AuditEntry{Verb: "token.create", Object: tokenObject(&t), After: tokenDocument(&t)}), t)
	if errors.Is(err, auth.ErrTooMany) {
		return Token{}, "", &Invalid{"name", "there are too many tokens; revoke those that nobody uses"}
	}
	if err != nil {
		return Token{}, "", c.noTokens(err)
	}
	c.tellToken(&made, "made by "+c.actor.String())
	return made, secret, nil
}

// RevokeToken ends a token.
func (c *Control) RevokeToken(ctx context.Context, id string) error {
	if err := c.mayTokens(); err != nil {
		return err
	}
	t, found, err := c.parts.Tokens.Find(ctx, id)
	if err != nil {
		return c.noTokens(err)
	}
	if !found || !c.reaches(&t) {
		return &missing{fmt.Sprintf("there is no token with the id %.80q; GET /api/v1/tokens lists those that are", id)}
	}
	was, err := c.parts.Tokens.Revoke(c.audit(ctx, AuditEntry{Verb: "token.revoke", Object: tokenObject(&t), Before: tokenDocument(&t)}), id)
	if err != nil {
		return c.noTokens(err)
	}
	if was {
		c.tellToken(&t, "revoked by "+c.actor.String())
	}
	return nil
}

func (c *Control) mayTokens() error {
	if err := c.may(auth.ManageTokens); err != nil {
		return err
	}
	if c.parts.Tokens == nil {
		return ErrUnavailable
	}
	return nil
}

// reaches reports whether nothing that the token may do is beyond the actor.
func (c *Control) reaches(t *Token) bool {
	return auth.Actor{Role: t.Role, Tenants: t.Tenants, Teams: t.Teams}.Within(c.actor)
}

func (c *Control) noTokens(err error) error {
	if !errors.Is(err, auth.ErrNoStore) {
		c.parts.Tokens.Log(err)
	}
	return ErrUnavailable
}

func tokenObject(t *Token) string { return "tokens/" + t.Name }

// tokenDocument returns a token for the record. Nothing of its secret is in it.
func tokenDocument(t *Token) json.RawMessage {
	return jsonOf(struct {
		ID        string      `json:"id,omitempty"`
		Name      string      `json:"name"`
		Role      auth.Role   `json:"role"`
		Tenants   []tenant.ID `json:"tenants,omitempty"`
		Teams     []string    `json:"teams,omitempty"`
		ExpiresAt time.Time   `json:"expires_at,omitzero"`
	}{t.ID, t.Name, t.Role, t.Tenants, t.Teams, t.ExpiresAt})
}

func (c *Control) tellToken(t *Token, what string) {
	text := fmt.Sprintf("API token %q with the role %s is %s", t.Name, t.Role, what)
	c.parts.Events.Add(Event{At: time.Now(), Kind: "token", Who: c.actor.Name, Text: text})
}
