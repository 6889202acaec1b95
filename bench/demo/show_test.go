//go:build unix

package main

import (
	"bufio"
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

// standIns makes the test binary every program of the demo. Each process holds
// a lock on a file of its own in the directory for as long as it lives.
func standIns(t *testing.T) (programs, string) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	t.Setenv(envStandIn, dir)
	t.Setenv("GORACE", "atexit_sleep_ms=0") // or each process takes a second to end
	t.Setenv("TMPDIR", t.TempDir())         // where a killed demo leaves its directory
	return programs{headgate: self, prometheus: self, node: self}, dir
}

// ended returns how many processes there were, once all of them have ended.
func ended(t *testing.T, dir string, within time.Duration) int {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil {
		t.Fatal(err)
	}
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	deadline := time.Now().Add(within)
	for _, file := range files {
		f, err := os.Open(file)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		for syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) != nil {
			if time.Now().After(deadline) {
				t.Fatalf("process %s is still there", filepath.Base(file))
			}
			<-tick.C
		}
	}
	return len(files)
}

func TestShowReportsWhatTheRulesDid(t *testing.T) {
	progs, dir := standIns(t)
	var out bytes.Buffer
	if err := show(t.Context(), options{length: watchInterval + time.Second}, progs, &out); err != nil {
		t.Fatalf("show: %v\n%s", err, &out)
	}
	if n := ended(t, dir, 0); n != 4 {
		t.Errorf("%d programs ran, want 4", n)
	}
	for _, want := range []string{
		`  00:02   received 50   forwarded 31   dropped 10   downsampled 9\n`,
		`orders-are-critical +checkout_orders_total +1/10 +1/10 +kept, every sample +ok\n`,
		`none +pod_cpu_seconds_total +2/10 +2/10 +kept, every sample +ok\n`,
		`drop-request-ids +debug_request_duration_seconds +10/10 +0/0 +absent +ok\n`,
		`thin-warehouse +warehouse_stock_items +1/10 +1/1 +every series, fewer samples +ok\n`,
		`try-without-user-ids +checkout_cart_requests_total +10/10 +10/10 +kept: a shadow rule only counts +ok\n`,
		`In all:  received 50   forwarded 31   dropped 10   downsampled 9\n`,
		`Ledger:  received 50   forwarded 31   dropped 10   downsampled 9   ok\n`,
		`checkout +11 +3 +0\.000567 +0\.000012 *\n`,
		`Limit:   200 samples/s in shadow mode   demand 681/s, of which 397/s would pass   ok\n`,
		`checkout_cart_requests_total +440 +user_id +440 +1 +99.7 % +ok\n`,
		`Pages:   all 13 answer   ok\n`,
	} {
		if !regexp.MustCompile(want).Match(out.Bytes()) {
			t.Errorf("no line like %q in\n%s", want, &out)
		}
	}
}

func TestShowFindsARuleWithoutEffect(t *testing.T) {
	progs, _ := standIns(t)
	t.Setenv(envLeak, "1")
	var out bytes.Buffer
	err := show(t.Context(), options{length: time.Millisecond}, progs, &out)
	if want := "1 of 5 metrics are not in the store as the rules say"; err == nil || err.Error() != want {
		t.Errorf("show: %v, want %q\n%s", err, want, &out)
	}
	if !regexp.MustCompile(`debug_request_duration_seconds +10/10 +10/10 +absent +WRONG\n`).Match(out.Bytes()) {
		t.Errorf("the report does not name the metric:\n%s", &out)
	}
}

func TestShowFindsWhatIsMissing(t *testing.T) {
	for _, c := range []struct{ name, env, value, err, line string }{
		{"a page", envNoPage, "/limits", "pages that do not answer 200: /limits", `Pages:   12 of 13 answer   WRONG\n`},
		{"a sample of a team", envLoss, "costs", "the teams' costs are of 30 samples and sum to 1234567 millionths, want 31 samples and 1234567", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			progs, _ := standIns(t)
			t.Setenv(c.env, c.value)
			var out bytes.Buffer
			err := show(t.Context(), options{length: time.Millisecond}, progs, &out)
			if err == nil || err.Error() != c.err {
				t.Errorf("show: %v, want %q\n%s", err, c.err, &out)
			}
			if !regexp.MustCompile(c.line).Match(out.Bytes()) {
				t.Errorf("no line like %q in\n%s", c.line, &out)
			}
		})
	}
}

func TestShowSaysWhoDied(t *testing.T) {
	tests := []struct{ name, die, want string }{
		{"before it is ready", "headgate at start", "headgate stopped by itself (exit status 1); the end of its log:\nheadgate: no space left on device"},
		{"after all were ready", "node later", "node stopped by itself (exit status 3); the end of its log:\nnode: out of memory"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			progs, dir := standIns(t)
			t.Setenv(envDie, tt.die)
			var out bytes.Buffer
			err := show(t.Context(), options{}, progs, &out)
			if err == nil || err.Error() != tt.want {
				t.Errorf("show: %v\nwant: %s", err, tt.want)
			}
			ended(t, dir, 0)
		})
	}
}

// startDemo starts the demo as a process of its own and returns once all of its
// programs are ready.
func startDemo(t *testing.T) (demo *exec.Cmd, dir string) {
	t.Helper()
	progs, dir := standIns(t)
	demo = exec.Command(progs.headgate, "demo")
	demo.Stderr = os.Stderr
	out, err := demo.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := demo.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if strings.Contains(lines.Text(), "Ctrl-C ends everything") {
			return demo, dir
		}
	}
	t.Fatalf("the demo did not begin: %v", demo.Wait())
	return nil, ""
}

func TestCtrlCEndsEverything(t *testing.T) {
	demo, dir := startDemo(t)
	if err := demo.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	if err := demo.Wait(); err != nil {
		t.Errorf("the demo ends with %v", err)
	}
	if n := ended(t, dir, 0); n != 5 {
		t.Errorf("%d processes ran, want 5", n)
	}
}
