//go:build unix

package main

import (
	"bytes"
	"embed"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"text/template"
)

// example is the configuration that the demo runs, good to copy from.
//
//go:embed headgate.yml rules/*.yml alerts/*.yml
var example embed.FS

// senderConfig is that of the Prometheus whose samples pass through Headgate.
var senderConfig = template.Must(template.New("sender.yml").Parse(`global:
  scrape_interval: 5s
  scrape_timeout: 4s
scrape_configs:
{{- range .Jobs}}
  - job_name: {{.Name}}
    static_configs: [{targets: ["{{.Address}}"]}]
{{- end}}
remote_write:
  - url: http://{{.Ingest}}/api/v1/write
    queue_config: {batch_send_deadline: 1s, retry_on_http_429: true}
`))

// storeConfig is that of the store, which scrapes nothing.
const storeConfig = "global: {}\n"

// A job is what the sender scrapes.
type job struct{ Name, Address string }

func jobs(p programs, a addresses) []job {
	js := []job{{"prometheus", a.sender}, {"headgate", a.web}, {"shop", a.shop}}
	if p.node != "" {
		js = append(js, job{"node", a.node})
	}
	return js
}

// writeFiles puts the configuration of everything into dir.
func writeFiles(dir string, p programs, a addresses) error {
	var sender bytes.Buffer
	err := senderConfig.Execute(&sender, struct {
		Jobs   []job
		Ingest string
	}{jobs(p, a), a.ingest})
	if err != nil {
		return err
	}
	write := func(name string, content []byte) error {
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			return err
		}
		return os.WriteFile(file, content, 0o644)
	}
	if err := write("sender.yml", sender.Bytes()); err != nil {
		return err
	}
	if err := write("store.yml", []byte(storeConfig)); err != nil {
		return err
	}
	return fs.WalkDir(example, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := example.ReadFile(name)
		if err != nil {
			return err
		}
		if name == "headgate.yml" {
			if !bytes.Contains(content, []byte(usual.store)) {
				return fmt.Errorf("%s does not name the store at %s", name, usual.store)
			}
			content = bytes.ReplaceAll(content, []byte(usual.store), []byte(a.store))
		}
		return write(name, content)
	})
}
