package api

import (
	"errors"
	"time"

	"github.com/headgate/headgate/internal/control"
)

// A Status is how the process and what it works with are doing.
type Status struct {
	Since           time.Time        `json:"since" doc:"The process counts from then on."`
	Build           BuildInfo        `json:"build"`
	UpstreamWindow  float64          `json:"upstream_window_seconds" doc:"Of what time the counts of upstreams are."`
	Upstreams       []UpstreamHealth `json:"upstreams" nullable:"false" doc:"Those of the tenants that the caller sees; the one of all that have none of their own first."`
	Configuration   *Configuration   `json:"configuration" doc:"null for those who may not read it."`
	Tenants         []TenantState    `json:"tenants" nullable:"false" doc:"By name."`
	TenantsLeftOut  int              `json:"tenants_left_out"`
	Catalogs        []OwnerCatalog   `json:"catalogs" nullable:"false"`
	CatalogProblems int              `json:"catalog_problems" doc:"Entries that are skipped: /owners/problems names them."`
	UnreadQueries   int              `json:"unread_queries" doc:"What of rule files and dashboards cannot be read: /usage/problems names it."`
	Ledger          *LedgerHealth    `json:"ledger" doc:"null where nothing is recorded."`
	Store           StoreHealth      `json:"store"`
	Profile         *ProfileHealth   `json:"profile" doc:"null where nothing is profiled."`
}

// An UpstreamHealth is how a store that samples are forwarded to answered lately.
type UpstreamHealth struct {
	Tenant       string    `json:"tenant,omitempty" doc:"Whose own it is; absent for that of all others."`
	URL          string    `json:"url,omitempty" doc:"Without user and query; for those who see every tenant."`
	Requests     uint64    `json:"requests" doc:"Of upstream_window_seconds, as are the other counts."`
	Failed       uint64    `json:"failed" doc:"Not stored, for no fault of the data: the sender keeps them and tries again."`
	Refused      uint64    `json:"refused" doc:"Their data can never be stored, by the upstream's word."`
	Retries      uint64    `json:"retries" doc:"Requests that were sent again, by the sender or by Headgate itself."`
	ErrorShare   float64   `json:"error_share" doc:"failed of requests."`
	P50          float64   `json:"p50_seconds" doc:"To within an eighth, as is p99_seconds; 0 where nothing was answered."`
	P99          float64   `json:"p99_seconds"`
	Underway     int       `json:"underway" doc:"Requests that wait for its answer. There is no queue besides: each sender keeps its own."`
	Bytes        int64     `json:"inflight_bytes,omitempty" doc:"That these are charged."`
	Status       int       `json:"last_status,omitempty" doc:"Of the last answer; absent where there was none."`
	Fault        string    `json:"last_fault,omitempty" doc:"Why there was none."`
	At           time.Time `json:"last_at,omitzero"`
	Good         time.Time `json:"last_stored_at,omitzero"`
	FailingSince time.Time `json:"failing_since,omitzero" doc:"Absent while it does not."`
}

// A Configuration is the configuration in force.
type Configuration struct {
	File        string       `json:"file" doc:"Empty where there is none, and everything has its default."`
	Hash        string       `json:"hash" doc:"Changes with the file and the rule files that it names."`
	LoadedAt    time.Time    `json:"loaded_at"`
	InForce     bool         `json:"in_force" doc:"false where the file was read again and could not be used: what is here is the one before."`
	Failure     string       `json:"failure,omitempty" doc:"What is wrong with it then."`
	FailedAt    time.Time    `json:"failed_at,omitzero"`
	Waiting     []string     `json:"waiting_for_restart" nullable:"false" doc:"Settings that keep the value they had at start."`
	Credentials []Credential `json:"credentials" nullable:"false" doc:"None: every sender is trusted."`
	YAML        string       `json:"yaml" doc:"File and defaults together; secrets are replaced."`
}

// A Credential is what senders may come with.
type Credential struct {
	Kind    string   `json:"kind" enum:"bearer token,basic auth"`
	Tenants []string `json:"tenants"`
}

// A TenantState is a tenant, and what becomes of what it sends.
type TenantState struct {
	Tenant      string    `json:"tenant"`
	SeenAt      time.Time `json:"seen_at,omitzero" doc:"When it sent last; absent where it did not within the window."`
	Credentials []string  `json:"credentials" nullable:"false" doc:"The kinds of those that speak for it."`
	OwnUpstream bool      `json:"own_upstream"`
	Limit       int64     `json:"limit_samples_per_second" doc:"0: none."`
	SeriesLimit int64     `json:"limit_active_series" doc:"0: none."`
	Over        bool      `json:"over_limit"`
	Received    float64   `json:"received_per_second" doc:"Over the last minute; 0 where that is not known, as for failed_per_second."`
	Failed      float64   `json:"failed_per_second"`
}

// A LedgerHealth says how far what is recorded of samples is behind them.
type LedgerHealth struct {
	Open     bool      `json:"open" doc:"Its store is."`
	StoredAt time.Time `json:"stored_until,omitzero" doc:"All before is stored; absent before the first time."`
	Waiting  uint64    `json:"waiting_samples"`
	Cells    int       `json:"waiting_cells"`
	Attempts int       `json:"failed_attempts" doc:"To store the oldest of them."`
	Folded   uint64    `json:"samples_without_names" doc:"Of what there were more names than fit, since the start."`
}

// A StoreHealth is how the store of events is doing.
type StoreHealth struct {
	Waiting      int       `json:"waiting_events"`
	Stored       uint64    `json:"stored_events"`
	Lost         uint64    `json:"lost_events"`
	FailingSince time.Time `json:"failing_since,omitzero"`
}

// A ProfileHealth is how much the profile takes, and what it lacks.
type ProfileHealth struct {
	Bytes   int64     `json:"bytes"`
	SavedAt time.Time `json:"saved_at,omitzero"`
	LetGo   []string  `json:"let_go" nullable:"false" doc:"Of the first tenant that the caller sees, for want of memory."`
}

func newStatus(c *control.Control) (Status, error) {
	s, err := c.Status("")
	if err != nil {
		return Status{}, err
	}
	ups, err := c.Upstreams()
	if err != nil {
		return Status{}, err
	}
	senders, more, err := c.Senders()
	if err != nil {
		return Status{}, err
	}
	out := Status{
		Since: s.Since, Build: newBuildInfo(), UpstreamWindow: control.UpstreamWindow.Seconds(), Upstreams: []UpstreamHealth{}, Tenants: []TenantState{}, TenantsLeftOut: more,
		Catalogs: newOwners(c.Owners()).Catalogs, CatalogProblems: len(c.CatalogProblems()),
		Store: StoreHealth{s.Journal.Queued, s.Journal.Stored, s.Journal.Dropped, s.Journal.Failing},
	}
	for _, u := range ups {
		out.Upstreams = append(out.Upstreams, newUpstreamHealth(u))
	}
	for _, t := range senders {
		out.Tenants = append(out.Tenants, newTenantState(t))
	}
	if unread, err := c.UsageProblems(); err == nil { // else nothing is known of queries
		out.UnreadQueries = len(unread)
	}
	if l, ok := c.LedgerState(); ok {
		out.Ledger = &LedgerHealth{s.StoreOpen, l.Stored, l.Waiting, l.Cells, l.Attempts, l.Folded}
	}
	if s.Profiled {
		out.Profile = &ProfileHealth{s.ProfileBytes, s.ProfileSaved, append([]string{}, s.LetGo...)}
	}
	cfg, ok, err := c.Configuration()
	if err != nil && !errors.Is(err, control.ErrForbidden) {
		return Status{}, err
	}
	if ok {
		out.Configuration = newConfiguration(cfg)
	}
	return out, nil
}

func newUpstreamHealth(u control.Upstream) UpstreamHealth {
	v := UpstreamHealth{
		Tenant: string(u.Tenant), URL: u.URL, Requests: u.Requests, Failed: u.Failed, Refused: u.Refused, Retries: u.Retries,
		P50: u.P50.Seconds(), P99: u.P99.Seconds(), Underway: u.Underway, Bytes: u.Bytes,
		Status: u.Status, Fault: u.Fault, At: u.At, Good: u.Good, FailingSince: u.FailingSince,
	}
	if u.Requests > 0 {
		v.ErrorShare = float64(u.Failed) / float64(u.Requests)
	}
	return v
}

func newConfiguration(c control.Configuration) *Configuration {
	v := &Configuration{
		File: c.File, Hash: c.Hash, LoadedAt: c.LoadedAt, InForce: c.Failure == "", Failure: c.Failure, FailedAt: c.FailedAt,
		Waiting: append([]string{}, c.Waiting...), Credentials: []Credential{}, YAML: c.Text,
	}
	for _, cr := range c.Credentials {
		of := Credential{Kind: string(cr.Kind), Tenants: []string{}}
		for _, t := range cr.Tenants {
			of.Tenants = append(of.Tenants, string(t))
		}
		v.Credentials = append(v.Credentials, of)
	}
	return v
}

func newTenantState(s control.Sender) TenantState {
	v := TenantState{
		Tenant: string(s.Tenant), SeenAt: s.Seen, Credentials: []string{}, OwnUpstream: s.Own,
		Limit: s.Limit.Status.Limit.SamplesPerSecond, SeriesLimit: s.Limit.Status.Limit.ActiveSeries, Over: s.Limit.Over,
		Received: s.Rates.Received, Failed: s.Rates.Failed,
	}
	for _, kind := range s.Credentials {
		v.Credentials = append(v.Credentials, string(kind))
	}
	return v
}
