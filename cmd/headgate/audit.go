package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"strings"

	"github.com/alecthomas/kingpin/v2"

	"github.com/headgate/headgate/internal/store"
)

func addAudit(app *kingpin.Application, commands map[string]command) {
	audit := app.Command("audit", "The record of who changed what.")
	c := audit.Command("verify", "Walk the record in the store, and say whether an entry of it was changed or taken out.")
	file := c.Flag("config.file", "Configuration file whose storage.url is meant. Without one, that of the default.").String()
	url := c.Flag("storage.url", "The store, instead of that of a configuration file.").String()
	commands[c.FullCommand()] = func(ctx context.Context, stdout, stderr io.Writer) int {
		if err := verifyAudit(ctx, *file, *url, stdout); err != nil {
			return fail(stderr, err)
		}
		return exitOK
	}
}

// verifyAudit walks the audit of a store that is there.
func verifyAudit(ctx context.Context, file, url string, stdout io.Writer) error {
	if url == "" {
		c, problems := readConfig(file, "")
		if err := asError(problems); err != nil {
			return fmt.Errorf("configuration:\n%w", err)
		}
		url = c.Storage.URL
	}
	if path, ok := strings.CutPrefix(url, sqliteScheme); ok {
		if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) { // opening would make it
			return fmt.Errorf("there is no store %s: name it by --config.file or --storage.url", path)
		}
	}
	db, err := store.Open(ctx, url, slog.New(slog.DiscardHandler))
	if err != nil {
		return err
	}
	defer db.Close()
	chain, err := db.VerifyAudit(ctx)
	if err != nil {
		return err
	}
	if chain.Entries == 0 {
		fmt.Fprintln(stdout, "the audit is empty")
		return nil
	}
	fmt.Fprintf(stdout, "the audit is unbroken: %d entries, the last has the hash %s\n", chain.Entries, chain.Hash)
	return nil
}
