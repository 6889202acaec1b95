package control

import (
	"strings"
	"testing"
	"time"
)

func TestWritersAreBounded(t *testing.T) {
	ws := &writes{writers: map[string]*writer{}}
	now := time.Unix(1000, 0)
	for i := range 3 * maxWriters {
		now = now.Add(time.Millisecond)
		if _, ok := ws.allow(strings.Repeat("x", i), now); !ok {
			t.Fatal("a newcomer waits")
		}
	}
	if n := len(ws.writers); n > maxWriters {
		t.Errorf("%d writers are remembered, want %d at most", n, maxWriters)
	}
}
