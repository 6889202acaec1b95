package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/alecthomas/kingpin/v2"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	versioncollector "github.com/prometheus/client_golang/prometheus/collectors/version"
	"github.com/prometheus/common/promslog"
	"github.com/prometheus/common/version"
	"golang.org/x/sync/errgroup"

	"github.com/headgate/headgate/gateway"
	"github.com/headgate/headgate/internal/auth"
	"github.com/headgate/headgate/internal/auth/signin"
	"github.com/headgate/headgate/internal/control"
	"github.com/headgate/headgate/rules"
)

// serveFlags are the flags of headgate serve.
type serveFlags struct {
	configFile    string
	upstreamURL   string
	webAddress    string
	ingestAddress string
	webConfig     string
	ingestConfig  string
	webMax        int
	ingestMax     int
	externalURL   *url.URL
	lifecycle     bool
	storybook     bool
	shutdown      time.Duration
	log           promslog.Config
}

// shared reports whether one listener serves both.
func (f *serveFlags) shared() bool { return f.webAddress == f.ingestAddress }

func addServe(app *kingpin.Application, commands map[string]command) {
	c := app.Command("serve", "Run the gateway.")
	f := &serveFlags{log: promslog.Config{Level: promslog.NewLevel(), Format: promslog.NewFormat()}}
	c.Flag("config.file", "Configuration file. Without one, everything has its default.").StringVar(&f.configFile)
	c.Flag("upstream.url", "Where to forward to, where no configuration file says it: http://127.0.0.1:9090/api/v1/write if absent.").StringVar(&f.upstreamURL)
	c.Flag("web.listen-address", "Address for pages, API, metrics and health.").Default("127.0.0.1:9390").StringVar(&f.webAddress)
	c.Flag("ingest.listen-address", "Address for remote-write. It may be that of --web.listen-address.").Default("127.0.0.1:9391").StringVar(&f.ingestAddress)
	c.Flag("web.config.file", "TLS and basic auth for --web.listen-address, as Prometheus' web configuration.").StringVar(&f.webConfig)
	c.Flag("ingest.config.file", "TLS and basic auth for --ingest.listen-address, as Prometheus' web configuration.").StringVar(&f.ingestConfig)
	c.Flag("web.max-connections", "Connections to --web.listen-address at a time.").Default("1024").IntVar(&f.webMax)
	c.Flag("ingest.max-connections", "Connections to --ingest.listen-address at a time. For a newcomer beyond it, the one idle longest is closed.").Default("1024").IntVar(&f.ingestMax)
	c.Flag("web.external-url", "URL at which browsers reach --web.listen-address through a proxy, which removes its path.").URLVar(&f.externalURL)
	c.Flag("web.enable-lifecycle", "Reload by POST /-/reload. SIGHUP reloads always.").BoolVar(&f.lifecycle)
	c.Flag("web.enable-storybook", "Show every component of the pages at /-/storybook, for those who change them.").Hidden().BoolVar(&f.storybook)
	c.Flag("shutdown.timeout", "How long requests under way may take to finish after SIGTERM.").Default("25s").DurationVar(&f.shutdown)
	c.Flag("log.level", "Least severity of log messages: debug, info, warn or error.").Default("info").SetValue(f.log.Level)
	c.Flag("log.format", "Format of log messages: logfmt or json.").Default("logfmt").SetValue(f.log.Format)
	commands[c.FullCommand()] = func(ctx context.Context, _, stderr io.Writer) int {
		f.log.Writer = stderr
		if err := serve(ctx, f, promslog.New(&f.log)); err != nil {
			return fail(stderr, err)
		}
		return exitOK
	}
}

// serve runs the gateway until ctx is done.
//
//	files ──▶ load ──▶ reloading ◀── SIGHUP, POST /-/reload
//	                       │
//	              ┌────────┴────────┐
//	              ▼                 ▼
//	         rules.Engine ◀── gateway.Gateway ──▶ upstream
//	              ▲              │  ▲    ▲
//	              │              ▼  │    └─── ingest listener: POST /api/v1/write
//	              │  profiler.Profiler ◀──▶ its file
//	              │  attribution.Ledger ──▶ store
//	              │           ▲     │
//	              └──────── control ┘
//	                       ▲
//	                   api, ui ◀── web listener: /, /api/v1, /metrics, /-/…, /debug/pprof
func serve(ctx context.Context, f *serveFlags, log *slog.Logger) error {
	if f.webMax < 1 || f.ingestMax < 1 {
		return errors.New("--web.max-connections and --ingest.max-connections must be positive")
	}
	log.Info("Headgate starts", slog.String("version", version.Info()))
	hup := make(chan os.Signal, 1)
	signal.Notify(hup, syscall.SIGHUP)
	defer signal.Stop(hup)

	read := func() (*loaded, error) {
		l, problems := load(f.configFile, f.upstreamURL)
		if len(problems) == 0 {
			l.loadQueries()
		}
		return l, asError(problems)
	}
	first, err := read()
	if err != nil {
		return fmt.Errorf("configuration:\n%w", err)
	}
	trusting, err := f.checkAccess(first)
	if err != nil {
		return err
	}

	reg := prometheus.NewRegistry()
	reg.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		versioncollector.NewCollector("headgate"))
	events := control.NewEvents(log)
	kept, err := keep(first.config.Storage, log)
	if err != nil {
		return err
	}
	defer kept.close()
	engine := rules.NewEngine()
	book, err := openRules(engine, first.rules, kept, events, log)
	if err != nil {
		return err
	}
	audits := control.NewAudits(kept.audits, log)
	prof, err := openProfiler(first.config.Profiler, events.Exploded, log, reg)
	if err != nil {
		return err
	}
	lim, err := openLimits(first.config.Limits, f.configFile, prof, kept, events.Tell, log)
	if err != nil {
		return err
	}
	policies, err := control.NewPolicies(first.policies(f.configFile), kept.policies, log)
	if err != nil {
		return err
	}
	policies.Refresh(ctx)
	books := newBookkeeping(first.config.Attribution.Ledger, kept, events.Tell, log)
	queries := control.NewUsage(first.config.Usage, first.config.dir, first.usage, engine, events, kept.breaks, log)
	asked := openQueryLog(first.config.Usage, first.config.dir, log)
	g, err := gateway.New(first.settings, gateway.Engines{Profiler: prof, Rules: engine, Limiter: lim.Limiter, Owners: policies.Owners, Ledger: books.book}, events.Tell, log, reg)
	if err != nil {
		return err
	}
	reg.MustRegister(gateway.LimitCollector(lim.Limiter), ledgerCollector{books.book})
	tokens := auth.NewTokens(kept.tokens, log)
	people := signin.New(signin.Parts{
		Tokens: tokens, Sessions: kept.sessions, ExternalURL: f.externalURL, Secure: f.https(),
		Tell: func(who, text string) {
			events.Tell(gateway.Event{At: time.Now(), Kind: "signin", Who: who, Text: text})
		},
		Record: func(p signin.Passage) { audits.Add(passageEntry(p)) },
		Log:    slog.New(calm(log.Handler())),
	}, first.auth)
	reloads := newReloading(first,
		func() (*loaded, error) {
			l, err := read()
			if err == nil {
				_, err = f.checkAccess(l)
			}
			return l, err
		},
		[]reloader{
			{"gateway", func(l *loaded) error { return g.Reload(l.settings) }},
			{"limits", func(l *loaded) error { return lim.policy.Reload(l.config.Limits, f.configFile) }},
			{"rules", func(l *loaded) error { return book.Reload(l.rules) }},
			{"attribution", func(l *loaded) error { return policies.Reload(l.policies(f.configFile)) }},
			{"usage", func(l *loaded) error {
				queries.Reload(l.config.Usage, l.config.dir, l.usage)
				asked.reload(l.config.Usage, l.config.dir)
				return nil
			}},
			{"auth", func(l *loaded) error { people.Reload(l.auth); return nil }},
		}, events.Tell, log, reg)
	c := control.New(control.Parts{
		Gateway: g, Rules: engine, RuleBook: book, Audits: audits, Profiler: prof, Limits: lim.policy, Policies: policies, Events: events, Usage: queries, Asked: asked.Evidence,
		Book: books.book, Ledger: kept.reports, History: kept.history, Tokens: tokens, Reload: reloads.reload,
		Configuration: func() control.Configuration { return *reloads.shown.Load() },
	})

	if trusting {
		const text = "the ingest listener can be reached from other machines and trusts everyone: " +
			"whoever reaches it may write for every tenant; set gateway.credentials or --ingest.config.file"
		log.Warn(text, slog.String("address", f.ingestAddress))
		events.Tell(gateway.Event{At: time.Now(), Kind: "config", Text: text})
	}

	if people.Enabled() && !f.https() && !loopback(f.webAddress) {
		const text = "passwords, cookies and tokens come to the web listener for all to read: " +
			"give it a certificate by --web.config.file, or say by --web.external-url=https://… that a proxy has one"
		log.Warn(text, slog.String("address", f.webAddress))
		events.Tell(gateway.Event{At: time.Now(), Kind: "config", Text: text})
	}

	ready := &readiness{}
	ready.set("it is starting")
	pages := newRoom()
	servers, err := f.listen(ctx, g, c, people, pages, ready, reg, log)
	if err != nil {
		return err
	}
	reg.MustRegister(connCollector(servers))

	// What runs ends in order: first senders are refused while those under way
	// finish, then the listeners close, then the rest.
	inner, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	group, failed := errgroup.WithContext(inner)
	group.Go(func() error { return g.Run(failed) })
	if prof != nil {
		group.Go(func() error { return prof.Run(failed) })
	}
	group.Go(func() error { return c.Run(failed) })
	group.Go(func() error { return queries.Run(failed) })
	group.Go(func() error { return asked.run(failed) })
	group.Go(func() error { return lim.run(failed) })
	group.Go(func() error { return book.Run(failed) })
	group.Go(func() error { return books.run(failed, g.PostLedger) })
	group.Go(func() error { return books.watch(failed) })
	group.Go(func() error { return books.upkeep(failed, policies) })
	group.Go(func() error { return policies.Run(failed) })
	group.Go(func() error { return c.WatchBudgets(failed) })
	group.Go(func() error { return c.KeepHistory(failed, log) })
	group.Go(func() error { return kept.run(failed, events) })
	group.Go(func() error { return tokens.Run(failed) })
	group.Go(func() error { return pages.run(failed) })
	// The record ends after those who try to sign in: it has the last of them.
	recording, recorded := context.WithCancel(context.WithoutCancel(ctx))
	group.Go(func() error { return audits.Run(recording) })
	group.Go(func() error {
		defer recorded()
		return people.Run(failed)
	})
	group.Go(func() error { return reloads.onSignal(failed, hup) })
	group.Go(func() error { return reloads.watchCatalogs(failed) })
	for _, s := range servers {
		group.Go(s.run)
	}
	group.Go(func() error {
		select {
		case <-ctx.Done():
		case <-failed.Done():
		}
		ready.set("it is shutting down")
		f.end(g, servers, log)
		stop()
		return nil
	})
	ready.set("")
	log.Info("Headgate is ready", slog.Int("rules", len(engine.Rules())))
	return group.Wait()
}

// listen opens the listeners.
func (f *serveFlags) listen(ctx context.Context, g *gateway.Gateway, c *control.Control, people *signin.SignIn, room *room, ready *readiness, reg *prometheus.Registry, log *slog.Logger) ([]*server, error) {
	open := map[string]http.Handler{"/-/healthy": http.HandlerFunc(healthy), "/-/ready": ready}
	if f.shared() {
		both, err := listen(ctx, listenConfig{"web and ingest", f.webAddress, f.webConfig, max(f.webMax, f.ingestMax), true},
			open, webHandler(f, c, people, room, g, reg, log), log)
		if err != nil {
			return nil, err
		}
		return []*server{both}, nil
	}
	pages, err := listen(ctx, listenConfig{"web", f.webAddress, f.webConfig, f.webMax, false},
		open, webHandler(f, c, people, room, nil, reg, log), log)
	if err != nil {
		return nil, err
	}
	senders, err := listen(ctx, listenConfig{"ingest", f.ingestAddress, f.ingestConfig, f.ingestMax, true},
		nil, ingestHandler(g), log)
	if err != nil {
		_ = pages.conns.Close()
		return nil, err
	}
	return []*server{pages, senders}, nil
}

// shutdownGrace is how long answers may take to leave once no request is under way.
const shutdownGrace = 5 * time.Second

// end lets requests under way finish, and refuses others, until f.shutdown is
// over; then it closes the listeners.
func (f *serveFlags) end(g *gateway.Gateway, servers []*server, log *slog.Logger) {
	log.Info("Headgate shuts down: requests under way are finished, others refused")
	ctx, cancel := context.WithTimeout(context.Background(), f.shutdown)
	defer cancel()
	if err := g.Drain(ctx); err != nil {
		log.Warn("requests are given up: their senders will send them again", slog.Any("err", err))
	}
	ctx, cancel = context.WithTimeout(context.Background(), shutdownGrace)
	defer cancel()
	for _, s := range servers {
		s.shutdown(ctx)
	}
}
