package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"

	"github.com/alecthomas/kingpin/v2"

	"github.com/headgate/headgate/internal/api"
	"github.com/headgate/headgate/internal/control"
	"github.com/headgate/headgate/internal/wholefile"
	"github.com/headgate/headgate/rules"
)

func addRules(app *kingpin.Application, commands map[string]command) {
	group := app.Command("rules", "Keep the rules in the store of a running Headgate in step with files.")

	pull := group.Command("pull", "Write the rules of the store, as a rule file.")
	pullClient := clientFlags(pull)
	output := pull.Flag("output", "File to write; without one, standard output.").Short('o').String()
	commands[pull.FullCommand()] = func(ctx context.Context, stdout, stderr io.Writer) int {
		if err := pullRules(ctx, pullClient, *output, stdout); err != nil {
			return fail(stderr, err)
		}
		return exitOK
	}

	diff := group.Command("diff", "Say what push would change. The exit status is 1 where that is anything.")
	diffPush := &pushing{client: clientFlags(diff), dryRun: true}
	diffPush.flags(diff)
	commands[diff.FullCommand()] = func(ctx context.Context, stdout, stderr io.Writer) int {
		n, err := diffPush.run(ctx, stdout)
		if err != nil {
			return fail(stderr, err)
		}
		return min(n, exitError)
	}

	push := group.Command("push", "Make the rules of the store those of files.")
	p := &pushing{client: clientFlags(push)}
	p.flags(push)
	push.Flag("dry-run", "Write what would be done, with its effect, and do nothing.").BoolVar(&p.dryRun)
	push.Flag("reason", "Why, for the history; the rules' own reasons where absent.").StringVar(&p.reason)
	push.Flag("override", "Rules are meant although they break alerts; needs a reason.").BoolVar(&p.override)
	commands[push.FullCommand()] = func(ctx context.Context, stdout, stderr io.Writer) int {
		if _, err := p.run(ctx, stdout); err != nil {
			return fail(stderr, err)
		}
		return exitOK
	}
}

// listRules returns all rules in force.
func listRules(ctx context.Context, cl *client) ([]api.Rule, error) {
	var all []api.Rule
	for q := (url.Values{"limit": {"1000"}}); ; {
		var page struct {
			Rules      []api.Rule `json:"rules"`
			NextCursor string     `json:"next_cursor"`
		}
		if err := cl.do(ctx, http.MethodGet, "/rules", q, nil, &page); err != nil {
			return nil, err
		}
		all = append(all, page.Rules...)
		if page.NextCursor == "" {
			return all, nil
		}
		q.Set("cursor", page.NextCursor)
	}
}

// specOf returns what a rule of the API says.
func specOf(r api.Rule) rules.Spec {
	return rules.Spec{
		Name: r.Name, Tenant: r.Tenant, Match: rules.Selectors(r.Match), Action: r.Action, Interval: r.Interval, AllowGaps: r.AllowGaps,
		Priority: r.Priority, When: r.When, Mode: r.Mode, Canary: r.Canary, Expires: r.Expires, Team: r.Team, Reason: r.Reason,
	}
}

// pullRules writes the rules of the store.
func pullRules(ctx context.Context, cl *client, output string, stdout io.Writer) error {
	list, err := listRules(ctx, cl)
	if err != nil {
		return err
	}
	var stored []*rules.Rule
	for _, r := range list {
		if r.Source != control.FromAPI {
			continue
		}
		rule, errs := specOf(r).Rule()
		if len(errs) > 0 {
			return fmt.Errorf("rule %s: this version does not understand it: %w", r.Name, errs[0])
		}
		stored = append(stored, rule)
	}
	text, err := rules.FormatFile(stored)
	if err != nil {
		return err
	}
	if output == "" {
		_, err = stdout.Write(text)
		return err
	}
	return wholefile.Write(output, func(w io.Writer) error {
		_, err := w.Write(text)
		return err
	})
}

// readRules returns the rules of files, in their order. A directory stands for its
// .yml and .yaml files.
func readRules(names []string) ([]*rules.Rule, error) {
	var patterns []string
	for _, name := range names {
		full, err := filepath.Abs(name)
		if err != nil {
			return nil, err
		}
		if info, err := os.Stat(full); err == nil && info.IsDir() {
			patterns = append(patterns, filepath.Join(full, "*.yml"), filepath.Join(full, "*.yaml"))
			continue
		}
		patterns = append(patterns, full)
	}
	rs, problems := rules.LoadFiles(patterns, "")
	return rs, asError(problems)
}

// A pushing makes the rules of the store those of files.
type pushing struct {
	client   *client
	files    []string
	prune    bool
	dryRun   bool
	format   string
	reason   string
	override bool
}

func (p *pushing) flags(c *kingpin.CmdClause) {
	c.Arg("file", "Rule file, or a directory of them. Their order is precedence.").Required().StringsVar(&p.files)
	c.Flag("prune", "Delete rules of the store that no file has.").BoolVar(&p.prune)
	c.Flag("format", "Of what is written: table, or markdown for a pull request.").Default("table").EnumVar(&p.format, "table", "markdown")
}

// run writes the plan, carries it out unless it is a dry run, and returns how many
// steps it has.
func (p *pushing) run(ctx context.Context, stdout io.Writer) (int, error) {
	want, err := readRules(p.files)
	if err != nil {
		return 0, err
	}
	have, err := listRules(ctx, p.client)
	if err != nil {
		return 0, err
	}
	plan, err := planRules(want, have, p.prune)
	if err != nil {
		return 0, err
	}
	if p.dryRun {
		p.preview(ctx, plan)
		return len(plan.steps), plan.write(stdout, p.format)
	}
	for i, s := range plan.steps {
		if err := p.do(ctx, s); err != nil {
			return i, fmt.Errorf("%s %s: %w; %d of %d steps are done", s.verb, s.name, err, i, len(plan.steps))
		}
	}
	return len(plan.steps), plan.write(stdout, p.format)
}

// do carries out a step.
func (p *pushing) do(ctx context.Context, s ruleStep) error {
	path := "/rules/" + s.name
	etag := strconv.Quote(strconv.FormatInt(s.revision, 10))
	switch s.verb {
	case stepDelete:
		q := url.Values{}
		if p.reason != "" {
			q.Set("reason", p.reason)
		}
		return p.client.change(ctx, http.MethodDelete, path, q, etag, nil, nil)
	case stepCreate:
		return p.client.change(ctx, http.MethodPost, "/rules", nil, "", p.settings(s), nil)
	}
	return p.client.change(ctx, http.MethodPut, path, nil, etag, p.settings(s), nil)
}

// settings returns what is sent to save a rule.
func (p *pushing) settings(s ruleStep) *api.RuleSettings {
	return &api.RuleSettings{
		Name: s.spec.Name, Tenant: s.spec.Tenant, Match: api.Match(s.spec.Match), Action: s.spec.Action, Interval: s.spec.Interval, AllowGaps: s.spec.AllowGaps,
		Priority: s.spec.Priority, When: s.spec.When, Mode: s.spec.Mode, Canary: s.spec.Canary, Expires: s.spec.Expires, Team: s.spec.Team, Reason: s.spec.Reason,
		Position: s.position, ChangeReason: p.reason, Override: p.override,
	}
}

// preview adds the effect of rules to the plan, where the gateway tells it.
func (p *pushing) preview(ctx context.Context, plan *rulePlan) {
	for i := range plan.steps {
		s := &plan.steps[i]
		if s.verb == stepDelete || s.verb == stepMove {
			continue
		}
		var e ruleEffect
		draft := s.spec
		draft.Canary = 0 // what is told is the effect on all families
		err := p.client.do(ctx, http.MethodPost, "/rules/preview", nil, draft, &e)
		if refused, ok := errors.AsType[*answered](err); ok && (refused.status == http.StatusNotFound || refused.status == http.StatusMethodNotAllowed) {
			return // a version without it
		}
		if err == nil {
			s.effect = &e
		}
	}
}
