package api

import (
	"math"
	"net/http"
	"strconv"

	"github.com/headgate/headgate/internal/control"
)

// limitWrites refuses what would change something where its actor asks too fast.
func limitWrites(c *control.Control, next http.Handler) http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		switch r.Method {
		case http.MethodGet, http.MethodHead, http.MethodOptions:
		default:
			if wait, ok := c.As(actor(r.Context())).MayWriteNow(); !ok {
				rw.Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(wait.Seconds()))))
				WriteProblem(rw, http.StatusTooManyRequests, "too many changes at once: wait as long as Retry-After says")
				return
			}
		}
		next.ServeHTTP(rw, r)
	})
}
