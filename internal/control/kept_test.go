package control

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/headgate/headgate/internal/auth"
	"github.com/headgate/headgate/internal/tenant"
)

func TestAnAnswerIsKeptForAsLongAsItWasWorth(t *testing.T) {
	for _, tt := range []struct {
		name        string
		took, until time.Duration
	}{
		{"one that is found at once is found anew", 10 * time.Millisecond, 0},
		{"one that takes long is kept twenty times as long", 100 * time.Millisecond, 2 * time.Second},
		{"one that takes very long is kept for a minute", 20 * time.Second, time.Minute},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				k, found := new(kept), 0
				get := func() int {
					n, err := ask(t.Context(), k, question{what: "x"}, few, func() (int, error) {
						found++
						time.Sleep(tt.took)
						return found, nil
					})
					if err != nil {
						t.Fatal(err)
					}
					return n
				}
				get()
				begin := time.Now()
				if tt.until == 0 {
					if got := get(); got != 2 {
						t.Errorf("the second answer is number %d", got)
					}
					return
				}
				time.Sleep(time.Until(begin.Add(tt.until - time.Millisecond)))
				if got := get(); got != 1 {
					t.Errorf("after %s the answer is number %d, want the first", time.Since(begin), got)
				}
				time.Sleep(time.Millisecond)
				if got := get(); got != 2 {
					t.Errorf("after %s the answer is number %d, want another", time.Since(begin), got)
				}
			})
		})
	}
}

func TestWhoAsksTheSameWaitsForOneAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k, found := new(kept), 0
		answers := make(chan int, 4)
		for range cap(answers) {
			go func() {
				n, _ := ask(t.Context(), k, question{what: "x"}, few, func() (int, error) {
					found++
					time.Sleep(time.Second)
					return found, nil
				})
				answers <- n
			}()
		}
		hurried, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		synctest.Wait()
		if _, err := ask(hurried, k, question{what: "x"}, few, func() (int, error) { return 0, nil }); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("who has no time is told %v", err)
		}
		for range cap(answers) {
			if n := <-answers; n != 1 {
				t.Errorf("an answer is number %d", n)
			}
		}
	})
}

func TestAnErrorIsNotKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k, broken := new(kept), errors.New("broken")
		fail := func() (int, error) { time.Sleep(time.Second); return 0, broken }
		go func() { _, _ = ask(t.Context(), k, question{}, few, fail) }()
		synctest.Wait()
		n, err := ask(t.Context(), k, question{}, few, func() (int, error) { return 7, nil })
		if n != 7 || err != nil {
			t.Errorf("who waited for the error gets %d, %v, want an answer of its own", n, err)
		}
		if len(k.answers) != 0 || k.rows != 0 {
			t.Errorf("%d answers of %d rows are kept", len(k.answers), k.rows)
		}
	})
}

func TestWhatIsKeptIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := new(kept)
		put := func(name string, rows int) {
			_, err := ask(t.Context(), k, question{text: name}, func(string) int { return rows }, func() (string, error) {
				time.Sleep(time.Second)
				return strings.Repeat("x", 10), nil
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		for i := range 3 * maxKept {
			put(fmt.Sprint(i), 1)
		}
		if n := len(k.answers); n > maxKept || n == 0 {
			t.Errorf("%d answers are kept, want %d at most", n, maxKept)
		}
		put("half", maxKeptRows/2)
		put("most", maxKeptRows*2/3)
		put("too many", maxKeptRows+1)
		if k.rows > maxKeptRows {
			t.Errorf("%d rows are kept, want %d at most", k.rows, maxKeptRows)
		}
		time.Sleep(2 * keptAtMost)
		put("later", 1)
		if len(k.answers) != 1 || k.rows != 1 {
			t.Errorf("%d answers of %d rows are kept, want what is not too old", len(k.answers), k.rows)
		}
	})
}

// Actors of different tenants may ask in the same words, and mean something else.
func TestAnAnswerIsKeptForThoseOfTheSameRights(t *testing.T) {
	of := func(role auth.Role, tenants ...tenant.ID) auth.Actor {
		return auth.Actor{Name: "ann", Role: role, Tenants: tenants}
	}
	for _, tt := range []struct {
		name   string
		second auth.Actor
		tenant tenant.ID
		asked  int
	}{
		{"the same again", of(auth.Viewer, "a"), "a", 1},
		{"somebody else who may do the same", auth.Actor{Name: "bob", Role: auth.Viewer, Tenants: []tenant.ID{"a"}}, "a", 1},
		{"of another tenant", of(auth.Viewer, "b"), "b", 2},
		{"of another tenant as well", of(auth.Viewer, "a", "b"), "a", 2},
		{"of all tenants", of(auth.Viewer), "a", 2},
		{"another role", of(auth.Editor, "a"), "a", 2},
		{"about another tenant", of(auth.Viewer, "a"), "b", 2},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				base, asked := &Control{kept: new(kept)}, 0
				find := func() (int, error) {
					time.Sleep(time.Second)
					asked++
					return asked, nil
				}
				for who, about := range map[*Control]tenant.ID{base.As(of(auth.Viewer, "a")).Recently(): "a", base.As(tt.second).Recently(): tt.tenant} {
					if _, err := recently(t.Context(), who, "x", "", about, few, find); err != nil {
						t.Fatal(err)
					}
				}
				if asked != tt.asked {
					t.Errorf("it was found %d times, want %d", asked, tt.asked)
				}
			})
		})
	}
}
