package bench

import (
	"context"
	"fmt"
	"net/http"
	"io"
	"os"
	"strconv"
	"testing"
	"time"
)

func TestDev(t *testing.T) {
	metrics, _ := strconv.Atoi(os.Getenv("DEVM"))
	series, _ := strconv.Atoi(os.Getenv("DEVS"))
	ctx := context.Background()
	b := &Bench{Headgate: os.Getenv("DEVH"), Owners: true, Series: series, Seconds: 3, Quiet: quiet, Start: time.Now().Add(-time.Hour).Truncate(time.Minute), Progress: os.Stdout}
	run, err := b.startReading(ctx, plainHeadgate(b).(*Headgate), metrics)
	if err != nil {
		t.Fatal(err)
	}
	defer run.close()
	fmt.Println("ADMIN", run.process.Admin, run.process.Dir)
	time.Sleep(8*time.Second)
	n := 4
	one := newReaders(run.process.Admin, run.paths)
	for i, p := range run.paths {
		if e := one.ask(ctx, i); e != nil {
			fmt.Println(e)
			continue
		}
		u, _ := run.process.Usage()
		for range n {
			if e := one.ask(ctx, i); e != nil {
				fmt.Println(e)
			}
		}
		v, _ := run.process.Usage()
		fmt.Printf("%7.1f ms CPU  first %8s p50 %8s  %6d KB  %s\n", float64((v.CPU-u.CPU).Microseconds())/1000/float64(n), ms(one.took[i][0]), ms(share(one.took[i], 0.5)), one.bytes[i]>>10, p)
	}
	if os.Getenv("DEVHOLD") != "" {
		for {
			if _, err := os.Stat("/tmp/wt/SPEED.stop"); err == nil {
				break
			}
			time.Sleep(time.Second)
		}
	}
	_ = http.Get
	_ = io.Discard
}
