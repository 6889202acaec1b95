package ui

import (
	"crypto/rand"
	"net/http"
	"sync"
	"time"

	"github.com/headgate/headgate/internal/control"
)

const (
	// handoverCookie names what a new token's secret is fetched with.
	handoverCookie = "headgate_made"

	// handoverFor is how long a secret waits to be fetched, and maxHandovers how many
	// may wait.
	handoverFor  = 2 * time.Minute
	maxHandovers = 100
)

// A handover keeps the secrets of new tokens between the form that made one and the
// page behind it, which shows it once. They stand in no address. Its zero value is
// ready; it may be used from any goroutine.
type handover struct {
	mu    sync.Mutex
	byKey map[string]handed
}

// handed is a new token, and for whom it is.
type handed struct {
	token  control.Token
	secret string
	by     string
	until  time.Time
}

// put keeps a token for who made it, and returns the key to it.
func (h *handover) put(made handed, now time.Time) string {
	key := rand.Text()
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.byKey == nil {
		h.byKey = map[string]handed{}
	}
	oldest, until := "", now.Add(handoverFor)
	for k, other := range h.byKey {
		if !other.until.After(now) {
			delete(h.byKey, k)
		} else if other.until.Before(until) {
			oldest, until = k, other.until
		}
	}
	if len(h.byKey) >= maxHandovers {
		delete(h.byKey, oldest)
	}
	made.until = now.Add(handoverFor)
	h.byKey[key] = made
	return key
}

// take returns the token of a key to who made it, once.
func (h *handover) take(key, by string, now time.Time) (made handed, ok bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	made, ok = h.byKey[key]
	if !ok || made.by != by || !made.until.After(now) {
		return handed{}, false
	}
	delete(h.byKey, key)
	return made, true
}

// keyCookie returns the cookie that holds a key, for the page of tokens alone; "" ends
// it.
func (r *request) keyCookie(key string) *http.Cookie {
	c := &http.Cookie{
		Name: handoverCookie, Value: key, Path: r.site.options.Base + "/tokens", MaxAge: int(handoverFor.Seconds()),
		HttpOnly: true, SameSite: http.SameSiteStrictMode, Secure: r.origin().Scheme == "https",
	}
	if key == "" {
		c.MaxAge = -1
	}
	return c
}
