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
	"syscall"
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
	decode := func(body io.Reader) error {
		answer, err := io.ReadAll(io.LimitReader(body, maxAnswer))
		if err != nil || out == nil {
			return err
		}
		if err := json.Unmarshal(answer, out); err != nil {
			return fmt.Errorf("what answers at %s is no Headgate: %w", cl.base.Redacted(), err)
		}
		return nil
	}
	for tries := 1; ; tries++ {
		err := cl.ask(ctx, method, path, query, etag, in, decode)
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

// copy writes the answer to w as it is, however long.
func (cl *client) copy(ctx context.Context, path string, query url.Values, w io.Writer) error {
	return cl.ask(ctx, http.MethodGet, path, query, "", nil, func(body io.Reader) error {
		_, err := io.Copy(w, body)
		return err
	})
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

// ask sends in once, where it is not nil, and lets read have a good answer.
func (cl *client) ask(ctx context.Context, method, path string, query url.Values, etag string, in any, read func(io.Reader) error) error {
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
	if resp.StatusCode/100 == 2 {
		return read(resp.Body)
	}
	answer, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return err
	}
	return refusedBy(resp, answer)
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

// advise says what to do about err.
func (cl *client) advise(err error) error {
	if err == nil {
		return nil
	}
	failed, unasked := errors.AsType[*url.Error](err)
	switch {
	case errors.Is(err, syscall.ECONNREFUSED):
		return fmt.Errorf("nothing listens at %s: start headgate serve, or give its --web.listen-address as --url", cl.base.Redacted())
	case unasked:
		return fmt.Errorf("%s cannot be asked: %w; is --url the --web.listen-address of a Headgate?", cl.base.Redacted(), failed.Err)
	case strings.HasPrefix(err.Error(), "answered 401 "):
		return fmt.Errorf("%s does not know who asks: name a file with basic_auth or authorization as --http.config.file", cl.base.Redacted())
	}
	return errors.New(legible(err.Error()))
}
