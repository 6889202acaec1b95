package main

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"
)

// A cost transcript is a txtar file: args of headgate cost, what the gateway answers,
// or the problem it refuses with, what it is asked, and what is to be seen.
func TestCostTranscripts(t *testing.T) {
	files, err := filepath.Glob("testdata/cost/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("transcripts: %v, %v", files, err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) { runCostTranscript(t, file) })
	}
}

func runCostTranscript(t *testing.T, file string) {
	a, err := txtar.ParseFile(file)
	if err != nil {
		t.Fatal(err)
	}
	sections := map[string]string{}
	for _, f := range a.Files {
		sections[f.Name] = string(f.Data)
	}
	asked := ""
	gateway := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		asked += r.URL.RequestURI() + "\n"
		if problem, ok := sections["problem"]; ok {
			rw.WriteHeader(http.StatusUnprocessableEntity)
			fmt.Fprint(rw, problem)
			return
		}
		fmt.Fprint(rw, sections["answer"])
	}))
	defer gateway.Close()

	var stdout, stderr bytes.Buffer
	code := run(t.Context(), append([]string{"cost", "--url=" + gateway.URL}, strings.Fields(sections["args"])...), &stdout, &stderr)
	if failed := stderr.Len() > 0; failed != (code != exitOK) {
		t.Errorf("cost ends with %d and says %q", code, &stderr)
	}
	for i, f := range a.Files {
		text := stdout.String() + stderr.String()
		switch f.Name {
		case "asked":
			text = asked
		case "want":
		default:
			continue
		}
		if *update {
			a.Files[i].Data = []byte(text)
		} else if diff := cmp.Diff(string(f.Data), text); diff != "" {
			t.Errorf("%s (-want +got):\n%s", f.Name, diff)
		}
	}
	if *update {
		if err := os.WriteFile(file, txtar.Format(a), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}
