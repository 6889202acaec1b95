package main

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"math"
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/storage"
)

// An api answers queries in the shape of Prometheus' HTTP API. It is safe for
// concurrent use.
type api struct {
	data   storage.Queryable
	engine *promql.Engine
}

func newAPI(data storage.Queryable, log *slog.Logger, reg prometheus.Registerer) *api {
	return &api{data: data, engine: promql.NewEngine(promql.EngineOpts{
		Logger: log, Reg: reg, MaxSamples: 50_000_000, Timeout: 2 * time.Minute, LookbackDelta: 5 * time.Minute,
		EnableAtModifier: true, EnableNegativeOffset: true, Parser: parser.NewParser(parser.Options{}),
	})}
}

func (a *api) register(mux *http.ServeMux) {
	for _, path := range []string{"/-/ready", "/-/healthy"} {
		mux.HandleFunc(path, func(w http.ResponseWriter, _ *http.Request) {
			fmt.Fprintln(w, "prom-lite is ready.")
		})
	}
	mux.HandleFunc("/api/v1/query", a.instant)
	mux.HandleFunc("/api/v1/query_range", a.series)
}

// instant evaluates query at time.
func (a *api) instant(w http.ResponseWriter, r *http.Request) {
	at, err := timeParameter(r, "time", time.Now())
	if err != nil {
		refuse(w, "bad_data", err)
		return
	}
	q, err := a.engine.NewInstantQuery(r.Context(), a.data, nil, r.FormValue("query"), at)
	answer(w, r, q, err)
}

// series evaluates query from start to end in steps.
func (a *api) series(w http.ResponseWriter, r *http.Request) {
	start, err := timeParameter(r, "start", time.Time{})
	if err != nil {
		refuse(w, "bad_data", err)
		return
	}
	end, err := timeParameter(r, "end", time.Time{})
	if err != nil {
		refuse(w, "bad_data", err)
		return
	}
	step, err := stepParameter(r)
	if err != nil {
		refuse(w, "bad_data", err)
		return
	}
	q, err := a.engine.NewRangeQuery(r.Context(), a.data, nil, r.FormValue("query"), start, end, step)
	answer(w, r, q, err)
}

// timeParameter reads seconds since 1970 or RFC 3339; absent means otherwise,
// where that is not zero.
func timeParameter(r *http.Request, name string, otherwise time.Time) (time.Time, error) {
	text := r.FormValue(name)
	if text == "" && !otherwise.IsZero() {
		return otherwise, nil
	}
	if seconds, err := strconv.ParseFloat(text, 64); err == nil {
		whole, part := math.Modf(seconds)
		return time.Unix(int64(whole), int64(math.Round(part*1000))*int64(time.Millisecond)), nil
	}
	at, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		return time.Time{}, fmt.Errorf("invalid parameter %q: cannot parse %q to a time", name, text)
	}
	return at, nil
}

// stepParameter reads seconds or a Prometheus duration.
func stepParameter(r *http.Request) (time.Duration, error) {
	text := r.FormValue("step")
	if seconds, err := strconv.ParseFloat(text, 64); err == nil && seconds > 0 {
		return time.Duration(seconds * float64(time.Second)), nil
	}
	step, err := model.ParseDuration(text)
	if err != nil || step <= 0 {
		return 0, fmt.Errorf("invalid parameter \"step\": cannot parse %q to a positive duration", text)
	}
	return time.Duration(step), nil
}

// answer runs q and writes what it found.
func answer(w http.ResponseWriter, r *http.Request, q promql.Query, err error) {
	if err != nil {
		refuse(w, "bad_data", fmt.Errorf("invalid parameter \"query\": %w", err))
		return
	}
	defer q.Close()
	result := q.Exec(r.Context())
	if result.Err != nil {
		refuse(w, "execution", result.Err)
		return
	}
	reply(w, http.StatusOK, map[string]any{
		"status": "success",
		"data":   map[string]any{"resultType": result.Value.Type(), "result": result.Value},
	})
}

// refuse writes an error as Prometheus does.
func refuse(w http.ResponseWriter, kind string, err error) {
	status := http.StatusBadRequest
	if kind == "execution" {
		status = http.StatusUnprocessableEntity
	}
	reply(w, status, map[string]any{"status": "error", "errorType": kind, "error": err.Error()})
}

func reply(w http.ResponseWriter, status int, body any) {
	text, err := json.Marshal(body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(text) // a client that is gone needs no answer
}
