package bench

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// A Process is a running program under test.
type Process struct {
	Name  string
	Write string // URL of its remote-write
	Admin string // URL of its other listener, without a path
	Dir   string // its files; removed by Stop

	cmd  *exec.Cmd
	done chan struct{} // closed when it has ended
}

// launch runs a program in dir, its output in dir/log, and waits until ready
// answers 200.
func launch(ctx context.Context, p *Process, ready, program string, args ...string) (*Process, error) {
	log, err := os.Create(filepath.Join(p.Dir, "log"))
	if err != nil {
		return nil, err
	}
	defer log.Close()
	p.cmd = exec.Command(program, args...)
	p.cmd.Dir = p.Dir
	p.cmd.Stdout, p.cmd.Stderr = log, log
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	p.done = make(chan struct{})
	if err := p.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", p.Name, err)
	}
	go func() {
		p.cmd.Wait() // how it ended shows in the log
		close(p.done)
	}()
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	for !answers(ctx, ready) {
		select {
		case <-p.done:
			return nil, errors.Join(fmt.Errorf("%s ended at once:\n%s", p.Name, p.Log()), p.Stop())
		default:
		}
		if !wait(ctx, 20*time.Millisecond) {
			return nil, errors.Join(fmt.Errorf("%s did not become ready:\n%s", p.Name, p.Log()), p.Stop())
		}
	}
	return p, nil
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

// Log returns the end of what the process has printed.
func (p *Process) Log() string {
	b, err := os.ReadFile(filepath.Join(p.Dir, "log"))
	if err != nil {
		return err.Error()
	}
	return string(bytes.TrimSpace(b[max(0, len(b)-2000):]))
}

// Ended reports whether the process is no longer there.
func (p *Process) Ended() bool {
	select {
	case <-p.done:
		return true
	default:
		return false
	}
}

// Stop ends the process, by force where it takes longer than ten seconds, and
// removes its files.
func (p *Process) Stop() error {
	if !p.Ended() {
		if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
			return err
		}
		select {
		case <-p.done:
		case <-time.After(10 * time.Second):
			if err := p.cmd.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
				return err
			}
			<-p.done
		}
	}
	return os.RemoveAll(p.Dir)
}

// Usage is what a process has used.
type Usage struct {
	CPU  time.Duration // user and system time, in steps of 10 ms
	RSS  int64         // resident bytes now
	Peak int64         // resident bytes at most, ever
}

// clockTick is the unit of CPU times in /proc: USER_HZ is 100 on every Linux
// that Go runs on.
const clockTick = 10 * time.Millisecond

// Usage reads /proc.
func (p *Process) Usage() (Usage, error) {
	if p.Ended() {
		return Usage{}, fmt.Errorf("%s has ended:\n%s", p.Name, p.Log())
	}
	dir := fmt.Sprintf("/proc/%d/", p.cmd.Process.Pid)
	var u Usage
	stat, err := os.ReadFile(dir + "stat")
	if err != nil {
		return u, err
	}
	// proc(5): after the command in parentheses, utime and stime are the 12th
	// and 13th field.
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
	for _, f := range fields[11:13] {
		n, err := strconv.ParseInt(f, 10, 64)
		if err != nil {
			return u, fmt.Errorf("read CPU time of %s: %w", p.Name, err)
		}
		u.CPU += time.Duration(n) * clockTick
	}
	status, err := os.ReadFile(dir + "status")
	if err != nil {
		return u, err
	}
	for line := range strings.Lines(string(status)) {
		key, value, _ := strings.Cut(line, ":")
		if key != "VmRSS" && key != "VmHWM" {
			continue
		}
		kb, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(value), " kB"), 10, 64)
		if err != nil {
			return u, fmt.Errorf("read memory of %s: %w", p.Name, err)
		}
		if key == "VmRSS" {
			u.RSS = kb << 10
		} else {
			u.Peak = kb << 10
		}
	}
	return u, nil
}

// busy returns the CPU time that all processes of the machine have used.
func busy() (time.Duration, error) {
	b, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0, err
	}
	line, _, _ := strings.Cut(string(b), "\n")
	var total time.Duration
	for i, f := range strings.Fields(line)[1:] {
		if i > 2 && i < 5 || i > 7 { // idle, iowait; guest times are in user's
			continue
		}
		n, err := strconv.ParseInt(f, 10, 64)
		if err != nil {
			return 0, fmt.Errorf("read /proc/stat: %w", err)
		}
		total += time.Duration(n) * clockTick
	}
	return total, nil
}

// ownCPU returns the CPU time that this process has used.
func ownCPU() (time.Duration, error) {
	var r syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &r); err != nil {
		return 0, err
	}
	return time.Duration(r.Utime.Nano() + r.Stime.Nano()), nil
}

// freeAddress returns an address of loopback that was free a moment ago.
func freeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	return l.Addr().String(), nil
}
