package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
	"github.com/prometheus/common/version"
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

func registerStatus(a huma.API) {
	huma.Register(a, operation(http.MethodGet, "/status/buildinfo", "get-buildinfo", "What was built"),
		func(context.Context, *struct{}) (*buildInfoOutput, error) {
			out := &buildInfoOutput{}
			out.Body.Status = "success"
			out.Body.Data = BuildInfo{
				Version: version.Version, Revision: version.GetRevision(), Branch: version.Branch,
				BuildUser: version.BuildUser, BuildDate: version.BuildDate, GoVersion: version.GoVersion,
			}
			return out, nil
		})
}
