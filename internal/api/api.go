// Package api is the JSON interface of a running gateway: it parses, asks
// control, and renders. GET /api/v1/openapi.json describes all of it.
package api

import (
	"errors"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"
	"github.com/prometheus/common/version"

	"github.com/headgate/headgate/internal/control"
)

// Prefix is where every path of the API begins.
const Prefix = "/api/v1"

// maxBody is how long the body of a request may be, in bytes.
const maxBody = 64 << 10

// New returns the handler of the API, for every path under Prefix. Errors are
// problems as in RFC 9457.
func New(c *control.Control) http.Handler {
	mux := http.NewServeMux()
	a := humago.New(mux, config())
	register(a, c)
	return actors(limitWrites(c, problems(mux)))
}

// register adds every operation.
func register(a huma.API, c *control.Control) {
	registerFlow(a, c)
	registerExplain(a, c)
	registerRules(a, c)
	registerPreview(a, c)
	registerRecommend(a, c)
	registerLimits(a, c)
	registerPolicies(a, c)
	registerBypass(a, c)
	registerAudit(a, c)
	registerEvents(a, c)
	registerProfile(a, c)
	registerTSDB(a, c)
	registerCosts(a, c)
	registerCostSummary(a, c)
	registerTeams(a, c)
	registerUnowned(a, c)
	registerUsage(a, c)
	registerStatus(a, c)
	registerTokens(a, c)
	describeNulls(a.OpenAPI().Components.Schemas)
}

func config() huma.Config {
	registry := huma.NewMapRegistry("#/components/schemas/", huma.DefaultSchemaNamer)
	return huma.Config{
		OpenAPI: &huma.OpenAPI{
			OpenAPI: "3.1.0",
			Info: &huma.Info{
				Title:       "Headgate",
				Version:     version.Version,
				Description: "What a running Headgate does with samples, why, and the switches for it.",
			},
			Components: &huma.Components{Schemas: registry},
		},
		OpenAPIPath:                  Prefix + "/openapi",
		Formats:                      map[string]huma.Format{"application/json": huma.DefaultJSONFormat, "json": huma.DefaultJSONFormat},
		DefaultFormat:                "application/json",
		RejectUnknownQueryParameters: true,
	}
}

// operation describes one route.
func operation(method, path, id, summary string) huma.Operation {
	return huma.Operation{
		OperationID: id, Method: method, Path: Prefix + path, Summary: summary,
		MaxBodyBytes: maxBody,
	}
}

// problem turns an error of control into the answer.
func problem(err error) error {
	switch {
	case errors.Is(err, control.ErrForbidden):
		return huma.Error403Forbidden(err.Error())
	case errors.Is(err, control.ErrNotFound):
		return huma.Error404NotFound(err.Error())
	case errors.Is(err, control.ErrLocked), errors.Is(err, control.ErrExists):
		return huma.Error409Conflict(err.Error())
	case errors.Is(err, control.ErrConflict):
		return huma.Error412PreconditionFailed(err.Error())
	case errors.Is(err, control.ErrRevision):
		return huma.Error428PreconditionRequired(err.Error())
	case errors.Is(err, control.ErrUnavailable):
		return huma.Error503ServiceUnavailable(err.Error())
	}
	if details := invalids(err); len(details) > 0 {
		return huma.Error422UnprocessableEntity(err.Error(), details...)
	}
	return huma.Error500InternalServerError("internal error")
}

// invalids returns all that is invalid according to err, by place.
func invalids(err error) (details []error) {
	list := []error{err}
	if many, ok := err.(interface{ Unwrap() []error }); ok {
		list = many.Unwrap()
	}
	for _, e := range list {
		if invalid, ok := errors.AsType[*control.Invalid](e); ok {
			details = append(details, &huma.ErrorDetail{Location: invalid.Field, Message: invalid.Text})
		}
	}
	return details
}
