package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/alecthomas/kingpin/v2"
	"github.com/prometheus/common/config"

	"github.com/headgate/headgate/internal/api"
)

// A client asks a running Headgate.
type client struct {
	base     *url.URL
	httpFile string
}

// clientFlags adds the flags that say which Headgate is meant.
func clientFlags(c *kingpin.CmdClause) *client {
	cl := &client{}
	c.Flag("web.url", "Headgate's --web.listen-address, as a URL.").Default("http://127.0.0.1:9390").URLVar(&cl.base)
	c.Flag("http.config.file", "HTTP client configuration for it: basic_auth, authorization, tls_config, as in Prometheus.").StringVar(&cl.httpFile)
	return cl
}

// maxAnswer is how long an answer may be, in bytes.
const maxAnswer = 16 << 20

// do sends in, where it is not nil, and decodes the answer into out, where that
// is not nil.
func (cl *client) do(ctx context.Context, method, path string, query url.Values, in, out any) error {
	return cl.change(ctx, method, path, query, "", in, out)
}

// refusals is how often a change is sent again that was refused because there were
// too many at once.
const refusals = 10

// change is do for what was read at a revision, its ETag. It waits where it is told
// to.
func (cl *client) change(ctx context.Context, method, path string, query url.Values, etag string, in, out any) error {
	for tries := 1; ; tries++ {
		err := cl.try(ctx, method, path, query, etag, in, out)
		late, ok := errors.AsType[*tooFast](err)
		if !ok || tries == refusals {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(late.wait):
		}
	}
}

// tooFast is the error of an answer that tells to wait.
type tooFast struct {
	wait time.Duration
	error
}

// An answered is the error of an answer that is no success.
type answered struct {
	status int
	text   string
}

func (a *answered) Error() string { return a.text }

// try sends a request once.
func (cl *client) try(ctx context.Context, method, path string, query url.Values, etag string, in, out any) error {
	httpConfig := &config.DefaultHTTPClientConfig
	if cl.httpFile != "" {
		var err error
		if httpConfig, _, err = config.LoadHTTPConfigFile(cl.httpFile); err != nil {
			return fmt.Errorf("--http.config.file: %w", err)
		}
	}
	h, err := config.NewClientFromConfig(*httpConfig, "headgate")
	if err != nil {
		return fmt.Errorf("--http.config.file: %w", err)
	}
	defer h.CloseIdleConnections()
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	u := cl.base.JoinPath(api.Prefix, path)
	u.RawQuery = query.Encode()
	var body io.Reader
	if in != nil {
		b, err := json.Marshal(in)
		if err != nil {
			return err
		}
		body = bytes.NewReader(b)
	}
	req, err := http.NewRequestWithContext(ctx, method, u.String(), body)
	if err != nil {
		return err
	}
	if in != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if etag != "" {
		req.Header.Set("If-Match", etag)
	}
	resp, err := h.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	switch {
	case err != nil:
		return err
	case resp.StatusCode/100 != 2:
		return refusedBy(resp, answer)
	case out == nil:
		return nil
	}
	if err := json.Unmarshal(answer, out); err != nil {
		return fmt.Errorf("what answers at %s is no Headgate: %w", cl.base.Redacted(), err)
	}
	return nil
}

// refusedBy is the error that an answer tells of.
func refusedBy(resp *http.Response, answer []byte) error {
	err := &answered{resp.StatusCode, textOf(resp, answer)}
	if seconds, bad := strconv.Atoi(resp.Header.Get("Retry-After")); bad == nil && resp.StatusCode == http.StatusTooManyRequests {
		return &tooFast{time.Duration(max(seconds, 1)) * time.Second, err}
	}
	return err
}

// textOf is what an answer says that is no success.
func textOf(resp *http.Response, answer []byte) string {
	var problem struct {
		Detail string `json:"detail"`
		Errors []struct {
			Location string `json:"location"`
			Message  string `json:"message"`
		} `json:"errors"`
	}
	if json.Unmarshal(answer, &problem) != nil || problem.Detail == "" {
		return fmt.Sprintf("answered %s: %s", resp.Status, strings.TrimSpace(string(answer[:min(len(answer), 1024)])))
	}
	text := problem.Detail
	for _, e := range problem.Errors {
		if !strings.Contains(text, e.Message) {
			text += "; " + e.Location + ": " + e.Message
		}
	}
	return text
}
