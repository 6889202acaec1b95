package main

import (
	"context"
	"fmt"
	"io"
	"os"

	"github.com/alecthomas/kingpin/v2"

	"github.com/headgate/headgate/rules"
)

func addImport(app *kingpin.Application, commands map[string]command) {
	imp := app.Command("import", "Make rules of what other programs read.")
	c := imp.Command("relabel", "Make rules of Prometheus' write_relabel_configs: rules on standard output, what cannot be expressed on standard error.")
	file := c.Arg("file", "prometheus.yml, or a list of relabel configs.").Required().String()
	commands[c.FullCommand()] = func(_ context.Context, stdout, stderr io.Writer) int {
		data, err := os.ReadFile(*file)
		if err != nil {
			fmt.Fprintln(stderr, unreadable(*file, err))
			return exitError
		}
		rs, problems := rules.ImportRelabel(*file, data)
		for _, p := range problems {
			fmt.Fprintln(stderr, p)
		}
		text, err := rules.FormatFile(rs)
		if err != nil {
			return fail(stderr, err)
		}
		if _, err := stdout.Write(text); err != nil {
			return fail(stderr, err)
		}
		if len(problems) > 0 {
			return exitError
		}
		return exitOK
	}
}
