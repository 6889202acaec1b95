package main

import (
	"context"
	"fmt"
	"io"

	"github.com/alecthomas/kingpin/v2"

	"github.com/headgate/headgate/internal/store"
)

func addBackup(app *kingpin.Application, commands map[string]command) {
	c := app.Command("backup", "Write a consistent copy of the store (SQLite) while Headgate runs or not.")
	configFile := c.Flag("config.file", "Configuration file, whose storage.url names the store. Without one: the default.").String()
	target := c.Arg("file", "Where the copy goes. It must not exist.").Required().String()
	commands[c.FullCommand()] = func(ctx context.Context, stdout, stderr io.Writer) int {
		config, problems := readConfig(*configFile, "")
		if err := asError(problems); err != nil {
			return fail(stderr, fmt.Errorf("configuration:\n%w", err))
		}
		if err := store.Backup(ctx, config.Storage.URL, *target); err != nil {
			return fail(stderr, err)
		}
		fmt.Fprintf(stdout, "%s holds the store. To go back to it: stop Headgate, put it where storage.url points, and start.\n", *target)
		return exitOK
	}
}
