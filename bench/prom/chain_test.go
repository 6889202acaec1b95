package prom

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// A chain is sender, proxy, headgate, proxy, receiver.
type chain struct {
	ctx      context.Context
	sender   *Sender
	in       *Proxy // sender to headgate
	headgate *Headgate
	out      *Proxy // headgate to receiver
	receiver *Receiver

	rules   string
	kills   int
	reloads atomic.Int64
}

// openChain starts the whole chain; in and out are the faults of its proxies.
func openChain(t *testing.T, version int, rules string, in, out *Faults) *chain {
	t.Helper()
	ctx, lost := context.WithCancelCause(deadline(t))
	c := &chain{ctx: ctx, rules: rules}
	binary, err := program()
	must(t, err)

	c.receiver, err = OpenReceiver(t.TempDir(), quiet())
	must(t, err)
	closing(t, c.receiver)
	c.out, err = NewProxy(c.ctx, c.receiver.server.URL, out)
	must(t, err)
	closing(t, c.out)
	c.headgate, err = NewHeadgate(c.ctx, binary, t.TempDir(), c.out.URL()+WritePath, rules, lost)
	must(t, err)
	must(t, c.headgate.Start(c.ctx))
	t.Cleanup(func() {
		c.headgate.Kill()
		if t.Failed() {
			t.Logf("headgate wrote last:\n%s", c.headgate.Output())
		}
	})
	c.in, err = NewProxy(c.ctx, c.headgate.IngestURL(), in)
	must(t, err)
	closing(t, c.in)
	c.sender, err = OpenSender(t.TempDir(), SenderConfig{
		URL: c.in.URL() + WritePath, Version: version, Shards: 4, BatchSamples: 100, Timeout: 1500 * time.Millisecond,
	}, quiet())
	must(t, err)
	closing(t, c.sender)
	return c
}

// restart ends headgate by SIGKILL while a request is in it, and starts it
// again.
func (c *chain) restart(t *testing.T) {
	t.Helper()
	must(t, eventually(c.ctx, "a request is in flight", func() bool { return c.in.InFlight() > 0 }))
	c.headgate.Kill()
	c.kills++
	must(t, c.headgate.Start(c.ctx))
}

// drain is restart by SIGTERM, after which headgate must end well by itself.
func (c *chain) drain(t *testing.T) {
	t.Helper()
	must(t, eventually(c.ctx, "a request is in flight", func() bool { return c.in.InFlight() > 0 }))
	must(t, c.headgate.Stop(c.ctx))
	must(t, c.headgate.Start(c.ctx))
}

// brokenRules is a rule file that no headgate may load.
const brokenRules = "  - name: broken\n    match: '{__name__=~\"(\"}'\n    action: drop\n"

// reloading reloads headgate every second until the returned function is
// called: by HTTP, by SIGHUP and, every third time, with a rule file that must
// be refused. Each reload brings a rule that touches no series of the test.
func (c *chain) reloading(t *testing.T) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(c.ctx)
	var done sync.WaitGroup
	done.Go(func() {
		tick := time.NewTicker(time.Second)
		defer tick.Stop()
		for n := 0; ; n++ {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
			if err := c.reload(ctx, n); err != nil {
				if ctx.Err() == nil {
					t.Errorf("reload %d: %v", n, err)
				}
				return
			}
			c.reloads.Add(1)
		}
	})
	return func() {
		cancel()
		done.Wait()
	}
}

func (c *chain) reload(ctx context.Context, n int) error {
	rules := fmt.Sprintf("  - name: other-%d\n    match: '{__name__=\"nobody_sends_this\"}'\n    action: drop\n", n) + c.rules
	if n%3 == 2 {
		return c.headgate.ReloadBroken(ctx, brokenRules, rules)
	}
	if err := c.headgate.SetRules(rules); err != nil {
		return err
	}
	if n%3 == 1 {
		return c.headgate.Hangup()
	}
	return c.headgate.Reload(ctx)
}

// finish waits until the sender has sent everything, checks the run itself,
// and returns what the receiver stored.
func (c *chain) finish(t *testing.T) Content {
	t.Helper()
	must(t, c.sender.Wait(c.ctx))
	for _, err := range []error{c.in.Problems(), c.out.Problems(), c.receiver.Problems()} {
		must(t, err)
	}
	if n := c.receiver.Disordered(); n != 0 {
		t.Errorf("%d samples came to the receiver doubled or disordered within a request", n)
	}
	if c.in.Tally().Repeated == 0 {
		t.Error("no request had several entries of one series")
	}
	content, err := c.receiver.Content(c.ctx)
	must(t, err)
	return content
}

// rest waits until headgate has accounted for all it received, and returns its
// counts: conservation, DESIGN.md 5.1.
func (c *chain) rest(t *testing.T) Flow {
	t.Helper()
	ctx, cancel := context.WithTimeout(c.ctx, 10*time.Second)
	defer cancel()
	var flow Flow
	if err := eventually(ctx, "headgate's outcomes add up to what it received", func() bool {
		var err error
		flow, err = c.headgate.Flow(ctx)
		return err == nil && flow.Received == flow.Outcomes() && c.in.InFlight() == 0
	}); err != nil {
		t.Errorf("%v; last seen: %+v", err, flow)
	}
	return flow
}

// summary is the line of numbers of one run.
func (c *chain) summary(got Content) string {
	return fmt.Sprintf("appended=%d stored=%d starts=%d kills=%d reloads=%d retried=%d refused=%d | faults before headgate %v | after %v",
		c.sender.Log().Points(), got.Points(), c.headgate.Starts(), c.kills, c.reloads.Load(), c.sender.Retried(), c.sender.Refused(),
		c.in.faults, c.out.faults)
}
