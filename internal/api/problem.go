package api

import (
	"encoding/json"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
)

// problems serves mux, and answers what mux has no route for with a problem of
// RFC 9457 instead of plain text.
func problems(mux *http.ServeMux) http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		rw.Header().Set("X-Content-Type-Options", "nosniff")
		rw.Header().Set("Cache-Control", "no-store")
		if _, pattern := mux.Handler(r); pattern != "" {
			mux.ServeHTTP(rw, r)
			return
		}
		verdict := refusal{header: http.Header{}, status: http.StatusNotFound}
		mux.ServeHTTP(&verdict, r)
		detail := "the API has no such path; " + Prefix + "/openapi.json lists them"
		if allow := verdict.header.Get("Allow"); verdict.status == http.StatusMethodNotAllowed && allow != "" {
			rw.Header().Set("Allow", allow)
			detail = "this path takes " + allow
		}
		WriteProblem(rw, verdict.status, detail)
	})
}

// WriteProblem answers with a problem of RFC 9457.
func WriteProblem(rw http.ResponseWriter, status int, detail string) {
	rw.Header().Set("Content-Type", "application/problem+json")
	rw.WriteHeader(status)
	_ = json.NewEncoder(rw).Encode(&huma.ErrorModel{Status: status, Title: http.StatusText(status), Detail: detail})
}

// A refusal notes how a mux refuses a request, and not its text.
type refusal struct {
	header http.Header
	status int
}

func (f *refusal) Header() http.Header         { return f.header }
func (f *refusal) WriteHeader(status int)      { f.status = status }
func (f *refusal) Write(b []byte) (int, error) { return len(b), nil }
