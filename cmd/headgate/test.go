package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/alecthomas/kingpin/v2"

	"github.com/headgate/headgate/rules"
)

func addTest(app *kingpin.Application, commands map[string]command) {
	test := app.Command("test", "Test rules against the verdicts that are wanted.")
	c := test.Command("rules", "Run transcripts: rules, series and wanted verdicts in one txtar file.")
	files := c.Arg("file", "Transcript.").Required().Strings()
	update := c.Flag("update", "Write the verdicts that the rules give into the files instead.").Bool()
	commands[c.FullCommand()] = func(_ context.Context, stdout, stderr io.Writer) int {
		code := exitOK
		for _, file := range *files {
			run := runTranscript
			if *update {
				run = updateTranscript
			}
			code = max(code, run(file, stdout, stderr))
		}
		return code
	}
}

// runTranscript runs one file, and writes how the verdicts differ from those wanted.
func runTranscript(file string, stdout, _ io.Writer) int {
	data, err := os.ReadFile(file)
	if err != nil {
		fmt.Fprintln(stdout, unreadable(file, err))
		return exitError
	}
	diff, problems := rules.RunTranscript(file, data)
	switch {
	case len(problems) > 0:
		fmt.Fprintln(stdout, asError(problems))
		return exitError
	case diff != "":
		fmt.Fprintf(stdout, "%s: verdicts differ: - is wanted, + is what the rules say\n%s", file, diff)
		return exitError
	}
	return exitOK
}

// updateTranscript writes the verdicts of the rules into the file.
func updateTranscript(file string, stdout, stderr io.Writer) int {
	data, err := os.ReadFile(file)
	if err != nil {
		fmt.Fprintln(stdout, unreadable(file, err))
		return exitError
	}
	updated, problems := rules.UpdateTranscript(file, data)
	if len(problems) > 0 {
		fmt.Fprintln(stdout, asError(problems))
		return exitError
	}
	if err := os.WriteFile(file, updated, 0o644); err != nil {
		return fail(stderr, err)
	}
	return exitOK
}

// unreadable is the problem of a file that cannot be read.
func unreadable(file string, err error) rules.Problem {
	if pe, ok := errors.AsType[*os.PathError](err); ok {
		err = pe.Err
	}
	return rules.Problem{File: file, Text: fmt.Sprintf("cannot be read: %v; name another", err)}
}
