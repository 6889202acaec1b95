//go:build unix

package main

import (
	"bytes"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestFreeAddressesAvoidsWhatIsTaken(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	want := addresses{store: taken.Addr().String()}
	for _, a := range []*string{&want.sender, &want.web, &want.ingest, &want.node, &want.shop} {
		*a = "127.0.0.1:0"
	}
	got, err := freeAddresses(want)
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{taken.Addr().String(): true}
	for _, a := range []string{got.store, got.sender, got.web, got.ingest, got.node, got.shop} {
		if seen[a] {
			t.Errorf("%s is taken, or there twice: %+v", a, got)
		}
		seen[a] = true
	}
}

func TestGrouped(t *testing.T) {
	for n, want := range map[int64]string{0: "0", 999: "999", 1000: "1 000", 1234567: "1 234 567"} {
		if got := grouped(n); got != want {
			t.Errorf("grouped(%d) = %q, want %q", n, got, want)
		}
	}
}

func TestFlowNamesRareOutcomesWhereTheyAre(t *testing.T) {
	f := flow{Received: 10, Forwarded: 5, Dropped: 2, Downsampled: 1, Shed: 1, Failed: 1}
	want := "received 10   forwarded 5   dropped 2   downsampled 1   shed 1   failed 1"
	if got := f.String(); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if err := accounted(f); err != nil {
		t.Error(err)
	}
	f.Failed = 0
	if err := accounted(f); err == nil {
		t.Error("a sample without an outcome was accepted")
	}
}

func TestTailIsWholeLines(t *testing.T) {
	c := child{log: filepath.Join(t.TempDir(), "x.log")}
	text := strings.Repeat("0123456789\n", tailBytes/11+10) + "the end\n"
	if err := os.WriteFile(c.log, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	got := c.tail()
	if len(got) > tailBytes || !bytes.HasPrefix(got, []byte("0123456789\n")) || !bytes.HasSuffix(got, []byte("\nthe end")) {
		t.Errorf("%d bytes: %.20q … %q", len(got), got, got[len(got)-20:])
	}
}

func TestFindProgramsSaysWhatIsMissing(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("PATH", dir)
	binary := func(parts ...string) string {
		file := filepath.Join(append([]string{dir}, parts...)...)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, nil, 0o755); err != nil {
			t.Fatal(err)
		}
		return file
	}
	o := options{headgate: filepath.Join(dir, "headgate"), debs: filepath.Join(dir, "deb"), lite: filepath.Join(dir, "prom-lite")}
	var out bytes.Buffer
	find := func(wantErr string) programs {
		t.Helper()
		out.Reset()
		p, err := findPrograms(o, &out)
		if wantErr == "" && err != nil || wantErr != "" && (err == nil || !strings.Contains(err.Error(), wantErr)) {
			t.Fatalf("error %v, want %q", err, wantErr)
		}
		return p
	}

	find("make build")
	headgate := binary("headgate")
	find("tools/deb prometheus")
	lite := binary("prom-lite")
	if got, want := find(""), (programs{headgate: headgate, prometheus: lite}); got != want {
		t.Errorf("without Debian's packages: %+v, want %+v", got, want)
	}
	if !strings.Contains(out.String(), "prom-lite") || !strings.Contains(out.String(), "No node exporter") {
		t.Errorf("it does not say what it does without: %q", &out)
	}
	prometheus := binary("deb", "prometheus", "usr", "bin", "prometheus")
	node := binary("deb", "prometheus-node-exporter", "usr", "bin", "prometheus-node-exporter")
	if got, want := find(""), (programs{headgate: headgate, prometheus: prometheus, node: node}); got != want {
		t.Errorf("with them: %+v, want %+v", got, want)
	}
	onPath := binary("prometheus")
	if got := find(""); got.prometheus != onPath {
		t.Errorf("%s, want the one on PATH", got.prometheus)
	}
}
