package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/headgate/headgate/internal/auth"
	"github.com/headgate/headgate/internal/control"
	"github.com/headgate/headgate/internal/tenant"
)

// A Token is what is known of an API token; its secret is not.
type Token struct {
	ID        string    `json:"id"`
	Name      string    `json:"name"`
	Role      string    `json:"role"`
	Tenants   []string  `json:"tenants" doc:"Those it may ask about; none: all."`
	Teams     []string  `json:"teams" doc:"Whose rules an editor's token may change."`
	CreatedAt time.Time `json:"created_at"`
	CreatedBy string    `json:"created_by"`
	ExpiresAt time.Time `json:"expires_at,omitzero" doc:"Absent: never."`
	UsedAt    time.Time `json:"used_at,omitzero" doc:"To within an hour; absent: not yet."`
}

// A NewToken is a token with its secret, which is shown this once.
type NewToken struct {
	Token
	Secret string `json:"secret" doc:"Sent as Authorization: Bearer. It is not kept and cannot be shown again."`
}

// A TokenRequest says what token is wanted.
type TokenRequest struct {
	Name      string    `json:"name" doc:"What uses it." maxLength:"64"`
	Role      string    `json:"role" enum:"viewer,editor,finops,admin"`
	Tenants   []string  `json:"tenants,omitempty" doc:"Absent: all." maxItems:"1000"`
	Teams     []string  `json:"teams,omitempty" maxItems:"1000"`
	ExpiresAt time.Time `json:"expires_at,omitzero" doc:"Absent: never."`
}

type tokensOutput struct {
	Body struct {
		Tokens []Token `json:"tokens" doc:"Oldest first."`
	}
}

type createTokenInput struct{ Body TokenRequest }

type createTokenOutput struct{ Body NewToken }

type deleteTokenInput struct {
	ID string `path:"id" maxLength:"64"`
}

func registerTokens(a huma.API, c *control.Control) {
	huma.Register(a, operation(http.MethodGet, "/tokens", "list-tokens", "The API tokens, without their secrets"),
		func(ctx context.Context, _ *struct{}) (*tokensOutput, error) {
			list, err := c.As(actor(ctx)).Tokens(ctx)
			if err != nil {
				return nil, problem(err)
			}
			out := &tokensOutput{}
			out.Body.Tokens = []Token{}
			for _, t := range list {
				out.Body.Tokens = append(out.Body.Tokens, newToken(t))
			}
			return out, nil
		})
	create := operation(http.MethodPost, "/tokens", "create-token", "Make an API token; its secret is shown this once")
	create.DefaultStatus = http.StatusCreated
	huma.Register(a, create, func(ctx context.Context, in *createTokenInput) (*createTokenOutput, error) {
		t := control.Token{Name: in.Body.Name, Role: auth.Role(in.Body.Role), Teams: in.Body.Teams, ExpiresAt: in.Body.ExpiresAt}
		for _, name := range in.Body.Tenants {
			t.Tenants = append(t.Tenants, tenant.ID(name))
		}
		made, secret, err := c.As(actor(ctx)).CreateToken(ctx, t)
		if err != nil {
			return nil, problem(err)
		}
		return &createTokenOutput{NewToken{newToken(made), secret}}, nil
	})
	remove := operation(http.MethodDelete, "/tokens/{id}", "revoke-token", "Revoke an API token")
	remove.DefaultStatus = http.StatusNoContent
	huma.Register(a, remove, func(ctx context.Context, in *deleteTokenInput) (*struct{}, error) {
		if err := c.As(actor(ctx)).RevokeToken(ctx, in.ID); err != nil {
			return nil, problem(err)
		}
		return nil, nil
	})
}

func newToken(t control.Token) Token {
	out := Token{
		ID: t.ID, Name: t.Name, Role: string(t.Role), Tenants: []string{}, Teams: []string{},
		CreatedAt: t.CreatedAt.UTC(), CreatedBy: t.CreatedBy, ExpiresAt: t.ExpiresAt, UsedAt: t.UsedAt,
	}
	for _, id := range t.Tenants {
		out.Tenants = append(out.Tenants, string(id))
	}
	out.Teams = append(out.Teams, t.Teams...)
	return out
}
