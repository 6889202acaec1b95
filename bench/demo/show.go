//go:build unix

package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"time"

	"github.com/headgate/headgate/bench/demo/shop"
)

// A stage is everything that runs, in the order in which it was started.
type stage struct {
	dir      string
	addr     addresses
	children []*child
	out      io.Writer
	begun    time.Time
}

// show runs the demo until ctx is done, o.length is over, or a program dies.
func show(ctx context.Context, o options, p programs, out io.Writer) (err error) {
	// See startChild.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()

	dir, err := os.MkdirTemp("", "headgate-demo-")
	if err != nil {
		return err
	}
	defer func() {
		if o.keep {
			fmt.Fprintln(out, "Configuration and logs are in", dir)
			return
		}
		os.RemoveAll(dir)
	}()

	s := &stage{dir: dir, out: out, begun: time.Now()}
	if s.addr, err = freeAddresses(usual); err != nil {
		return err
	}
	if err := writeFiles(dir, p, s.addr); err != nil {
		return err
	}
	closeShop, err := openShop(s.addr.shop)
	if err != nil {
		return err
	}
	defer closeShop()

	defer s.stop()
	for _, spec := range s.specs(p) {
		if err := s.start(ctx, spec); err != nil {
			return unlessInterrupted(ctx, err)
		}
	}
	s.introduce(p)
	if err := s.watch(ctx, o.length); err != nil {
		return unlessInterrupted(ctx, err)
	}
	if ctx.Err() != nil {
		return nil
	}
	return s.report(ctx)
}

// unlessInterrupted drops the errors that a Ctrl-C makes.
func unlessInterrupted(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return nil
	}
	return err
}

// openShop serves the shop's metrics until what it returns is called.
func openShop(address string) (func(), error) {
	l, err := net.Listen("tcp", address)
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", shop.New(time.Now).Handler())
	server := &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = server.Serve(l) // ErrServerClosed: nothing else ends it
	}()
	return func() {
		server.Close()
		<-done
	}, nil
}

// specs are the programs, each before those that need it.
func (s *stage) specs(p programs) []spec {
	a := s.addr
	specs := []spec{
		s.prometheus(p, "store", a.store),
		{
			name: "headgate", file: p.headgate, ready: "http://" + a.web + "/-/ready",
			args: []string{
				"serve", "--config.file=headgate.yml",
				"--web.listen-address=" + a.web, "--ingest.listen-address=" + a.ingest,
			},
		},
	}
	if p.node != "" {
		specs = append(specs, spec{
			name: "node", file: p.node, ready: "http://" + a.node + "/metrics",
			args: []string{"--web.listen-address=" + a.node, "--log.level=warn"},
		})
	}
	return append(specs, s.prometheus(p, "sender", a.sender))
}

// prometheus is the store or the sender.
func (s *stage) prometheus(p programs, role, address string) spec {
	sp := spec{name: role, file: p.prometheus, ready: "http://" + address + "/-/ready"}
	sp.args = []string{
		"--config.file=" + role + ".yml",
		"--web.listen-address=" + address,
		"--storage.tsdb.path=" + filepath.Join(s.dir, role),
		"--log.level=warn",
	}
	if role == "store" {
		sp.args = append(sp.args, "--web.enable-remote-write-receiver")
	}
	return sp
}

func (s *stage) start(ctx context.Context, sp spec) error {
	c, err := startChild(s.dir, sp)
	if err != nil {
		return err
	}
	s.children = append(s.children, c)
	return c.waitReady(ctx)
}

// stop ends everything, the last that was started first.
func (s *stage) stop() {
	for _, c := range slices.Backward(s.children) {
		c.stop()
	}
	s.children = nil
}

// stopSender ends the Prometheus that sends, once it has sent all it has.
func (s *stage) stopSender() {
	last := len(s.children) - 1
	s.children[last].stop()
	s.children = s.children[:last]
}

// anyDeath returns a channel that hands out the first child that stops by
// itself, until ctx is done.
func (s *stage) anyDeath(ctx context.Context) <-chan *child {
	dead := make(chan *child)
	for _, c := range s.children {
		go func() {
			select {
			case <-c.exited:
			case <-ctx.Done():
				return
			}
			select {
			case dead <- c:
			case <-ctx.Done():
			}
		}()
	}
	return dead
}

func (s *stage) introduce(p programs) {
	w := s.out
	fmt.Fprintln(w)
	fmt.Fprintf(w, "  Prometheus  http://%-22s scrapes every 5 s and writes through Headgate\n", s.addr.sender)
	fmt.Fprintf(w, "  Headgate    http://%-22s applies bench/demo/rules; takes samples at %s\n", s.addr.web, s.addr.ingest)
	fmt.Fprintf(w, "  Store       http://%-22s a second Prometheus, which holds what is let through\n", s.addr.store)
	fmt.Fprintf(w, "  Shop        http://%-22s the metrics that explode\n", s.addr.shop+"/metrics")
	if p.node != "" {
		fmt.Fprintf(w, "  Node        http://%-22s the machine\n", s.addr.node+"/metrics")
	}
	s.invite()
	fmt.Fprintln(w)
	fmt.Fprintln(w, "Samples since the start, every two seconds; Ctrl-C ends everything.")
	fmt.Fprintln(w)
}
