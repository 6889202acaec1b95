package main

import (
	"testing"
	"time"
)

func TestNothingSurvivesAKilledDemo(t *testing.T) {
	demo, dir := startDemo(t)
	if err := demo.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	demo.Wait()
	if n := ended(t, dir, 10*time.Second); n != 5 {
		t.Errorf("%d processes ran, want 5", n)
	}
}
