package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
	"github.com/prometheus/common/version"

	"github.com/headgate/headgate/internal/control"
)

// A BuildInfo is what was built, in Prometheus' shape.
type BuildInfo struct {
	Version   string `json:"version"`
	Revision  string `json:"revision"`
	Branch    string `json:"branch"`
	BuildUser string `json:"buildUser"`
	BuildDate string `json:"buildDate"`
	GoVersion string `json:"goVersion"`
}

type buildInfoOutput struct {
	Body struct {
		Status string    `json:"status" enum:"success"`
		Data   BuildInfo `json:"data"`
	}
}

type statusOutput struct{ Body Status }

func registerStatus(a huma.API, c *control.Control) {
	huma.Register(a, operation(http.MethodGet, "/status", "get-status", "How Headgate, its upstreams and its tenants are doing, as far as it concerns who asks"),
		func(ctx context.Context, _ *struct{}) (*statusOutput, error) {
			s, err := newStatus(c.As(actor(ctx)))
			if err != nil {
				return nil, problem(err)
			}
			return &statusOutput{s}, nil
		})
	huma.Register(a, operation(http.MethodGet, "/status/buildinfo", "get-buildinfo", "What was built"),
		func(context.Context, *struct{}) (*buildInfoOutput, error) {
			out := &buildInfoOutput{}
			out.Body.Status, out.Body.Data = "success", newBuildInfo()
			return out, nil
		})
}

func newBuildInfo() BuildInfo {
	return BuildInfo{
		Version: version.Version, Revision: version.GetRevision(), Branch: version.Branch,
		BuildUser: version.BuildUser, BuildDate: version.BuildDate, GoVersion: version.GoVersion,
	}
}
