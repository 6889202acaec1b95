package limiter

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestBucket(t *testing.T) {
	type take struct {
		after time.Duration
		n     int
		wait  time.Duration // that it is told; 0: it fits
	}
	tests := []struct {
		name  string
		takes []take
	}{
		{"a full bucket grants its burst", []take{{0, 200, 0}}},
		{"an empty one says how long to wait", []take{{0, 200, 0}, {0, 50, 500 * time.Millisecond}}},
		{"who waits as long as told is served", []take{{0, 200, 0}, {0, 50, 500 * time.Millisecond}, {500 * time.Millisecond, 50, 0}}},
		{"it holds no more than its burst", []take{{time.Hour, 200, 0}, {0, 1, 10 * time.Millisecond}}},
		{"more than the burst passes a full bucket", []take{{0, 500, 0}}},
		{"and leaves a debt", []take{{0, 500, 0}, {0, 1, 3010 * time.Millisecond}}},
		{"more than the burst waits for a full bucket", []take{{0, 100, 0}, {0, 500, time.Second}, {time.Second, 500, 0}}},
		{"time that runs backwards refills nothing", []take{{time.Second, 200, 0}, {-time.Second, 100, time.Second}, {time.Second, 100, time.Second}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			now := start
			b := newBucket(now, 100, 2*time.Second)
			for i, take := range tt.takes {
				now = now.Add(take.after)
				wait, ok := b.tryTake(now, take.n)
				if d := wait - take.wait; ok != (take.wait == 0) || d < -time.Microsecond || d > time.Microsecond {
					t.Errorf("take %d of %d: wait %v, ok %v; want %v", i+1, take.n, wait, ok, take.wait)
				}
			}
		})
	}
}

func TestBucketKeepsItsTokensWhenItsLimitChanges(t *testing.T) {
	b := newBucket(start, 100, 10*time.Second)
	b.take(start, 600)
	b.set(start, 1000, 10*time.Second)
	if got := b.tokens(start); got != 400 {
		t.Errorf("after a raise %v tokens, want 400", got)
	}
	b.set(start, 10, 10*time.Second)
	if got := b.tokens(start); got != 100 {
		t.Errorf("after a cut %v tokens, want 100, all that fits", got)
	}
	b.take(start, 500)
	b.set(start, 1000, 10*time.Second)
	if got := b.tokens(start); got != -400 {
		t.Errorf("a debt became %v tokens, want -400", got)
	}
}

func TestBucketNeverGrantsMoreThanItsRateAndBurst(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rate := rapid.IntRange(1, 1000).Draw(t, "rate")
		burst := time.Duration(rapid.IntRange(1, 60).Draw(t, "burst")) * time.Second
		b := newBucket(start, float64(rate), burst)
		now, newest, granted := start, start, 0
		for range rapid.IntRange(1, 50).Draw(t, "takes") {
			now = now.Add(time.Duration(rapid.IntRange(-500, 3000).Draw(t, "after")) * time.Millisecond)
			if now.After(newest) {
				newest = now
			}
			n := rapid.IntRange(0, 2*rate).Draw(t, "n")
			if _, ok := b.tryTake(now, n); !ok {
				continue
			}
			if rapid.Bool().Draw(t, "refunded") {
				b.refund(now, n)
				continue
			}
			granted += n
			size := bucketSize(float64(rate), burst)
			if most := float64(rate)*newest.Sub(start).Seconds() + float64(size) + float64(max(0, n-size)) + 1; float64(granted) > most {
				t.Fatalf("%d granted, the most is %v", granted, most)
			}
		}
	})
}
