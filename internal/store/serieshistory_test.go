package store_test

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/headgate/headgate/attribution"
	"github.com/headgate/headgate/internal/store"
	"github.com/headgate/headgate/internal/store/storetest"
)

func seriesCount(series, forwarded int64) store.SeriesCount {
	return store.SeriesCount{Series: series, Forwarded: forwarded}
}

func seriesReading(h attribution.Hour, total store.SeriesCount, top map[string]store.SeriesCount) store.SeriesReading {
	return store.SeriesReading{Hour: h, Tenant: "shop", Metrics: int64(len(top)), SeriesCount: total, Top: top}
}

func TestSeriesAreRemembered(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url string) {
		db := open(t, url)
		h := attribution.HourOf(noon)
		note := func(list ...store.SeriesReading) {
			t.Helper()
			if err := db.NoteSeries(t.Context(), list); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := db.SeriesReading(t.Context(), "shop", 0, h); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("a reading of a tenant that was not read: %v, want ErrNotFound", err)
		}
		long := strings.Repeat("x", store.MaxHistoryName+1)
		hostile := "a\x00b'\"; DROP\xff"
		first := seriesReading(h-25, seriesCount(12, 10), map[string]store.SeriesCount{"up": seriesCount(7, 7), hostile: seriesCount(3, 1), long: seriesCount(2, 2)})
		note(first, seriesReading(h-24, seriesCount(9, 9), map[string]store.SeriesCount{"other": seriesCount(9, 9)}))
		first.Top = map[string]store.SeriesCount{"up": seriesCount(7, 7), "a\uFFFDb'\"; DROP\uFFFD": seriesCount(3, 1)}

		got, err := db.SeriesReading(t.Context(), "shop", h-30, h-25)
		if diff := cmp.Diff(first, got); diff != "" || err != nil {
			t.Errorf("%v (-want +got):\n%s", err, diff)
		}
		if got, err := db.SeriesReading(t.Context(), "shop", h-30, h); err != nil || got.Hour != h-24 {
			t.Errorf("the latest reading is of %s, %v; want %s", got.Hour, err, h-24)
		}
		if _, err := db.SeriesReading(t.Context(), "other", 0, h); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("another tenant's reading: %v, want ErrNotFound", err)
		}
		points, read, err := db.SeriesHistory(t.Context(), "shop", "up", h-25)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]store.SeriesPoint{{Hour: h - 25, SeriesCount: seriesCount(7, 7)}}, points); diff != "" {
			t.Errorf("points (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff([]attribution.Hour{h - 25, h - 24}, read); diff != "" {
			t.Errorf("hours (-want +got):\n%s", diff)
		}
	})
}

func TestWhatSeveralProcessesReadIsNotAddedUp(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url string) {
		dbs := []*store.DB{open(t, url), open(t, url)}
		h := attribution.HourOf(noon)
		var all sync.WaitGroup
		for i := range 6 {
			all.Go(func() {
				top := map[string]store.SeriesCount{}
				for m := range 300 {
					top[fmt.Sprintf("metric_%d", m)] = seriesCount(int64(10+i), int64(10-i))
				}
				if err := dbs[i%2].NoteSeries(t.Context(), []store.SeriesReading{seriesReading(h, seriesCount(int64(3000+i), 3), top)}); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		got, err := dbs[0].SeriesReading(t.Context(), "shop", h, h)
		if err != nil {
			t.Fatal(err)
		}
		if got.SeriesCount != seriesCount(3005, 3) || len(got.Top) != 300 || got.Top["metric_299"] != seriesCount(15, 10) {
			t.Errorf("got %v in all, %d metrics, %v; want the greatest of each: {3005 3}, 300, {15 10}", got.SeriesCount, len(got.Top), got.Top["metric_299"])
		}
	})
}

func TestOldReadingsOfSeriesAreThinned(t *testing.T) {
	storetest.Each(t, func(t *testing.T, url string) {
		db := open(t, url)
		now := attribution.HourOf(noon).Day() + 5
		var list []store.SeriesReading
		for h := now - 40*24; h <= now; h++ {
			list = append(list, seriesReading(h, seriesCount(1, 1), map[string]store.SeriesCount{"up": seriesCount(1, 1)}))
		}
		if err := db.NoteSeries(t.Context(), list); err != nil {
			t.Fatal(err)
		}
		for range 2 { // what is kept is kept
			if err := db.ThinSeries(t.Context(), now); err != nil {
				t.Fatal(err)
			}
		}
		var want []attribution.Hour
		for _, r := range list {
			switch age := now - r.Hour; {
			case age > 35*24, age > 9*24 && r.Hour%24 != 0, age > 2*24 && r.Hour%6 != 0:
			default:
				want = append(want, r.Hour)
			}
		}
		points, read, err := db.SeriesHistory(t.Context(), "shop", "up", 0)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, read); diff != "" || len(points) != len(want) {
			t.Errorf("%d points; hours (-want +got):\n%s", len(points), diff)
		}
		if len(want) > 110 {
			t.Errorf("%d readings are kept, want at most 110", len(want))
		}
	})
}
