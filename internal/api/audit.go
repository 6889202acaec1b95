package api

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/headgate/headgate/internal/control"
)

// An AuditEntry is one change that somebody made.
type AuditEntry struct {
	Sequence int64           `json:"sequence" doc:"From 1, without a gap."`
	At       time.Time       `json:"at"`
	Who      string          `json:"who"`
	From     string          `json:"from,omitempty" doc:"The address it was asked from."`
	Verb     string          `json:"verb" doc:"A stable word, such as rule.save."`
	Object   string          `json:"object" doc:"Such as rules/drop-debug."`
	Tenant   string          `json:"tenant,omitempty"`
	Before   json.RawMessage `json:"before" doc:"null where there was none"`
	After    json.RawMessage `json:"after" doc:"null where there is none since"`
	Reason   string          `json:"reason,omitempty"`
	Previous string          `json:"previous" doc:"The hash of the entry before; empty in the first."`
	Hash     string          `json:"hash" doc:"SHA-256 of all that the entry says, in hex."`
}

type auditInput struct {
	Who    string    `query:"who" maxLength:"512"`
	Verb   string    `query:"verb" maxLength:"64" doc:"Such as rule.save, or rule for all that begin so."`
	Object string    `query:"object" maxLength:"512"`
	Tenant string    `query:"tenant" maxLength:"150"`
	Team   string    `query:"team" maxLength:"512" doc:"That what was, or what became, names as its team: of rules, and of any clause of owners."`
	From   time.Time `query:"from" doc:"Belongs to the entries meant."`
	To     time.Time `query:"to" doc:"Does not belong to them."`
	Limit  int       `query:"limit" minimum:"1" maximum:"1000" default:"100"`
	Cursor string    `query:"cursor" maxLength:"20" doc:"The next_cursor of the page before."`
}

type auditOutput struct {
	Body struct {
		Audit      []AuditEntry `json:"audit" doc:"Newest first."`
		NextCursor string       `json:"next_cursor"`
	}
}

func registerAudit(a huma.API, c *control.Control) {
	huma.Register(a, operation(http.MethodGet, "/audit", "list-audit", "Who changed what, newest first"),
		func(ctx context.Context, in *auditInput) (*auditOutput, error) {
			page, err := c.As(actor(ctx)).Audit(ctx, control.AuditQuery{
				Who: in.Who, Verb: in.Verb, Object: in.Object, Tenant: in.Tenant, Team: in.Team, From: in.From, To: in.To, Limit: in.Limit, Cursor: in.Cursor,
			})
			if err != nil {
				return nil, problem(err)
			}
			out := &auditOutput{}
			out.Body.Audit, out.Body.NextCursor = []AuditEntry{}, page.Next
			for _, e := range page.Entries {
				out.Body.Audit = append(out.Body.Audit, AuditEntry{
					e.Sequence, e.At.UTC(), e.Who, e.From, e.Verb, e.Object, string(e.Tenant), orNull(e.Before), orNull(e.After), e.Reason, e.Previous, e.Hash,
				})
			}
			return out, nil
		})
}
