package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/headgate/headgate/internal/control"
	"github.com/headgate/headgate/profiler"
)

// A TSDBStatus holds cardinality statistics in Prometheus' shape (its
// /api/v1/status/tsdb), so that tools for it work. What Prometheus says of the
// series in its head, this says of those received within the window.
type TSDBStatus struct {
	HeadStats                   HeadStats    `json:"headStats"`
	SeriesCountByMetricName     []NamedCount `json:"seriesCountByMetricName"`
	LabelValueCountByLabelName  []NamedCount `json:"labelValueCountByLabelName"`
	MemoryInBytesByLabelName    []NamedCount `json:"memoryInBytesByLabelName" doc:"Bytes that name and value take in the label sets of all series; Headgate keeps each value once."`
	SeriesCountByLabelValuePair []NamedCount `json:"seriesCountByLabelValuePair" doc:"Names are label=value."`
}

// HeadStats are the totals.
type HeadStats struct {
	NumSeries     uint64 `json:"numSeries"`
	NumLabelPairs uint64 `json:"numLabelPairs"`
	ChunkCount    int64  `json:"chunkCount" doc:"Always 0: nothing is stored here."`
	MinTime       int64  `json:"minTime" doc:"The window's begin, in Unix milliseconds."`
	MaxTime       int64  `json:"maxTime" doc:"The window's end, in Unix milliseconds: now."`
}

// A NamedCount is a name with a number.
type NamedCount struct {
	Name  string `json:"name"`
	Value uint64 `json:"value"`
}

type tsdbInput struct {
	Tenant string `query:"tenant" doc:"The tenant of senders that name none, where absent."`
	Limit  int    `query:"limit" minimum:"1" maximum:"10000" default:"10" doc:"Of names in each list."`
}

type tsdbOutput struct {
	Body struct {
		Status string     `json:"status" enum:"success"`
		Data   TSDBStatus `json:"data"`
	}
}

func registerTSDB(a huma.API, c *control.Control) {
	huma.Register(a, operation(http.MethodGet, "/status/tsdb", "get-tsdb-status", "Cardinality statistics, in Prometheus' shape"),
		func(ctx context.Context, in *tsdbInput) (*tsdbOutput, error) {
			s, err := c.As(actor(ctx)).TSDB(in.Tenant, in.Limit)
			if err != nil {
				return nil, problem(err)
			}
			out := &tsdbOutput{}
			out.Body.Status = "success"
			out.Body.Data = newTSDBStatus(s)
			return out, nil
		})
}

func newTSDBStatus(s profiler.TSDBStats) TSDBStatus {
	return TSDBStatus{
		HeadStats:                   HeadStats{NumSeries: s.NumSeries, NumLabelPairs: s.NumLabelPairs, MinTime: s.MinTime.UnixMilli(), MaxTime: s.MaxTime.UnixMilli()},
		SeriesCountByMetricName:     newNamedCounts(s.SeriesByMetric),
		LabelValueCountByLabelName:  newNamedCounts(s.ValuesByLabel),
		MemoryInBytesByLabelName:    newNamedCounts(s.BytesByLabel),
		SeriesCountByLabelValuePair: newNamedCounts(s.SeriesByPair),
	}
}

func newNamedCounts(list []profiler.NamedCount) []NamedCount {
	out := make([]NamedCount, len(list))
	for i, n := range list {
		out[i] = NamedCount(n)
	}
	return out
}
