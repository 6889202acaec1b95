package store_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/url"
	"strings"
	"testing"

	"github.com/headgate/headgate/internal/store"
	"github.com/headgate/headgate/internal/store/storetest"
)

// The password appears in no error and in no log line, however it is printed
// and however the URL is broken.
func TestThePasswordIsNotShown(t *testing.T) {
	const secret = "Hunter2-of-the-Store"
	shared := storetest.Shared(t)
	socket := "?host=" + url.QueryEscape(strings.SplitN(shared.URL("u", "", "d"), "host=", 2)[1])
	socket, _ = url.QueryUnescape(socket)

	urls := map[string]string{
		"refused by the server":            shared.URL(storetest.Locked, secret, "postgres"),
		"no such database":                 shared.URL("headgate", secret, "nowhere"),
		"given as a parameter":             "postgres://" + storetest.Locked + "@/postgres" + socket + "&password=" + secret,
		"nobody listens":                   "postgres://u:" + secret + "@127.0.0.1:1/db",
		"an unknown sslmode":               "postgres://u:" + secret + "@host/db?sslmode=maybe",
		"a wrong port":                     "postgres://u:" + secret + "@host:port/db",
		"a missing certificate":            "postgres://u:" + secret + "@host/db?sslmode=verify-full&sslrootcert=/nowhere/" + secret,
		"a slash in the password":          "postgres://u:x/" + secret + "@host/db",
		"a slash behind a number":          "postgres://u:1/" + secret + "@host/db",
		"a question mark in the password":  "postgres://u:1?" + secret + "@host/db",
		"a hash in the password":           "postgres://u:1#" + secret + "@host/db",
		"a percent sign in the password":   "postgres://u:%" + secret + "@host/db",
		"an at and a slash in it":          "postgres://u:" + secret + "@1/" + secret + "@host/db",
		"a control character":              "postgres://u:" + secret + "\x7f@host/db",
		"no database behind the last at":   "postgres://u:1?" + secret + "@host",
		"another scheme":                   "mysql://u:" + secret + "@host/db",
		"no scheme":                        "u:" + secret + "@host/db",
		"a backtick to confuse who reads":  "postgres://u:`: " + secret + "@host/db?sslmode=maybe",
		"a parameter that is not a number": "postgres://u:" + secret + "@host/db?connect_timeout=" + secret,
	}
	for name, u := range urls {
		t.Run(name, func(t *testing.T) {
			var logged bytes.Buffer
			log := slog.New(slog.NewTextHandler(&logged, nil))
			_, err := store.Open(t.Context(), u, log)
			if err == nil {
				t.Fatal("the store opened")
			}
			log.Error("text", slog.Any("err", err))
			slog.New(slog.NewJSONHandler(&logged, nil)).Error("JSON", slog.Any("err", err))
			asJSON, _ := json.Marshal(err)
			all := fmt.Sprintf("%s\n%v\n%+v\n%#v\n%s", logged.String(), err, err, err, asJSON)
			if strings.Contains(all, secret) {
				t.Errorf("the password is shown:\n%s", all)
			}
			t.Log(err)
		})
	}
}

func TestAnOpenStoreDoesNotShowThePassword(t *testing.T) {
	shared := storetest.Shared(t)
	u := shared.DatabaseWith(t, "OWNER "+storetest.Locked)
	var logged bytes.Buffer
	db, err := store.Open(t.Context(), strings.Replace(u, "headgate@", storetest.Locked+":right@", 1), slog.New(slog.NewTextHandler(&logged, nil)))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for _, text := range []string{db.String(), fmt.Sprintf("%v %+v", db, db), logged.String()} {
		if text == "" || strings.Contains(text, "right") {
			t.Errorf("%q shows the password, or nothing", text)
		}
	}
}
