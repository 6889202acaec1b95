package control

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"strings"
	"time"

	"github.com/headgate/headgate/internal/auth"
	"github.com/headgate/headgate/internal/store"
	"github.com/headgate/headgate/internal/tenant"
	"github.com/headgate/headgate/limiter"
)

// A Change says at which revision what is to be changed was read.
type Change struct {
	Revision int64 // or AnyRevision, or NoRevision
}

// What a Change may say instead of a revision. That of what nobody set is 0.
const (
	AnyRevision = -1 // whatever it is
	NoRevision  = -2 // nothing was said; it is an ErrRevision
	NotRevision = -3 // of something else; it is an ErrConflict
)

// SetLimit makes l the limit of a tenant, from now on.
func (c *Control) SetLimit(ctx context.Context, tenantName string, l limiter.Limit, by Change) (Limit, error) {
	t, err := c.tenantNamed(auth.WriteLimits, tenantName)
	if err != nil {
		return Limit{}, err
	}
	ls := c.parts.Limits
	ls.mu.Lock()
	defer ls.mu.Unlock()
	if err := ls.current.Load().locked(t); err != nil {
		return Limit{}, err
	}
	if t == limiter.Overflow {
		return Limit{}, &Invalid{"tenant", "it stands for tenants that there is no room for, and has the limit of default"}
	}
	if err := invalidLimit(l.Validate()); err != nil {
		return Limit{}, err
	}
	if err := c.checkWindow(&l); err != nil {
		return Limit{}, err
	}
	if l.Burst == 0 {
		l.Burst = limiter.Duration(limiter.DefaultBurst)
	}
	ctx, cancel := ls.changing(ctx)
	defer cancel()
	s, revision, err := ls.begin(ctx, t, by.Revision)
	if err != nil {
		return Limit{}, err
	}
	if n := len(ls.current.Load().stored); revision == 0 && n >= maxStoredLimits {
		return Limit{}, &Invalid{"tenant", fmt.Sprintf("%d tenants have a limit of their own, and there is no room for more; delete some, or set limits.default", n)}
	}
	document, err := json.Marshal(l)
	if err != nil {
		return Limit{}, err
	}
	put, err := s.PutLimit(c.auditLimit(ctx, "limit.set", t, document), store.Limit{Tenant: t, Document: document, UpdatedAt: time.Now(), UpdatedBy: c.actor.String()}, revision)
	if err != nil {
		return Limit{}, ls.refused(t, err)
	}
	if err := c.changeLimit(t, &storedLimit{l, put.Revision, put.UpdatedAt, put.UpdatedBy}, "set by "+c.actor.String()); err != nil {
		return Limit{}, err
	}
	return c.limitOf(t), nil
}

// checkWindow sees to it that active series mean the same to the profiler, which
// says when a series is seen again, and to limits.
func (c *Control) checkWindow(l *limiter.Limit) error {
	p := c.parts.Profiler
	if p == nil || !l.LimitsSeries() || p.Clock().Window() == limiter.Window {
		return nil
	}
	field := "active_series"
	if l.ActiveSeries == 0 {
		field = "pools"
	}
	return &Invalid{field, fmt.Sprintf("limits of active series count the series of %s, and profiler.window is %s in the configuration file: make it %s there and restart, or limit samples_per_second instead",
		limiter.Window, p.Clock().Window(), limiter.Window)}
}

// DeleteLimit gives a tenant the limit of default, from now on.
func (c *Control) DeleteLimit(ctx context.Context, tenantName string, by Change) error {
	t, err := c.tenantNamed(auth.WriteLimits, tenantName)
	if err != nil {
		return err
	}
	ls := c.parts.Limits
	ls.mu.Lock()
	defer ls.mu.Unlock()
	if err := ls.current.Load().locked(t); err != nil {
		return err
	}
	ctx, cancel := ls.changing(ctx)
	defer cancel()
	s, revision, err := ls.begin(ctx, t, by.Revision)
	if err != nil {
		return err
	}
	if revision == 0 {
		return &missing{fmt.Sprintf("nobody set a limit of tenant %s: it has that of default", t)}
	}
	if err := s.DeleteLimit(c.auditLimit(ctx, "limit.delete", t, nil), t, revision); err != nil {
		return ls.refused(t, err)
	}
	return c.changeLimit(t, nil, "deleted by "+c.actor.String()+", that of default is in force")
}

// auditLimit returns the context of a change that is recorded with it. The lock is
// held.
func (c *Control) auditLimit(ctx context.Context, verb string, t tenant.ID, after json.RawMessage) context.Context {
	e := AuditEntry{Verb: verb, Object: "limits/" + string(t), Tenant: t, After: after}
	if was, ok := c.parts.Limits.current.Load().stored[t]; ok {
		e.Before = jsonOf(was.Limit)
	}
	return c.audit(ctx, e)
}

// changing returns the context of a change. It goes on where its sender does not
// wait for the answer, because half of it may be done.
func (ls *Limits) changing(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), storeTimeout)
}

// begin returns the store and the revision of a tenant's limit in it, 0 for none,
// if it is the one expected. The lock is held.
func (ls *Limits) begin(ctx context.Context, t tenant.ID, expected int64) (LimitStore, int64, error) {
	if expected == NoRevision {
		return nil, 0, ErrRevision
	}
	s := ls.store()
	if s == nil {
		return nil, 0, ErrUnavailable
	}
	if err := ls.refresh(ctx, s); err != nil {
		return nil, 0, ls.refused(t, err)
	}
	is := ls.current.Load().stored[t].revision
	if expected != AnyRevision && expected != is {
		was := ls.current.Load().stored[t]
		if is == 0 {
			return nil, 0, &conflict{fmt.Sprintf("the limit of tenant %s is not set any more: read it again, and send its new ETag as If-Match", t)}
		}
		return nil, 0, &conflict{fmt.Sprintf("the limit of tenant %s was changed by %s at %s: read it again, and send its new ETag as If-Match",
			t, was.by, was.at.Format(time.RFC3339))}
	}
	return s, is, nil
}

// refused turns an error of the store into one of this package.
func (ls *Limits) refused(t tenant.ID, err error) error {
	if errors.Is(err, store.ErrConflict) || errors.Is(err, store.ErrNotFound) {
		return ErrConflict // another process was faster
	}
	ls.log.Error("a limit was not stored", slog.String("tenant", string(t)), slog.Any("err", err))
	return ErrUnavailable
}

// changeLimit puts in force what was stored of a tenant, nil for nothing, and
// tells it. The lock is held.
func (c *Control) changeLimit(t tenant.ID, l *storedLimit, what string) error {
	before, _ := c.parts.Limits.limiter.LimitOf(t)
	if err := c.parts.Limits.put(c.parts.Limits.current.Load().with(t, l)); err != nil {
		return err
	}
	after, _ := c.parts.Limits.limiter.LimitOf(t)
	text := "changed: " + what
	if difference := limitDifference(before, after); difference != "" {
		text += ": " + difference
	}
	c.parts.Limits.log.Info("limit", slog.String("tenant", string(t)), slog.String("what", text))
	c.parts.Events.Add(Event{At: time.Now(), Kind: "limit", Tenant: t, Who: c.actor.Name, Text: text})
	return nil
}

// limitDifference says what of a limit changed, by its keys.
func limitDifference(was, is limiter.Limit) string {
	var words []string
	a, b := reflect.ValueOf(was), reflect.ValueOf(is)
	for i := range a.NumField() {
		if reflect.DeepEqual(a.Field(i).Interface(), b.Field(i).Interface()) {
			continue
		}
		word := a.Type().Field(i).Tag.Get("yaml")
		if a.Field(i).Kind() == reflect.Slice {
			word += fmt.Sprintf(" %s to %s", poolNames(was.Pools), poolNames(is.Pools))
		} else {
			word += fmt.Sprintf(" %v to %v", orNone(a.Field(i)), orNone(b.Field(i)))
		}
		words = append(words, word)
	}
	return strings.Join(words, ", ")
}

func orNone(v reflect.Value) any {
	if v.Kind() == reflect.String && v.Len() == 0 {
		return "unset"
	}
	return v.Interface()
}

func poolNames(pools []limiter.PoolConfig) string {
	words := make([]string, len(pools))
	for i, p := range pools {
		words[i] = fmt.Sprintf("%s %g", p.Name, p.Share)
	}
	return "[" + strings.Join(words, ", ") + "]"
}

// invalidLimit puts what is wrong with a limit into the words of the API. Errors
// of a limit are written "key: number 2: key: text".
func invalidLimit(err error) error {
	if err == nil {
		return nil
	}
	list := []error{err}
	if many, ok := err.(interface{ Unwrap() []error }); ok {
		list = many.Unwrap()
	}
	var errs []error
	for _, e := range list {
		field, text, _ := strings.Cut(e.Error(), ": ")
		if rest, ok := strings.CutPrefix(text, "number "); ok && field == "pools" {
			var n int
			var in string
			_, _ = fmt.Sscanf(rest, "%d:", &n)
			_, text, _ = strings.Cut(rest, ": ")
			field = fmt.Sprintf("pools[%d]", n-1)
			if word, more, ok := strings.Cut(text, ": "); ok && !strings.Contains(word, " ") {
				in, text = "."+word, more
			}
			field += in
		}
		errs = append(errs, &Invalid{field, text})
	}
	return errors.Join(errs...)
}

// strictJSON decodes all of data into v, and refuses what v has no place for.
func strictJSON(data []byte, v any) error {
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	return dec.Decode(v)
}
