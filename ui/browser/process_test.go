package browser

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// program is headgate, built once for all tests.
var program = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "headgate-program")
	if err != nil {
		return "", err
	}
	atEnd = append(atEnd, func() { _ = os.RemoveAll(dir) })
	file := filepath.Join(dir, "headgate")
	build := exec.Command("go", "build", "-pgo=off", "-o", file, "./cmd/headgate") // packages are built already without a profile
	build.Dir = "../.."
	if text, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build headgate: %w\n%s", err, text)
	}
	return file, nil
})

// launch runs headgate serve by https with files in a directory of its own, which
// ends with the test. It waits until the log has all of says, and returns the
// address of the pages.
func launch(t *testing.T, files map[string]string, says ...string) string {
	t.Helper()
	file, err := program()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	files["web.yml"] = "tls_server_config: {cert_file: cert.pem, key_file: key.pem}\n"
	files["cert.pem"], files["key.pem"] = certificate(t)
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var log lines
	command := exec.Command(file, "serve", "--config.file=headgate.yml", "--web.config.file=web.yml", "--web.listen-address=127.0.0.1:0", "--ingest.listen-address=localhost:0")
	command.Dir, command.Stdout, command.Stderr = dir, &log, &log
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- command.Wait() }()
	t.Cleanup(func() {
		_ = command.Process.Signal(syscall.SIGTERM)
		select {
		case err := <-ended:
			if err != nil {
				t.Errorf("headgate ended: %v\n%s", err, &log)
			}
		case <-time.After(patience):
			_ = command.Process.Kill()
			t.Errorf("headgate does not end:\n%s", &log)
		}
	})
	listening := regexp.MustCompile(`msg="Listening on" listener=web address=(\S+)`)
	late := time.After(patience)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		text := log.String()
		found := listening.FindStringSubmatch(text)
		for _, want := range says {
			if !strings.Contains(text, want) {
				found = nil
			}
		}
		if found != nil {
			return "https://" + found[1]
		}
		select {
		case err := <-ended:
			ended <- nil
			t.Fatalf("headgate ended: %v\n%s", err, &log)
		case <-late:
			t.Fatalf("headgate does not say where it listens, and %q:\n%s", says, text)
		case <-tick.C:
		}
	}
}

// certificate returns a certificate for this machine and its key, in PEM.
func certificate(t *testing.T) (cert, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})), string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER}))
}

// lines are what a process writes, to be read at any time.
type lines struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}
