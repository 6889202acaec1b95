package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/alecthomas/kingpin/v2"

	"github.com/headgate/headgate/gateway"
	"github.com/headgate/headgate/rules"
)

func addCheck(app *kingpin.Application, commands map[string]command) {
	check := app.Command("check", "Check files before they are used.")

	c := check.Command("config", "Check configuration files, and the rules and secrets that they name.")
	configs := c.Arg("file", "Configuration file.").Required().Strings()
	commands[c.FullCommand()] = func(_ context.Context, stdout, stderr io.Writer) int {
		return eachFile(*configs, stdout, stderr, checkConfig)
	}

	r := check.Command("rules", "Check rule files.")
	ruleFiles := r.Arg("file", "Rule file.").Required().Strings()
	commands[r.FullCommand()] = func(_ context.Context, stdout, stderr io.Writer) int {
		return checkRules(*ruleFiles, stdout, stderr)
	}
}

// eachFile checks file by file. It writes problems to stdout, where compilers and
// linters write theirs.
func eachFile(files []string, stdout, stderr io.Writer, check func(file string, stderr io.Writer) []rules.Problem) int {
	code := exitOK
	for _, file := range files {
		problems := check(file, stderr)
		for _, p := range problems {
			fmt.Fprintln(stdout, p)
		}
		if len(problems) > 0 {
			code = exitError
		}
	}
	return code
}

func checkConfig(file string, stderr io.Writer) []rules.Problem {
	l, problems := load(file, "")
	if len(problems) > 0 {
		return problems
	}
	if err := gateway.Check(l.settings); err != nil {
		return []rules.Problem{{File: file, Text: err.Error()}}
	}
	warn(l.rules, stderr)
	for _, p := range l.warnings(time.Now()) {
		fmt.Fprintln(stderr, p)
	}
	for _, p := range l.skipped {
		fmt.Fprintln(stderr, rules.Problem{File: p.File, Line: p.Line, Text: "warning: " + p.Text})
	}
	l.loadQueries()
	for _, p := range l.usage.Problems() {
		fmt.Fprintln(stderr, rules.Problem{File: p.File, Line: p.Line, Text: "warning: " + p.Text})
	}
	return nil
}

// checkRules checks files as they would be loaded together: their rules need
// names of their own.
func checkRules(files []string, stdout, stderr io.Writer) int {
	seen := map[string]*rules.Rule{}
	return eachFile(files, stdout, stderr, func(file string, _ io.Writer) []rules.Problem {
		data, err := os.ReadFile(file)
		if err != nil {
			return []rules.Problem{unreadable(file, err)}
		}
		rs, problems := rules.ParseFile(file, data)
		for _, r := range rs {
			if first := seen[r.Name]; first != nil {
				problems = append(problems, rules.Problem{File: r.File, Line: r.Line, Text: fmt.Sprintf(
					"rule %q is there already, at %s:%d; rename one", r.Name, first.File, first.Line)})
				continue
			}
			seen[r.Name] = r
		}
		warn(rs, stderr)
		return problems
	})
}

// warn writes what may be meant otherwise, and is no mistake.
func warn(rs []*rules.Rule, stderr io.Writer) {
	for _, r := range rs {
		for _, w := range rules.FamilyWarnings(r) {
			fmt.Fprintln(stderr, rules.Problem{File: r.File, Line: r.Line, Text: fmt.Sprintf("warning: rule %q: %s", r.Name, w)})
		}
	}
}
