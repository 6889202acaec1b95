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

// A LimitChange says how a limit is to be changed.
type LimitChange struct {
	Change
	Reason string // why, for the audit
	DryRun bool   // everything is checked and nothing is changed
}

// maxReason is how long a reason may be, in bytes.
const maxReason = 1024

// check returns what is wrong with the change itself.
func (by *LimitChange) check() error {
	if len(by.Reason) > maxReason {
		return &Invalid{"reason", fmt.Sprintf("it has %d bytes, the most is %d; shorten it", len(by.Reason), maxReason)}
	}
	return nil
}

// words returns what was done by somebody, and why.
func (by *LimitChange) words(did, actor string) string {
	if by.Reason == "" {
		return did + " by " + actor
	}
	return fmt.Sprintf("%s by %s (%s)", did, actor, by.Reason)
}

// SetLimit makes l the limit of a tenant, from now on.
func (c *Control) SetLimit(ctx context.Context, tenantName string, l limiter.Limit, by LimitChange) (Limit, error) {
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
	if err := ls.current.Load().checkWindow(&l); err != nil {
		return Limit{}, err
	}
	if err := by.check(); err != nil {
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
	if by.DryRun {
		would := c.limitOf(t)
		would.Status.Limit, would.Source, would.Revision, would.Unkept = l, FromAPI, revision, ""
		return would, nil
	}
	document, err := json.Marshal(l)
	if err != nil {
		return Limit{}, err
	}
	put, err := s.PutLimit(c.auditLimit(ctx, "limit.set", t, document, by.Reason), store.Limit{Tenant: t, Document: document, UpdatedAt: time.Now(), UpdatedBy: c.actor.String()}, revision)
	if err != nil {
		return Limit{}, ls.refused(t, err)
	}
	if err := c.changeLimit(t, &storedLimit{l, put.Revision, put.UpdatedAt, put.UpdatedBy}, by.words("set", c.actor.String())); err != nil {
		return Limit{}, err
	}
	return c.limitOf(t), nil
}

// DeleteLimit gives a tenant the limit of default, from now on.
func (c *Control) DeleteLimit(ctx context.Context, tenantName string, by LimitChange) error {
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
	if err := by.check(); err != nil {
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
	if by.DryRun {
		return nil
	}
	if err := s.DeleteLimit(c.auditLimit(ctx, "limit.delete", t, nil, by.Reason), t, revision); err != nil {
		return ls.refused(t, err)
	}
	return c.changeLimit(t, nil, by.words("deleted", c.actor.String())+", that of default is in force")
}

// auditLimit returns the context of a change that is recorded with it. The lock is
// held.
func (c *Control) auditLimit(ctx context.Context, verb string, t tenant.ID, after json.RawMessage, reason string) context.Context {
	e := AuditEntry{Verb: verb, Object: "limits/" + string(t), Tenant: t, After: after, Reason: reason}
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
