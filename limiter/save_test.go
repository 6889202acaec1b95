package limiter

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/headgate/headgate/internal/series"
	"github.com/headgate/headgate/internal/tenant"
)

// saved returns what a limiter with some families and some demand saves.
func saved(t testing.TB) (data []byte, l *Limiter, now time.Time) {
	l, _ = newLimiter(t, Limit{ActiveSeries: 1000, Pools: []PoolConfig{pool("a", 0.5)}})
	now = start.Add(3 * time.Hour)
	commit(t, l.For(payments, now), now, series.Low, 700)
	var u Usage
	u.Add(0, series.Low, Count{Demand: 600})
	for i := range 70 {
		l.For(payments, now).Settle(now.Add(time.Duration(i)*time.Minute), l.For(payments, now).Plan(now), &u)
	}
	var b bytes.Buffer
	if err := l.Save(&b, now); err != nil {
		t.Fatal(err)
	}
	return b.Bytes(), l, now
}

func TestWhatIsSavedIsLoaded(t *testing.T) {
	data, before, now := saved(t)
	now = now.Add(5 * time.Minute)
	after, events := newLimiter(t, Limit{ActiveSeries: 800, Pools: []PoolConfig{pool("b", 0.1), pool("a", 0.5)}})
	if err := after.Load(bytes.NewReader(data), now); err != nil {
		t.Fatal(err)
	}
	was, is := before.For(payments, now).Status(now), after.For(payments, now).Status(now)
	if is.ActiveSeries != 700 || len(*events) > 0 {
		t.Errorf("%d series are active, want 700; events %v", is.ActiveSeries, *events)
	}
	if diff := cmp.Diff(was.Suggestion, is.Suggestion); diff != "" || is.Suggestion.Minutes == 0 {
		t.Errorf("suggestion (-want +got):\n%s", diff)
	}
	if got := arrive(after.For(payments, now), now, series.Low, 700, 701); got != "-r" {
		t.Errorf("a known family and a new one: %s", got)
	}
}

func TestWhatIsOlderThanTheWindowIsNotLoaded(t *testing.T) {
	data, _, now := saved(t)
	now = now.Add(2 * time.Hour)
	l, _ := newLimiter(t, Limit{ActiveSeries: 1000})
	if err := l.Load(bytes.NewReader(data), now); err != nil {
		t.Fatal(err)
	}
	if s := l.For(payments, now).Status(now); s.ActiveSeries != 0 {
		t.Errorf("%d series are active after two hours of silence", s.ActiveSeries)
	}
}

func TestWhatCannotBeLoadedAdmitsEverythingForAWindow(t *testing.T) {
	data, _, now := saved(t)
	data[len(data)/2] ^= 1
	l, events := newLimiter(t, Limit{ActiveSeries: 10})
	if err := l.Load(bytes.NewReader(data), now); err == nil {
		t.Fatal("a damaged file was loaded")
	}
	if len(*events) != 1 || (*events)[0].Change != Suspended || !strings.Contains((*events)[0].Text, "could not be loaded") {
		t.Errorf("events %v, want one that says so", *events)
	}
	if got := arrive(l.For(payments, now), now, series.Low, 1, 30); strings.Contains(got, "r") {
		t.Errorf("within the window: %s", got)
	}
	now = now.Add(Window + time.Second)
	commit(t, l.For(payments, now), now, series.Low, 8)
	if got := arrive(l.For(payments, now), now, series.Low, 100, 101); got != "rr" {
		t.Errorf("after the window: %s", got)
	}
}

func FuzzLoad(f *testing.F) {
	data, _, now := saved(f)
	f.Add(data)
	f.Add([]byte(saveMagic + "\x01\x00"))
	f.Fuzz(func(t *testing.T, data []byte) {
		l, err := New(Config{Default: Limit{ActiveSeries: 100}}, now, nil)
		if err != nil {
			t.Fatal(err)
		}
		if l.Load(bytes.NewReader(data), now) != nil {
			return
		}
		var b bytes.Buffer
		if err := l.Save(&b, now); err != nil {
			t.Fatal(err)
		}
		if err := l.Load(&b, now); err != nil {
			t.Errorf("what was loaded, saved again: %v", err)
		}
	})
}

// newLimiter returns a limiter with one tenant's limit, and its events.
func newLimiter(t testing.TB, l Limit) (*Limiter, *[]Event) {
	t.Helper()
	var events []Event
	c := DefaultConfig()
	c.Tenants = map[tenant.ID]Limit{payments: l}
	lim, err := New(c, start, func(e Event) { events = append(events, e) })
	if err != nil {
		t.Fatal(err)
	}
	return lim, &events
}
