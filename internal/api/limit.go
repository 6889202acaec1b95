package api

import (
	"context"
	"net/http"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/headgate/headgate/internal/control"
	"github.com/headgate/headgate/limiter"
)

type limitsInput struct {
	Limit  int    `query:"limit" minimum:"1" maximum:"1000" default:"100"`
	Cursor string `query:"cursor" maxLength:"150" doc:"The next_cursor of the page before."`
}

type limitsOutput struct {
	Body struct {
		Limits     []Limit       `json:"limits" doc:"Of tenants that have one or are named, by tenant."`
		Default    LimitSettings `json:"default" doc:"The limit of each tenant that is not named; limits.default of the configuration file."`
		NextCursor string        `json:"next_cursor"`
	}
}

type limitInput struct {
	Tenant string `path:"tenant" maxLength:"150"`
}

type limitOutput struct {
	ETag string `header:"ETag"`
	Body Limit
}

type historyInput struct {
	Tenant  string `path:"tenant" maxLength:"150"`
	Seconds int    `query:"seconds" minimum:"1" maximum:"3600" default:"600" doc:"How far back."`
}

type historyOutput struct{ Body LimitHistory }

// A LimitChange is who changes a limit, and why.
type LimitChange struct {
	Change
	DryRun
	Reason string `query:"reason" maxLength:"1024" doc:"Why, for the audit."`
}

// change returns what c says for control.
func (c *LimitChange) change() control.LimitChange {
	return control.LimitChange{Change: c.Change.change(), Reason: strings.TrimSpace(c.Reason), DryRun: c.DryRun.DryRun}
}

type setLimitInput struct {
	LimitChange
	Tenant string `path:"tenant" maxLength:"150"`
	Body   LimitSettings
}

type deleteLimitInput struct {
	LimitChange
	Tenant string `path:"tenant" maxLength:"150"`
}

// A Change is who changes what, as every PUT and DELETE of policy says it.
type Change struct {
	IfMatch string `header:"If-Match" doc:"The ETag of what was read, or * for whatever is there."`
}

// change returns what c says for control.
func (c *Change) change() control.Change {
	out := control.Change{Revision: control.NotRevision}
	switch text := strings.TrimSpace(c.IfMatch); {
	case text == "":
		out.Revision = control.NoRevision
	case text == "*":
		out.Revision = control.AnyRevision
	case len(text) > 2 && text[0] == '"' && text[len(text)-1] == '"':
		if n, err := strconv.ParseUint(text[1:len(text)-1], 10, 63); err == nil {
			out.Revision = int64(n)
		}
	}
	return out
}

func etag(revision int64) string { return strconv.Quote(strconv.FormatInt(revision, 10)) }

func registerLimits(a huma.API, c *control.Control) {
	huma.Register(a, operation(http.MethodGet, "/limits", "list-limits", "The tenants' limits, what they use and what is shed"),
		func(ctx context.Context, in *limitsInput) (*limitsOutput, error) {
			page := c.As(actor(ctx)).Limits(control.LimitsQuery{Limit: in.Limit, Cursor: in.Cursor})
			out := &limitsOutput{}
			out.Body.Limits, out.Body.NextCursor = []Limit{}, page.Next
			for _, l := range page.Limits {
				out.Body.Limits = append(out.Body.Limits, newLimit(l))
			}
			out.Body.Default = newLimitSettings(c.As(actor(ctx)).DefaultLimit())
			return out, nil
		})
	huma.Register(a, operation(http.MethodGet, "/limits/{tenant}", "get-limit", "One tenant's limit, known or not"),
		func(ctx context.Context, in *limitInput) (*limitOutput, error) {
			l, err := c.As(actor(ctx)).Limit(in.Tenant)
			if err != nil {
				return nil, problem(err)
			}
			return &limitOutput{etag(l.Revision), newLimit(l)}, nil
		})
	huma.Register(a, operation(http.MethodGet, "/limits/{tenant}/history", "get-limit-history", "What became of a tenant's samples, second by second"),
		func(ctx context.Context, in *historyInput) (*historyOutput, error) {
			h, err := c.As(actor(ctx)).LimitHistory(in.Tenant, in.Seconds)
			if err != nil {
				return nil, problem(err)
			}
			return &historyOutput{newLimitHistory(in.Tenant, h)}, nil
		})
	huma.Register(a, operation(http.MethodPut, "/limits/{tenant}", "set-limit", "Set a tenant's limit, in force at once"),
		func(ctx context.Context, in *setLimitInput) (*limitOutput, error) {
			l, err := in.Body.limit()
			if err != nil {
				return nil, problem(err)
			}
			as := c.As(actor(ctx))
			set, err := as.SetLimit(ctx, in.Tenant, l, in.change())
			if err != nil {
				return nil, problem(err)
			}
			out := &limitOutput{etag(set.Revision), newLimit(set)}
			if in.DryRun.DryRun {
				p, err := as.PreviewLimit(ctx, in.Tenant, l)
				if err != nil {
					return nil, problem(err)
				}
				out.Body.Effect = newLimitEffect(p)
			}
			return out, nil
		})
	remove := operation(http.MethodDelete, "/limits/{tenant}", "delete-limit", "Give a tenant the limit of default again")
	remove.DefaultStatus = http.StatusNoContent
	huma.Register(a, remove, func(ctx context.Context, in *deleteLimitInput) (*struct{}, error) {
		if err := c.As(actor(ctx)).DeleteLimit(ctx, in.Tenant, in.change()); err != nil {
			return nil, problem(err)
		}
		return nil, nil
	})
}

// UnmarshalJSON implements json.Unmarshaler.
func (m *Match) UnmarshalJSON(data []byte) error { return (*limiter.Selectors)(m).UnmarshalJSON(data) }

// limit returns what s says; only its burst may be wrong.
func (s *LimitSettings) limit() (limiter.Limit, error) {
	l := limiter.Limit{
		SamplesPerSecond: s.SamplesPerSecond, ActiveSeries: s.ActiveSeries, HardSamplesPerSecond: s.HardSamplesPerSecond,
		DefaultPriority: s.DefaultPriority, Mode: s.Mode,
	}
	if s.Burst != "" {
		if err := l.Burst.UnmarshalText([]byte(s.Burst)); err != nil {
			return l, &control.Invalid{Field: "burst", Text: err.Error()}
		}
	}
	for _, p := range s.Pools {
		l.Pools = append(l.Pools, limiter.PoolConfig{
			Name: p.Name, Share: p.Share, Teams: p.Teams, Match: limiter.Selectors(p.Match), ActiveSeries: p.ActiveSeries,
		})
	}
	return l, nil
}
