package gateway

import (
	"context"
	"encoding/binary"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/headgate/headgate/attribution"
	"github.com/headgate/headgate/internal/remotewrite"
	"github.com/headgate/headgate/limiter"
)

// A hashSet is an attribution.Sketch that counts exactly.
type hashSet map[uint64]bool

func (s hashSet) Insert(hash uint64) { s[hash] = true }
func (s hashSet) Estimate() uint64   { return uint64(len(s)) }
func (s hashSet) Union(o attribution.Sketch) error {
	maps.Copy(s, o.(hashSet))
	return nil
}

func (s hashSet) AppendBinary(b []byte) ([]byte, error) {
	for _, h := range slices.Sorted(maps.Keys(s)) {
		b = binary.BigEndian.AppendUint64(b, h)
	}
	return b, nil
}

// read adds what AppendBinary wrote.
func (s hashSet) read(b []byte) {
	for ; len(b) > 0; b = b[8:] {
		s.Insert(binary.BigEndian.Uint64(b))
	}
}

// A recorded is the ledger of a gateway, and what it stored.
type recorded struct {
	*fixture
	ledger *attribution.Ledger

	mu     sync.Mutex
	cells  map[attribution.Key]*attribution.Cell
	series map[string]hashSet // by key, and by key and rule
}

// recording returns a gateway with a ledger.
func recording(t testing.TB, ruleText string, configure ...func(*Settings)) *recorded {
	t.Helper()
	r := &recorded{fixture: newFixture(t, ruleText, configure...), cells: map[attribution.Key]*attribution.Cell{}, series: map[string]hashSet{}}
	r.ledger = attribution.NewLedger(attribution.DefaultConfig().Ledger, "w", attribution.Sketching{
		New: func() attribution.Sketch { return hashSet{} },
	})
	r.engines.Ledger = r.ledger
	return r
}

// Commit implements [attribution.Committer].
func (r *recorded) Commit(_ context.Context, b *attribution.Batch) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	note := func(key string, b []byte) uint64 {
		if r.series[key] == nil {
			r.series[key] = hashSet{}
		}
		r.series[key].read(b)
		return r.series[key].Estimate()
	}
	for _, d := range b.Deltas {
		c := r.cells[d.Key]
		if c == nil {
			c = &attribution.Cell{Key: d.Key}
			r.cells[d.Key] = c
		}
		c.Samples.Add(&d.Samples)
		c.SeriesHours = note(d.Key.String(), d.Series)
		for _, of := range d.Rules {
			i := slices.IndexFunc(c.Rules, func(have attribution.RuleCount) bool { return have.Rule == of.Rule })
			if i < 0 {
				i = len(c.Rules)
				c.Rules = append(c.Rules, attribution.RuleCount{Rule: of.Rule})
			}
			c.Rules[i].Dropped += of.Dropped
			c.Rules[i].Downsampled += of.Downsampled
			c.Rules[i].SeriesHours = note(d.Key.String()+of.Rule, of.Series)
		}
	}
	return nil
}

// flush stores what was posted.
func (r *recorded) flush(t testing.TB) {
	t.Helper()
	r.PostLedger()
	if err := r.ledger.Flush(t.Context(), r, time.Now()); err != nil {
		t.Fatal(err)
	}
}

// sum returns the sum of all cells.
func (r *recorded) sum() (n Counts) {
	for _, c := range r.cells {
		n.Add(&c.Samples)
	}
	return n
}

// of returns the cell of a team's metric, in any hour.
func (r *recorded) of(team, metric string) attribution.Cell {
	var sum attribution.Cell
	for k, c := range r.cells {
		if k.Team == team && k.Metric == metric {
			sum.Samples.Add(&c.Samples)
			sum.SeriesHours += c.SeriesHours
			sum.Rules = append(sum.Rules, c.Rules...)
		}
	}
	return sum
}

// The ledger holds what became of every sample, by team and metric, and what of it
// each rule removed.
func TestLedgerHoldsWhatBecameOfSamples(t *testing.T) {
	r := recording(t, "- {name: d, match: 'm{a=\"0\"}', action: drop}\n- {name: t, match: 'm{a=\"1\"}', action: downsample, interval: 60s}\n")
	for round := range int64(4) {
		for i := range 9 {
			r.send(t, 204, at(fmt.Sprintf(`m{a="%d",b="%d",team="search"}`, i%3, i), 1, 1000+round*15_000))
		}
	}
	r.send(t, 204, at(`up`, 1, 1000))
	r.flush(t)
	m := r.of("search", "m")
	if want := (Counts{Forwarded: 12 + 3, Dropped: 12, Downsampled: 9}); m.Samples != want {
		t.Errorf("samples %v, want %v", m.Samples, want)
	}
	if m.SeriesHours != 6 {
		t.Errorf("%d series forwarded, want 6: three are dropped", m.SeriesHours)
	}
	slices.SortFunc(m.Rules, func(a, b attribution.RuleCount) int {
		return len(a.Rule) - len(b.Rule) + int(b.Dropped) - int(a.Dropped)
	})
	want := []attribution.RuleCount{{Rule: "d", Dropped: 12, SeriesHours: 3}, {Rule: "t", Downsampled: 9}}
	if !slices.Equal(m.Rules, want) {
		t.Errorf("rules %+v, want %+v", m.Rules, want)
	}
	if up := r.of(attribution.Unowned, "up"); up.Samples[Forwarded] != 1 || up.SeriesHours != 1 {
		t.Errorf("up: %+v, want one sample of one series that nobody owns", up)
	}
}

// Where the ledger is kept by services, a cell is one service's.
func TestLedgerIsKeptByService(t *testing.T) {
	r := recording(t, "")
	owners, err := attribution.New(attribution.Config{
		Owners: []attribution.OwnerConfig{{Label: "team"}},
		Ledger: attribution.LedgerConfig{ServiceLabel: "job"},
	})
	if err != nil {
		t.Fatal(err)
	}
	r.owners.Store(owners)
	r.send(t, 204, at(`m{job="api",team="a"}`, 1, 1000), at(`m{job="db",team="a"}`, 1, 1000), at(`m{team="a"}`, 1, 1000))
	r.flush(t)
	var got []string
	for k := range r.cells {
		got = append(got, k.Service)
	}
	slices.Sort(got)
	if want := []string{"", "api", "db"}; !slices.Equal(got, want) {
		t.Errorf("services %q, want %q", got, want)
	}
}

// A series that has samples in two hours counts in both, however soon it ends, and
// in each once, however often it is sent.
func TestASeriesCountsInEveryHourInWhichItIsForwarded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := recording(t, "")
		time.Sleep(59*time.Minute + 30*time.Second)
		for range 4 { // at 0:59:30, 0:59:45, 1:00:00 and 1:00:15
			r.send(t, 204, at(`m{a="1"}`, 1, time.Now().UnixMilli()), at(`m{a="2"}`, 1, time.Now().UnixMilli()))
			time.Sleep(15 * time.Second)
		}
		for range 8 { // and one of them for two hours more
			time.Sleep(15 * time.Minute)
			r.send(t, 204, at(`m{a="1"}`, 1, time.Now().UnixMilli()))
		}
		r.flush(t)
		byHour := map[int]uint64{}
		for k, c := range r.cells {
			byHour[k.Hour.Time().UTC().Hour()] = c.SeriesHours
		}
		if want := map[int]uint64{0: 2, 1: 2, 2: 1, 3: 1}; !maps.Equal(byHour, want) {
			t.Errorf("series by hour %v, want %v", byHour, want)
		}
		if sum := r.sum(); sum[Forwarded] != 16 {
			t.Errorf("%d samples, want 16", sum[Forwarded])
		}
	})
}

// What the upstream did not take has no series in the ledger until it is sent
// again.
func TestSeriesOfFailedRequestsCountOnceTheyAreSentAgain(t *testing.T) {
	r := recording(t, "")
	down := true
	r.store.answer = func(int, []byte) *http.Response {
		if down {
			return status(503, "")
		}
		return nil
	}
	now := time.Now().UnixMilli()
	entries := []entry{at(`m{a="1"}`, 1, now), at(`m{a="2"}`, 1, now)}
	r.send(t, 503, entries...)
	r.flush(t)
	if c := r.of(attribution.Unowned, "m"); c.SeriesHours != 0 || c.Samples != (Counts{Failed: 2}) {
		t.Errorf("while the upstream is down: %+v, want two failed samples and no series", c)
	}
	down = false
	r.send(t, 204, entries...)
	r.flush(t)
	if c := r.of(attribution.Unowned, "m"); c.SeriesHours != 2 || c.Samples != (Counts{Failed: 2, Forwarded: 2}) {
		t.Errorf("after the retry: %+v, want two series", c)
	}
}

// A tenant that is forgotten leaves nothing out of the ledger.
func TestLedgerHoldsForgottenTenants(t *testing.T) {
	r := recording(t, "")
	for i := range 3 {
		r.post(remotewrite.V1, bodyV1(at("m", 1, 1000)), "X-Scope-OrgID", fmt.Sprint("t", i))
	}
	r.states.tidy(time.Now().Add(2 * time.Hour))
	if n := len(r.states.all()); n != 0 {
		t.Fatalf("%d tenants are known, want none", n)
	}
	r.flush(t)
	if sum := r.sum(); sum[Forwarded] != 3 || len(r.cells) != 3 {
		t.Errorf("%d samples in %d cells, want 3 in 3", sum[Forwarded], len(r.cells))
	}
}

// Whatever is sent, by whichever protocol, under rules and limits that come and go,
// with an upstream that fails and flushes in between: the ledger is the flow, and
// what is forwarded is what the upstream took, but for our markers.
func TestLedgerIsTheFlow(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		r := recording(t, "")
		r.store.answer = func(n int, _ []byte) *http.Response {
			return []*http.Response{nil, nil, nil, status(503, ""), status(400, "no"), status(0, "")}[rapid.IntRange(0, 5).Draw(rt, "answer")]
		}
		ms := time.Now().UnixMilli()
		for range rapid.IntRange(1, 12).Draw(rt, "requests") {
			switch rapid.IntRange(0, 5).Draw(rt, "turn") {
			case 0:
				r.load(t, rapid.SampledFrom([]string{
					"", "- {name: d, match: 'm{a=\"1\"}', action: drop}\n",
					"- {name: d, match: m, action: downsample, interval: 60s, when: over_limit}\n",
				}).Draw(rt, "rules"))
			case 1:
				r.flush(t)
			case 2:
				r.setOver(t, rapid.Bool().Draw(rt, "over"))
			case 3:
				r.limit(t, limiter.Limit{ActiveSeries: 2})
			}
			var entries []entry
			for range rapid.IntRange(0, 5).Draw(rt, "entries") {
				ms += 5000
				entries = append(entries, at(fmt.Sprintf(`m{a="%d",team="t%d"}`, rapid.IntRange(0, 3).Draw(rt, "a"), rapid.IntRange(0, 1).Draw(rt, "team")), 1, ms))
			}
			if rapid.Bool().Draw(rt, "2.0") {
				r.post(remotewrite.V2, bodyV2(entries...))
			} else {
				r.post(remotewrite.V1, bodyV1(entries...))
			}
		}
		r.flush(t)
		if got, want := r.sum(), r.counts(t); got != want {
			rt.Fatalf("the ledger holds %v, the flow is %v", got, want)
		}
		for k, c := range r.cells {
			if c.SeriesHours > c.Samples[Forwarded]+c.Samples[Downsampled]+c.Samples[Shed]+c.Samples[Failed]+c.Samples[Rejected] {
				rt.Fatalf("%s has %d series of %v", k, c.SeriesHours, c.Samples)
			}
		}
	})
}
