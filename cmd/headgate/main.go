// Command headgate is a gateway between Prometheus and its metrics store: it
// receives remote-write, drops and thins what rules say, and forwards the rest.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kingpin/v2"
	"github.com/prometheus/common/version"
)

// The statuses that headgate exits with.
const (
	exitOK    = 0
	exitError = 1
	exitUsage = 2
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// A command does what its flags and arguments say and returns the exit status.
type command func(ctx context.Context, stdout, stderr io.Writer) int

// run is the whole program. It returns the exit status, at the latest soon after
// ctx is done.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	app := kingpin.New("headgate", "A gateway between Prometheus and its metrics store: receives remote-write, drops and thins what your rules say, forwards the rest.")
	app.UsageTemplate(kingpin.CompactUsageTemplate)
	app.HelpFlag.Short('h')
	app.Version(version.Print("headgate"))
	app.UsageWriter(stdout)
	app.ErrorWriter(stderr)

	commands := map[string]command{}
	addServe(app, commands)
	addCheck(app, commands)
	addTest(app, commands)
	addExplain(app, commands)
	addTop(app, commands)
	addBackup(app, commands)
	addCost(app, commands)
	addBypass(app, commands)
	addRules(app, commands)
	addAudit(app, commands)
	addImport(app, commands)
	addHashPassword(app, commands)
	addVersion(app, commands)

	if len(args) == 0 {
		app.UsageWriter(stderr)
		app.Usage(nil)
		return exitUsage
	}
	name, code, done := parse(app, args)
	if done {
		return code
	}
	return commands[name](ctx, stdout, stderr)
}

// ended is what kingpin's wish to end the process is turned into.
type ended int

// parse returns the command that args name; done is true where there is nothing
// left to do but to exit with code, after --help, --version or a mistake.
func parse(app *kingpin.Application, args []string) (name string, code int, done bool) {
	app.Terminate(func(code int) { panic(ended(code)) })
	defer func() {
		switch p := recover().(type) {
		case nil:
		case ended:
			code, done = int(p), true
		default:
			panic(p)
		}
	}()
	name, err := app.Parse(args)
	if err != nil {
		app.Errorf("%v; try --help", err)
		return "", exitUsage, true
	}
	return name, exitOK, false
}

func addVersion(app *kingpin.Application, commands map[string]command) {
	c := app.Command("version", "Print what was built.")
	commands[c.FullCommand()] = func(_ context.Context, stdout, _ io.Writer) int {
		fmt.Fprintln(stdout, version.Print("headgate"))
		return exitOK
	}
}

// fail writes why a command failed.
func fail(stderr io.Writer, err error) int {
	fmt.Fprintf(stderr, "headgate: %v\n", err)
	return exitError
}
