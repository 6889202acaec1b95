package main

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
)

// openTerminal returns a terminal of a size and the end that a person sits at.
func openTerminal(t *testing.T, columns, rows uint16) (terminal, person *os.File) {
	t.Helper()
	person, err := os.OpenFile("/dev/ptmx", os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = person.Close() })
	fd := int(person.Fd())
	if err := unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	n, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.IoctlSetWinsize(fd, unix.TIOCSWINSZ, &unix.Winsize{Col: columns, Row: rows}); err != nil {
		t.Fatal(err)
	}
	terminal, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = terminal.Close() })
	return terminal, person
}

// A process of its own, in a real terminal.
func TestTopInATerminal(t *testing.T) {
	gateway := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		fmt.Fprint(rw, `{"metrics": [{"metric": "`+strings.Repeat("long", 40)+`", "series": 1}], "total_series": 1, "total_metrics": 1, "as_of": "2026-01-02T03:04:05Z"}`)
	}))
	defer gateway.Close()
	for name, end := range map[string]func(p *os.Process, person *os.File) error{
		"q, without return": func(_ *os.Process, person *os.File) error { _, err := person.WriteString("q"); return err },
		"Ctrl-C":            func(_ *os.Process, person *os.File) error { _, err := person.WriteString("\x03"); return err },
		"SIGINT":            func(p *os.Process, _ *os.File) error { return p.Signal(os.Interrupt) },
		"SIGTERM":           func(p *os.Process, _ *os.File) error { return p.Signal(syscall.SIGTERM) },
	} {
		t.Run(name, func(t *testing.T) {
			terminal, person := openTerminal(t, 60, 10)
			before, err := unix.IoctlGetTermios(int(terminal.Fd()), getTermios)
			if err != nil {
				t.Fatal(err)
			}
			cmd := exec.CommandContext(t.Context(), "headgate", "top", "--url="+gateway.URL, "--interval=100ms")
			cmd.Stdin, cmd.Stdout, cmd.Stderr = terminal, terminal, terminal
			cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			var seen buffer
			go func() { _, _ = io.Copy(&seen, person) }()
			eventually(t, "two pages are shown", func() bool { return strings.Count(seen.String(), endPage) >= 2 })
			if err := end(cmd.Process, person); err != nil {
				t.Fatal(err)
			}
			if err := cmd.Wait(); err != nil {
				t.Errorf("top ended with %v, want 0", err)
			}
			eventually(t, "the page before comes back", func() bool { return strings.HasSuffix(seen.String(), doWrap+unhide+fromPage) })
			if !strings.Contains(seen.String(), "longlong") || !strings.Contains(seen.String(), "…") {
				t.Errorf("the name is not made to fit the terminal: %q", seen.String())
			}
			after, err := unix.IoctlGetTermios(int(terminal.Fd()), getTermios)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(before, after); diff != "" {
				t.Errorf("the terminal is left changed (-before +after):\n%s", diff)
			}
		})
	}
}

func TestTopOnceIsPlainInATerminal(t *testing.T) {
	long := strings.Repeat("long", 40)
	gateway := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		fmt.Fprint(rw, `{"metrics": [{"metric": "`+long+`", "series": 1}], "total_series": 1, "total_metrics": 1, "as_of": "2026-01-02T03:04:05Z"}`)
	}))
	defer gateway.Close()
	terminal, person := openTerminal(t, 60, 10)
	var seen, stderr buffer
	go func() { _, _ = io.Copy(&seen, person) }()
	if code := run(t.Context(), []string{"top", "--once", "--url=" + gateway.URL}, terminal, &stderr); code != exitOK {
		t.Fatalf("top ends with %d: %s", code, &stderr)
	}
	eventually(t, "the name is there in full", func() bool { return strings.Contains(seen.String(), long) })
	if strings.ContainsRune(seen.String(), '\x1b') {
		t.Errorf("what is plain has controls: %q", seen.String())
	}
}
