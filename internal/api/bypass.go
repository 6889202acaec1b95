package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/prometheus/common/model"

	"github.com/headgate/headgate/internal/control"
)

// A Bypass says whether every rule and limit is off.
type Bypass struct {
	Active bool      `json:"active"`
	Until  time.Time `json:"until,omitzero"`
	Reason string    `json:"reason,omitempty"`
}

func newBypass(b *control.Bypass) Bypass {
	if b == nil {
		return Bypass{}
	}
	return Bypass{true, b.Until.UTC(), b.Reason}
}

// A BypassRequest turns every rule and limit off for a while.
type BypassRequest struct {
	For    string `json:"for" doc:"How long, as Prometheus writes durations." example:"1h"`
	Reason string `json:"reason,omitempty" maxLength:"1024"`
}

type bypassInput struct{ Body BypassRequest }

type bypassOutput struct{ Body Bypass }

func registerBypass(a huma.API, c *control.Control) {
	huma.Register(a, operation(http.MethodGet, "/bypass", "get-bypass", "Whether every rule and limit is off"),
		func(ctx context.Context, _ *struct{}) (*bypassOutput, error) {
			return &bypassOutput{newBypass(c.As(actor(ctx)).Bypass())}, nil
		})
	huma.Register(a, operation(http.MethodPost, "/bypass", "set-bypass", "Turn every rule and limit off for a while"),
		func(ctx context.Context, in *bypassInput) (*bypassOutput, error) {
			length, err := model.ParseDuration(in.Body.For)
			if err != nil {
				return nil, problem(&control.Invalid{Field: "for", Text: "it is no duration; write it as in 1h or 30m"})
			}
			b, err := c.As(actor(ctx)).SetBypass(time.Duration(length), in.Body.Reason)
			if err != nil {
				return nil, problem(err)
			}
			return &bypassOutput{newBypass(b)}, nil
		})
	end := operation(http.MethodDelete, "/bypass", "end-bypass", "Let rules and limits act again")
	end.DefaultStatus = http.StatusNoContent
	huma.Register(a, end, func(ctx context.Context, _ *struct{}) (*struct{}, error) {
		if err := c.As(actor(ctx)).EndBypass(); err != nil {
			return nil, problem(err)
		}
		return nil, nil
	})
}
