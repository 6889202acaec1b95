package store

import (
	"errors"
	"fmt"
	"syscall"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

func TestErrorsOfPostgresSayWhatToDo(t *testing.T) {
	config, err := pgx.ParseConfig("postgres://headgate:secret@db/headgate")
	if err != nil {
		t.Fatal(err)
	}
	s := &postgresServer{config: config}
	tests := []struct {
		name string
		err  error
		want string // before the error itself
	}{
		{"a connection that broke", fmt.Errorf("write failed: %w", syscall.EPIPE),
			"the server, or what lies between, closed the connection: see the server's log for a restart, a fail-over or a timeout; the next attempt connects anew"},
		{"a timeout of the server's", &pgconn.PgError{Code: "25P03"},
			"the server gave up after one of its timeouts: see statement_timeout and idle_in_transaction_session_timeout of the user and database"},
		{"two that waited for each other", &pgconn.PgError{Code: "40P01"}, "the server let another transaction go first: this one is to be tried again"},
		{"a full disk", &pgconn.PgError{Code: "53100"}, "the server's disk is full: make room there"},
		{"what is not known", errors.New("odd"), ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			want := tt.err.Error()
			if tt.want != "" {
				want = tt.want + " (" + want + ")"
			}
			if got := s.explain(tt.err); got.Error() != want || !errors.Is(got, tt.err) {
				t.Errorf("got %v, want %s", got, want)
			}
		})
	}
}
