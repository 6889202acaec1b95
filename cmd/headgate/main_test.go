package main

import (
	"bufio"
	"bytes"
	"context"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

var update = flag.Bool("update", false, "write what commands print into the scripts of testdata")

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"headgate": main, "http": httpMain})
}

// httpMain is the command http METHOD URL: it writes the answer, and fails where
// the status says so.
func httpMain() {
	req, err := http.NewRequest(os.Args[1], os.Args[2], nil)
	if err != nil {
		panic(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		panic(err)
	}
	_, _ = io.Copy(os.Stdout, resp.Body)
	if resp.StatusCode >= http.StatusBadRequest {
		os.Exit(1)
	}
}

func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		UpdateScripts:       *update,
		Setup: func(env *testscript.Env) error {
			env.Setenv("GORACE", "atexit_sleep_ms=0") // else each command takes a second more
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			// serve FILE runs headgate serve with the configuration FILE; the
			// variable WEB is its URL.
			"serve": func(ts *testscript.TestScript, _ bool, args []string) {
				r := launch(t, nil, "--config.file="+ts.MkAbs(args[0]))
				ts.Setenv("WEB", "http://"+r.web)
			},
		},
	})
}

func TestVersion(t *testing.T) {
	for _, args := range [][]string{{"version"}, {"--version"}} {
		var stdout, stderr bytes.Buffer
		if code := run(t.Context(), args, &stdout, &stderr); code != exitOK || !strings.HasPrefix(stdout.String(), "headgate, version ") {
			t.Errorf("%v: %d, %q, %q; want 0 and the version", args, code, &stdout, &stderr)
		}
	}
}

func TestHelpNamesEveryCommand(t *testing.T) {
	var stdout bytes.Buffer
	if code := run(t.Context(), []string{"--help"}, &stdout, io.Discard); code != exitOK {
		t.Fatalf("--help: %d, want 0", code)
	}
	for _, want := range []string{"serve", "check", "config", "test", "explain", "bypass", "rules", "audit", "import", "relabel", "version"} {
		if !strings.Contains(stdout.String(), want) {
			t.Errorf("--help does not name %s:\n%s", want, &stdout)
		}
	}
}

// A process of its own: what signals do.
func TestSignals(t *testing.T) {
	for _, tt := range []struct {
		name string
		sent os.Signal
	}{{"SIGTERM", syscall.SIGTERM}, {"SIGINT", os.Interrupt}} {
		t.Run(tt.name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			cmd := exec.CommandContext(ctx, "headgate", "serve", "--web.listen-address=127.0.0.1:0", "--ingest.listen-address=localhost:0", "--log.format=json")
			cmd.Dir = t.TempDir() // what it keeps, it keeps there
			stderr, err := cmd.StderrPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			var log strings.Builder
			for lines := bufio.NewScanner(stderr); lines.Scan(); {
				fmt.Fprintln(&log, lines.Text())
				var send os.Signal
				switch {
				case strings.Contains(lines.Text(), `"msg":"Headgate is ready"`):
					send = syscall.SIGHUP // reloads, and ends nothing
				case strings.Contains(lines.Text(), `"msg":"configuration is reloaded"`):
					send = tt.sent
				default:
					continue
				}
				if err := cmd.Process.Signal(send); err != nil {
					t.Fatal(err)
				}
			}
			if err := cmd.Wait(); err != nil {
				t.Errorf("headgate ended with %v, want 0:\n%s", err, &log)
			}
			if !strings.Contains(log.String(), "shuts down") {
				t.Errorf("the log does not say that Headgate shuts down:\n%s", &log)
			}
		})
	}
}
