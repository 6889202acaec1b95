package gateway

import (
	"sync"
	"testing"
)

func TestADrainWaitsForThoseThatEnteredBefore(t *testing.T) {
	var u underway
	if one, two := u.enter(), u.enter(); !one || !two {
		t.Fatal("a request is not counted before the drain")
	}
	done := u.drain()
	if u.enter() {
		t.Error("a request is counted after the drain began")
	}
	u.leave()
	select {
	case <-done:
		t.Fatal("the drain is over with a request under way")
	default:
	}
	u.leave()
	<-done
	<-u.drain() // again, for whoever asks twice
}

func TestADrainOfNothingIsOverAtOnce(t *testing.T) {
	var u underway
	<-u.drain()
}

func TestRequestsComeWhileADrainWaits(t *testing.T) {
	var u underway
	var senders sync.WaitGroup
	for range 4 {
		senders.Go(func() {
			for u.enter() {
				u.leave()
			}
		})
	}
	<-u.drain()
	senders.Wait()
}
