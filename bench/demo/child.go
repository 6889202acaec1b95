//go:build unix

package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"
)

const (
	startTimeout = 30 * time.Second // until a program is ready
	stopTimeout  = 20 * time.Second // until a program is killed
	tailBytes    = 4 << 10          // of a log, shown when its program dies
)

// A spec is a program to run.
type spec struct {
	name  string
	file  string
	args  []string
	ready string // URL that answers 200 once the program works
}

// A child is a program that runs in a process group of its own.
type child struct {
	spec
	cmd    *exec.Cmd
	log    string
	exited chan struct{} // closed once it is over, err is set then
	err    error
}

// startChild starts a program in dir, its output in a log there. On Linux the
// child dies with the thread that started it: callers hold theirs by
// [runtime.LockOSThread] for as long as the child is to live.
func startChild(dir string, s spec) (*child, error) {
	c := &child{spec: s, log: filepath.Join(dir, s.name+".log"), exited: make(chan struct{})}
	log, err := os.Create(c.log)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	c.cmd = exec.Command(s.file, s.args...)
	c.cmd.Dir = dir
	c.cmd.Stdout = log
	c.cmd.Stderr = log
	c.cmd.SysProcAttr = ownGroup()
	if err := c.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", s.name, err)
	}
	go func() {
		c.err = c.cmd.Wait()
		close(c.exited)
	}()
	return c, nil
}

// waitReady returns once the child's ready URL answers 200.
func (c *child) waitReady(ctx context.Context) error {
	timeout, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		if answers(timeout, c.ready) {
			return nil
		}
		select {
		case <-c.exited:
			return c.died()
		case <-timeout.Done():
			if ctx.Err() != nil {
				return ctx.Err()
			}
			return fmt.Errorf("%s is not ready after %s; the end of its log:\n%s", c.name, startTimeout, c.tail())
		case <-tick.C:
		}
	}
}

func answers(ctx context.Context, url string) bool {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return false
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return false
	}
	resp.Body.Close()
	return resp.StatusCode == http.StatusOK
}

// died is the error of a child that stopped by itself.
func (c *child) died() error {
	reason := "without an error"
	if c.err != nil {
		reason = c.err.Error()
	}
	return fmt.Errorf("%s stopped by itself (%s); the end of its log:\n%s", c.name, reason, c.tail())
}

// tail returns the last lines of the child's log.
func (c *child) tail() []byte {
	f, err := os.Open(c.log)
	if err != nil {
		return []byte(err.Error())
	}
	defer f.Close()
	cut := false
	if size, err := f.Seek(0, io.SeekEnd); err == nil {
		cut = size > tailBytes
		f.Seek(max(0, size-tailBytes), io.SeekStart)
	}
	text, err := io.ReadAll(f)
	if err != nil {
		return []byte(err.Error())
	}
	if _, rest, ok := bytes.Cut(text, []byte("\n")); cut && ok {
		text = rest
	}
	return bytes.TrimSpace(text)
}

// stop ends the child's whole group, kindly at first, and returns when it is
// over.
func (c *child) stop() {
	c.signal(syscall.SIGTERM)
	patience := time.NewTimer(stopTimeout)
	defer patience.Stop()
	select {
	case <-c.exited:
	case <-patience.C:
	}
	c.signal(syscall.SIGKILL) // what it may have left behind, too
	<-c.exited
}

// signal sends to the group. That nobody is left to hear it is no error.
func (c *child) signal(s syscall.Signal) {
	_ = syscall.Kill(-c.cmd.Process.Pid, s)
}
