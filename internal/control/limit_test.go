package control

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/headgate/headgate/internal/auth"
	"github.com/headgate/headgate/internal/store"
	"github.com/headgate/headgate/internal/store/storetest"
	"github.com/headgate/headgate/internal/tenant"
	"github.com/headgate/headgate/limiter"
)

var discard = slog.New(slog.DiscardHandler)

// openStore opens the store at url until the test is over.
func openStore(t *testing.T, url string) *store.DB {
	t.Helper()
	db, err := store.Open(t.Context(), url, discard)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

// fileLimits is the section limits of a configuration file that names payments.
func fileLimits() limiter.Config {
	c := limiter.DefaultConfig()
	c.Default.SamplesPerSecond = 10
	c.Tenants = map[tenant.ID]limiter.Limit{"payments": {SamplesPerSecond: 50_000}}
	return c
}

// limiting returns a Control of limits alone. open returns the store.
func limiting(t *testing.T, open func() LimitStore) *Control {
	t.Helper()
	return limitingWithin(t, open, time.Hour)
}

// limitingWithin is limiting where the profiler counts series for so long.
func limitingWithin(t *testing.T, open func() LimitStore, window time.Duration) *Control {
	t.Helper()
	events := NewEvents(discard)
	l, err := limiter.New(fileLimits(), time.Now(), nil)
	if err != nil {
		t.Fatal(err)
	}
	c := New(Parts{Limits: NewLimits(LimitParts{
		Limiter: l, Config: fileLimits(), File: "/etc/headgate/headgate.yml", Window: window, Store: open, Tell: events.Tell, Log: discard,
	}), Events: events})
	c = c.As(auth.Actor{Name: "ann", Role: auth.Admin})
	c.parts.Limits.Refresh(t.Context())
	return c
}

func storing(s LimitStore) func() LimitStore { return func() LimitStore { return s } }

func noStore() LimitStore { return nil }

// set sets a limit that must be taken, whatever is there.
func set(t *testing.T, c *Control, tenantName string, l limiter.Limit) Limit {
	t.Helper()
	got, err := c.SetLimit(t.Context(), tenantName, l, LimitChange{Change: Change{AnyRevision}})
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// wantLimit checks a tenant's limit of samples per second, and where it is from.
func wantLimit(t *testing.T, c *Control, tenantName string, perSecond int64, source string) {
	t.Helper()
	got, err := c.Limit(tenantName)
	if err != nil {
		t.Fatal(err)
	}
	if in, _ := c.parts.Limits.limiter.LimitOf(got.Tenant); got.Status.Limit.SamplesPerSecond != perSecond || got.Source != source || in.SamplesPerSecond != perSecond {
		t.Errorf("tenant %s has %d samples/s by %s, and %d are in force; want %d by %s", tenantName, got.Status.Limit.SamplesPerSecond, got.Source, in.SamplesPerSecond, perSecond, source)
	}
}

func TestALimitThatIsSetIsInForceAndKept(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url string) {
		db := openStore(t, url)
		c := limiting(t, storing(db))
		c.parts.Limits.limiter.For("shop", time.Now()) // one that is known
		wantLimit(t, c, "shop", 10, FromDefault)
		set(t, c, "shop", limiter.Limit{SamplesPerSecond: 100, Pools: []limiter.PoolConfig{{Name: "a", Share: 0.5, Teams: []string{"a"}}}})
		wantLimit(t, c, "shop", 100, FromAPI)
		got := set(t, c, "shop", limiter.Limit{SamplesPerSecond: 200, Mode: limiter.Shadow})
		if got.UpdatedBy != "ann" || time.Since(got.UpdatedAt) > time.Minute || got.Revision != 2 {
			t.Errorf("the limit is %+v, want revision 2 by ann, just now", got)
		}

		again := limiting(t, storing(db))
		wantLimit(t, again, "shop", 200, FromAPI)
		wantLimit(t, again, "payments", 50_000, FromFile)
		wantLimit(t, again, "other", 10, FromDefault)

		if err := c.As(auth.Actor{Name: "bob", Role: auth.Admin}).DeleteLimit(t.Context(), "shop", LimitChange{Change: Change{got.Revision}}); err != nil {
			t.Fatal(err)
		}
		wantLimit(t, c, "shop", 10, FromDefault)
		again.parts.Limits.Refresh(t.Context())
		wantLimit(t, again, "shop", 10, FromDefault)

		page, err := c.Events(t.Context(), EventQuery{Kind: "limit", Tenant: "shop"})
		if err != nil {
			t.Fatal(err)
		}
		var texts []string
		for _, e := range page.Events {
			texts = append(texts, e.Text)
		}
		want := []string{
			"changed: deleted by bob, that of default is in force: samples_per_second 200 to 10, mode shadow to unset",
			"changed: set by ann: samples_per_second 100 to 200, mode unset to shadow, pools [a 0.5] to []",
			"changed: set by ann: samples_per_second 10 to 100, pools [] to [a 0.5]",
		}
		if diff := cmp.Diff(want, texts); diff != "" {
			t.Errorf("events (-want +got):\n%s", diff)
		}
	})
}

func TestWhoChangesALimitSaysWhichOne(t *testing.T) {
	c := limiting(t, storing(openStore(t, storetest.SQLite(t))))
	change := func(revision int64) (int64, error) {
		l, err := c.SetLimit(t.Context(), "shop", limiter.Limit{SamplesPerSecond: 1}, LimitChange{Change: Change{revision}})
		return l.Revision, err
	}
	remove := func(revision int64) error {
		return c.DeleteLimit(t.Context(), "shop", LimitChange{Change: Change{revision}})
	}
	if err := remove(AnyRevision); !errors.Is(err, ErrNotFound) {
		t.Errorf("what nobody set is deleted: %v, want not found", err)
	}
	for revision, want := range map[int64]error{NoRevision: ErrRevision, NotRevision: ErrConflict, 7: ErrConflict} {
		if _, err := change(revision); !errors.Is(err, want) {
			t.Errorf("set with revision %d: %v, want %v", revision, err, want)
		}
		if err := remove(revision); !errors.Is(err, want) {
			t.Errorf("deleted with revision %d: %v, want %v", revision, err, want)
		}
	}
	first, err := change(0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := change(0); !errors.Is(err, ErrConflict) {
		t.Errorf("set as if there were none: %v, want a conflict", err)
	}
	second, err := change(first)
	if err != nil {
		t.Fatal(err)
	}
	if err := remove(first); !errors.Is(err, ErrConflict) {
		t.Errorf("deleted with an old revision: %v, want a conflict", err)
	}
	if err := remove(second); err != nil {
		t.Error(err)
	}
}

func TestAFileLocksItsTenants(t *testing.T) {
	db := openStore(t, storetest.SQLite(t))
	c := limiting(t, storing(db))
	_, err := c.SetLimit(t.Context(), "payments", limiter.Limit{}, LimitChange{Change: Change{AnyRevision}})
	if !errors.Is(err, ErrLocked) || !strings.Contains(err.Error(), "in headgate.yml, under limits.tenants") {
		t.Errorf("set: %v, want it locked by headgate.yml", err)
	}
	if err := c.DeleteLimit(t.Context(), "payments", LimitChange{Change: Change{NoRevision}}); !errors.Is(err, ErrLocked) {
		t.Errorf("deleted: %v, want it locked", err)
	}
	set(t, c, "shop", limiter.Limit{SamplesPerSecond: 5})

	config := fileLimits()
	config.Tenants["shop"] = limiter.Limit{SamplesPerSecond: 7}
	delete(config.Tenants, "payments")
	if err := c.parts.Limits.Reload(config, "b.yml"); err != nil {
		t.Fatal(err)
	}
	wantLimit(t, c, "shop", 7, FromFile)
	wantLimit(t, c, "payments", 10, FromDefault)
	if l, _ := c.Limit("shop"); l.File != "b.yml" {
		t.Errorf("shop is locked by %q, want b.yml", l.File)
	}
	config.Tenants["bad"] = limiter.Limit{SamplesPerSecond: -1}
	if err := c.parts.Limits.Reload(config, "c.yml"); err == nil {
		t.Error("a limit below 0 is no error")
	}
	wantLimit(t, c, "shop", 7, FromFile)
	if err := c.parts.Limits.Reload(fileLimits(), "b.yml"); err != nil {
		t.Fatal(err)
	}
	wantLimit(t, c, "shop", 5, FromAPI)
	wantLimit(t, c, "payments", 50_000, FromFile)
}

func TestWithoutAStoreNoLimitIsSet(t *testing.T) {
	c := limiting(t, noStore)
	if _, err := c.SetLimit(t.Context(), "shop", limiter.Limit{}, LimitChange{Change: Change{0}}); !errors.Is(err, ErrUnavailable) {
		t.Errorf("set: %v, want it unavailable", err)
	}
	if err := c.DeleteLimit(t.Context(), "shop", LimitChange{Change: Change{1}}); !errors.Is(err, ErrUnavailable) {
		t.Errorf("deleted: %v, want it unavailable", err)
	}
	wantLimit(t, c, "shop", 10, FromDefault)
}

// A brokenStore is a store that fails when it is told to.
type brokenStore struct {
	LimitStore
	broken bool
	before func() // a change
}

func (b *brokenStore) PolicyRevision(ctx context.Context) (int64, error) {
	if b.broken {
		return 0, errors.New("the disk is on fire")
	}
	return b.LimitStore.PolicyRevision(ctx)
}

func (b *brokenStore) PutLimit(ctx context.Context, l store.Limit, expected int64) (store.Limit, error) {
	if b.before != nil {
		b.before()
	}
	return b.LimitStore.PutLimit(ctx, l, expected)
}

func TestALimitThatCannotBeReadStaysInForce(t *testing.T) {
	s := &brokenStore{LimitStore: openStore(t, storetest.SQLite(t))}
	c := limiting(t, storing(s))
	set(t, c, "shop", limiter.Limit{SamplesPerSecond: 5})
	s.broken = true
	c.parts.Limits.Refresh(t.Context())
	wantLimit(t, c, "shop", 5, FromAPI)
	if _, err := c.SetLimit(t.Context(), "shop", limiter.Limit{}, LimitChange{Change: Change{AnyRevision}}); !errors.Is(err, ErrUnavailable) || strings.Contains(err.Error(), "fire") {
		t.Errorf("set: %v, want it unavailable, and the cause in the log", err)
	}
	wantLimit(t, c, "shop", 5, FromAPI)
}

func TestAnotherProcessWasFaster(t *testing.T) {
	url := storetest.SQLite(t)
	s := &brokenStore{LimitStore: openStore(t, url)}
	c, other := limiting(t, storing(s)), limiting(t, storing(openStore(t, url)))
	set(t, c, "shop", limiter.Limit{SamplesPerSecond: 5})
	s.before = func() { set(t, other, "shop", limiter.Limit{SamplesPerSecond: 6}) }
	if _, err := c.SetLimit(t.Context(), "shop", limiter.Limit{SamplesPerSecond: 7}, LimitChange{Change: Change{AnyRevision}}); !errors.Is(err, ErrConflict) {
		t.Errorf("set: %v, want a conflict", err)
	}
	c.parts.Limits.Refresh(t.Context())
	wantLimit(t, c, "shop", 6, FromAPI)
}

func TestWhatThisVersionDoesNotUnderstandIsNotInForce(t *testing.T) {
	db := openStore(t, storetest.SQLite(t))
	for tenantName, document := range map[tenant.ID]string{
		"newer": `{"samples_per_second":1,"colour":"red"}`, "wrong": `{"samples_per_second":-1}`, "a/b": `{}`, "right": `{"samples_per_second":1}`,
	} {
		if _, err := db.PutLimit(t.Context(), store.Limit{Tenant: tenantName, Document: []byte(document)}, 0); err != nil {
			t.Fatal(err)
		}
	}
	c := limiting(t, storing(db))
	wantLimit(t, c, "newer", 10, FromDefault)
	wantLimit(t, c, "wrong", 10, FromDefault)
	wantLimit(t, c, "right", 1, FromAPI)
}

// memory is a store of limits that a bubble of synctest can hold: a real one has
// goroutines of its own.
type memory struct {
	LimitStore
	mu     sync.Mutex
	limits []store.Limit
}

func (m *memory) add(l store.Limit) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.limits = append(m.limits, l)
}

func (m *memory) Limits(context.Context) ([]store.Limit, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.limits), nil
}

func (m *memory) PolicyRevision(context.Context) (int64, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return int64(len(m.limits)), nil
}

func TestAChangeOfAnotherProcessIsInForceWithinASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &memory{}
		c := limiting(t, storing(m))
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- c.parts.Limits.Run(ctx) }()
		synctest.Wait()
		m.add(store.Limit{Tenant: "shop", Document: []byte(`{"samples_per_second":5}`), Revision: 1})
		time.Sleep(time.Second)
		synctest.Wait()
		wantLimit(t, c, "shop", 5, FromAPI)
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

// A store that opens late brings limits of tenants whose families were let go of:
// they are not refused for that.
func TestAStoreThatOpensLateRefusesNobody(t *testing.T) {
	m := &memory{}
	m.add(store.Limit{Tenant: "shop", Document: []byte(`{"active_series":1}`), Revision: 1})
	var s LimitStore
	c := limiting(t, func() LimitStore { return s })
	s = m
	c.parts.Limits.Refresh(t.Context())
	l, err := c.Limit("shop")
	if err != nil || l.Status.Limit.ActiveSeries != 1 || !l.Suspended.After(time.Now()) || !strings.Contains(l.Why, "later than at start") {
		t.Errorf("the limit is %+v, %v; want it in force, and not checked for a window", l, err)
	}
	if early, err := limiting(t, storing(m)).Limit("shop"); err != nil || !early.Suspended.IsZero() {
		t.Errorf("with a store that is open at start, the limit is %+v, %v; want it checked", early, err)
	}
}

func TestWhatIsWrongWithALimitHasItsPlace(t *testing.T) {
	c := limiting(t, storing(openStore(t, storetest.SQLite(t))))
	_, err := c.SetLimit(t.Context(), "shop", limiter.Limit{
		SamplesPerSecond: 10, HardSamplesPerSecond: 5, Mode: "maybe",
		Pools: []limiter.PoolConfig{{Name: "a", Share: 0.9, Teams: []string{"a"}}, {Name: "b", Share: 2, Match: limiter.Selectors{"{"}}, {Name: "c", Share: 0.1}},
	}, LimitChange{Change: Change{AnyRevision}})
	many, ok := err.(interface{ Unwrap() []error })
	if !ok {
		t.Fatalf("the error is %v, want many", err)
	}
	var fields []string
	for _, e := range many.Unwrap() {
		invalid, ok := errors.AsType[*Invalid](e)
		if !ok || invalid.Text == "" {
			t.Fatalf("%v is no Invalid with a text", e)
		}
		fields = append(fields, invalid.Field)
	}
	want := []string{"hard_samples_per_second", "mode", "pools[1].share", "pools[1].match", "pools[2]", "pools"}
	if diff := cmp.Diff(want, fields); diff != "" {
		t.Errorf("%v\nfields (-want +got):\n%s", err, diff)
	}
	for _, name := range []string{"", "a/b", string(limiter.Overflow)} {
		_, err := c.SetLimit(t.Context(), name, limiter.Limit{}, LimitChange{Change: Change{AnyRevision}})
		if invalid, ok := errors.AsType[*Invalid](err); !ok || invalid.Field != "tenant" {
			t.Errorf("tenant %q: %v, want it invalid", name, err)
		}
	}
}

// Where a series counts as active for longer or shorter than limits take it to be,
// its limits are refused, as they are in the file.
func TestLimitsOfSeriesNeedTheProfilersWindow(t *testing.T) {
	for _, tt := range []struct {
		window time.Duration
		limit  limiter.Limit
		want   []string
	}{
		{2 * time.Hour, limiter.Limit{ActiveSeries: 10}, []string{"active_series"}},
		{2 * time.Hour, limiter.Limit{SamplesPerSecond: 5, Pools: []limiter.PoolConfig{{Name: "a", Share: 0.5, Teams: []string{"a"}, ActiveSeries: 3}}}, []string{"pools"}},
		{2 * time.Hour, limiter.Limit{SamplesPerSecond: 5}, nil},
		{time.Hour, limiter.Limit{ActiveSeries: 10}, nil},
	} {
		c := limitingWithin(t, storing(openStore(t, storetest.SQLite(t))), tt.window)
		_, err := c.SetLimit(t.Context(), "shop", tt.limit, LimitChange{Change: Change{AnyRevision}})
		var got []string
		if invalid, ok := errors.AsType[*Invalid](err); ok {
			got = []string{invalid.Field}
		}
		if !slices.Equal(got, tt.want) || err != nil && tt.want == nil {
			t.Errorf("with a window of %s, %+v: %v; want what is wrong at %q", tt.window, tt.limit, err, tt.want)
		}
	}
}

func TestLimitsComeInPages(t *testing.T) {
	c := limiting(t, noStore)
	want := []string{"payments"}
	for i := range 7 {
		want = append(want, fmt.Sprintf("t%d", i))
		c.parts.Limits.limiter.For(tenant.ID(want[i+1]), time.Now())
	}
	for _, size := range []int{0, 1, 3, 8, 9} {
		var got []string
		q := LimitsQuery{Limit: size}
		for {
			page := c.Limits(q)
			for _, l := range page.Limits {
				got = append(got, string(l.Tenant))
			}
			if q.Cursor = page.Next; q.Cursor == "" {
				break
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("pages of %d (-want +got):\n%s", size, diff)
		}
	}
}

func TestLimitHistory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := limiting(t, noStore)
		time.Sleep(10 * time.Second)
		l := c.parts.Limits.limiter.For("payments", time.Now())
		var u limiter.Usage
		u.Add(0, 0, limiter.Count{Demand: 7, Steady: 7, Granted: 7})
		l.Settle(time.Now(), l.Plan(time.Now()), &u)
		time.Sleep(time.Second)
		h, err := c.LimitHistory("payments", 5)
		if err != nil || len(h.Seconds) != 5 || h.Seconds[4].Demand != [4]uint32{0, 0, 7, 0} || time.Since(h.From) != 5*time.Second {
			t.Errorf("the history is %+v, %v; want 5 seconds, and 7 samples in the last", h, err)
		}
		if h, err := c.LimitHistory("nobody", 5); err != nil || len(h.Seconds) != 5 {
			t.Errorf("the history of a tenant not known is %+v, %v; want nothing in 5 seconds", h, err)
		}
		for _, n := range []int{0, -1, 3601} {
			if _, err := c.LimitHistory("payments", n); err == nil {
				t.Errorf("a history of %d seconds is no error", n)
			}
		}
	})
}

// A limit of series that was stored while the profiler's window was that of limits is
// not kept with another window; that is told once, and the rest of the limit is.
func TestStoredLimitsOfSeriesAreToldWhereTheyAreNotKept(t *testing.T) {
	db := openStore(t, storetest.SQLite(t))
	before := limiting(t, storing(db))
	set(t, before, "shop", limiter.Limit{SamplesPerSecond: 5, ActiveSeries: 10, Pools: []limiter.PoolConfig{{Name: "a", Share: 0.5, Teams: []string{"a"}, ActiveSeries: 3}}})
	set(t, before, "few", limiter.Limit{ActiveSeries: 10, Pools: []limiter.PoolConfig{{Name: "a", Share: 0.5, Teams: []string{"a"}}}})
	set(t, before, "other", limiter.Limit{SamplesPerSecond: 5})

	c := limitingWithin(t, storing(db), 30*time.Minute)
	c.parts.Limits.Refresh(t.Context())
	for name, want := range map[string]int64{"shop": 5, "few": 0, "other": 5} {
		in, _ := c.parts.Limits.limiter.LimitOf(tenant.ID(name))
		if in.SamplesPerSecond != want || in.LimitsSeries() {
			t.Errorf("of %s %+v is in force, want %d samples/s and no limit of series", name, in, want)
		}
	}
	l, err := c.Limit("shop")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(l.Unkept, "profiler.window was 30m") || l.Status.Limit.ActiveSeries != 10 || l.Revision != 1 {
		t.Errorf("the limit is %+v, want it as it is stored, and why it is not kept", l)
	}
	if l, err := c.Limit("other"); err != nil || l.Unkept != "" {
		t.Errorf("%v, %v: want nothing said of a limit that is kept", l.Unkept, err)
	}
	told := func() (texts []string) {
		page, err := c.As(auth.Actor{Name: "ann", Role: auth.Admin}).Events(t.Context(), EventQuery{Limit: 10})
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range page.Events {
			texts = append(texts, e.Text)
		}
		return texts
	}
	if got := told(); len(got) != 2 || !strings.Contains(strings.Join(got, "\n"), "the limit of shop is not in force as it is written") {
		t.Errorf("it was told %q, want shop and few, each once", got)
	}
	set(t, c, "shop", limiter.Limit{SamplesPerSecond: 7})
	if l, err := c.Limit("shop"); err != nil || l.Unkept != "" || l.Status.Limit.SamplesPerSecond != 7 {
		t.Errorf("after a change that can be kept the limit is %+v, %v", l, err)
	}
	file := fileLimits()
	file.Default.ActiveSeries = 100
	if err := c.parts.Limits.Reload(file, "headgate.yml"); err != nil {
		t.Fatal(err)
	}
	if l, err := c.Limit("nobody"); err != nil || l.Unkept == "" || l.Status.Limit.ActiveSeries != 100 {
		t.Errorf("the limit of default is %+v, %v, want it said that it is not kept", l, err)
	}
	if got := told(); len(got) != 4 || !strings.Contains(strings.Join(got, "\n"), "the limit of default") {
		t.Errorf("it was told %q, want the change and default besides", got)
	}
}
