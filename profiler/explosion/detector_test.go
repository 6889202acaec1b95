package explosion

import (
	"bytes"
	"encoding/binary"
	"math"
	"reflect"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// watch reads what level says of each minute, and returns all that is said of it.
func watch(d *Detector, from, to int, level func(m int) (active, rate float64)) []Explosion {
	var said []Explosion
	for m := from; m < to; m++ {
		active, rate := level(m)
		if e, ok := d.Read(Reading{start + int64(m), active, rate}); ok {
			said = append(said, e)
		}
	}
	return said
}

// scraped returns live series of which all live, scraped every 15 s.
func scraped(live func(m int) float64) func(int) (float64, float64) {
	return func(m int) (float64, float64) { return live(m), live(m) / 15 }
}

func stepAt(at int, from, to float64) func(int) float64 {
	return func(m int) float64 {
		if m < at {
			return from
		}
		return to
	}
}

func states(said []Explosion) (out []State) {
	for _, e := range said {
		out = append(out, e.State)
	}
	return out
}

func TestAStepIsReportedWithItsNumbers(t *testing.T) {
	var d Detector
	got := watch(&d, 0, 400, scraped(stepAt(300, 1200, 3600)))
	want := []Explosion{{Growth, Began, 1200, 3600, start + 300, 0}}
	if len(got) == 0 {
		t.Fatal("a step to three times was not noticed")
	}
	got = got[:1]
	if at := got[0].At; at < start+300 || at > start+310 {
		t.Errorf("noticed at minute %d, want within ten minutes of 300", at-start)
	}
	got[0].At, got[0].From = 0, math.Round(got[0].From/10)*10
	if got[0].Since > start+303 || got[0].Since < start+300 {
		t.Errorf("began at minute %d, want 300", got[0].Since-start)
	}
	got[0].Since = start + 300
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestWhatStaysIsTheReference(t *testing.T) {
	var d Detector
	got := watch(&d, 0, 2*day, scraped(stepAt(300, 1200, 3600)))
	if diff := cmp.Diff([]State{Began, Settled}, states(got)); diff != "" {
		t.Fatal(diff)
	}
	if got := watch(&d, 2*day, 3*day, scraped(func(int) float64 { return 4200 })); got != nil {
		t.Errorf("a little more than what stayed: %v", got)
	}
	if got := watch(&d, 3*day, 3*day+30, scraped(func(int) float64 { return 12000 })); len(got) == 0 || got[0].State != Began {
		t.Errorf("three times as much as what stayed: %v", got)
	}
}

func TestWhatIsGoneIsOverAndMayComeAgain(t *testing.T) {
	var d Detector
	got := watch(&d, 0, 900, scraped(func(m int) float64 {
		if m >= 300 && m < 340 || m >= 600 {
			return 9000
		}
		return 1000
	}))
	if diff := cmp.Diff([]State{Began, Over, Began}, states(got)[:3]); diff != "" {
		t.Fatal(diff)
	}
	if from := got[2].From; from < 950 || from > 1050 {
		t.Errorf("the second is said to come from %.0f series, want 1000", from)
	}
}

func TestGrowthWithoutEndIsReportedALogarithmicNumberOfTimes(t *testing.T) {
	var d Detector
	// 2 % of the base a minute, for ten days: 290 times the base.
	got := watch(&d, 0, 10*day, scraped(func(m int) float64 { return 1000 * (1 + 0.02*max(0, float64(m-300))) }))
	if n := len(got); n < 6 || n > 30 {
		t.Errorf("reported %d times in ten days, want some", n)
	}
	if got[0].State != Began || got[0].At > start+300+45 {
		t.Errorf("first %v at minute %d, want the beginning within 45 minutes of 300", got[0].State, got[0].At-start)
	}
	for i, e := range got[1:] {
		if e.State == Began && got[i].State != Settled && got[i].State != Over {
			t.Errorf("begins twice: %v after %v", e, got[i])
		}
	}
}

func TestTheJobOfEveryNightIsNewsForSomeNightsOnly(t *testing.T) {
	var d Detector
	got := watch(&d, 0, 14*day, scraped(func(m int) float64 {
		if m%day >= 2*hour && m%day < 4*hour {
			return 5000
		}
		return 1000
	}))
	nights := map[int64]bool{}
	for _, e := range got {
		if e.State == Began {
			nights[(e.At-start)/day] = true
		}
	}
	for night := range nights {
		if night > 4 {
			t.Errorf("night %d was news", night)
		}
	}
	if !nights[1] {
		t.Error("the second night was not")
	}
}

func TestADeployInWhichThePodsAlsoBecomeManyIsGrowth(t *testing.T) {
	var d Detector
	got := watch(&d, 0, 330, func(m int) (float64, float64) {
		if m < 300 {
			return 1000, 1000.0 / 15
		}
		return 4000, 3000.0 / 15 // 1000 that are gone, 3000 that live
	})
	if len(got) != 1 || got[0].Kind != Growth {
		t.Errorf("got %v, want growth", got)
	}
}

func TestSilenceTellsNothing(t *testing.T) {
	var d Detector
	got := watch(&d, 0, day, func(m int) (float64, float64) { return 0, 0 })
	if got != nil || d != (Detector{}) {
		t.Errorf("a metric without series: %v, %+v", got, d)
	}
}

func TestReadingsThatMakeNoSenseAreIgnored(t *testing.T) {
	var d Detector
	watch(&d, 0, 200, scraped(func(int) float64 { return 1000 }))
	before := d
	for _, r := range []Reading{
		{start + 199, 5000, 300}, // again
		{start + 10, 5000, 300},  // back
		{0, 1, 1}, {-5, 1, 1},    // before the epoch
		{math.MaxInt64, 1, 1},             // never
		{start + 200, math.NaN(), 1},      // no numbers
		{start + 200, 1, math.Inf(1)},     //
		{start + 200, -1, 1},              // less than nothing
		{start + 200, math.MaxFloat64, 1}, // more than there is
	} {
		if e, ok := d.Read(r); ok || d != before {
			t.Errorf("%+v changed the detector (%v)", r, e)
			d = before
		}
	}
}

func TestReadingsMayBeMissing(t *testing.T) {
	for every := 1; every <= 5; every++ {
		var d Detector
		live := stepAt(600, 1000, 4000)
		var said []Explosion
		for m := 0; m < 660; m += every {
			if m > 300 && m < 420 {
				continue // two hours of nothing
			}
			if e, ok := d.Read(Reading{start + int64(m), live(m), live(m) / 15}); ok {
				said = append(said, e)
			}
		}
		if len(said) != 1 || said[0].At < start+600 {
			t.Errorf("a reading in %d minutes: got %v, want one explosion", every, said)
		}
	}
}

func TestAMetricThatWasAwayForLongBeginsAnew(t *testing.T) {
	var d Detector
	watch(&d, 0, 3*day, scraped(func(int) float64 { return 1000 }))
	if got := watch(&d, 20*day, 20*day+3*hour, scraped(func(int) float64 { return 9000 })); got != nil {
		t.Errorf("got %v, want nothing", got)
	}
}

func TestStateIsSmallAndHasNoPointers(t *testing.T) {
	const most = 200
	n := reflect.TypeFor[Detector]().Size()
	t.Logf("a detector has %d bytes", n)
	if n > most {
		t.Errorf("a detector has %d bytes, want %d at most", n, most)
	}
	if binary.Size(state{}) < 0 {
		t.Error("a detector is not of a fixed size: something in it is a pointer")
	}
}

func TestReadDoesNotAllocate(t *testing.T) {
	var d Detector
	m := int64(start)
	if n := testing.AllocsPerRun(3000, func() {
		m++
		d.Read(Reading{m, 1000 + float64(m%7)*600, 100})
	}); n != 0 {
		t.Errorf("Read allocates %v times, want 0", n)
	}
}

func TestASavedDetectorGoesOnAsIfNothingHadBeen(t *testing.T) {
	for _, sc := range scenarios[:10] {
		w := newWorld(randomness(sc.name, 1), start)
		p := sc.tell(w)
		var d Detector
		for m := range p.minutes {
			w.at(start + int64(m))
			p.each(m)
			r := w.reading()
			d.Read(r)
			if m%97 != 0 {
				continue
			}
			b, err := d.AppendBinary(nil)
			if err != nil {
				t.Fatal(err)
			}
			var again Detector
			if err := again.UnmarshalBinary(b); err != nil || again != d {
				t.Fatalf("%s, minute %d: %v\n%s", sc.name, m, err, cmp.Diff(d.s, again.s))
			}
			d = again
		}
	}
}

func FuzzUnmarshal(f *testing.F) {
	var d Detector
	watch(&d, 0, 400, scraped(stepAt(300, 1200, 3600)))
	b, err := d.AppendBinary(nil)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Add(bytes.Repeat([]byte{1}, len(b)))
	f.Fuzz(func(t *testing.T, b []byte) {
		var d Detector
		if d.UnmarshalBinary(b) != nil {
			return
		}
		last := int64(d.s.Last)
		for i := range int64(3000) {
			e, ok := d.Read(Reading{last + i, 1000 + float64(i), 100})
			if ok && (math.IsNaN(e.From) || math.IsNaN(e.To) || e.String() == "") {
				t.Fatalf("%+v", e)
			}
		}
	})
}

func BenchmarkRead(b *testing.B) {
	var d Detector
	m := int64(start)
	for b.Loop() {
		m++
		d.Read(Reading{m, 1000 + float64(m%7), 100})
	}
}
