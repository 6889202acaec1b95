// Prom-lite is as much of a Prometheus as the demo needs, made of Prometheus'
// own parts: it scrapes static targets, writes to and receives remote-write,
// and answers PromQL queries. It takes those of Prometheus' flags, and those
// parts of its configuration file, that have a meaning here, and stands in
// where no prometheus program can be had.
package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/alecthomas/kingpin/v2"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/prometheus/common/model"
	"github.com/prometheus/common/promslog"
	promslogflag "github.com/prometheus/common/promslog/flag"
	"github.com/prometheus/prometheus/config"

	"github.com/headgate/headgate/bench/prom"
)

// options are the flags, named as Prometheus names them.
type options struct {
	configFile string
	listen     string
	path       string
	retention  model.Duration
	receive    bool
	log        promslog.Config
}

func main() {
	o := options{retention: model.Duration(15 * 24 * time.Hour)}
	app := kingpin.New("prom-lite", "As much of a Prometheus as a demonstration needs.")
	app.Flag("config.file", "Configuration: scrape_configs with static_configs, remote_write.").Default("prometheus.yml").StringVar(&o.configFile)
	app.Flag("web.listen-address", "Address of the API, /metrics and health.").Default("127.0.0.1:9090").StringVar(&o.listen)
	app.Flag("storage.tsdb.path", "Directory of the database.").Default("data").StringVar(&o.path)
	app.Flag("storage.tsdb.retention.time", "How long samples are kept.").SetValue(&o.retention)
	app.Flag("web.enable-remote-write-receiver", "Accept remote-write on "+prom.WritePath+".").BoolVar(&o.receive)
	promslogflag.AddFlags(app, &o.log)
	kingpin.MustParse(app.Parse(os.Args[1:]))

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	log := promslog.New(&o.log)
	if err := run(ctx, o, log); err != nil {
		log.Error("prom-lite ends", slog.Any("err", err))
		os.Exit(1)
	}
}

// run works until ctx is over. It ends in the order of the samples' way: no
// more scrapes, what was scraped is sent, the API goes, the database closes.
func run(ctx context.Context, o options, log *slog.Logger) (err error) {
	conf, err := config.LoadFile(o.configFile, false, log)
	if err != nil {
		return err
	}
	// Prometheus' parts register some of their metrics here by themselves.
	reg := prometheus.DefaultRegisterer
	db, err := prom.OpenDatabase(o.path, time.Duration(o.retention), log, reg)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()

	mux := http.NewServeMux()
	mux.Handle("/metrics", promhttp.Handler())
	newAPI(db, log, reg).register(mux)
	if o.receive {
		mux.Handle("POST "+prom.WritePath, prom.NewWriteHandler(db, log, reg))
	}
	server := &http.Server{Addr: o.listen, Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	served := make(chan error, 1)
	go func() { served <- server.ListenAndServe() }()
	defer func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		err = errors.Join(err, server.Shutdown(ctx))
	}()

	s, err := newScraper(conf, db, log, reg)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.close()) }()

	select {
	case <-ctx.Done():
		return nil
	case err := <-served:
		return fmt.Errorf("serve on %s: %w", o.listen, err)
	case err := <-s.ended:
		return fmt.Errorf("scrape: %w", err)
	}
}
