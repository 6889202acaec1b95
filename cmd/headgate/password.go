package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/alecthomas/kingpin/v2"

	"github.com/headgate/headgate/internal/auth"
)

func addHashPassword(app *kingpin.Application, commands map[string]command) {
	c := app.Command("hash-password", "Read a password from standard input, and print its hash for auth.users of the configuration file.")
	commands[c.FullCommand()] = func(ctx context.Context, stdout, stderr io.Writer) int {
		hash, err := hashPassword(ctx, os.Stdin, stderr)
		if err != nil {
			return fail(stderr, err)
		}
		fmt.Fprintln(stdout, hash)
		return exitOK
	}
}

// hashPassword reads a line and returns its hash. At a terminal it asks for the
// password, twice, and does not show it.
func hashPassword(ctx context.Context, in *os.File, prompt io.Writer) (string, error) {
	restore, terminal, err := hideInput(in)
	if err != nil {
		return "", err
	}
	defer restore()
	lines := bufio.NewReader(in)
	read := func(what string) (string, error) {
		if terminal {
			fmt.Fprint(prompt, what)
			defer fmt.Fprintln(prompt)
		}
		type result struct {
			line string
			err  error
		}
		typed := make(chan result, 1)
		go func() {
			line, err := lines.ReadString('\n')
			typed <- result{line, err}
		}()
		select {
		case <-ctx.Done(): // the terminal must show again what is typed in
			return "", ctx.Err()
		case r := <-typed:
			if r.err != nil && !errors.Is(r.err, io.EOF) {
				return "", fmt.Errorf("read the password: %w", r.err)
			}
			return strings.TrimRight(r.line, "\r\n"), nil
		}
	}
	password, err := read("Password: ")
	if err != nil {
		return "", err
	}
	if terminal {
		switch again, err := read("Once more: "); {
		case err != nil:
			return "", err
		case again != password:
			return "", errors.New("these are two passwords; begin again")
		}
	}
	return auth.HashPassword(password)
}
