package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/alecthomas/kingpin/v2"

	"github.com/headgate/headgate/internal/api"
)

func addBypass(app *kingpin.Application, commands map[string]command) {
	bypass := app.Command("bypass", "Turn every rule and limit of a running Headgate off for a while: the switch for a bad night.")

	on := bypass.Command("on", "Turn every rule and limit off.")
	onClient := clientFlags(on)
	length := on.Flag("for", "How long, such as 1h or 30m.").Required().String()
	reason := on.Flag("reason", "Why, for the log and for others.").String()
	commands[on.FullCommand()] = func(ctx context.Context, stdout, stderr io.Writer) int {
		return showBypass(ctx, onClient, http.MethodPost, &api.BypassRequest{For: *length, Reason: *reason}, stdout, stderr)
	}

	off := bypass.Command("off", "Let rules and limits act again.")
	offClient := clientFlags(off)
	commands[off.FullCommand()] = func(ctx context.Context, stdout, stderr io.Writer) int {
		if err := offClient.do(ctx, http.MethodDelete, "/bypass", nil, nil, nil); err != nil {
			return fail(stderr, err)
		}
		fmt.Fprintln(stdout, "bypass is off: rules and limits act")
		return exitOK
	}

	status := bypass.Command("status", "Say whether a bypass is on.")
	statusClient := clientFlags(status)
	commands[status.FullCommand()] = func(ctx context.Context, stdout, stderr io.Writer) int {
		return showBypass(ctx, statusClient, http.MethodGet, nil, stdout, stderr)
	}
}

// showBypass sends in, and writes the bypass that the answer holds.
func showBypass(ctx context.Context, c *client, method string, in *api.BypassRequest, stdout, stderr io.Writer) int {
	var body any
	if in != nil {
		body = in
	}
	var b api.Bypass
	if err := c.do(ctx, method, "/bypass", nil, body, &b); err != nil {
		return fail(stderr, err)
	}
	if !b.Active {
		fmt.Fprintln(stdout, "bypass is off: rules and limits act")
		return exitOK
	}
	fmt.Fprintf(stdout, "bypass is on until %s: no rule and no limit acts; reason: %s\n", b.Until.Format(time.RFC3339), printable(b.Reason))
	return exitOK
}
