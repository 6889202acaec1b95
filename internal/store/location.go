package store

import (
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"strings"

	"github.com/jackc/pgx/v5"
)

// locate returns the engine of the database that a URL names. No error of it
// holds any part of a URL that may be a password.
func locate(raw string) (engine, error) {
	scheme, rest, ok := strings.Cut(raw, "://")
	if !ok {
		return nil, errors.New("not a URL: write sqlite://data/headgate.db or postgres://user@host/database")
	}
	switch scheme {
	case "sqlite":
		return locateSQLite(rest)
	case "postgres", "postgresql":
		return locatePostgres(raw)
	}
	return nil, errors.New("unknown scheme: it must be sqlite:// or postgres://")
}

// locateSQLite takes what follows sqlite:// for a path as it is: relative, or
// absolute where a third slash begins it.
func locateSQLite(path string) (engine, error) {
	switch {
	case path == "":
		return nil, errors.New("no path: write sqlite://data/headgate.db, or sqlite:///var/lib/headgate/headgate.db")
	case strings.HasSuffix(path, "/"):
		return nil, fmt.Errorf("%s is a directory: name a file in it, such as %sheadgate.db", path, path)
	case strings.Contains(path, ":memory:"):
		return nil, errors.New("a database in memory would be lost at the end: name a file")
	case strings.ContainsAny(path, "?\x00"):
		return nil, fmt.Errorf("%q: a path alone, without parameters, must follow sqlite://", path)
	}
	return &sqliteFile{path: filepath.Clean(path)}, nil
}

// errUnreadable stands for every URL in which the password cannot be told from
// the rest with certainty, and which is therefore not to be repeated.
var errUnreadable = errors.New("cannot be read (it is not shown, for it may hold a password): " +
	"write postgres://user:password@host:5432/database, with @ : / ? # and % in user and password percent-encoded")

func locatePostgres(raw string) (engine, error) {
	u, err := url.Parse(raw)
	if err != nil || u.Fragment != "" || strings.Contains(u.EscapedPath()+u.RawQuery, "@") {
		// An @ behind the host: a slash or ? of the password began the path
		// or query too early.
		return nil, errUnreadable
	}
	cfg, err := pgx.ParseConfig(raw)
	if err != nil {
		return nil, errors.New(withoutSecrets(u, err))
	}
	if cfg.Database == "" {
		cfg.Database = cfg.User // as libpq
	}
	if _, ok := cfg.RuntimeParams["application_name"]; !ok {
		cfg.RuntimeParams["application_name"] = "headgate"
	}
	if cfg.ConnectTimeout == 0 {
		cfg.ConnectTimeout = connectTimeout
	}
	return &postgresServer{config: cfg}, nil
}

// withoutSecrets returns what is wrong with u according to err, without the
// URL, which err repeats, and without whatever in it is a secret.
func withoutSecrets(u *url.URL, err error) string {
	text := err.Error()
	if _, what, ok := strings.Cut(text, "`: "); ok {
		text = what
	}
	secrets := []string{u.Query().Get("password"), u.Query().Get("sslpassword")}
	if u.User != nil {
		password, _ := u.User.Password()
		secrets = append(secrets, password)
	}
	for _, s := range secrets {
		if s != "" {
			text = strings.NewReplacer(s, "xxxxx", url.QueryEscape(s), "xxxxx", url.PathEscape(s), "xxxxx").Replace(text)
		}
	}
	return text
}

// Check returns what is wrong with the URL of a store, without opening it.
func Check(url string) error {
	_, err := locate(url)
	return err
}
